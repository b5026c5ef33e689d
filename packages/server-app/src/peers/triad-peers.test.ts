import { ed25519Scheme } from '@lic/core';
import { createMemoryNetwork, createVirtualWorld, type MemoryNetwork, type VirtualWorld } from '@lic/testkit';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  makeMembers,
  type StartOptions,
  startPeers,
  type TestMembers,
  type TestServer,
} from './peer-triad.test.fixture.ts';

let members: TestMembers;
beforeAll(async () => {
  members = await makeMembers(ed25519Scheme);
});

/** The three hosts of a triad in a world of their own. */
class Triad {
  readonly world: VirtualWorld;
  readonly network: MemoryNetwork;
  #starts = 0;

  constructor(seed: number | string = 1, latency = { minMs: 0.1, maxMs: 0.5 }) {
    this.world = createVirtualWorld({ seed });
    this.network = createMemoryNetwork({ world: this.world, latency });
  }

  start(at: number, options: Partial<StartOptions> = {}): Promise<TestServer> {
    const host = members.endpoints[at]?.name ?? '';
    const runtime = this.world.runtime(`${host}${this.#starts++}`);
    return startPeers({
      scheme: ed25519Scheme,
      members,
      at,
      runtime,
      transport: this.network.transport(host),
      ...options,
    });
  }

  async startAll(options: Partial<StartOptions> = {}): Promise<[TestServer, TestServer, TestServer]> {
    const servers: [TestServer, TestServer, TestServer] = [
      await this.start(0, options),
      await this.start(1, options),
      await this.start(2, options),
    ];
    await this.world.run({ forMs: 3_000 });
    return servers;
  }

  /** Runs until `done`, and fails where it takes longer than `limitMs`. */
  async until(done: () => boolean, limitMs = 5_000): Promise<void> {
    if (!(await this.world.run({ forMs: limitMs, until: done }))) throw new Error(`not within ${limitMs} ms`);
  }
}

describe('links', () => {
  it('come about once between each two servers and carry frames in order', async () => {
    const triad = new Triad();
    const [a, b, c] = await triad.startAll();
    for (const [server, others] of [
      [a, ['b', 'c']],
      [b, ['a', 'c']],
      [c, ['a', 'b']],
    ] as const) {
      expect([...server.links.keys()].sort()).toEqual(others);
      expect(server.events.filter((event) => event.startsWith('lost'))).toEqual([]);
    }
    // One connection per pair is left: whatever came twice was closed.
    expect(triad.network.connectionCount()).toBe(3);
    for (let at = 0; at < 100; at++) a.say('b', String(at));
    b.say('a', 'back');
    await triad.world.run({ forMs: 100 });
    const heard = b.events.filter((event) => event.startsWith('a says'));
    expect(heard).toEqual([...Array(100).keys()].map((at) => `a says ${at}`));
    expect(a.events).toContain('b says back');
  });

  it.each([...Array(20).keys()])('agree on the same one of two when both dial at once (seed %i)', async (seed) => {
    const triad = new Triad(seed);
    const [a, b] = await triad.startAll();
    // What one sends is heard by the other, both ways: they use the same connection.
    a.say('b', 'ping');
    b.say('a', 'pong');
    await triad.world.run({ forMs: 100 });
    expect(b.events).toContain('a says ping');
    expect(a.events).toContain('b says pong');
    expect([...a.events, ...b.events].filter((event) => /^(lost|end)/.test(event))).toEqual([]);
    expect(triad.network.connectionCount()).toBe(3);
  });

  it('keep frames for a channel until somebody reads it', async () => {
    const triad = new Triad();
    const [a, b] = await triad.startAll();
    a.peers.channel('late').onLink((link) => {
      if (link.peer === b.id) for (const byte of [1, 2, 3]) link.send(Uint8Array.of(byte));
    });
    await triad.world.run({ forMs: 100 });
    const seen: number[] = [];
    b.peers.channel('late').onLink((link) => link.onFrame((frame) => seen.push(frame[0] ?? 0)));
    await triad.world.settle();
    expect(seen).toEqual([1, 2, 3]);
  });

  it('are ended, and made anew, where a channel that nobody reads overflows', async () => {
    const triad = new Triad();
    const [a, b] = await triad.startAll();
    a.peers.channel('unread').onLink((link) => {
      if (link.peer === b.id) for (let at = 0; at < 4_097; at++) link.send(Uint8Array.of(1));
    });
    await triad.until(() => b.events.includes('end a protocol'));
    expect(b.peers.refusals().some(({ code }) => code === 'CHANNEL_OVERRUN')).toBe(true);
  });

  it('end in order when a server stops, which the others take for a loss', async () => {
    const triad = new Triad();
    const [a, b, c] = await triad.startAll();
    const stopped = c.peers.stop();
    await triad.world.run({ forMs: 100 });
    await Promise.all([stopped, c.peers.stop()]);
    for (const server of [a, b]) expect(server.events.slice(-2)).toEqual(['end c orderly', 'lost c']);
    expect(c.events.slice(-2).sort()).toEqual(['end a local', 'end b local']);
    await Promise.all([a.peers.stop(), b.peers.stop(), triad.world.run({ forMs: 2_000 })]);
    expect(triad.network.connectionCount()).toBe(0);
    // No timer goes on for ever.
    await triad.world.run();
  });

  it('are taken from new members only, and from old ones no more', async () => {
    const triad = new Triad();
    const [a, b, c] = await triad.startAll();
    const pair = members.endpoints.slice(0, 2);
    a.peers.setEndpoints(pair);
    b.peers.setEndpoints(pair);
    await triad.world.run({ forMs: 5_000 });
    expect([...a.links.keys(), ...b.links.keys(), ...c.links.keys()]).toEqual(['b', 'a']);
    expect(a.peers.peers()).toEqual([b.id]);
    expect(c.peers.refusals().map(({ code }) => code)).toContain('PEER_SAYS_UNKNOWN_KEY');
    expect(a.peers.refusals()).toMatchObject([{ peer: c.id, code: 'UNKNOWN_KEY' }]);
    a.peers.setEndpoints(members.endpoints);
    await triad.until(() => a.links.has('c'));
  });

  it('say which transport is missing', async () => {
    const triad = new Triad();
    const endpoints = members.endpoints.map((endpoint) => ({ ...endpoint, addresses: ['tcp://10.0.0.1:1'] }));
    const a = await triad.start(0, { endpoints });
    await triad.world.run({ forMs: 100 });
    expect(a.peers.refusals().map(({ code, address }) => `${code} ${address}`)).toEqual([
      'NO_TRANSPORT tcp://10.0.0.1:1',
      'NO_TRANSPORT tcp://10.0.0.1:1',
    ]);
  });
});

describe('triad instances', () => {
  it('are told over links made while forming', async () => {
    const triad = new Triad();
    const [a, b, c] = await triad.startAll();
    for (const server of [a, b, c]) server.peers.setInstance('one');
    await triad.world.run({ forMs: 2_000 });
    expect(a.peers.instance).toBe('one');
    expect([...a.events, ...b.events, ...c.events].filter((event) => event.startsWith('end'))).toEqual([]);
  });

  it('part two servers that come to belong to different ones', async () => {
    const triad = new Triad();
    const [a, b, c] = await triad.startAll();
    a.peers.setInstance('one');
    b.peers.setInstance('two');
    await triad.world.run({ forMs: 5_000 });
    expect(a.peers.isUp(b.id)).toBe(false);
    expect(b.peers.isUp(a.id)).toBe(false);
    expect(c.links.size).toBe(2);
    expect(a.peers.refusals().map(({ code }) => code)).toContain('OTHER_INSTANCE');
  });

  it('keep strangers out from the first frame', async () => {
    const triad = new Triad();
    const a = await triad.start(0, { instance: 'one' });
    const b = await triad.start(1, { instance: 'two' });
    const c = await triad.start(2);
    await triad.world.run({ forMs: 5_000 });
    expect([...a.events, ...b.events]).toEqual(['up c', 'up c']);
    expect([...c.links.keys()].sort()).toEqual(['a', 'b']);
    expect([...a.peers.refusals(), ...b.peers.refusals()].map(({ code }) => code)).toContain('OTHER_INSTANCE');
  });
});

describe('the loss of a peer', () => {
  it.each([...Array(10).keys()])(
    'is told 10 to 30 ms after its process was killed, lower ranks first (seed %i)',
    async (seed) => {
      const triad = new Triad(seed);
      const [a, b, c] = await triad.startAll();
      const killedMs = triad.world.nowMs;
      triad.network.killHost('b');
      await triad.until(() => a.events.includes('lost b'), 100);
      const firstMs = triad.world.nowMs - killedMs;
      expect(c.events).not.toContain('lost b');
      await triad.until(() => c.events.includes('lost b'), 100);
      const secondMs = triad.world.nowMs - killedMs;
      expect(firstMs).toBeGreaterThanOrEqual(10);
      expect(firstMs).toBeLessThan(18);
      expect(secondMs).toBeGreaterThan(23);
      expect(secondMs).toBeLessThan(32);
      await triad.world.run({ forMs: 10_000 });
      expect(a.events.filter((event) => event === 'lost b')).toHaveLength(1);
      expect(b.events.filter((event) => event.startsWith('lost'))).toEqual([]);
    },
  );

  it('is not told where only a connection broke', async () => {
    const triad = new Triad();
    const [a, b] = await triad.startAll();
    for (let round = 0; round < 20; round++) {
      triad.network.resetAll('a', 'b');
      await triad.world.run({ forMs: 200 });
    }
    expect(a.events.filter((event) => event === 'end b reset')).toHaveLength(20);
    expect([...a.events, ...b.events].filter((event) => event.startsWith('lost'))).toEqual([]);
    expect(a.links.has('b')).toBe(true);
  });

  it('is told where a partition leaves the re-dial unanswered', async () => {
    const triad = new Triad();
    const [a, b] = await triad.startAll();
    triad.network.partition(['a'], ['b']);
    triad.network.resetAll('a', 'b');
    await triad.until(() => a.events.includes('lost b') && b.events.includes('lost a'), 40);
  });

  it('is told where the re-dial is answered by another process, before that one is shown', async () => {
    const triad = new Triad();
    const [a, , c] = await triad.startAll();
    triad.network.killHost('b');
    await triad.start(1);
    await triad.world.run({ forMs: 1_000 });
    for (const server of [a, c]) expect(server.events.slice(-3)).toEqual(['end b reset', 'lost b', 'up b']);
  });

  it('is found by probing a host that vanished without a word', async () => {
    const triad = new Triad();
    const [a, b] = await triad.startAll();
    expect(await during(triad, a.peers.probe(b.id))).toBe(true);
    triad.network.killHost('b', { seenAs: 'silence' });
    expect(await during(triad, a.peers.probe(b.id))).toBe(false);
    await triad.until(() => a.events.includes('lost b'), 100);
    expect(await during(triad, a.peers.probe(b.id))).toBe(false);
  });
});

describe('a peer that comes back', () => {
  it('is linked at once, however long it was away', async () => {
    const triad = new Triad();
    const [a, , c] = await triad.startAll();
    triad.network.killHost('b');
    await triad.world.run({ forMs: 600_000 });
    const b = await triad.start(1);
    await triad.until(() => a.links.has('b') && c.links.has('b') && b.links.size === 2, 20);
  });

  it('is dialled again and again, with pauses that grow to at most a second', async () => {
    const triad = new Triad();
    const dialsMs: number[] = [];
    const transport: StartOptions['transport'] = (context) => {
      const inner = triad.network.transport('a')(context);
      return {
        ...inner,
        dial(address, options) {
          if (address === 'mem://b:1') dialsMs.push(triad.world.nowMs);
          return inner.dial(address, options);
        },
      };
    };
    await triad.start(0, { transport });
    await triad.world.run({ forMs: 60_000 });
    const pausesMs = dialsMs.slice(1).map((atMs, index) => atMs - (dialsMs[index] ?? 0));
    expect(Math.max(...pausesMs)).toBeLessThanOrEqual(1_002);
    expect(Math.min(...pausesMs.slice(8))).toBeGreaterThanOrEqual(500);
    expect(pausesMs[0]).toBeLessThan(30);
    expect(new Set(pausesMs.slice(8).map(Math.round)).size).toBeGreaterThan(10);
  });
});

describe('of two links to one process', () => {
  it.each([
    ['b', 0, 1],
    ['a', 1, 0],
  ] as const)('the old one gives way when it is dead and only %s can tell', async (_name, deaf, aware) => {
    const triad = new Triad();
    const servers = await triad.startAll();
    const [atDeaf, atAware] = [servers[deaf], servers[aware]];
    triad.network.halfOpen('a', 'b');
    const isAlive = atAware.peers.probe(atDeaf.id);
    await triad.world.run({ forMs: 1_000 });
    expect(await isAlive).toBe(false);
    const [deafName, awareName] = [members.endpoints[deaf]?.name, members.endpoints[aware]?.name];
    expect(atAware.events.slice(-2)).toEqual([`end ${deafName} timeout`, `up ${deafName}`]);
    // To the other one it never was a loss: the new link came before the end of the old one.
    expect(atDeaf.events.slice(-2)).toEqual([`up ${awareName}`, `end ${awareName} replaced`]);
    expect([...atDeaf.events, ...atAware.events].filter((event) => event.startsWith('lost'))).toEqual([]);
    atDeaf.say(awareName ?? '', 'hello');
    await triad.world.run({ forMs: 10 });
    expect(atAware.events.at(-1)).toBe(`${deafName} says hello`);
  });
});

describe('two processes with one identity', () => {
  // The peers of a choose among links, those of c don't, b has one of each.
  it.each(['a', 'b', 'c'])('the second is refused, told, and taken when the first has gone (%s)', async (name) => {
    const triad = new Triad();
    const all = await triad.startAll();
    const others = all.filter(({ links }) => links.has(name));
    const clone = await startClone(triad, name);
    await triad.world.run({ forMs: 3_000 });
    expect(clone.events).toEqual([]);
    expect(clone.peers.identityInUse).toBe(true);
    expect(
      clone.logger.lines.some(({ level, message }) => level === 'error' && message.startsWith('IDENTITY_IN_USE')),
    ).toBe(true);
    expect(others).toHaveLength(2);
    for (const server of others) {
      expect(server.links.has(name)).toBe(true);
      expect(server.events.filter((event) => event === `up ${name}`)).toHaveLength(1);
      expect(server.peers.refusals()).toMatchObject([{ code: 'IDENTITY_IN_USE' }]);
    }
    triad.network.killHost(name);
    await triad.until(() => clone.links.size === 2, 1_500);
    await triad.world.run({ forMs: 5 });
    expect(clone.peers.identityInUse).toBe(false);
    for (const server of others)
      expect(server.events.slice(-3)).toEqual([`end ${name} reset`, `lost ${name}`, `up ${name}`]);
  });

  it('neither may take part where each has found one peer', async () => {
    const triad = new Triad();
    triad.network.partition(['b'], ['c']);
    const [a, , c] = await triad.startAll();
    expect([...c.links.keys()]).toEqual(['a']);
    triad.network.partition(['x'], ['a']);
    const clone = await startClone(triad);
    await triad.until(() => clone.links.has('b'));
    triad.network.heal();
    await triad.until(() => c.peers.identityInUse && clone.peers.identityInUse, 3_000);
    // It stays so, not now and then.
    let isSometimesFree = false;
    triad.world.onEvent(() => {
      isSometimesFree ||= !c.peers.identityInUse || !clone.peers.identityInUse;
    });
    await triad.world.run({ forMs: 20_000 });
    expect(isSometimesFree).toBe(false);
    expect(a.events.filter((event) => event === 'up c')).toHaveLength(1);
  });

  it('the word of a peer that has gone itself holds for some seconds only', async () => {
    const triad = new Triad();
    const [, b] = await triad.startAll();
    triad.network.partition(['b'], ['x']);
    const clone = await startClone(triad);
    await triad.world.run({ forMs: 3_000 });
    expect(clone.peers.identityInUse).toBe(true);
    triad.network.killHost('a');
    triad.network.killHost('c');
    await triad.world.run({ forMs: 4_000 });
    expect(clone.peers.identityInUse).toBe(true);
    await triad.until(() => !clone.peers.identityInUse, 4_000);
    triad.network.heal();
    await triad.until(() => b.links.has('c') && clone.links.has('b'));
  });

  it('the second is taken after 200 ms where the first is silent', async () => {
    const triad = new Triad();
    const [a] = await triad.startAll();
    triad.network.killHost('c', { seenAs: 'silence' });
    const startedMs = triad.world.nowMs;
    const again = await triad.start(2);
    await triad.until(() => again.links.size === 2, 300);
    expect(triad.world.nowMs - startedMs).toBeGreaterThanOrEqual(200);
    expect(a.events.slice(-3)).toEqual(['end c timeout', 'lost c', 'up c']);
    expect(again.peers.identityInUse).toBe(false);
  });
});

/** A second process with the identity of a server, on a host of its own. */
function startClone(triad: Triad, name = 'c'): Promise<TestServer> {
  return startPeers({
    scheme: ed25519Scheme,
    members: {
      ...members,
      endpoints: members.endpoints.map((e) => (e.name === name ? { ...e, addresses: ['mem://x:1'] } : e)),
    },
    at: members.endpoints.findIndex((e) => e.name === name),
    runtime: triad.world.runtime('clone'),
    transport: triad.network.transport('x'),
  });
}

async function during<Value>(triad: Triad, promise: Promise<Value>): Promise<Value> {
  await triad.world.run({ forMs: 500 });
  return promise;
}
