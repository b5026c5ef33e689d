import { describe, expect, it } from 'vitest';
import { Cluster } from '../cluster/cluster.ts';
import type { ClusterServer } from '../cluster/cluster-server.ts';

const features = [{ name: 'compare', version: '12.0', count: 3, leaseSeconds: 3_600 }];

/** A second machine with a copy of a server's disk and identity. Not started. */
async function cloneOf(cluster: Cluster, server: ClusterServer): Promise<ClusterServer> {
  const named = cluster.named.find(({ rank }) => rank === server.rank);
  if (named === undefined) throw new Error('no such server');
  const clone = cluster.add({ ...named, name: 'clone', address: 'mem://clone:7411' }, server.licenseFile ?? '');
  clone.disk.rollback(server.disk.clone());
  return clone;
}

const says = (server: ClusterServer, part: string): boolean =>
  server.logger.lines.some(({ level, message }) => level === 'error' && message.includes(part));

describe('a second process with the identity of a server that answers', () => {
  it('takes no part at all, and the first goes on', async () => {
    const cluster = await Cluster.start({ features });
    const [first, third] = [cluster.server(1), cluster.server(3)];
    await cluster.run(2_000);
    const clone = await cloneOf(cluster, third);
    await cluster.during(clone.start());
    await cluster.until('the refusal', () => clone.state === 'fenced', 5_000);
    expect(clone.server.inspect().consensus?.state).toBe('fenced');
    await cluster.run(10_000);
    expect(clone.state).toBe('fenced');
    expect(third.state).toBe('standby');
    first.kill();
    expect(await (await cluster.session(await cluster.control())).checkout()).toMatchObject({ t: 'granted' });
    expect(clone.state).toBe('fenced');
  });

  it('takes its place once the first has ended, and is no danger by what it has not seen', async () => {
    const cluster = await Cluster.start({ features, failback: 'sticky' });
    const third = cluster.server(3);
    await cluster.run(2_000);
    const clone = await cloneOf(cluster, third);
    const session = await cluster.session(await cluster.control());
    for (let turn = 0; turn < 3; turn++) await session.hold();
    await cluster.run(500);
    await cluster.during(clone.start());
    await cluster.run(3_000);
    third.kill();
    await cluster.run(15_000);
    // It lacks what the first one had acknowledged: to the others it is an older copy (I8).
    expect(clone.state).toBe('learner');
    expect(clone.server.inspect().consensus?.trouble).toContain('older copy');
    expect(cluster.inControl()).toHaveLength(1);
  });
});

/** A server and a copy of it, each of which reaches another peer only; both have stopped. */
async function startDoubled() {
  const cluster = await Cluster.start({ features, failback: 'sticky' });
  const [first, second, third] = [cluster.server(1), cluster.server(2), cluster.server(3)];
  const session = await cluster.session(first);
  await cluster.run(2_000);
  const clone = await cloneOf(cluster, third);
  // What the first of the two acknowledges from now on the other one lacks.
  await session.hold();
  await cluster.run(500);
  cluster.network.partition([third.name], [second.name]);
  cluster.network.partition([clone.name], [first.name]);
  await cluster.run(2_000);
  await cluster.during(clone.start());
  await cluster.until('both to stop', () => third.state === 'fenced' && clone.state === 'fenced', 10_000);
  return { cluster, first, second, third, clone, session };
}

async function keep(cluster: Cluster, server: ClusterServer): Promise<void> {
  const answer = await (await cluster.link(server)).admin(server.adminToken, { verb: 'recover', keep: true });
  expect(answer).toMatchObject({ t: 'adminAnswer', result: { kept: 'this' } });
}

describe('two processes of one server, each linked to another peer', () => {
  it('vote neither, and all say so', async () => {
    const { cluster, first, second, third, clone, session } = await startDoubled();
    for (const server of [third, clone]) {
      expect(server.server.inspect().consensus?.trouble).toContain('IDENTITY_IN_USE');
    }
    for (const server of [first, second]) expect(says(server, 'IDENTITY_IN_USE: two processes')).toBe(true);
    expect((await cluster.status(first)).notices).toContainEqual(expect.stringContaining('lic recover --keep'));
    // The other two go on.
    expect(await session.checkout()).toMatchObject({ t: 'granted' });
    await cluster.run(5_000);
    expect([third.state, clone.state]).toEqual(['fenced', 'fenced']);
  });

  it('the one that an operator names goes on, and the other takes no part until it ends', async () => {
    const { cluster, first, second, third, clone } = await startDoubled();
    await keep(cluster, third);
    await cluster.run(1_000);
    cluster.network.heal();
    await cluster.until('the kept one to stand by', () => third.state === 'standby', 15_000);
    await cluster.run(5_000);
    expect(clone.state).toBe('fenced');
    expect((await cluster.status(first)).degraded).toBe(false);
    first.kill();
    const control = await cluster.control();
    expect([second, third]).toContain(control);
    expect(await (await cluster.session(control)).checkout()).toMatchObject({ t: 'granted' });
  });

  it('where it is the older copy that an operator names, it has no vote under the incarnation that had acknowledged more', async () => {
    const { cluster, first, third, clone } = await startDoubled();
    /** The incarnation under which the server counts, as the one in control has it. */
    const counted = (): string | undefined =>
      first.server.inspect().consensus?.members.find(({ id, voter }) => voter && id === clone.key)?.incarnation;
    const before = counted();
    expect(before).toBeDefined();
    await keep(cluster, clone);
    cluster.network.heal();
    let tookPartAsBefore = false;
    cluster.world.onEvent(() => {
      tookPartAsBefore ||= clone.isUp && first.isUp && counted() === before && /standby|in-control/.test(clone.state);
    });
    await cluster.until(
      'the older copy to count again',
      () => counted() !== before && clone.state === 'standby',
      30_000,
    );
    expect(tookPartAsBefore).toBe(false);
    expect(third.state).toBe('fenced');
    // What it had lacked it has now: it may decide who is in control.
    first.kill();
    expect((await cluster.control()).server.inspect().ledger.summary().grants).toBe(1);
  });
});
