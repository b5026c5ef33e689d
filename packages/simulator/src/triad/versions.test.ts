import { describe, expect, it } from 'vitest';
import { Cluster } from '../cluster/cluster.ts';
import type { ClusterServer } from '../cluster/cluster-server.ts';

/** What servers know that have not heard of the terms of ledger version 3, and those that have. */
const old = { min: 1, max: 2 };
const next = { min: 1, max: 3 };

const versionAt = (server: ClusterServer): number => server.server.inspect().ledger.summary().ledgerVersion;

async function start(options: Parameters<typeof Cluster.make>[0] = {}): Promise<Cluster> {
  const cluster = await Cluster.make(options);
  for (const server of cluster.servers) server.ledgerVersions = old;
  await cluster.startAll();
  await cluster.run(500);
  return cluster;
}

/** Ends a server in order, and starts one that knows more in its place. */
async function upgrade(cluster: Cluster, server: ClusterServer): Promise<void> {
  await cluster.during(server.stop());
  server.ledgerVersions = next;
  await cluster.during(server.start());
  await cluster.control();
  await cluster.run(5_000);
}

describe('the ledger version', () => {
  it('is raised once all servers know the next one, upgraded one by one, under load', async () => {
    const cluster = await start();
    const client = cluster.client();
    const pause = cluster.world.runtime('work');
    let isOver = false;
    const outcomes: string[] = [];
    const work = async (): Promise<void> => {
      while (!isOver) {
        try {
          await (await client.checkout('compare')).checkin();
          outcomes.push('granted');
          await new Promise<void>((resolve) => pause.setTimer(50, resolve));
        } catch (error) {
          outcomes.push((error as { readonly code: string }).code);
        }
      }
    };
    const working = work();
    for (const rank of [3, 2, 1]) {
      expect(cluster.servers.map(versionAt)).toEqual([2, 2, 2]);
      await upgrade(cluster, cluster.server(rank));
    }
    await cluster.until('the raise', () => cluster.servers.every((server) => versionAt(server) === 3), 10_000);
    isOver = true;
    await cluster.during(working);
    await cluster.during(client.close());
    expect(new Set(outcomes)).toEqual(new Set(['granted']));
  });

  it('is not raised while one server can not be asked', async () => {
    const cluster = await start();
    for (const rank of [3, 2]) await upgrade(cluster, cluster.server(rank));
    cluster.server(1).kill();
    await cluster.control();
    await cluster.run(30_000);
    expect([2, 3].map((rank) => versionAt(cluster.server(rank)))).toEqual([2, 2]);
  });

  it('that a new triad begins with is known to all of its servers', async () => {
    const cluster = await Cluster.make();
    for (const server of cluster.servers) server.ledgerVersions = server.rank === 3 ? old : next;
    await cluster.startAll();
    await cluster.run(5_000);
    expect(cluster.servers.map(versionAt)).toEqual([2, 2, 2]);
    expect(cluster.servers.map(({ state }) => state)).toEqual(['in-control', 'standby', 'standby']);
  });
});

describe('a server that does not know the ledger version in force', () => {
  it('applies nothing and is fenced, with what to do about it', async () => {
    const cluster = await start();
    for (const rank of [3, 2, 1]) await upgrade(cluster, cluster.server(rank));
    await cluster.until('the raise', () => cluster.servers.every((server) => versionAt(server) === 3), 10_000);
    const third = cluster.server(3);
    await cluster.during(third.stop());
    third.ledgerVersions = old;
    await cluster.during(third.start());
    await cluster.until('the fence', () => third.state === 'fenced', 10_000);
    const own = (await cluster.status(third)).servers.find(({ name }) => name === third.name);
    expect(own?.trouble).toMatch(/Ledger version 3 is in force, this server knows 1 to 2: update it/);
    expect(versionAt(third)).toBe(2);
    expect(await (await cluster.session(await cluster.control())).checkout()).toMatchObject({ t: 'granted' });
    // Updated it goes on.
    third.kill();
    third.ledgerVersions = next;
    await cluster.during(third.start());
    await cluster.until('its return', () => third.state === 'standby', 15_000);
  });

  it('does not restore a snapshot of it: neither its own, nor one that it is sent', async () => {
    const cluster = await start({ raft: { snapshotEntries: 20, keepEntries: 2 } });
    for (const rank of [3, 2, 1]) await upgrade(cluster, cluster.server(rank));
    await cluster.until('the raise', () => cluster.servers.every((server) => versionAt(server) === 3), 10_000);
    const session = await cluster.session(await cluster.control());
    for (let turn = 0; turn < 30; turn++) await session.checkin((await session.hold()).id);
    const [second, third] = [cluster.server(2), cluster.server(3)];
    // Of its own disk.
    await cluster.during(third.stop());
    third.ledgerVersions = old;
    await cluster.during(third.start());
    await cluster.until('the fence', () => third.state === 'fenced', 15_000);
    // Of another server.
    await cluster.during(second.stop());
    second.disk.wipe();
    third.kill();
    third.ledgerVersions = next;
    await cluster.during(third.start());
    await cluster.control();
    second.ledgerVersions = old;
    await cluster.during(second.start());
    await cluster.until('the fence of the second', () => second.state === 'fenced', 15_000);
    for (const server of [second, third]) {
      const own = (await cluster.status(server)).servers.find(({ name }) => name === server.name);
      if (server === second) expect(own?.trouble).toMatch(/ledger version 3/i);
    }
  });
});
