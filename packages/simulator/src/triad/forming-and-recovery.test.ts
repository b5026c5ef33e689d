import type { AdminRequest } from '@lic/protocol';
import { describe, expect, it } from 'vitest';
import { Cluster } from '../cluster/cluster.ts';
import type { ClusterServer } from '../cluster/cluster-server.ts';

/** `compare` of the cluster's license has a lease of 10 s; sessions without grants have 60 s. */
const longestHoldMs = 61_600;

/** Sends a verb with the server's own token; what it came to. */
async function ask(cluster: Cluster, server: ClusterServer, request: AdminRequest) {
  const link = await cluster.link(server);
  const answer = await link.admin(server.adminToken, request);
  link.close();
  return answer;
}

const rankOf = (server: ClusterServer) => server.rank;
const isVoter = (cluster: Cluster, rank: number) => {
  const control = cluster.inControl()[0];
  const members = control?.server.inspect().consensus?.members ?? [];
  const own = cluster.server(rank).server.inspect();
  const member = members.find(({ id }) => id === cluster.server(rank).key);
  return member?.voter === true && own.state === (control?.rank === rank ? 'in-control' : 'standby');
};
const memberOf = (cluster: Cluster, rank: number) =>
  cluster
    .inControl()[0]
    ?.server.inspect()
    .consensus?.members.find(({ id }) => id === cluster.server(rank).key);
const allCount = (cluster: Cluster) => cluster.servers.every(({ rank }) => isVoter(cluster, rank));
const boots = (cluster: Cluster) => cluster.servers.map((server) => server.boots);

/** Some entries in every log, and a seat held by a session that goes on. */
async function busy(cluster: Cluster) {
  const session = await cluster.session(await cluster.control());
  const grant = await session.hold();
  for (let i = 0; i < 20; i++) await session.checkin((await session.hold()).id);
  return { session, grant };
}

describe('lic repair', () => {
  it('refills a damaged server in its process: it names file and offset, comes back a learner, and counts again', async () => {
    const cluster = await Cluster.start();
    const { session, grant } = await busy(cluster);
    const broken = cluster.server(3);
    broken.kill();
    const where = broken.disk.damage();
    expect(where).toBeDefined();
    await cluster.during(broken.start());
    await cluster.run(2_000);
    const trouble = (await cluster.status(broken)).servers[2];
    expect(trouble?.state).toBe('learner');
    // What is not valid is the record in which the bit lies.
    const offset = Number(/damaged at byte (\d+)/.exec(trouble?.trouble ?? '')?.[1]);
    expect((where?.offset ?? 0) - offset).toBeGreaterThanOrEqual(0);
    expect((where?.offset ?? 0) - offset).toBeLessThan(1_024);
    expect(trouble?.trouble).toContain(where?.file.split('/').at(-1));
    const before = boots(cluster);
    // Asked of another server, which forwards it.
    expect(await ask(cluster, cluster.server(1), { verb: 'repair', server: broken.name })).toMatchObject({
      t: 'adminAnswer',
      result: { server: broken.name, repair: 'refill' },
    });
    await cluster.until('the server to count again', () => allCount(cluster), 20_000);
    expect(boots(cluster)).toEqual(before);
    expect(broken.server.addresses).toEqual([broken.address]);
    const { stateHash, servers } = await cluster.status(broken);
    expect(stateHash).not.toBeNull();
    expect(new Set(servers.map((each) => each.state))).toEqual(new Set(['in-control', 'standby']));
    // It counts: with it and one other there is a quorum.
    cluster.server(2).kill();
    await cluster.run(2_000);
    expect((await session.checkin(grant.id)).t).toBe('done');
    expect(await ask(cluster, broken, { verb: 'repair' })).toMatchObject({ code: 'REPAIR_NOT_NEEDED' });
  });

  it('refills a rolled-back one under load, with nothing lost and nothing oversold', async () => {
    const cluster = await Cluster.start();
    const client = cluster.client();
    const held = await cluster.during(client.checkout('compare'));
    const older = cluster.server(2).disk.clone();
    const { grant } = await busy(cluster);
    const rolledBack = cluster.server(2);
    rolledBack.kill();
    rolledBack.disk.rollback(older);
    await cluster.during(rolledBack.start());
    await cluster.until('it to be recognised', () => rolledBack.state === 'learner', 20_000);
    let isOver = false;
    const load = (async () => {
      while (!isOver) {
        const one = await client.checkout('compare', { wait: 30_000 });
        await one.checkin();
      }
    })();
    expect(await ask(cluster, rolledBack, { verb: 'repair' })).toMatchObject({ t: 'adminAnswer' });
    await cluster.until(
      'the server to count again',
      () => {
        for (const { server } of cluster.inControl())
          for (const pool of server.inspect().ledger.pools())
            expect(pool.inUse).toBeLessThanOrEqual(pool.count === 'uncounted' ? Number.POSITIVE_INFINITY : pool.count);
        return allCount(cluster);
      },
      30_000,
    );
    isOver = true;
    await cluster.during(load);
    const ledger = (await cluster.control()).server.inspect().ledger;
    expect(held.state).toBe('holding');
    expect(ledger.grant(held.id)).toBeDefined();
    expect(ledger.grant(grant.id)).toBeDefined();
    await cluster.run(500);
    const hashes = cluster.servers.map(({ server }) => server.inspect().ledger.hash());
    expect(new Set(hashes).size).toBe(1);
    await cluster.during(client.close());
  });

  it('is not needed by a rolled-back one that is started anew: it remembers that it has no vote, and counts again', async () => {
    const cluster = await Cluster.start();
    await busy(cluster);
    const rolledBack = cluster.server(2);
    const older = rolledBack.disk.clone();
    await busy(cluster);
    const incarnation = () => memberOf(cluster, 2)?.incarnation;
    const before = incarnation();
    rolledBack.kill();
    rolledBack.disk.rollback(older);
    await cluster.during(rolledBack.start());
    await cluster.until('it to be recognised', () => rolledBack.state === 'learner', 20_000);
    await cluster.run(100);
    rolledBack.kill();
    await cluster.during(rolledBack.start());
    await cluster.until('it to count again', () => incarnation() !== before && allCount(cluster), 20_000);
  });

  it.each([false, true])(
    'is tried again while the disk fails, and answers meanwhile (stopped in between: %s)',
    async (isStopped) => {
      const cluster = await Cluster.start();
      await busy(cluster);
      const broken = cluster.server(3);
      broken.kill();
      broken.disk.damage();
      await cluster.during(broken.start());
      await cluster.run(1_000);
      for (let i = 0; i < 3; i++) broken.disk.failNext('STORE_FAILED');
      expect(await ask(cluster, broken, { verb: 'repair' })).toMatchObject({ t: 'adminAnswer' });
      await cluster.run(300);
      const between = await (await cluster.link(broken)).status();
      expect(between.servers[2]).toMatchObject({ state: 'learner', trouble: expect.stringMatching(/refilled/) });
      if (isStopped) {
        await cluster.during(broken.stop(), 5_000);
        broken.disk.forgetFailures();
        await cluster.during(broken.start());
      }
      await cluster.until('the server to count again', () => allCount(cluster), 60_000);
    },
  );

  it('is refused where it might destroy the last good copy, and is no use to a server in order', async () => {
    const cluster = await Cluster.start();
    await busy(cluster);
    const broken = cluster.server(3);
    broken.kill();
    broken.disk.damage();
    cluster.server(2).kill();
    await cluster.during(broken.start());
    await cluster.run(12_000);
    expect(await ask(cluster, broken, { verb: 'repair' })).toMatchObject({
      t: 'error',
      code: 'REPAIR_NOT_POSSIBLE',
      message: expect.stringMatching(/primary is .*secondary-1 is unreachable/),
    });
    // Its damaged log is as it was.
    broken.kill();
    await cluster.during(broken.start());
    await cluster.run(1_000);
    expect(broken.server.inspect().consensus?.trouble).toMatch(/damaged at byte/);
    expect(await ask(cluster, cluster.server(1), { verb: 'repair' })).toMatchObject({ code: 'REPAIR_NOT_NEEDED' });
    await cluster.during(cluster.server(2).start());
    await cluster.control();
    await cluster.until('a repair', () => cluster.server(2).state === 'standby');
    expect(await ask(cluster, broken, { verb: 'repair' })).toMatchObject({ t: 'adminAnswer' });
    await cluster.until('the server to count again', () => allCount(cluster), 20_000);
  });

  it('opens a failed disk anew without another process, and loses nothing', async () => {
    const cluster = await Cluster.start();
    const failing = cluster.server(2);
    failing.disk.failNext('STORE_FAILED');
    await busy(cluster);
    await cluster.until('the failure to show', () => failing.server.inspect().consensus?.trouble !== null, 10_000);
    expect(await ask(cluster, failing, { verb: 'repair' })).toMatchObject({ result: { repair: 'reopen' } });
    await cluster.until(
      'it to take part again',
      () => failing.state === 'standby' && failing.server.inspect().consensus?.trouble === null,
      20_000,
    );
    await cluster.until('all to count', () => allCount(cluster), 20_000);
  });

  it('needs the token of the server that is asked', async () => {
    const cluster = await Cluster.start();
    for (const verb of ['repair', 'form', 'recover'] as const) {
      const link = await cluster.link(cluster.server(2));
      expect(await link.admin(cluster.server(1).adminToken, { verb })).toMatchObject({ code: 'UNAUTHORIZED' });
    }
  });
});

describe('lic form', () => {
  it('forms with two of three; checkouts open after one longest hold, and the third is let in when it comes', async () => {
    const cluster = await Cluster.make();
    for (const rank of [2, 3]) await cluster.during(cluster.server(rank).start());
    await cluster.run(2_000);
    expect(await ask(cluster, cluster.server(3), { verb: 'form' })).toMatchObject({
      t: 'adminAnswer',
      result: { absent: ['primary'] },
    });
    const control = await cluster.control();
    const session = await cluster.session(control);
    expect(await session.checkout()).toMatchObject({ t: 'denied', denial: { code: 'NOT_OPEN_YET' } });
    await cluster.run(longestHoldMs);
    expect(await (await cluster.session(control)).checkout()).toMatchObject({ t: 'granted' });
    expect(await ask(cluster, cluster.server(3), { verb: 'form' })).toMatchObject({ code: 'FORM_NOT_NEEDED' });
    await cluster.during(cluster.server(1).start());
    await cluster.until('the third to count', () => allCount(cluster), 20_000);
    control.kill();
    await cluster.control();
  });

  it('says what is missing where two can not form', async () => {
    const cluster = await Cluster.make();
    await cluster.during(cluster.server(2).start());
    await cluster.run(1_000);
    expect(await ask(cluster, cluster.server(2), { verb: 'form' })).toMatchObject({
      code: 'FORM_NOT_POSSIBLE',
      message: expect.stringContaining("primary and secondary-2 can't be reached"),
    });
  });
});

describe('lic recover', () => {
  it('goes on alone after two disks were lost: holds waited, unknown sessions ended, the others let in again', async () => {
    const cluster = await Cluster.start();
    const control = await cluster.control();
    const known = await cluster.session(control);
    const kept = await known.hold();
    await cluster.run(1_000);
    const survivor = cluster.server(3);
    survivor.kill();
    // Of these the survivor knows nothing.
    const lost = await cluster.session(control);
    const gone = await lost.hold();
    for (const rank of [1, 2]) {
      cluster.server(rank).kill();
      cluster.server(rank).disk.wipe();
    }
    await cluster.during(survivor.start());
    // One of them comes with its empty disk before anybody has decided anything: a learner of a triad without a quorum.
    await cluster.during(cluster.server(1).start());
    await cluster.run(15_000);
    expect(cluster.inControl()).toEqual([]);
    expect(await ask(cluster, cluster.server(1), { verb: 'recover' })).toMatchObject({ t: 'error' });
    const formerInstance = (await (await cluster.link(survivor, { hello: false })).hello()).instance;
    expect(await ask(cluster, cluster.server(1), { verb: 'recover', server: survivor.name })).toMatchObject({
      t: 'adminAnswer',
      result: { server: survivor.name },
    });
    expect(rankOf(await cluster.control())).toBe(3);
    const recoveredMs = cluster.world.nowMs;
    const link = await cluster.link(survivor);
    expect((await (await cluster.link(survivor, { hello: false })).hello()).instance).not.toBe(formerInstance);
    expect(await known.resume(link)).toMatchObject({ t: 'resumed', grants: [{ id: kept.id }] });
    expect(await lost.resume(await cluster.link(survivor))).toMatchObject({
      t: 'error',
      code: 'ENDED',
      reason: 'recovered',
    });
    const { ledger } = survivor.server.inspect();
    expect(ledger.grant(kept.id)).toBeDefined();
    expect(ledger.grantsOf(lost.id)).toEqual([]);
    expect(gone.id).toBeDefined();
    const fresh = await cluster.session(survivor);
    expect(await fresh.checkout()).toMatchObject({ t: 'denied', denial: { code: 'NOT_OPEN_YET' } });
    await cluster.during(cluster.server(2).start());
    await cluster.until('all to count', () => allCount(cluster), 30_000);
    await cluster.until('checkouts to open', () => ledgerOf(cluster).summary().isOpen, 2 * longestHoldMs);
    expect(cluster.world.nowMs - recoveredMs).toBeGreaterThanOrEqual(longestHoldMs - 1_000);
    // A full triad again: any one may go.
    survivor.kill();
    const next = await cluster.control();
    const session = await cluster.session(next);
    await cluster.until('a seat', () => ledgerOf(cluster).summary().isOpen, 2 * longestHoldMs);
    expect(await session.checkout()).toMatchObject({ t: 'granted' });
    expect(await ask(cluster, next, { verb: 'recover' })).toMatchObject({ code: 'RECOVER_NOT_NEEDED' });
  });

  it.each([100, 103, 110, 130, 200, 600])(
    'is gone through with after a crash (%d ms after the word)',
    async (afterMs) => {
      const cluster = await Cluster.start();
      const { session, grant } = await busy(cluster);
      for (const rank of [1, 2, 3]) cluster.server(rank).kill();
      for (const rank of [1, 2]) cluster.server(rank).disk.wipe();
      const survivor = cluster.server(3);
      await cluster.during(survivor.start());
      await cluster.run(11_000);
      expect(await ask(cluster, survivor, { verb: 'recover' })).toMatchObject({ t: 'adminAnswer' });
      await cluster.run(afterMs);
      survivor.kill();
      for (const server of cluster.servers) await cluster.during(server.start());
      await cluster.run(12_000);
      if (cluster.inControl().length === 0) {
        expect(await ask(cluster, survivor, { verb: 'recover' })).toMatchObject({ t: 'adminAnswer' });
      }
      await cluster.until('all to count', () => allCount(cluster), 30_000);
      expect(ledgerOf(cluster).grant(grant.id)).toBeDefined();
      expect(ledgerOf(cluster).summary()).toMatchObject({ isOpen: false });
      expect(session.id).toBeDefined();
    },
  );

  it('keeps what is sound of a damaged log, also of a license with one server', async () => {
    const cluster = await Cluster.start({ servers: 1 });
    const control = await cluster.control();
    const early = await (await cluster.session(control)).hold();
    await cluster.run(3_000);
    await busy(cluster);
    control.kill();
    expect(control.disk.damage()).toBeDefined();
    await cluster.during(control.start());
    await cluster.run(2_000);
    expect(control.state).toBe('learner');
    expect(await ask(cluster, control, { verb: 'repair' })).toMatchObject({ code: 'REPAIR_NOT_POSSIBLE' });
    expect(await ask(cluster, control, { verb: 'recover' })).toMatchObject({ t: 'adminAnswer' });
    await cluster.control();
    const { ledger, consensus } = control.server.inspect();
    expect(consensus?.trouble).toBeNull();
    expect(ledger.summary().isOpen).toBe(false);
    expect(early.id).toBeDefined();
    await cluster.until('checkouts to open', () => ledger.summary().isOpen, 2 * longestHoldMs);
    expect(await (await cluster.session(control)).checkout()).toMatchObject({ t: 'granted' });
  });

  it('is refused where a quorum is there or can be had', async () => {
    const cluster = await Cluster.start();
    await busy(cluster);
    expect(await ask(cluster, cluster.server(2), { verb: 'recover' })).toMatchObject({ code: 'RECOVER_NOT_NEEDED' });
    for (const rank of [1, 2]) cluster.server(rank).kill();
    const broken = cluster.server(3);
    broken.kill();
    broken.disk.damage();
    await cluster.during(Promise.all([broken.start(), cluster.server(2).start()]));
    await cluster.run(12_000);
    expect(await ask(cluster, broken, { verb: 'recover' })).toMatchObject({
      code: 'RECOVER_NOT_NEEDED',
      message: expect.stringMatching(/secondary-1 is (isolated|candidate).*recover there/),
    });
    const empty = await Cluster.make();
    await empty.during(empty.server(1).start());
    expect(await ask(empty, empty.server(1), { verb: 'recover' })).toMatchObject({ code: 'RECOVER_NOT_POSSIBLE' });
  });

  it('fences those that come with the former instance in their folders, and they say so', async () => {
    const cluster = await Cluster.start();
    await busy(cluster);
    for (const rank of [1, 2]) cluster.server(rank).kill();
    const survivor = cluster.server(3);
    await cluster.run(12_000);
    expect(await ask(cluster, survivor, { verb: 'recover' })).toMatchObject({ t: 'adminAnswer' });
    await cluster.control();
    await cluster.during(cluster.server(1).start());
    await cluster.run(5_000);
    expect(rankOf(await cluster.control())).toBe(3);
    const report = await (await cluster.link(cluster.server(1))).status();
    expect(report.quorum).toBe(false);
    expect(report.notices.join('\n')).toMatch(/OTHER_INSTANCE/);
    // Emptied, it is let in.
    cluster.server(1).kill();
    cluster.server(1).disk.wipe();
    await cluster.during(cluster.server(1).start());
    await cluster.until('it to count', () => isVoter(cluster, 1), 20_000);
  });
});

function ledgerOf(cluster: Cluster) {
  const control = cluster.inControl()[0] ?? cluster.servers.find(({ isUp }) => isUp);
  return (control as ClusterServer).server.inspect().ledger;
}
