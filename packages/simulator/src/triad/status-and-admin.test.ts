import { describe, expect, it } from 'vitest';
import { Cluster } from '../cluster/cluster.ts';

const hour = 3_600_000;
const minute = 60_000;

describe('a status', () => {
  it('is the same through whichever server is asked: fresh, behind a quorum, with the facts of all', async () => {
    const cluster = await Cluster.start();
    const control = await cluster.control();
    const session = await cluster.session(control);
    await session.hold({ count: 2 });
    await cluster.run(200);
    for (const server of cluster.servers) {
      const report = await (await cluster.link(server)).status(server.adminToken);
      expect(report).toMatchObject({
        quorum: true,
        stale: false,
        degraded: false,
        inControl: 1,
        open: true,
        sessions: 1,
        servers: [
          { rank: 1, name: 'primary', state: 'in-control', drained: false },
          { rank: 2, name: 'secondary-1', state: 'standby' },
          { rank: 3, name: 'secondary-2', state: 'standby' },
        ],
        pools: [{ feature: 'compare', version: '12.0', count: 3, inUse: 2, free: 1, queued: 0 }],
        grants: [{ feature: 'compare', count: 2, state: 'active', host: session.link.host }],
        notices: [],
      });
      expect(report.asOf).toBeUndefined();
    }
  });

  it('needs no token, and without one masks users and hosts; a wrong one is refused', async () => {
    const cluster = await Cluster.start();
    const session = await cluster.session(await cluster.control());
    await session.hold();
    for (const rank of [1, 3]) {
      const link = await cluster.link(cluster.server(rank));
      expect((await link.status()).grants).toMatchObject([{ user: '***', host: '***', feature: 'compare' }]);
      const wrong = await link.ask({ t: 'status', id: link.nextId(), token: cluster.server(2).adminToken });
      expect(wrong).toMatchObject({ t: 'error', code: 'UNAUTHORIZED', retryable: false });
    }
  });

  it('sees what was committed before it was asked for, however many ask, also through a stand-by that is far away', async () => {
    const cluster = await Cluster.start({ latency: { minMs: 30, maxMs: 30 } });
    const control = await cluster.control();
    const [session, near, far] = [
      await cluster.session(control),
      await cluster.link(control),
      await cluster.link(cluster.server(2)),
    ];
    await session.checkout({ feature: 'nothing' });
    for (const { host } of [session.link, near, far]) {
      for (const { name } of cluster.servers) {
        cluster.network.setLatency({ minMs: 0, maxMs: 0 }, { from: host, to: name });
        cluster.network.setLatency({ minMs: 0, maxMs: 0 }, { from: name, to: host });
      }
    }
    for (let turn = 0; turn < 20; turn++) {
      // Reports at every stage of their making are under way while a seat is taken, or given back.
      for (const link of [near, far]) link.send({ t: 'status', id: link.nextId() });
      await cluster.run(10 * turn);
      const grant = await session.hold();
      expect((await far.status()).pools[0]?.inUse).toBe(1);
      expect((await near.status()).pools[0]?.inUse).toBe(1);
      await session.checkin(grant.id);
      expect((await far.status()).pools[0]?.inUse).toBe(0);
    }
  });

  it('says degraded and names who is missing, with a quorum all the same', async () => {
    const cluster = await Cluster.start();
    cluster.server(3).kill();
    await cluster.run(1_500);
    const report = await cluster.status(cluster.server(2));
    expect(report).toMatchObject({ quorum: true, stale: false, degraded: true, inControl: 1 });
    expect(report.servers[2]).toMatchObject({ name: 'secondary-2', state: 'unreachable' });
  });

  it('without a quorum is stale, with the moment as of which it holds', async () => {
    const cluster = await Cluster.start();
    const [first, second] = [cluster.server(1), cluster.server(2)];
    const session = await cluster.session(first);
    await session.hold();
    await cluster.run(minute);
    const lostMs = second.runtime.now();
    first.kill();
    cluster.server(3).kill();
    await cluster.run(60_000);
    const report = await (await cluster.link(second)).status();
    expect(report).toMatchObject({ quorum: false, stale: true, inControl: null, degraded: true });
    const asOfMs = Date.parse(report.asOf ?? '');
    expect(asOfMs).toBeLessThanOrEqual(lostMs);
    expect(asOfMs).toBeGreaterThan(lostMs - 1_300);
    // What is known here is shown all the same.
    expect(report.pools).toMatchObject([{ feature: 'compare', count: 3 }]);
    expect(report.servers.map(({ state }) => state)).toEqual(['unreachable', 'isolated', 'unreachable']);
  });

  it('of one in control that was cut off is stale as of when a quorum last confirmed it', async () => {
    const cluster = await Cluster.start();
    const first = cluster.server(1);
    await cluster.run(minute);
    cluster.network.partition([first.name], ['secondary-1', 'secondary-2']);
    const cutMs = first.runtime.now();
    const report = await (await cluster.link(first)).status();
    expect(report).toMatchObject({ quorum: false, stale: true });
    expect(Date.parse(report.asOf ?? '')).toBeLessThanOrEqual(cutMs);
  });

  it('gives the hash of the newest index that all have, also while the log moves on', async () => {
    const cluster = await Cluster.start();
    const control = await cluster.control();
    const session = await cluster.session(control);
    await session.checkout({ feature: 'nothing' });
    for (let turn = 0; turn < 1_100; turn++) session.link.send(session.checkoutMessage({ feature: 'nothing' }));
    await cluster.run(1_000);
    // What the third server hears is late, and more comes all the time: it is always behind.
    cluster.network.setLatency({ minMs: 300, maxMs: 300 }, { from: 'primary', to: 'secondary-2' });
    for (let turn = 0; turn < 200; turn++) {
      cluster.world.schedule(5 * turn, () => session.link.send(session.checkoutMessage({ feature: 'nothing' })));
    }
    const report = await cluster.status(control);
    expect(report.servers[2]?.lastApplied).toBeLessThan(report.servers[0]?.lastApplied ?? 0);
    expect(report.hashIndex).toBe(1_024);
    expect(report.stateHash).toMatch(/^[0-9a-f]{32,}$/);
    await cluster.run(1_000);
    const later = await cluster.status(control);
    expect(later.hashIndex).toBe(control.server.inspect().consensus?.appliedIndex);
    expect(new Set(later.servers.map(({ stateHash }) => stateHash)).size).toBe(1);
  });

  it('notes no hash under an index that a restored snapshot is not of', async () => {
    const cluster = await Cluster.start({ raft: { snapshotEntries: 400, keepEntries: 10 } });
    const control = await cluster.control();
    const third = cluster.server(3);
    third.kill();
    const session = await cluster.session(control);
    await session.checkout({ feature: 'nothing' });
    for (let turn = 0; turn < 1_500; turn++) {
      session.link.send(session.checkoutMessage({ feature: turn % 7 === 0 ? 'compare' : 'nothing' }));
      if (turn % 100 === 0) await cluster.run(100);
    }
    await cluster.during(third.start());
    await cluster.run(3_000);
    expect(third.server.inspect().consensus?.appliedIndex).toBeGreaterThan(1_500);
    // With the log moving on, and the third server late, only noted hashes can be compared.
    cluster.network.setLatency({ minMs: 300, maxMs: 300 }, { from: control.name, to: third.name });
    for (let turn = 0; turn < 200; turn++) {
      cluster.world.schedule(5 * turn, () => session.link.send(session.checkoutMessage({ feature: 'nothing' })));
    }
    await cluster.run(500);
    const report = await cluster.status(control);
    expect(report.servers[2]?.lastApplied).toBeLessThan(report.servers[0]?.lastApplied ?? 0);
    expect(report.notices).toEqual([]);
    // Past the next mark there is something to compare again.
    for (let turn = 0; turn < 600; turn++) session.link.send(session.checkoutMessage({ feature: 'nothing' }));
    await cluster.run(3_000);
    const later = await cluster.status(control);
    expect(later).toMatchObject({ notices: [], hashIndex: third.server.inspect().consensus?.appliedIndex });
  });

  it('with hashes that differ raises an alarm, in the status and in the log', async () => {
    const cluster = await Cluster.start();
    const control = await cluster.control();
    // As if its memory had been corrupted: a command that the others never had.
    const bad = cluster.server(3).server.inspect().ledger;
    await cluster.run(500);
    bad.apply(0, new TextEncoder().encode(JSON.stringify({ kind: 'drain', server: control.key, on: true, at: 0 })));
    const report = await cluster.status(control);
    expect(report.notices).toContainEqual(expect.stringContaining('STATE HASH DIFFERS'));
    const errors = control.logger.lines.filter(({ level }) => level === 'error');
    expect(errors).toEqual([expect.objectContaining({ message: expect.stringContaining('STATE HASH DIFFERS') })]);
  });

  it('is answered while the triad forms, saying what it waits for', async () => {
    const cluster = await Cluster.make();
    const first = cluster.server(1);
    await cluster.during(first.start());
    await cluster.run(1_000);
    const report = await (await cluster.link(first)).status();
    expect(report).toMatchObject({ quorum: false, stale: true, licenseHash: null, licenseTime: null });
    expect(report.servers[0]).toMatchObject({ state: 'forming', trouble: expect.stringContaining('secondary-1') });
  });
});

describe('an administrative verb', () => {
  it('needs the token of the server that is asked, and is forwarded by a stand-by to the one in control', async () => {
    const cluster = await Cluster.start();
    const third = cluster.server(3);
    const link = await cluster.link(third);
    for (const token of ['', 'wrong', cluster.server(1).adminToken, `${third.adminToken} `]) {
      const answer = await link.ask({ t: 'admin', id: link.nextId(), token: token || '-', request: { verb: 'time' } });
      expect(answer).toMatchObject({ t: 'error', code: 'UNAUTHORIZED' });
    }
    expect(await link.admin(third.adminToken, { verb: 'drain', server: 'secondary-2' })).toMatchObject({
      t: 'adminAnswer',
      result: { server: 'secondary-2', drained: true },
    });
    expect(cluster.server(1).server.inspect().ledger.summary().drained).toEqual([third.key]);
  });

  it('without a server in control is refused with a code that says so', async () => {
    const cluster = await Cluster.start();
    const first = cluster.server(1);
    const link = await cluster.link(first);
    cluster.network.partition([first.name], ['secondary-1', 'secondary-2']);
    await cluster.until('isolation', () => first.state === 'isolated');
    expect(await link.admin(first.adminToken, { verb: 'drain', server: '2' })).toMatchObject({
      t: 'error',
      code: 'NO_QUORUM',
      retryable: true,
    });
  });

  it('revoke of a grant that is not there revokes nothing', async () => {
    const cluster = await Cluster.start();
    const control = await cluster.control();
    const grant = await (await cluster.session(control)).hold();
    const link = await cluster.link(control);
    const outcome = await link.admin(control.adminToken, { verb: 'revoke', grants: [grant.id, 'g99'], reason: 'x' });
    expect(outcome).toMatchObject({ code: 'ADMIN_FAILED', details: { reason: 'UNKNOWN_GRANT', grants: ['g99'] } });
    expect(control.server.inspect().ledger.grant(grant.id)?.state).toBe('active');
  });

  it('time shows a leap that waits, and accept lets license time move to the clocks', async () => {
    const cluster = await Cluster.start();
    const control = await cluster.control();
    await (await cluster.session(control)).hold();
    for (const { runtime } of cluster.servers) runtime.stepWall(5 * hour);
    await cluster.run(10_000);
    const link = await cluster.link(cluster.server(2));
    const before = await link.admin(cluster.server(2).adminToken, { verb: 'time' });
    expect(before).toMatchObject({ t: 'adminAnswer', message: expect.stringContaining('lic time accept') });
    expect((await cluster.status(control)).notices).toContainEqual(expect.stringContaining('ahead of license time'));
    const licenseTimeMs = (): number => control.server.inspect().ledger.summary().licenseTimeMs;
    const startMs = licenseTimeMs();
    expect(await link.admin(cluster.server(2).adminToken, { verb: 'timeAccept' })).toMatchObject({ t: 'adminAnswer' });
    expect(licenseTimeMs() - startMs).toBeGreaterThan(4.9 * hour);
    expect((await cluster.status(control)).notices).toEqual([]);
  });
});

describe('remove', () => {
  const session = async (cluster: Cluster) => cluster.session(await cluster.control());

  it('ends all grants of a user on a host, whatever sessions they are of, and tells the reason', async () => {
    const cluster = await Cluster.start();
    const control = await cluster.control();
    const [dead, alive] = [await session(cluster), await session(cluster)];
    const grants = [await dead.hold(), await dead.hold()];
    const other = await alive.hold();
    const third = cluster.server(3);
    const link = await cluster.link(third);
    const { user, host } = control.server.inspect().ledger.grant(grants[0]!.id)!;
    const holder = { user, host };
    expect(await link.admin(third.adminToken, { verb: 'remove', holder, reason: 'its machine is gone' })).toMatchObject(
      {
        t: 'adminAnswer',
        message: expect.stringContaining('2 grants'),
        result: { grants: grants.map(({ id }) => id) },
      },
    );
    const notice = { grant: grants[0]!.id, reason: 'removed', note: 'its machine is gone' };
    expect((await dead.link.next('ending', { from: 0 })).grants).toEqual([notice]);
    expect(control.server.inspect().ledger.grant(other.id)?.state).toBe('active');
    // It says nothing: its seats come free when its hold has passed.
    await cluster.run(12_000);
    expect(control.server.inspect().ledger.grant(grants[0]!.id)).toBeUndefined();
  });

  it('ends the grants of one session, which the report names for who has a token', async () => {
    const cluster = await Cluster.start();
    const control = await cluster.control();
    const one = await session(cluster);
    const grant = await one.hold();
    const link = await cluster.link(control);
    expect((await link.status()).grants[0]).not.toHaveProperty('session');
    const full = await link.status(control.adminToken);
    expect(full.grants[0]).toMatchObject({ id: grant.id, session: one.id });
    const request = { verb: 'remove' as const, holder: { session: one.id }, reason: 'x' };
    expect(await link.admin(control.adminToken, request)).toMatchObject({ t: 'adminAnswer' });
    expect(await link.admin(control.adminToken, request)).toMatchObject({
      code: 'ADMIN_FAILED',
      details: { reason: 'UNKNOWN_HOLDER', session: one.id },
    });
  });
});
