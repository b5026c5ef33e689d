import { ed25519Scheme } from '@lic/core';
import { createMemoryNetwork, createVirtualWorld, type MemoryNetwork, type VirtualWorld } from '@lic/testkit';
import { beforeAll, describe, expect, it } from 'vitest';
import { CloneWatch } from './clone-watch.ts';
import { createPeerCalls } from './peer-calls.ts';
import { makeMembers, startPeers, type TestMembers, type TestServer } from './peer-triad.test.fixture.ts';

let members: TestMembers;
beforeAll(async () => {
  members = await makeMembers(ed25519Scheme);
});

interface Watched extends TestServer {
  readonly watch: CloneWatch;
  readonly bootId: string;
  /** What it was told: that it is in conflict, and that it is kept. */
  readonly told: string[];
}

/** Servers with their watches, each process on a host of its own. */
class Watches {
  readonly world: VirtualWorld = createVirtualWorld({ seed: 1 });
  readonly network: MemoryNetwork = createMemoryNetwork({ world: this.world, latency: { minMs: 0.1, maxMs: 0.5 } });
  #starts = 0;

  /** Starts a process of a member. One on another host than the member's is a clone. */
  async start(name: string, host = name): Promise<Watched> {
    const runtime = this.world.runtime(`${host}${this.#starts}`);
    const bootId = `boot-${host}-${this.#starts++}`;
    const endpoints = members.endpoints.map((each) =>
      each.name === name ? { ...each, addresses: [`mem://${host}:1`] } : each,
    );
    const server = await startPeers({
      scheme: ed25519Scheme,
      members: { ...members, endpoints },
      at: members.endpoints.findIndex((each) => each.name === name),
      runtime,
      bootId,
      transport: this.network.transport(host),
    });
    const told: string[] = [];
    const watch = new CloneWatch({
      runtime,
      logger: server.logger,
      peers: server.peers,
      calls: createPeerCalls(server.peers, { runtime }),
      bootId,
      nameOf: (peer) => members.endpoints.find(({ id }) => id === peer)?.name ?? '',
      roundMs: 100,
      onConflict: (why) => told.push(why),
      onKept: () => told.push('kept'),
    });
    watch.start();
    return { ...server, watch, bootId, told };
  }

  /** Two processes of `c`: `a` reaches only the one, `b` only the other. */
  async startClones(): Promise<{ a: Watched; b: Watched; c: Watched; clone: Watched }> {
    this.network.partition(['c'], ['b']);
    this.network.partition(['x'], ['a']);
    const [a, b, c] = [await this.start('a'), await this.start('b'), await this.start('c')];
    const clone = await this.start('c', 'x');
    await this.until(() => a.links.has('c') && clone.links.has('b'));
    return { a, b, c, clone };
  }

  run(forMs: number): Promise<unknown> {
    return this.world.run({ forMs });
  }

  async until(done: () => boolean, limitMs = 5_000): Promise<void> {
    if (!(await this.world.run({ forMs: limitMs, until: done }))) throw new Error(`not within ${limitMs} ms`);
  }

  async during<Value>(promise: Promise<Value>): Promise<Value> {
    promise.catch(() => {});
    await this.run(5_000);
    return promise;
  }
}

const idOf = (name: string): string => members.endpoints.find((each) => each.name === name)?.id ?? '';

describe('two processes of one server, each linked to another peer', () => {
  it('are both told within seconds, with the boot ids of both, and it stays so', async () => {
    const watches = new Watches();
    const { a, b, c, clone } = await watches.startClones();
    await watches.until(() => c.told.length > 0 && clone.told.length > 0, 3_000);
    for (const process of [c, clone]) {
      expect(process.watch.isInConflict).toBe(true);
      expect(process.told).toEqual([expect.stringMatching(/^IDENTITY_IN_USE: .* of c .*boot-c-2 and boot-x-3/)]);
    }
    for (const server of [a, b]) {
      expect(server.watch.isInConflict).toBe(false);
      expect(server.watch.notices()).toEqual([expect.stringContaining('boot-c-2 and boot-x-3')]);
    }
    await watches.run(10_000);
    // Told once, and not taken back when one of them ends: an operator decides.
    watches.network.killHost('x');
    await watches.run(10_000);
    expect(c.told).toHaveLength(1);
    expect(c.watch.isInConflict).toBe(true);
  });

  it.each(['at itself', 'at another server'])(
    'the one that an operator names (%s) goes on; the other gets no link',
    async (where) => {
      const watches = new Watches();
      const { a, b, c, clone } = await watches.startClones();
      await watches.until(() => c.told.length > 0 && clone.told.length > 0, 3_000);
      await watches.during(where === 'at itself' ? c.watch.keep(c.id) : b.watch.keep(idOf('c'), c.bootId));
      expect(c.told.at(-1)).toBe('kept');
      expect(c.watch.isInConflict).toBe(false);
      watches.network.heal();
      await watches.until(() => c.links.has('b') && a.links.has('c'), 5_000);
      await watches.run(10_000);
      expect(b.peers.bootIdOf(idOf('c'))).toBe(c.bootId);
      expect([...clone.links.keys()]).toEqual([]);
      expect(clone.peers.identityInUse).toBe(true);
      expect(clone.told).toHaveLength(1);
      for (const server of [a, b]) expect(server.watch.notices()).toEqual([]);
      expect(b.peers.refusals()).toMatchObject([
        { code: 'IDENTITY_IN_USE', message: expect.stringContaining('operator') },
      ]);
      // Once it has ended, another process of the server is as good as any.
      watches.network.killHost('x');
      watches.network.killHost('c');
      const again = await watches.start('c');
      await watches.until(() => again.links.size === 2);
      expect(again.told).toEqual([]);
    },
  );

  it('one that no other server takes a link from can not name itself', async () => {
    const watches = new Watches();
    const { c } = await watches.startClones();
    watches.network.partition(['c'], ['a', 'b']);
    await watches.run(3_000);
    await expect(watches.during(c.watch.keep(c.id))).rejects.toMatchObject({ code: 'KEEP_FAILED' });
  });
});

describe('a server that is restarted', () => {
  it('is no clone, however its old process was seen to end', async () => {
    for (const seenAs of ['reset', 'silence'] as const) {
      const watches = new Watches();
      const [a, b] = [await watches.start('a'), await watches.start('b')];
      await watches.start('c');
      await watches.run(2_000);
      watches.network.killHost('c', { seenAs });
      const again = await watches.start('c');
      await watches.run(20_000);
      expect(again.links.size).toBe(2);
      expect(again.told).toEqual([]);
      for (const server of [a, b]) expect(server.watch.notices()).toEqual([]);
    }
  });

  // Whichever of the two tells the other first: each tells when something has changed, and every five seconds.
  it.each([2_000, 5_300, 5_500, 6_400])(
    'is no clone where one peer has not noticed the end of the old process yet (after %d ms)',
    async (afterMs) => {
      const watches = new Watches();
      watches.network.partition(['x'], ['a']);
      const [a, b] = [await watches.start('a'), await watches.start('b')];
      const old = await watches.start('c');
      await watches.run(afterMs);
      // The machine is replaced by one that `a` does not reach, and `a` hears nothing of the old one's end.
      watches.network.killHost('c', { seenAs: 'silence' });
      const again = await watches.start('c', 'x');
      await watches.until(() => again.links.has('b'));
      expect(a.peers.bootIdOf(idOf('c'))).toBe(old.bootId);
      await watches.run(5_000);
      expect(again.told).toEqual([]);
      for (const server of [a, b]) expect(server.watch.notices()).toEqual([]);
      expect(a.peers.bootIdOf(idOf('c'))).toBe(null);
    },
  );
});
