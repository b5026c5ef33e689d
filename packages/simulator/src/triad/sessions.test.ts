import { describe, expect, it } from 'vitest';
import { Cluster } from '../cluster/cluster.ts';
import type { ClusterServer } from '../cluster/cluster-server.ts';
import { ScriptedSession } from '../cluster/scripted-session.ts';

const inUse = (server: ClusterServer): number => server.server.inspect().ledger.pools()[0]?.inUse ?? -1;

/** Ends the server in control and waits for the next one. */
async function failOver(cluster: Cluster): Promise<ClusterServer> {
  (await cluster.control()).kill();
  return cluster.control();
}

describe('a repeated request', () => {
  it('of sequence 1 over another server takes nothing more, is bound there and raises the epoch', async () => {
    const cluster = await Cluster.start();
    const session = await cluster.session(await cluster.control());
    const first = session.checkoutMessage();
    const granted = await session.link.ask(first);
    expect(granted).toMatchObject({ t: 'granted', epoch: 1 });
    const control = await failOver(cluster);
    session.link = await cluster.link(control);
    const repeated = await session.repeat(first);
    expect(repeated).toMatchObject({
      t: 'granted',
      epoch: 2,
      grant: { id: 'grant' in granted ? granted.grant.id : '' },
    });
    expect(inUse(control)).toBe(1);
    session.beat();
    expect(await session.link.next('heartbeatAnswer')).toMatchObject({ epoch: 2 });
  });

  it('starts its hold afresh', async () => {
    const cluster = await Cluster.start();
    const control = await cluster.control();
    const session = await cluster.session(control);
    const first = session.checkoutMessage();
    await session.link.ask(first);
    await cluster.run(10_000);
    await session.repeat(first);
    await cluster.run(10_000);
    expect(inUse(control)).toBe(1);
    await cluster.run(2_000);
    expect(inUse(control)).toBe(0);
  });

  it('of another sequence number goes behind a resume, and is answered as before', async () => {
    const cluster = await Cluster.start();
    const session = await cluster.session(await cluster.control());
    await session.hold();
    const second = { ...session.checkoutMessage(), awaited: 1 };
    const before = await session.link.ask(second);
    const control = await failOver(cluster);
    session.link = await cluster.link(control);
    expect(await session.repeat(second)).toMatchObject({ t: 'error', code: 'RESUME' });
    await session.resume();
    const after = await session.repeat({ ...second, epoch: session.epoch }, 3);
    expect(after).toMatchObject({ t: 'granted', grant: 'grant' in before ? before.grant : undefined });
    expect(inUse(control)).toBe(2);
  });

  it('of a checkin is done once, however often', async () => {
    const cluster = await Cluster.start();
    const control = await cluster.control();
    const session = await cluster.session(control);
    const [first, second] = [await session.hold(), await session.hold()];
    const checkin = { t: 'checkin' as const, ...session.nextRequest(), grant: first.id };
    expect(await session.link.ask(checkin)).toMatchObject({ t: 'done' });
    expect(await session.repeat(checkin)).toMatchObject({ t: 'done' });
    expect(inUse(control)).toBe(1);
    expect(control.server.inspect().ledger.grant(second.id)).toBeDefined();
  });

  it('is answered ENDED with the reason where what it obtained has ended, never the old "granted"', async () => {
    const cluster = await Cluster.start({
      features: [
        { name: 'compare', version: '12.0', count: 3, leaseSeconds: 10 },
        { name: 'build', version: '12.0', count: 3, leaseSeconds: 60 },
      ],
    });
    const session = await cluster.session(await cluster.control());
    await session.hold({ feature: 'build' });
    const second = { ...session.checkoutMessage(), awaited: 1 };
    await session.link.ask(second);
    await cluster.run(11_500);
    await session.resume();
    expect(await session.repeat({ ...second, epoch: session.epoch })).toMatchObject({
      t: 'error',
      code: 'ENDED',
      reason: 'reclaimed',
    });
  });

  it('of a session that has ended is answered ENDED; later numbers of an unknown one are never run', async () => {
    const cluster = await Cluster.start();
    const control = await cluster.control();
    const session = await cluster.session(control);
    const first = session.checkoutMessage();
    session.noting(await session.link.ask(first));
    expect(await session.goodbye()).toMatchObject({ t: 'done' });
    expect(await session.repeat(first)).toMatchObject({ t: 'error', code: 'ENDED', reason: 'sessionEnded' });
    const stranger = await cluster.session(control);
    stranger.seq = 4;
    expect(await stranger.checkout()).toMatchObject({ t: 'error', code: 'RESUME' });
    expect(await stranger.resume()).toMatchObject({ t: 'error', code: 'UNKNOWN_SESSION' });
    expect(inUse(control)).toBe(0);
  });
});

describe('a connection', () => {
  it('with an older epoch is refused SUPERSEDED, for heartbeats, requests and resumes alike', async () => {
    const cluster = await Cluster.start();
    const control = await cluster.control();
    const session = await cluster.session(control);
    await session.hold();
    const copy = new ScriptedSession(session.link, session);
    await copy.resume(await cluster.link(control));
    session.beat();
    expect(await session.link.next('heartbeatRefused')).toMatchObject({ code: 'SUPERSEDED' });
    expect(await session.checkout()).toMatchObject({ t: 'error', code: 'SUPERSEDED' });
    // Whoever knows the epoch that the newest raise came from may still resume: it may be the same client.
    await copy.resume();
    expect(await session.resume()).toMatchObject({ t: 'error', code: 'SUPERSEDED' });
    copy.beat();
    expect(await copy.link.next('heartbeatAnswer')).toMatchObject({ epoch: copy.epoch });
  });

  it('that a resume elsewhere overtakes while a heartbeat waits for its round gets no answer to it', async () => {
    const cluster = await Cluster.start();
    const control = await cluster.control();
    const session = await cluster.session(control);
    await session.hold();
    const next = await cluster.link(control);
    // Just behind a round, so that the next one is far.
    session.beat();
    await session.link.next('heartbeatAnswer');
    const old = new ScriptedSession(session.link, session);
    session.beat();
    await session.resume(next);
    expect(await old.link.next('heartbeatRefused')).toMatchObject({ number: 2, code: 'SUPERSEDED' });
    expect(old.link.heard.filter(({ t }) => t === 'heartbeatAnswer')).toHaveLength(1);
  });

  it('runs nothing for a session that is not bound to it, whatever it says of an opening', async () => {
    const cluster = await Cluster.start();
    const control = await cluster.control();
    const session = await cluster.session(control);
    await session.hold();
    // A stranger knows the session and its epoch, but not its secret.
    const stranger = new ScriptedSession(await cluster.link(control), { ...session, secret: 'A'.repeat(43) });
    const opening = { secret: stranger.secret, user: 'u', host: 'h' };
    expect(await stranger.link.ask({ ...stranger.checkoutMessage(), opening })).toMatchObject({ code: 'RESUME' });
    expect(await stranger.resume()).toMatchObject({ t: 'error', code: 'REFUSED' });
    expect(inUse(control)).toBe(1);
    session.beat();
    expect(await session.link.next('heartbeatAnswer')).toMatchObject({ epoch: 1 });
  });

  it('is bound to by a resume that takes no seat, also where the pool is full', async () => {
    const cluster = await Cluster.start();
    const control = await cluster.control();
    const session = await cluster.session(control);
    for (let seats = 0; seats < 3; seats++) await session.hold();
    const resumed = await session.resume(await cluster.link(control));
    expect(resumed).toMatchObject({ t: 'resumed', epoch: 2, grants: [{}, {}, {}] });
    expect(inUse(control)).toBe(3);
  });
});

describe('a revoked grant', () => {
  it('is ending: it counts until the client has acknowledged, and every heartbeat names it', async () => {
    const cluster = await Cluster.start();
    const control = await cluster.control();
    const session = await cluster.session(control);
    const grant = await session.hold();
    const from = session.link.heard.length;
    const outcome = await (await cluster.link(control)).admin(control.adminToken, {
      verb: 'revoke',
      grants: [grant.id],
      reason: 'maintenance',
    });
    expect(outcome).toMatchObject({ t: 'adminAnswer' });
    const notice = { grant: grant.id, reason: 'revoked', note: 'maintenance' };
    expect(await session.link.next('ending', { from })).toMatchObject({ grants: [notice] });
    expect(inUse(control)).toBe(1);
    session.beat();
    expect(await session.link.next('heartbeatAnswer')).toMatchObject({ ending: [notice] });
    expect(await session.acknowledge(grant.id)).toMatchObject({ t: 'done' });
    expect(inUse(control)).toBe(0);
    session.beat();
    expect(await session.link.next('heartbeatAnswer')).toMatchObject({ ending: [] });
  });

  it('is settled when its hold has passed without an acknowledgement, although the session lives on', async () => {
    const cluster = await Cluster.start();
    const control = await cluster.control();
    const session = await cluster.session(control);
    const grant = await session.hold();
    await (await cluster.link(control)).admin(control.adminToken, { verb: 'revoke', grants: [grant.id], reason: 'x' });
    for (let second = 0; second < 11; second++) {
      session.beat();
      await cluster.run(1_000);
      expect(inUse(control)).toBe(1);
    }
    await cluster.run(400);
    expect(inUse(control)).toBe(0);
    session.beat();
    expect(await session.link.next('heartbeatAnswer')).toMatchObject({ ending: [] });
  });

  it('stays ending over a failover, and its hold starts afresh there', async () => {
    const cluster = await Cluster.start({ failback: 'sticky' });
    const first = await cluster.control();
    const session = await cluster.session(first);
    const grant = await session.hold();
    await (await cluster.link(first)).admin(first.adminToken, { verb: 'revoke', grants: [grant.id], reason: 'x' });
    await cluster.run(9_000);
    const control = await failOver(cluster);
    expect(await session.resume(await cluster.link(control))).toMatchObject({
      grants: [{ id: grant.id, state: 'ending', ending: { reason: 'revoked' } }],
    });
    session.beat();
    expect(await session.link.next('heartbeatAnswer')).toMatchObject({ ending: [{ grant: grant.id }] });
    await cluster.run(9_000);
    expect(inUse(control)).toBe(1);
    session.beat();
    await cluster.run(3_000);
    expect(inUse(control)).toBe(0);
  });
});

describe('a feature with reclaim "disconnect"', () => {
  const features = [
    { name: 'compare', version: '12.0', count: 3, leaseSeconds: 10, reclaim: 'disconnect' as const },
    { name: 'build', version: '12.0', count: 3, leaseSeconds: 10 },
  ];

  it('is released at once by an orderly end that the server in control reads, and only what ends with it', async () => {
    const cluster = await Cluster.start({ features });
    const control = await cluster.control();
    const session = await cluster.session(control);
    const gone = await session.hold();
    const kept = await session.hold({ feature: 'build' });
    session.link.close();
    await cluster.run(50);
    expect(inUse(control)).toBe(0);
    expect(await session.resume(await cluster.link(control))).toMatchObject({
      grants: [{ id: kept.id }],
      ended: [{ grant: gone.id, reason: 'disconnected' }],
    });
  });

  it('is released, too, where the end overtakes the checkout', async () => {
    const cluster = await Cluster.start({ features });
    const control = await cluster.control();
    const opening = await cluster.session(control);
    opening.link.send(opening.checkoutMessage());
    opening.link.close();
    const later = await cluster.session(control);
    await later.hold({ feature: 'build' });
    later.link.send(later.checkoutMessage());
    later.link.close();
    await cluster.run(50);
    expect(inUse(control)).toBe(0);
    expect(control.server.inspect().ledger.summary().sessions).toBe(2);
  });

  it('is kept for its hold after a reset, and after a change of control', async () => {
    const cluster = await Cluster.start({ features });
    const control = await cluster.control();
    const [reset, moved] = [await cluster.session(control), await cluster.session(control)];
    await reset.hold();
    await moved.hold();
    reset.link.abort();
    await cluster.run(1_000);
    expect(inUse(control)).toBe(2);
    const next = await failOver(cluster);
    // Its new connection has not resumed yet: its end is not the session's.
    const link = await cluster.link(next);
    link.close();
    moved.link.close();
    await cluster.run(1_000);
    expect(inUse(next)).toBe(2);
  });

  it('is kept where the server closes the connection', async () => {
    const cluster = await Cluster.start({ features });
    const control = await cluster.control();
    const session = await cluster.session(control);
    await session.hold();
    for (let bad = 0; bad < 16; bad++) session.link.sendText('nonsense');
    await cluster.until('the end', () => session.link.closed !== undefined);
    await cluster.run(1_000);
    expect(inUse(control)).toBe(1);
  });
});

describe('license time', () => {
  it('ends a feature by a tick when it is due, and at no other time', async () => {
    const cluster = await Cluster.start({
      features: [
        { name: 'compare', version: '12.0', count: 3, leaseSeconds: 10, expiresAt: '2026-01-01T00:01:00Z' },
        { name: 'build', version: '12.0', count: 3, leaseSeconds: 10 },
      ],
    });
    const control = await cluster.control();
    const session = await cluster.session(control);
    const grant = await session.hold();
    await session.hold({ feature: 'build' });
    const indexBefore = control.server.inspect().consensus?.lastIndex;
    while (cluster.world.nowMs < 59_900) {
      session.beat();
      await cluster.run(100);
    }
    expect(inUse(control)).toBe(1);
    expect(control.server.inspect().consensus?.lastIndex).toBe(indexBefore);
    expect(await session.link.next('ended')).toMatchObject({ grants: [{ grant: grant.id, reason: 'expired' }] });
    expect(cluster.world.nowMs).toBeGreaterThanOrEqual(60_000);
    expect(cluster.world.nowMs).toBeLessThan(60_100);
    expect(await session.checkout()).toMatchObject({ t: 'denied', denial: { code: 'EXPIRED' } });
    expect(control.server.inspect().ledger.pools()[0]?.inUse).toBe(0);
  });
});
