import { describe, expect, it } from 'vitest';
import { Cluster } from '../cluster/cluster.ts';
import { keyPair, type NamedServer, signFor } from '../cluster/cluster-license.ts';
import type { ClusterServer } from '../cluster/cluster-server.ts';

/** With holds that outlast every test. */
const features = [{ name: 'compare', version: '12.0', count: 3, leaseSeconds: 3_600 }];

/** The keys of the voters of the configuration in force, as one server has it. */
function votersAt(server: ClusterServer): readonly string[] {
  return (server.server.inspect().consensus?.members ?? []).flatMap(({ id, voter }) => (voter ? [id] : [])).sort();
}

const membersAt = (server: ClusterServer): string => JSON.stringify(server.server.inspect().consensus?.members ?? []);
const keysOf = (servers: readonly (ClusterServer | NamedServer)[]): readonly string[] =>
  servers.map((server) => ('key' in server ? server.key : server.identity.publicKey)).sort();

/** Ends the process, and puts an empty disk in. */
function wipe(server: ClusterServer): void {
  if (server.isUp) server.kill();
  server.disk.wipe();
}

/** Whether all are voters under the very incarnations that they answer under, at the one in control. */
function isWhole(cluster: Cluster, servers: readonly ClusterServer[]): boolean {
  const [control] = cluster.inControl();
  if (control === undefined) return false;
  const { members = [], peers = [], isChangingMembers } = control.server.inspect().consensus ?? {};
  if (isChangingMembers || JSON.stringify(votersAt(control)) !== JSON.stringify(keysOf(servers))) return false;
  return peers.every(({ id, incarnation, active }) =>
    members.some((member) => member.id === id && active && member.incarnation === incarnation),
  );
}

const untilWhole = (cluster: Cluster, servers: readonly ClusterServer[], withinMs?: number): Promise<number> =>
  cluster.until('all to be voters', () => isWhole(cluster, servers), withinMs);

/** Checkouts and checkins of a real client until `stop` is called; answers what became of each. */
function workOn(cluster: Cluster): { readonly outcomes: string[]; stop(): Promise<void> } {
  const client = cluster.client();
  const pause = cluster.world.runtime('work');
  const outcomes: string[] = [];
  let isOver = false;
  const work = async (): Promise<void> => {
    while (!isOver) {
      try {
        const grant = await client.checkout('compare');
        outcomes.push('granted');
        await grant.checkin();
        await new Promise<void>((resolve) => pause.setTimer(10, resolve));
      } catch (error) {
        outcomes.push((error as { readonly code?: string }).code ?? String(error));
      }
    }
  };
  const working = work();
  return {
    outcomes,
    stop: async () => {
      isOver = true;
      await cluster.during(working);
      await cluster.during(client.close());
    },
  };
}

/** A new machine that is to take the place of a server of that rank. */
async function successorOf(rank: number, fill = 20): Promise<NamedServer> {
  const identity = await keyPair(fill + rank);
  const name = `successor-${rank}-${fill}`;
  return { name, rank, address: `mem://${name}:7411`, identity };
}

async function reload(cluster: Cluster, license: string) {
  const control = await cluster.control();
  return (await cluster.link(control)).admin(control.adminToken, { verb: 'reload', license });
}

/** Loads a license in which `next` stands for the server of its rank. The new one is not started. */
async function replace(cluster: Cluster, servers: readonly NamedServer[], next: NamedServer) {
  const named = servers.map((server) => (server.rank === next.rank ? next : server));
  const license = await signFor(named, { id: `license with ${next.name}` });
  expect(await reload(cluster, license)).toMatchObject({ t: 'adminAnswer', result: { changed: true } });
  return { named, license, server: cluster.add(next, license) };
}

/** The same state on all of these, once nothing moves. */
async function expectSame(cluster: Cluster, servers: readonly ClusterServer[]): Promise<void> {
  await cluster.run(1_000);
  const states = servers.map(({ server }) => [
    server.inspect().consensus?.appliedIndex,
    server.inspect().ledger.hash(),
  ]);
  expect(new Set(states.map((state) => JSON.stringify(state))).size).toBe(1);
}

describe('an emptied data folder', () => {
  it.each([1, 2, 3])('of server %d is refilled and counts again, under load', async (rank) => {
    const cluster = await Cluster.start();
    const work = workOn(cluster);
    await cluster.run(500);
    const before = membersAt(cluster.server(2));
    const lost = cluster.server(rank);
    wipe(lost);
    await cluster.during(lost.start());
    await cluster.until('the learner', () => lost.state === 'learner');
    await untilWhole(cluster, cluster.servers, 15_000);
    await cluster.until('the vote', () => lost.state !== 'learner', 2_000);
    await work.stop();
    expect(new Set(work.outcomes)).toEqual(new Set(['granted']));
    expect(membersAt(await cluster.control())).not.toBe(before);
    await expectSame(cluster, cluster.servers);
  });

  it('counts in the place of one that is lost afterwards', async () => {
    const cluster = await Cluster.start();
    const [first, second, third] = [cluster.server(1), cluster.server(2), cluster.server(3)];
    wipe(third);
    await cluster.during(third.start());
    await untilWhole(cluster, cluster.servers);
    await cluster.run(500);
    first.kill();
    const control = await cluster.control();
    expect([second, third]).toContain(control);
    expect(await (await cluster.session(control)).checkout()).toMatchObject({ t: 'granted' });
  });

  it('makes no quorum with one other: not before the third returns', async () => {
    const cluster = await Cluster.start({ failback: 'sticky', features });
    const [first, second, third] = [cluster.server(1), cluster.server(2), cluster.server(3)];
    const session = await cluster.session(first);
    await session.hold();
    second.kill();
    wipe(third);
    await cluster.during(third.start());
    await cluster.run(30_000);
    expect(cluster.inControl()).toEqual([]);
    const client = cluster.client();
    const refused = client.checkout('compare').catch((error: unknown) => error);
    expect(await cluster.during(refused)).toMatchObject({ code: 'NO_QUORUM' });
    await cluster.during(client.close());
    await cluster.during(second.start());
    await untilWhole(cluster, cluster.servers);
    expect((await cluster.control()).server.inspect().ledger.summary().grants).toBe(1);
  });

  it('is told in status: a learner that is configured, and whole again', async () => {
    const cluster = await Cluster.start();
    const third = cluster.server(3);
    wipe(third);
    cluster.network.setLatency({ minMs: 150, maxMs: 150 });
    await cluster.during(third.start());
    await cluster.until('the learner', () => third.state === 'learner');
    const report = await cluster.status(cluster.server(1));
    expect(report).toMatchObject({ degraded: true });
    expect(report.servers[2]).toMatchObject({ state: 'learner' });
  });
});

describe('a server that is replaced', () => {
  it.each([1, 2, 3])('of rank %d: the new one is in, the old one out, under load', async (rank) => {
    const cluster = await Cluster.start();
    const old = cluster.server(rank);
    const work = workOn(cluster);
    const { server, license } = await replace(cluster, cluster.named, await successorOf(rank));
    const whole = [...cluster.servers.filter((each) => each !== old)];
    // The old one goes on while the new one is not there.
    await cluster.run(5_000);
    expect(old.state).toMatch(/standby|in-control/);
    expect(votersAt(await cluster.control())).toContain(old.key);
    await cluster.during(server.start());
    await untilWhole(cluster, whole);
    await cluster.until('the end of the old one', () => old.state === 'fenced', 5_000);
    const own = (await cluster.status(old)).servers.find(({ name }) => name === old.name);
    expect(own?.trouble ?? 'none').toBe('none');
    await work.stop();
    expect(new Set(work.outcomes)).toEqual(new Set(['granted']));
    await expectSame(cluster, whole);
    for (const each of whole) expect(each.licenseFile).toBe(license);
    // The whole triad works without the old one, also after a loss.
    await cluster.during(old.stop());
    if (rank === 1)
      await cluster.until('failback to the new primary', () => cluster.inControl().includes(server), 30_000);
    (await cluster.control()).kill();
    expect(await (await cluster.session(await cluster.control())).checkout()).toMatchObject({ t: 'granted' });
  });

  it('though it be gone: that is what it is for', async () => {
    const cluster = await Cluster.start();
    const old = cluster.server(2);
    wipe(old);
    await cluster.run(2_000);
    const { server } = await replace(cluster, cluster.named, await successorOf(2));
    await cluster.during(server.start());
    const whole = cluster.servers.filter((each) => each !== old);
    await untilWhole(cluster, whole);
    await expectSame(cluster, whole);
    // And when it comes back, with its old license file, it is told.
    await cluster.during(old.start());
    await cluster.run(3_000);
    expect(old.state).toBe('forming');
    const report = await cluster.status(old);
    expect(report.servers.find(({ name }) => name === old.name)?.trouble).toContain('PEER_SAYS_UNKNOWN_KEY');
  });

  it('and was away all the time says when it comes back that the license names it no more', async () => {
    const cluster = await Cluster.start();
    const old = cluster.server(3);
    old.kill();
    await cluster.run(2_000);
    const { server } = await replace(cluster, cluster.named, await successorOf(3));
    await cluster.during(server.start());
    const whole = cluster.servers.filter((each) => each !== old);
    await untilWhole(cluster, whole);
    await cluster.during(old.start());
    await cluster.until('the old one to be told', () => old.state === 'fenced', 5_000);
    const report = await cluster.status(old);
    expect(report.servers.find(({ name }) => name === old.name)?.trouble).toContain('names this server');
    expect(isWhole(cluster, whole)).toBe(true);
  });

  it('restarts while it is not out yet, and goes on as a member', async () => {
    const cluster = await Cluster.start();
    const old = cluster.server(3);
    await replace(cluster, cluster.named, await successorOf(3));
    await cluster.run(2_000);
    old.kill();
    await cluster.during(old.start());
    await cluster.until('the old one to stand by', () => old.state === 'standby', 5_000);
    // Its vote is still needed where another is lost.
    cluster.server(1).kill();
    const control = await cluster.control();
    expect(await (await cluster.session(control)).checkout()).toMatchObject({ t: 'granted' });
  });

  it('two in a row, one after the other: the second is refused while the first is under way', async () => {
    const cluster = await Cluster.start();
    const [second, third] = [cluster.server(2), cluster.server(3)];
    const next = await successorOf(2);
    const { server, named } = await replace(cluster, cluster.named, next);
    const last = await successorOf(3);
    const both = named.map((each) => (each.rank === 3 ? last : each));
    const license = await signFor(both, { id: 'license with both' });
    expect(await reload(cluster, license)).toMatchObject({
      code: 'ONE_SERVER_AT_A_TIME',
      message: expect.stringContaining(next.name),
    });
    await cluster.during(server.start());
    await untilWhole(cluster, [cluster.server(1), server, third]);
    expect(await reload(cluster, license)).toMatchObject({ t: 'adminAnswer' });
    const other = cluster.add(last, license);
    await cluster.during(other.start());
    const whole = [cluster.server(1), server, other];
    await untilWhole(cluster, whole);
    await expectSame(cluster, whole);
    await cluster.until(
      'the end of the old ones',
      () => [second, third].every(({ state }) => state === 'fenced'),
      5_000,
    );
  });

  it('may be named again, or another, while the new one never came up', async () => {
    const cluster = await Cluster.start();
    const { named } = await replace(cluster, cluster.named, await successorOf(2));
    await cluster.run(2_000);
    const { server } = await replace(cluster, named, await successorOf(2, 30));
    await cluster.during(server.start());
    await untilWhole(cluster, [cluster.server(1), server, cluster.server(3)]);
    expect((await cluster.control()).server.inspect().consensus?.members).toHaveLength(3);
  });

  it('at the same address', async () => {
    const cluster = await Cluster.start();
    const old = cluster.server(3);
    const identity = await keyPair(40);
    const next: NamedServer = { name: old.name, rank: 3, address: old.address, identity };
    const { server } = await replace(cluster, cluster.named, next);
    await cluster.run(1_000);
    old.kill();
    await cluster.during(server.start());
    const whole = [cluster.server(1), cluster.server(2), server];
    await untilWhole(cluster, whole);
    await expectSame(cluster, whole);
    expect((await cluster.status(server)).notices).toEqual([]);
  });

  it('single can not be exchanged by a reload', async () => {
    const cluster = await Cluster.start({ servers: 1 });
    const license = await signFor([await successorOf(1)], { id: 'license-2' });
    expect(await reload(cluster, license)).toMatchObject({
      code: 'LICENSE_REFUSED',
      details: { reason: 'ONLY_SERVER' },
    });
  });
});

describe('a server whose key no peer knows', () => {
  it('stays forming, says so, and joins once a license names it', async () => {
    const cluster = await Cluster.start();
    const old = cluster.server(3);
    const next = await successorOf(3);
    const named = cluster.named.map((server) => (server.rank === 3 ? next : server));
    const license = await signFor(named, { id: 'license-2' });
    const server = cluster.add(next, license);
    await cluster.during(server.start());
    await cluster.run(5_000);
    expect(server.state).toBe('forming');
    const own = (await cluster.status(server)).servers.find(({ name }) => name === next.name);
    expect(own?.trouble).toMatch(/PEER_SAYS_UNKNOWN_KEY/);
    await reload(cluster, license);
    await untilWhole(cluster, [...cluster.servers.filter((each) => each !== old)]);
  });
});

describe('a power cut at each step of a replacement', () => {
  /** Runs a replacement; `cut` is called each time the configuration has changed anywhere. Answers how often that was. */
  async function runWith(cut: (cluster: Cluster, changes: number) => Promise<void>): Promise<number> {
    const cluster = await Cluster.start({ failback: 'sticky', features });
    const old = cluster.server(2);
    await (await cluster.session(await cluster.control())).hold();
    const { server } = await replace(cluster, cluster.named, await successorOf(2));
    await cluster.during(server.start());
    const whole = [...cluster.servers.filter((each) => each !== old)];
    const seen = new Set<string>([membersAt(cluster.server(1))]);
    const up = (): readonly ClusterServer[] => cluster.servers.filter(({ isUp }) => isUp);
    const isNew = (each: ClusterServer): boolean =>
      !seen.has(membersAt(each)) && each.server.inspect().consensus !== null;
    let changes = 0;
    while (!isWhole(cluster, whole)) {
      await cluster.until('a change, or the end', () => isWhole(cluster, whole) || up().some(isNew), 120_000);
      const changed = up().find(isNew);
      if (changed === undefined) break;
      seen.add(membersAt(changed));
      changes++;
      expect(changes).toBeLessThan(12);
      await cut(cluster, changes);
      await cluster.during(Promise.all(cluster.servers.filter(({ isUp }) => !isUp).map((each) => each.start())));
    }
    await untilWhole(cluster, whole, 120_000);
    await expectSame(cluster, whole);
    expect((await cluster.control()).server.inspect().ledger.summary().grants).toBe(1);
    return changes;
  }

  it('of all servers: it goes on where it was', async () => {
    const changes = await runWith(async (cluster) => {
      for (const server of cluster.servers) if (server.isUp) server.kill();
    });
    expect(changes).toBeGreaterThanOrEqual(3);
  });

  it('of the one in control: another one goes on', async () => {
    const changes = await runWith(async (cluster) => {
      for (const server of cluster.inControl()) server.kill();
      await cluster.run(2_000);
    });
    expect(changes).toBeGreaterThanOrEqual(3);
  });

  it('of the new server: it is waited for', async () => {
    const changes = await runWith(async (cluster) => {
      cluster.servers.at(-1)?.kill();
      await cluster.run(2_000);
    });
    expect(changes).toBeGreaterThanOrEqual(3);
  });
});
