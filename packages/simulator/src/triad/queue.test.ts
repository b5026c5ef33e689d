import { describe, expect, it } from 'vitest';
import { Cluster } from '../cluster/cluster.ts';
import type { ClusterServer } from '../cluster/cluster-server.ts';
import type { ScriptedSession } from '../cluster/scripted-session.ts';

const one = [
  { name: 'compare', version: '12.0', count: 1, leaseSeconds: 10 },
  { name: 'build', version: '12.0', count: 9, leaseSeconds: 60 },
];

const wait = { waitMs: 60_000 };

/** Whose session holds the one seat. */
function holder(server: ClusterServer): string | undefined {
  return [...server.server.inspect().ledger.grants()].find(({ feature }) => feature === 'compare')?.session;
}

/** Sessions with a long lease of their own, so that only what a test says makes them silent. */
async function sessions(cluster: Cluster, control: ClusterServer, count: number): Promise<ScriptedSession[]> {
  const made: ScriptedSession[] = [];
  for (let at = 0; at < count; at++) {
    const session = await cluster.session(control);
    await session.hold({ feature: 'build' });
    made.push(session);
  }
  return made;
}

/** Lets time go by while these sessions' hearts beat. */
async function runBeating(cluster: Cluster, beating: readonly ScriptedSession[], forMs: number): Promise<void> {
  for (let goneMs = 0; goneMs < forMs; goneMs += 500) {
    for (const session of beating) session.beat();
    await cluster.run(Math.min(500, forMs - goneMs));
  }
}

describe('a queue', () => {
  it('serves in the order of asking, each as soon as a seat is free', async () => {
    const cluster = await Cluster.start({ features: one });
    const control = await cluster.control();
    const [a, b, c] = (await sessions(cluster, control, 3)) as [ScriptedSession, ScriptedSession, ScriptedSession];
    const seat = await a.hold();
    expect(await b.checkout(wait)).toMatchObject({ t: 'queued', place: { position: 1 } });
    expect(await c.checkout(wait)).toMatchObject({ t: 'queued', place: { position: 2 } });
    const [bFrom, cFrom] = [b.link.heard.length, c.link.heard.length];
    await a.checkin(seat.id);
    const toB = await b.link.next('granted', { from: bFrom });
    expect(toB).toMatchObject({ seq: b.seq, epoch: 1, grant: { feature: 'compare', checkoutSeq: b.seq } });
    expect(toB.id).toBeUndefined();
    await b.checkin(toB.grant.id);
    expect(await c.link.next('granted', { from: cFrom })).toMatchObject({ seq: c.seq });
  });

  it('lets nobody pass who asks later, with or without the wish to wait, also in the same moment', async () => {
    const cluster = await Cluster.start({ features: one });
    const control = await cluster.control();
    const [a, b, c, d] = (await sessions(cluster, control, 4)) as [
      ScriptedSession,
      ScriptedSession,
      ScriptedSession,
      ScriptedSession,
    ];
    const seat = await a.hold();
    // The place of `d` is unbound: those who come might pass it, but not `b`, whose place is only on its way.
    await d.checkout(wait);
    d.link.abort();
    await cluster.run(1_500);
    for (const { host } of [a.link, b.link, c.link]) {
      cluster.network.setLatency({ minMs: 1, maxMs: 1 }, { from: host, to: control.name });
    }
    b.link.send(b.checkoutMessage(wait));
    await cluster.run(0.5);
    a.link.send({ t: 'checkin', ...a.nextRequest(), grant: seat.id });
    await cluster.run(0.5);
    c.link.send(c.checkoutMessage());
    await cluster.until('an answer', () => c.link.heard.some(({ t }) => t === 'denied'));
    await cluster.until('a holder', () => holder(control) !== undefined);
    expect(holder(control)).toBe(b.id);
  });

  it('passes over entries that are not bound, and they keep their place', async () => {
    const cluster = await Cluster.start({ features: one });
    const control = await cluster.control();
    const [a, b, c] = (await sessions(cluster, control, 3)) as [ScriptedSession, ScriptedSession, ScriptedSession];
    const seat = await a.hold();
    await b.checkout(wait);
    await c.checkout(wait);
    b.link.abort();
    await cluster.run(10);
    const cFrom = c.link.heard.length;
    await a.checkin(seat.id);
    const toC = await c.link.next('granted', { from: cFrom });
    expect(await b.resume(await cluster.link(control))).toMatchObject({ queue: [{ feature: 'compare', position: 1 }] });
    const bFrom = b.link.heard.length;
    await c.checkin(toC.grant.id);
    await b.link.next('granted', { from: bFrom });
    expect(holder(control)).toBe(b.id);
  });

  it('loses an unbound entry when its hold has passed', async () => {
    const cluster = await Cluster.start({ features: one });
    const control = await cluster.control();
    const [a, b] = (await sessions(cluster, control, 2)) as [ScriptedSession, ScriptedSession];
    await a.hold();
    await b.checkout(wait);
    b.link.abort();
    await runBeating(cluster, [a], 11_000);
    expect(control.server.inspect().ledger.summary().queued).toBe(1);
    await runBeating(cluster, [a], 500);
    expect(control.server.inspect().ledger.summary().queued).toBe(0);
    expect(await b.resume(await cluster.link(control))).toMatchObject({ t: 'resumed', queue: [] });
  });

  it('serves who asks anew where nobody in it is bound', async () => {
    const cluster = await Cluster.start({ features: one });
    const control = await cluster.control();
    const [a, b, c] = (await sessions(cluster, control, 3)) as [ScriptedSession, ScriptedSession, ScriptedSession];
    const seat = await a.hold();
    await b.checkout(wait);
    b.link.abort();
    await cluster.run(1_500);
    await a.checkin(seat.id);
    expect(await c.checkout()).toMatchObject({ t: 'granted' });
  });

  it('ends a wait at its limit, with a denial that has a code', async () => {
    const cluster = await Cluster.start({ features: one });
    const control = await cluster.control();
    const [a, b] = (await sessions(cluster, control, 2)) as [ScriptedSession, ScriptedSession];
    await a.hold();
    const message = { ...b.checkoutMessage({ waitMs: 3_000 }), awaited: 1 };
    expect(await b.link.ask(message)).toMatchObject({ t: 'queued' });
    const queuedMs = cluster.world.nowMs;
    const denied = await b.link.next('denied');
    expect(denied).toMatchObject({ seq: b.seq, denial: { code: 'WAIT_OVER', feature: 'compare', count: 1, inUse: 1 } });
    expect(cluster.world.nowMs - queuedMs).toBeGreaterThan(2_990);
    expect(cluster.world.nowMs - queuedMs).toBeLessThan(3_100);
    expect(await b.repeat(message)).toMatchObject({ t: 'denied', denial: denied.denial });
    expect(control.server.inspect().ledger.summary().queued).toBe(0);
  });

  it('tells those who wait for a feature that a reload removes', async () => {
    const cluster = await Cluster.start({ features: one });
    const control = await cluster.control();
    const [a, b] = (await sessions(cluster, control, 2)) as [ScriptedSession, ScriptedSession];
    await a.hold();
    await b.checkout(wait);
    const license = await cluster.signLicense({ id: 'license-2', features: one.slice(1) });
    const from = b.link.heard.length;
    const outcome = await (await cluster.link(control)).admin(control.adminToken, { verb: 'reload', license });
    expect(outcome).toMatchObject({ t: 'adminAnswer' });
    expect(await b.link.next('denied', { from })).toMatchObject({ seq: b.seq, denial: { code: 'UNKNOWN_FEATURE' } });
    expect(await a.link.next('ending', { from: 0 })).toMatchObject({ grants: [{ reason: 'removed' }] });
  });

  it('gives a place back that is cancelled, and says so where the seat was granted meanwhile', async () => {
    const cluster = await Cluster.start({ features: one });
    const control = await cluster.control();
    const [a, b] = (await sessions(cluster, control, 2)) as [ScriptedSession, ScriptedSession];
    const seat = await a.hold();
    await b.checkout(wait);
    expect(await b.cancel(b.seq)).toMatchObject({ t: 'done' });
    expect(control.server.inspect().ledger.summary().queued).toBe(0);
    await b.checkout(wait);
    const waiting = b.seq;
    await a.checkin(seat.id);
    await cluster.run(50);
    expect(await b.cancel(waiting)).toMatchObject({ t: 'granted', grant: { checkoutSeq: waiting } });
  });
});

describe('in a new term', () => {
  it('the head of a queue is awaited for a second, and then passed over', async () => {
    const cluster = await Cluster.start({ features: one, failback: 'sticky' });
    const first = await cluster.control();
    const [a, b, c, d] = (await sessions(cluster, first, 4)) as [
      ScriptedSession,
      ScriptedSession,
      ScriptedSession,
      ScriptedSession,
    ];
    const seat = await a.hold();
    await b.checkout(wait);
    await c.checkout(wait);
    first.kill();
    const control = await cluster.control();
    const gainedMs = cluster.world.nowMs;
    // The head, `b`, does not come back.
    await a.resume(await cluster.link(control));
    await c.resume(await cluster.link(control));
    await d.resume(await cluster.link(control));
    await a.checkin(seat.id);
    expect(await d.checkout()).toMatchObject({ t: 'denied', denial: { code: 'NO_SEATS' } });
    await cluster.run(800);
    expect(holder(control)).toBeUndefined();
    await cluster.until('the next in the queue', () => holder(control) !== undefined);
    expect(holder(control)).toBe(c.id);
    expect(cluster.world.nowMs - gainedMs).toBeLessThan(1_100);
    expect(cluster.world.nowMs - gainedMs).toBeGreaterThan(900);
  });

  it('the order of a queue is kept, whoever resumes first', async () => {
    const cluster = await Cluster.start({ features: one, failback: 'sticky' });
    const first = await cluster.control();
    const [a, b, c] = (await sessions(cluster, first, 3)) as [ScriptedSession, ScriptedSession, ScriptedSession];
    const seat = await a.hold();
    await b.checkout(wait);
    await c.checkout(wait);
    first.kill();
    const control = await cluster.control();
    await c.resume(await cluster.link(control));
    await a.resume(await cluster.link(control));
    await a.checkin(seat.id);
    expect(holder(control)).toBeUndefined();
    await b.resume(await cluster.link(control));
    await cluster.until('the head of the queue', () => holder(control) !== undefined);
    expect(holder(control)).toBe(b.id);
  });
});
