import { type Connection, errorCode, type Listener, silentLogger, type Transport } from '@lic/interfaces';
import { describe, expect, it } from 'vitest';
import { type Recorder, record } from '../transport-suite/recorder.ts';
import type { TransportLimits } from '../transport-suite/transport-world.ts';
import { createVirtualWorld, type VirtualRuntime, type VirtualWorld } from '../virtual/virtual-world.ts';
import { createMemoryNetwork, type MemoryNetwork, type MemoryNetworkOptions } from './memory-network.ts';

const limits = { pingAfterMs: 100, silenceMsMax: 300, lingerMsMax: 50, dialMsMax: 1_000 };

type SceneOptions = Partial<Omit<MemoryNetworkOptions, 'world'>> & { readonly seed?: number };

/** Hosts `a` and `b`; `b` listens on port 1. */
class Scene {
  readonly world: VirtualWorld;
  readonly network: MemoryNetwork;
  readonly a: Transport;
  readonly b: Transport;
  readonly runtimes: Record<'a' | 'b', VirtualRuntime>;
  readonly accepted: Recorder[] = [];

  constructor({ seed = 1, latency = { minMs: 10, maxMs: 10 }, ...more }: SceneOptions = {}) {
    this.world = createVirtualWorld({ seed });
    this.network = createMemoryNetwork({ world: this.world, latency, ...more });
    this.runtimes = { a: this.world.runtime('a'), b: this.world.runtime('b') };
    this.a = this.start('a');
    this.b = this.start('b');
  }

  start(host: 'a' | 'b', own: Partial<TransportLimits> = {}): Transport {
    const factory = this.network.transport(host, { ...limits, ...own });
    return factory({ runtime: this.runtimes[host], logger: silentLogger });
  }

  listen(): Promise<Listener> {
    return this.b.listen('mem://b:1', { onConnection: (connection) => this.accepted.push(record(connection)) });
  }

  /** The code with which a dial ends, or the connection; `pending` where neither has come after `forMs`. */
  async dial(forMs = 100, transport = this.a): Promise<Connection | string> {
    let outcome: Connection | string = 'pending';
    transport.dial('mem://b:1').then(
      (connection) => {
        outcome = connection;
      },
      (error: unknown) => {
        outcome = errorCode(error);
      },
    );
    await this.world.run({ forMs });
    return outcome;
  }

  async pair(): Promise<{ dialed: Recorder; accepted: Recorder }> {
    const connection = await this.dial();
    if (typeof connection === 'string') throw new Error(connection);
    return { dialed: record(connection), accepted: this.accepted.at(-1) as Recorder };
  }

  async connected(): Promise<{ dialed: Recorder; accepted: Recorder }> {
    await this.listen();
    return this.pair();
  }
}

const kinds = (...recorders: Recorder[]): string[] =>
  recorders.map(({ reasons }) => reasons.map(({ kind }) => kind).join() || 'open');

describe('memory network: time', () => {
  it('takes the latency for each way, another for a link of its own', async () => {
    const scene = new Scene();
    await scene.listen();
    expect(await scene.dial(19)).toBe('pending');
    await scene.world.run({ forMs: 81 });
    const { dialed, accepted } = await scene.pair();
    dialed.connection.send('x');
    await scene.world.run({ forMs: 9.9 });
    expect(accepted.frames).toEqual([]);
    await scene.world.run({ forMs: 0.1 });
    expect(accepted.frames).toEqual(['x']);
    scene.network.setLatency({ minMs: 50, maxMs: 50 }, { from: 'b', to: 'a' });
    accepted.connection.send('y');
    dialed.connection.send('z');
    await scene.world.run({ forMs: 40 });
    expect([dialed.frames, accepted.frames]).toEqual([[], ['x', 'z']]);
    await scene.world.run({ forMs: 10 });
    expect(dialed.frames).toEqual(['y']);
  });

  it('keeps order within a connection, and mixes it between connections', async () => {
    const scene = new Scene({ latency: { minMs: 1, maxMs: 50 } });
    await scene.listen();
    const pairs = [await scene.pair(), await scene.pair(), await scene.pair(), await scene.pair()];
    const arrivals: string[] = [];
    for (const [name, { accepted }] of pairs.entries())
      accepted.connection.onFrame((frame) => arrivals.push(`${name} ${String(frame)}`));
    const sent: string[] = [];
    for (let round = 0; round < 20; round++)
      for (const [name, { dialed }] of pairs.entries()) {
        dialed.connection.send(String(round));
        sent.push(`${name} ${round}`);
      }
    await scene.world.run({ forMs: 100 });
    for (const name of pairs.keys()) {
      const own = (all: string[]): string[] => all.filter((one) => one.startsWith(`${name} `));
      expect(own(arrivals)).toEqual(own(sent));
    }
    expect(arrivals).not.toEqual(sent);
  });

  it('repeats itself from one seed, and only from that', async () => {
    const story = async (seed: number): Promise<string> => {
      const scene = new Scene({ seed, latency: { minMs: 1, maxMs: 30 } });
      scene.network.setConnectionLoss(0.01);
      await scene.listen();
      const told: string[] = [];
      for (let turn = 0; turn < 10; turn++) {
        const { dialed, accepted } = await scene.pair();
        accepted.connection.onFrame((frame) => told.push(`${scene.world.nowMs} ${String(frame)}`));
        accepted.connection.onClose(({ kind }) => told.push(`${scene.world.nowMs} ${kind}`));
        for (let number = 0; number < 20; number++) dialed.connection.send(`${turn}.${number}`);
        if (turn % 3 === 0) dialed.connection.abort();
      }
      await scene.world.run({ forMs: 1_000 });
      return told.join('\n');
    };
    expect(await story(1)).toBe(await story(1));
    expect(await story(1)).not.toBe(await story(2));
  });
});

describe('memory network: blocked links', () => {
  it('holds what goes one way until it is healed, in order; the other way goes on', async () => {
    const scene = new Scene();
    const { dialed, accepted } = await scene.connected();
    dialed.connection.send('under way');
    scene.network.block('a', 'b');
    dialed.connection.send('held');
    accepted.connection.send('passes');
    await scene.world.run({ forMs: 150 });
    expect([dialed.frames, accepted.frames]).toEqual([['passes'], []]);
    scene.network.heal('a', 'b');
    await scene.world.run({ forMs: 9 });
    expect(accepted.frames).toEqual([]);
    await scene.world.run({ forMs: 1 });
    expect(accepted.frames).toEqual(['under way', 'held']);
    await scene.world.run({ forMs: 2_000 });
    expect(kinds(dialed, accepted)).toEqual(['open', 'open']);
  });

  it('ends connections by silence where it lasts, at each side that hears nothing', async () => {
    const scene = new Scene();
    const { dialed, accepted } = await scene.connected();
    await scene.world.run({ forMs: 1_000 });
    scene.network.partition(['a'], ['b', 'c']);
    dialed.connection.send('lost');
    // The last word of the other side is at most one probe old.
    await scene.world.run({ forMs: 150 });
    expect(kinds(dialed, accepted)).toEqual(['open', 'open']);
    await scene.world.run({ forMs: 250 });
    expect(kinds(dialed, accepted)).toEqual(['timeout', 'timeout']);
    scene.network.heal();
    await scene.world.run({ forMs: 100 });
    expect(accepted.frames).toEqual([]);
    expect(scene.network.connectionCount()).toBe(0);
  });

  it('lets the deaf side time out alone, which resets the other', async () => {
    const scene = new Scene();
    const { dialed, accepted } = await scene.connected();
    scene.network.block('*', 'b');
    await scene.world.run({ forMs: 600 });
    expect(kinds(dialed, accepted)).toEqual(['reset', 'timeout']);
  });

  it('keeps a dial hanging until it is healed, given up, or too late', async () => {
    const scene = new Scene();
    await scene.listen();
    scene.network.block('b', '*');
    expect(await scene.dial(900)).toBe('pending');
    expect(await scene.dial(1_100)).toBe('DIAL_TIMEOUT');
    const controller = new AbortController();
    const dial = scene.a.dial('mem://b:1', { signal: controller.signal }).catch((error: unknown) => error);
    await scene.world.run({ forMs: 50 });
    controller.abort('enough');
    expect(await dial).toBe('enough');
    scene.network.heal('b', '*');
    await scene.world.run({ forMs: 100 });
    // Nobody wants what was accepted meanwhile.
    expect(kinds(...scene.accepted)).toEqual(['timeout', 'timeout', 'reset']);
    expect(scene.network.connectionCount()).toBe(0);
    expect(typeof (await scene.dial())).toBe('object');
  });

  it('resets on request what is blocked, at both ends at once', async () => {
    const scene = new Scene();
    const { dialed, accepted } = await scene.connected();
    scene.network.partition(['a'], ['b']);
    scene.network.resetAll('a', 'b');
    await scene.world.settle();
    expect(kinds(dialed, accepted)).toEqual(['reset', 'reset']);
    const unharmed = await new Scene().connected();
    scene.network.resetAll('c');
    expect(kinds(unharmed.dialed)).toEqual(['open']);
  });
});

describe('memory network: half-open connections', () => {
  it('says nothing, and each end finds out by itself; new connections work', async () => {
    const scene = new Scene();
    const { dialed, accepted } = await scene.connected();
    scene.network.halfOpen('a', 'b');
    dialed.connection.send('into the void');
    const second = await scene.pair();
    second.dialed.connection.send('fine');
    await scene.world.run({ forMs: 500 });
    expect(kinds(dialed, accepted)).toEqual(['timeout', 'timeout']);
    expect(accepted.frames).toEqual([]);
    expect(second.accepted.frames).toEqual(['fine']);
    expect(kinds(second.dialed, second.accepted)).toEqual(['open', 'open']);
  });
});

describe('memory network: replaced connections', () => {
  it('lets what was sent on the old one arrive behind the first of the new one, and says so', async () => {
    const late: boolean[] = [];
    const scene = new Scene({ onArrival: (_from, _to, isLate) => late.push(isLate) });
    const old = await scene.connected();
    const reset = scene.network.lag('a', 'b', 200);
    old.dialed.connection.send('old');
    reset();
    const renewed = await scene.pair();
    renewed.dialed.connection.send('new');
    await scene.world.run({ forMs: 50 });
    expect(kinds(old.dialed, old.accepted)).toEqual(['reset', 'open']);
    expect([renewed.accepted.frames, old.accepted.frames]).toEqual([['new'], []]);
    await scene.world.run({ forMs: 200 });
    expect(old.accepted.frames).toEqual(['old']);
    expect(kinds(old.accepted, renewed.accepted)).toEqual(['reset', 'open']);
    expect(late).toEqual([false, true]);
  });
});

describe('memory network: processes', () => {
  it.each([
    ['reset', 10, 'reset'],
    ['orderly', 10, 'orderly'],
    ['silence', 500, 'timeout'],
  ] as const)('that are killed are seen as %s after the latency', async (seenAs, afterMs, kind) => {
    const scene = new Scene();
    const { dialed, accepted } = await scene.connected();
    accepted.connection.onClose(() => expect.unreachable());
    scene.network.killHost('b', { seenAs });
    dialed.connection.send('to nobody');
    expect(accepted.connection.send('from nobody')).toBe(false);
    await scene.world.run({ forMs: afterMs - 1 });
    if (seenAs !== 'silence') expect(kinds(dialed)).toEqual(['open']);
    await scene.world.run({ forMs: 1 });
    expect(kinds(dialed, accepted)).toEqual([kind, 'open']);
    expect(accepted.frames).toEqual([]);
    expect(scene.network.connectionCount()).toBe(0);
  });

  it('that are killed listen and dial no more, until the next is started there', async () => {
    const scene = new Scene();
    await scene.connected();
    scene.network.killHost('b');
    expect(await scene.dial()).toBe('DIAL_REFUSED');
    await expect(scene.b.listen('mem://b:2', { onConnection: () => {} })).rejects.toThrow(/killed/);
    expect(await scene.dial(5_000, scene.b)).toBe('pending');
    const next = scene.start('b');
    const accepted: Connection[] = [];
    await next.listen('mem://b:1', { onConnection: (connection) => accepted.push(connection) });
    expect(typeof (await scene.dial())).toBe('object');
    expect(accepted.length).toBe(1);
  });

  it('that are killed while a dial is under way leave nothing to the other', async () => {
    const scene = new Scene();
    await scene.listen();
    void scene.a.dial('mem://b:1').then(() => expect.unreachable());
    await scene.world.run({ forMs: 15 });
    scene.network.killHost('a');
    await scene.world.run({ forMs: 100 });
    expect(kinds(...scene.accepted)).toEqual(['reset']);
    expect(scene.network.connectionCount()).toBe(0);
  });

  it('that stand still get what came meanwhile, in order, and are not taken for dead too soon', async () => {
    const scene = new Scene();
    const { dialed, accepted } = await scene.connected();
    scene.runtimes.b.pause();
    for (const frame of ['one', 'two', 'three']) {
      dialed.connection.send(frame);
      await scene.world.run({ forMs: 40 });
    }
    expect(accepted.frames).toEqual([]);
    scene.runtimes.b.resume();
    dialed.connection.send('four');
    await scene.world.run({ forMs: 20 });
    expect(accepted.frames).toEqual(['one', 'two', 'three', 'four']);
    scene.runtimes.b.pause();
    await scene.world.run({ forMs: 1_000 });
    expect(kinds(dialed)).toEqual(['timeout']);
    scene.runtimes.b.resume();
    await scene.world.run({ forMs: 50 });
    expect(kinds(accepted)).toEqual(['reset']);
  });
});

describe('memory network: losses', () => {
  it('takes whole connections, never single frames', async () => {
    const scene = new Scene();
    await scene.listen();
    scene.network.setConnectionLoss(0.05);
    let lost = 0;
    for (let turn = 0; turn < 40; turn++) {
      const { dialed, accepted } = await scene.pair();
      const sent: string[] = [];
      for (let number = 0; number < 10; number++) {
        sent.push(`${turn}.${number}`);
        dialed.connection.send(`${turn}.${number}`);
        await scene.world.run({ forMs: 5 });
      }
      await scene.world.run({ forMs: 20 });
      expect(accepted.frames).toEqual(sent.slice(0, accepted.frames.length));
      if (accepted.frames.length === sent.length) continue;
      lost++;
      expect(kinds(dialed, accepted)).toEqual(['reset', 'reset']);
    }
    expect(lost).toBeGreaterThan(5);
    expect(lost).toBeLessThan(35);
  });

  it('lets an abort take a tail of what was under way, and nothing from its middle', async () => {
    const lengths = new Set<number>();
    for (let seed = 1; seed <= 20; seed++) {
      const scene = new Scene({ seed });
      const { dialed, accepted } = await scene.connected();
      for (let number = 0; number < 5; number++) dialed.connection.send(String(number));
      dialed.connection.abort();
      await scene.world.run({ forMs: 50 });
      expect(accepted.frames).toEqual(['0', '1', '2', '3', '4'].slice(0, accepted.frames.length));
      expect(kinds(accepted)).toEqual(['reset']);
      lengths.add(accepted.frames.length);
    }
    expect(lengths.size).toBeGreaterThan(3);
  });
});
