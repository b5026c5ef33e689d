import { describe, expect, it } from 'vitest';
import { Cluster } from '../cluster/cluster.ts';

/** The lease of the sample feature and the hold that goes with it: lease × 1.01 + 1 s. */
const leaseMs = 10_000;
const holdMs = 11_100;

const short = { name: 'compare', version: '12.0', count: 3, leaseSeconds: 10 };
const long = { name: 'build', version: '12.0', count: 3, leaseSeconds: 30 };

async function inUse(cluster: Cluster): Promise<number> {
  return cluster.inControl()[0]?.server.inspect().ledger.pools()[0]?.inUse ?? -1;
}

describe('a heartbeat', () => {
  it('is answered with its number, the epoch and the shortest lease', async () => {
    const cluster = await Cluster.start({ features: [short, long] });
    const session = await cluster.session(await cluster.control());
    await session.hold({ feature: 'build' });
    session.beat();
    expect(await session.link.next('heartbeatAnswer')).toMatchObject({ number: 1, epoch: 1, leaseMs: 30_000 });
    await session.hold({ feature: 'compare' });
    session.beat();
    expect(await session.link.next('heartbeatAnswer')).toMatchObject({
      number: 2,
      epoch: 1,
      leaseMs: 10_000,
      ending: [],
    });
  });

  it('is answered only by a round that began after it came: not without one, not by an older one, not by any other ack', async () => {
    const roundTripMs = 60;
    const cluster = await Cluster.start({ latency: { minMs: roundTripMs / 2, maxMs: roundTripMs / 2 } });
    const control = await cluster.control();
    const [session, other] = [await cluster.session(control), await cluster.session(control)];
    for (const { host } of [session.link, other.link]) {
      cluster.network.setLatency({ minMs: 0, maxMs: 0 }, { from: host, to: control.name });
      cluster.network.setLatency({ minMs: 0, maxMs: 0 }, { from: control.name, to: host });
    }
    await session.hold();
    await other.checkout({ feature: 'nothing' });
    for (let turn = 0; turn < 40; turn++) {
      // At every phase of the rounds, and with acknowledgements of other sessions' commands on their way.
      await cluster.run(7);
      if (turn % 2 === 0) other.link.send(other.checkoutMessage({ feature: 'nothing' }));
      await cluster.run(13);
      const sentMs = cluster.world.nowMs;
      session.beat();
      await session.link.next('heartbeatAnswer');
      expect(cluster.world.nowMs - sentMs).toBeGreaterThanOrEqual(roundTripMs);
      expect(cluster.world.nowMs - sentMs).toBeLessThanOrEqual(roundTripMs + 101);
    }
  });

  it('is not answered while a reclaim is under way, although a resume from before it was committed meanwhile', async () => {
    // One entry at a time, so that much time goes by between the commits of a resume and of the reclaim behind it.
    const cluster = await Cluster.start({
      latency: { minMs: 10, maxMs: 10 },
      raft: { appendEntriesMax: 1, appendsInFlightMax: 1 },
    });
    const control = await cluster.control();
    const session = await cluster.session(control);
    const grant = await session.hold();
    const other = await cluster.session(control);
    await other.checkout({ feature: 'nothing' });
    // Nothing is committed for longer than the hold; rounds go on.
    const standbys = cluster.servers.filter((server) => server !== control);
    const goOn = standbys.map(({ disk }) => disk.stall());
    const link = await cluster.link(control);
    session.link = link;
    link.send(session.resumeMessage());
    await cluster.run(10);
    for (let more = 0; more < 20; more++) other.link.send(other.checkoutMessage({ feature: 'nothing' }));
    await cluster.run(holdMs);
    for (const end of goOn) end();
    session.noting(await link.next('resumed'));
    session.beat();
    expect(await link.next('heartbeatRefused')).toMatchObject({ code: 'RESUME' });
    expect(control.server.inspect().ledger.grant(grant.id), 'its reclaim is still under way').toBeDefined();
    expect(await session.resume()).toMatchObject({ t: 'error', code: 'ENDED', reason: 'reclaimed' });
  });

  it('shares its round with all that wait: at most one in 100 ms', async () => {
    const cluster = await Cluster.start({ latency: { minMs: 0, maxMs: 0 } });
    const control = await cluster.control();
    const sessions = [await cluster.session(control), await cluster.session(control), await cluster.session(control)];
    for (const session of sessions) await session.hold();
    await cluster.run(100);
    const answeredMs = new Set<number>();
    for (let turn = 0; turn < 50; turn++) {
      for (const session of sessions) session.beat();
      await cluster.run(10);
    }
    await cluster.run(200);
    for (const session of sessions) {
      expect(session.link.heard.filter(({ t }) => t === 'heartbeatAnswer')).toHaveLength(50);
      for (const ms of session.link.heardMs('heartbeatAnswer')) answeredMs.add(ms);
    }
    expect(answeredMs.size).toBeLessThanOrEqual(7);
  });

  it('of a server that is cut off extends nothing: it is never answered, and then refused', async () => {
    const cluster = await Cluster.start();
    const control = await cluster.control();
    const session = await cluster.session(control);
    await session.hold();
    cluster.network.partition(
      [control.name],
      cluster.servers.filter((s) => s !== control).map((s) => s.name),
    );
    session.beat();
    const refused = await session.link.next('heartbeatRefused');
    expect(refused.code).toBe('NO_QUORUM');
    expect(session.link.heard.some(({ t }) => t === 'heartbeatAnswer')).toBe(false);
    await cluster.until('isolation', () => control.state === 'isolated');
    session.beat();
    expect(await session.link.next('heartbeatRefused')).toMatchObject({ code: 'NO_QUORUM' });
    expect(await session.checkout()).toMatchObject({ t: 'error', code: 'NO_QUORUM', retryable: true });
  });

  it('on an unbound connection is answered RESUME and counts for nothing', async () => {
    const cluster = await Cluster.start();
    const control = await cluster.control();
    const session = await cluster.session(control);
    await session.hold();
    session.link.abort();
    session.link = await cluster.link(control);
    for (let turn = 0; turn < 12; turn++) {
      await cluster.run(1_000);
      session.beat();
    }
    const answers = session.link.heard.flatMap((message) => (message.t === 'heartbeatRefused' ? [message.code] : []));
    expect(answers.slice(0, 10)).toEqual(Array(10).fill('RESUME'));
    // In spite of them the session was silent for its hold, and is gone.
    expect(await inUse(cluster)).toBe(0);
    session.beat();
    expect(await session.link.next('heartbeatRefused')).toMatchObject({ code: 'ENDED' });
  });
});

describe('a silent session', () => {
  it('is reclaimed a hold after its last heartbeat was received, not sooner', async () => {
    const cluster = await Cluster.start();
    const session = await cluster.session(await cluster.control());
    await session.hold();
    await cluster.run(5_000);
    session.beat();
    await session.link.next('heartbeatAnswer');
    const heardMs = cluster.world.nowMs;
    // The answer took a round: the heartbeat was received at most 110 ms before it.
    await cluster.run(holdMs - 120);
    expect(await inUse(cluster)).toBe(1);
    await cluster.until('the reclaim', () => cluster.inControl()[0]?.server.inspect().ledger.pools()[0]?.inUse === 0);
    expect(cluster.world.nowMs - heardMs).toBeLessThan(holdMs + 50);
    expect(cluster.world.nowMs - heardMs).toBeGreaterThan(leaseMs);
  });

  it('does not keep its seat by commands of others, nor lose it while its own commands come', async () => {
    const cluster = await Cluster.start({ features: [{ ...short, count: 10 }] });
    const control = await cluster.control();
    const [silent, busy] = [await cluster.session(control), await cluster.session(control)];
    await silent.hold();
    const kept = await busy.hold();
    for (let turn = 0; turn < 3; turn++) {
      await cluster.run(holdMs - 3_000);
      await busy.checkin((await busy.hold()).id);
    }
    expect(await inUse(cluster)).toBe(1);
    expect(control.server.inspect().ledger.grant(kept.id)).toBeDefined();
  });

  it('whose reclaim is under way is not answered, although a quorum confirms every round', async () => {
    const cluster = await Cluster.start();
    const control = await cluster.control();
    const session = await cluster.session(control);
    await session.hold();
    const others = cluster.servers.filter((server) => server !== control);
    // A disk that hangs keeps the reclaim from being committed, but not a round from being acknowledged.
    await cluster.run(holdMs - 100);
    const endStalls = others.map(({ disk }) => disk.stall());
    await cluster.run(250);
    expect(await inUse(cluster)).toBe(1);
    session.beat();
    const resume = session.resumeMessage();
    session.link.send(resume);
    await cluster.run(400);
    expect(control.state).toBe('in-control');
    expect(session.link.heard.some(({ t }) => t === 'heartbeatAnswer' || t === 'resumed')).toBe(false);
    for (const end of endStalls) end();
    expect(await session.link.answer(resume.id)).toMatchObject({ t: 'error', code: 'ENDED', reason: 'reclaimed' });
    expect(await inUse(cluster)).toBe(0);
  });

  it('loses the grants whose hold has passed; then RESUME, and the list of what stands', async () => {
    const cluster = await Cluster.start({ features: [short, long] });
    const session = await cluster.session(await cluster.control());
    const gone = await session.hold({ feature: 'compare' });
    const kept = await session.hold({ feature: 'build' });
    await cluster.run(holdMs + 200);
    expect(await inUse(cluster)).toBe(0);
    session.beat();
    expect(await session.link.next('heartbeatRefused')).toMatchObject({ code: 'RESUME' });
    expect(await session.checkout({ feature: 'build' })).toMatchObject({ t: 'error', code: 'RESUME' });
    session.seq--;
    expect(await session.resume()).toMatchObject({
      t: 'resumed',
      grants: [{ id: kept.id, state: 'active' }],
      ended: [{ grant: gone.id, reason: 'reclaimed' }],
    });
    session.beat();
    expect(await session.link.next('heartbeatAnswer')).toMatchObject({ leaseMs: 30_000 });
    expect(await session.checkout({ feature: 'build' })).toMatchObject({ t: 'granted' });
  });

  it('ends as a whole when its longest hold has passed, and its id is remembered', async () => {
    const cluster = await Cluster.start({ features: [short, long] });
    const session = await cluster.session(await cluster.control());
    await session.hold({ feature: 'compare' });
    await session.hold({ feature: 'build' });
    await cluster.run(31_500);
    expect((await cluster.status(cluster.server(1))).sessions).toBe(0);
    expect(await session.resume()).toMatchObject({ t: 'error', code: 'ENDED', reason: 'reclaimed' });
  });

  it('without grants ends by the default lease, also where it held a longer one before', async () => {
    const cluster = await Cluster.start({
      features: [{ ...long, leaseSeconds: 3_600 }],
      settings: { leaseMs: 20_000 },
    });
    const session = await cluster.session(await cluster.control());
    await session.checkin((await session.hold({ feature: 'build' })).id);
    await cluster.run(20_900);
    expect((await cluster.status(cluster.server(1))).sessions).toBe(1);
    await cluster.run(500);
    expect((await cluster.status(cluster.server(1))).sessions).toBe(0);
  });
});

describe('holds', () => {
  it('start afresh with every new control', async () => {
    const cluster = await Cluster.start({ failback: 'sticky' });
    const first = await cluster.control();
    const session = await cluster.session(first);
    await session.hold();
    await cluster.run(holdMs - 1_500);
    first.kill();
    const second = await cluster.control();
    const gainedMs = cluster.world.nowMs;
    await cluster.run(holdMs - 300);
    expect(second.server.inspect().ledger.pools()[0]?.inUse).toBe(1);
    const stillMs = cluster.world.nowMs;
    expect(stillMs - gainedMs).toBeGreaterThan(leaseMs);
    await cluster.run(500);
    expect(second.server.inspect().ledger.pools()[0]?.inUse).toBe(0);
  });

  it('do not pass while fewer than two servers are up, and start afresh when a quorum returns', async () => {
    const cluster = await Cluster.start();
    const control = await cluster.control();
    const session = await cluster.session(control);
    const grant = await session.hold();
    for (const server of cluster.servers) if (server !== control) server.kill();
    await cluster.run(5 * holdMs);
    expect(control.server.inspect().ledger.grant(grant.id)?.state).toBe('active');
    const again = await cluster.startAll();
    await cluster.run(holdMs - 500);
    const answer = await session.resume(await cluster.link(again));
    expect(answer).toMatchObject({ t: 'resumed', grants: [{ id: grant.id }] });
  });

  it('are extended by a stall of the server that is longer than the margin', async () => {
    const cluster = await Cluster.start({ servers: 1 });
    const control = await cluster.control();
    const session = await cluster.session(control);
    await session.hold();
    await cluster.run(9_000);
    // The connection has just been used: nothing but the heartbeat comes during the stall.
    await session.link.status();
    control.runtime.pause();
    await cluster.run(3_000);
    // The server finds it only after its own timers, which are late: the hold has passed by the clock.
    session.beat();
    await cluster.run(500);
    control.runtime.resume();
    await session.link.next('heartbeatAnswer');
    expect(await inUse(cluster)).toBe(1);
    await cluster.run(holdMs + 100);
    expect(await inUse(cluster)).toBe(0);
  });

  it('survive a power cut of all three: the ledger is replayed and sessions resume', async () => {
    const cluster = await Cluster.start();
    const session = await cluster.session(await cluster.control());
    const grant = await session.hold();
    for (const server of cluster.servers) server.kill();
    await cluster.run(60_000);
    const control = await cluster.startAll();
    expect(await session.resume(await cluster.link(control))).toMatchObject({
      t: 'resumed',
      grants: [{ id: grant.id }],
    });
  });
});
