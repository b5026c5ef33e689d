import { describe, expect, test } from 'vitest';
import { LogicWorld, type LogicWorldOptions } from '../testing/logic-world.ts';
import { requestsInFlightMax } from './timing.ts';

function serving(options: LogicWorldOptions = {}): LogicWorld {
  const world = new LogicWorld(options);
  world.triad.giveControl(1);
  return world;
}

const seats = (count: number) => ({ features: [{ name: 'compare', count }] });

describe('a checkout', () => {
  test('dials the best address alone, and is granted over it', () => {
    const world = serving();
    const client = world.client();
    const grant = client.hold();
    expect(client.dialled).toEqual(['mem://primary:1']);
    expect(client.stateOf(grant)).toBe('holding');
    expect(client.holds(grant)).toBe(true);
    expect(world.nowMs).toBeLessThan(10);
  });

  test('follows the hint of a stand-by before the next address has its turn', () => {
    const world = new LogicWorld();
    world.triad.giveControl(3);
    const client = world.client();
    client.hold();
    expect(client.dialled).toEqual(['mem://primary:1', 'mem://tertiary:1']);
    expect(world.nowMs).toBeLessThan(15);
    expect(client.openLinks()).toHaveLength(1);
  });

  test('is denied with the facts, and denies nothing to the next one', () => {
    const world = serving(seats(1));
    const client = world.client();
    const grant = client.hold();
    const call = client.checkout();
    world.run(50);
    expect(client.failure(call)).toMatchObject({ code: 'DENIED', denial: { code: 'NO_SEATS', count: 1, inUse: 1 } });
    client.checkin(grant);
    client.hold();
  });

  test('more at once than may be under way wait their turn', () => {
    const world = serving({ features: [{ name: 'compare', count: 'uncounted' }] });
    const client = world.client();
    client.hold();
    world.commitMs = 50;
    const calls = Array.from({ length: 1_000 }, () => client.checkout());
    world.run(30);
    expect(client.sent).toHaveLength(1 + requestsInFlightMax);
    world.run(300);
    expect(calls.every((call) => client.outcomes.get(call)?.kind === 'granted')).toBe(true);
  });

  test('many at once go as one burst once the session is open, and are granted each', () => {
    const world = serving({ features: [{ name: 'compare', count: 'uncounted' }] });
    const client = world.client();
    const calls = Array.from({ length: 100 }, () => client.checkout());
    world.run(30);
    expect(calls.map((call) => client.outcomes.get(call)?.kind)).toEqual(calls.map(() => 'granted'));
    expect(client.sent.map(({ message }) => message.seq)).toEqual(calls.map((_, at) => at + 1));
    expect(client.sent.at(-1)?.message.awaited).toBe(2);
  });
});

describe('a checkout that waits', () => {
  test('keeps its place by heartbeats and gets the next free seat', () => {
    const world = serving(seats(1));
    const [ann, bob] = [world.client('ann'), world.client('bob')];
    const grant = ann.hold();
    const call = bob.checkout({ waitMs: 120_000 });
    world.run(100_000);
    expect(bob.outcomes.has(call)).toBe(false);
    expect(bob.queueNews).toEqual([1]);
    ann.checkin(grant);
    world.run(200);
    expect(bob.outcomes.get(call)?.kind).toBe('granted');
    expect(bob.heldSeats()).toBe(1);
  });

  test('is denied by the servers when its wait is over', () => {
    const world = serving(seats(1));
    const [ann, bob] = [world.client('ann'), world.client('bob')];
    ann.hold();
    const call = bob.checkout({ waitMs: 3_000 });
    world.run(3_500);
    expect(bob.failure(call)).toMatchObject({ denial: { code: 'WAIT_OVER', message: 'The wait is over.' } });
  });

  test('ends by its own limit where the servers say nothing', () => {
    const world = serving(seats(1));
    const [ann, bob] = [world.client('ann'), world.client('bob')];
    ann.hold();
    const call = bob.checkout({ waitMs: 3_000 });
    world.run(500);
    world.triad.reclaim = () => undefined;
    world.run(4_000);
    expect(bob.failure(call)).toMatchObject({ denial: { code: 'WAIT_OVER' } });
    world.run(100);
    expect(world.triad.ledger.summary().queued).toBe(0);
  });

  test('that is given up leaves the queue', () => {
    const world = serving(seats(1));
    const [ann, bob] = [world.client('ann'), world.client('bob')];
    ann.hold();
    const call = bob.checkout({ waitMs: 60_000 });
    world.run(100);
    expect(world.triad.ledger.summary().queued).toBe(1);
    bob.abandon(call);
    world.run(100);
    expect(world.triad.ledger.summary().queued).toBe(0);
    expect(bob.isKeptAlive).toBe(false);
  });

  test('that is given up just as it is granted gives the seat back', () => {
    const world = serving(seats(1));
    const [ann, bob] = [world.client('ann'), world.client('bob')];
    const grant = ann.hold();
    const call = bob.checkout({ waitMs: 60_000 });
    world.run(100);
    ann.checkin(grant);
    world.runUntil(() => world.triad.ledger.summary().queued === 0);
    bob.abandon(call);
    world.run(100);
    expect(bob.outcomes.has(call)).toBe(false);
    expect(world.triad.ledger.summary().grants).toBe(0);
  });
});

describe('a checkout that is given up', () => {
  test('before it was sent leaves no trace', () => {
    const world = new LogicWorld();
    const client = world.client();
    const call = client.checkout();
    world.run(200);
    client.abandon(call);
    world.triad.giveControl(1);
    world.run(200);
    expect(client.sent).toEqual([]);
    expect(client.outcomes.size).toBe(0);
  });

  test('under way and then queued leaves the queue', () => {
    const world = serving(seats(1));
    const [ann, bob] = [world.client('ann'), world.client('bob')];
    ann.hold();
    const call = bob.checkout({ waitMs: 60_000 });
    world.runUntil(() => bob.sent.length === 1);
    bob.abandon(call);
    world.run(100);
    expect(bob.sent.map(({ message }) => message.t)).toEqual(['checkout', 'cancel']);
    expect(world.triad.ledger.summary().queued).toBe(0);
  });

  test('under way is seen through, and its seat given back', () => {
    const world = serving();
    const client = world.client();
    const call = client.checkout();
    world.runUntil(() => client.sent.length === 1);
    client.abandon(call);
    world.run(100);
    expect(client.sent.map(({ message }) => message.t)).toEqual(['checkout', 'checkin']);
    expect(world.triad.ledger.summary().grants).toBe(0);
  });
});

describe('without a server in control', () => {
  test('no answer of a candidate is passed on before controlWait is over: then NO_QUORUM', () => {
    const world = new LogicWorld();
    const client = world.client();
    const call = client.checkout();
    world.run(9_990);
    expect(client.outcomes.has(call)).toBe(false);
    world.run(20);
    expect(client.failure(call)).toMatchObject({ code: 'NO_QUORUM' });
    expect(client.sent).toEqual([]);
  });

  test('control decided in time is used the moment it is told, without a poll', () => {
    const world = new LogicWorld();
    const client = world.client();
    const call = client.checkout();
    world.run(3_000);
    world.triad.giveControl(2);
    world.run(10);
    expect(client.outcomes.get(call)?.kind).toBe('granted');
    expect(client.sent).toHaveLength(1);
    expect(client.dialled).toHaveLength(3);
  });

  test('unreachable servers are dialled again, ever less often, and named: NO_SERVER', () => {
    const world = serving();
    for (const rank of [1, 2, 3]) world.triad.server(rank).isUp = false;
    const client = world.client();
    const call = client.checkout();
    world.run(10_010);
    expect(client.failure(call)).toMatchObject({
      code: 'NO_SERVER',
      details: { servers: [{ code: 'DIAL_REFUSED' }, {}, {}] },
    });
    expect(client.dialled.length).toBeGreaterThan(9);
    expect(client.dialled.length).toBeLessThan(30);
    const before = client.dialled.length;
    world.run(60_000);
    expect(client.dialled.length).toBe(before);
  });

  test('servers that all are not trusted fail it at once', () => {
    const world = serving();
    const client = world.client();
    for (const rank of [1, 2, 3]) client.refuses.set(rank, 'SERVER_NOT_TRUSTED');
    const call = client.checkout();
    world.run(500);
    expect(client.failure(call)).toMatchObject({ code: 'SERVER_NOT_TRUSTED' });
    expect(client.clientEvents.map(({ type }) => type)).toEqual(['serverRefused', 'serverRefused', 'serverRefused']);
  });

  test('servers that were not trusted are asked anew by the next call', () => {
    const world = serving();
    const client = world.client();
    for (const rank of [1, 2, 3]) client.refuses.set(rank, 'SERVER_NOT_TRUSTED');
    client.checkout();
    world.run(500);
    client.refuses.clear();
    client.hold();
  });

  test('one that is not trusted does not spoil the others', () => {
    const world = new LogicWorld();
    world.triad.giveControl(2);
    const client = world.client();
    client.refuses.set(1, 'SERVER_NOT_TRUSTED');
    client.hold();
  });
});

describe('a session that holds nothing', () => {
  test('sends no heartbeats and keeps nobody alive', () => {
    const world = serving();
    const client = world.client();
    client.checkin(client.hold());
    world.run(100);
    expect(client.isKeptAlive).toBe(false);
    client.sent.length = 0;
    world.run(60_000);
    expect(client.sent).toEqual([]);
  });

  test('that has ended meanwhile is followed by a new one, unseen by the product', () => {
    const world = serving();
    const client = world.client();
    client.checkin(client.hold());
    world.run(50);
    const [session] = [...world.triad.ledger.sessionIds()];
    world.triad.apply({ kind: 'reclaim', session: session as string, silentMs: 1_000_000 });
    client.hold();
    expect(new Set(client.sent.map(({ message }) => message.session)).size).toBe(2);
  });

  test('and has lost its connection is followed by a new one, which needs no resume', () => {
    const world = serving();
    const client = world.client();
    client.checkin(client.hold());
    world.run(50);
    client.cut(1);
    world.run(500);
    expect(client.dialled).toHaveLength(1);
    client.hold();
    expect(client.sent.map(({ message }) => message.t)).toEqual(['checkout', 'checkin', 'checkout']);
  });

  test('and was never begun, for want of room, is tried anew by the next checkout', () => {
    const world = serving();
    const client = world.client();
    const calls = [client.checkout(), client.checkout()];
    world.runUntil(() => client.sent.length === 1);
    const denial = { code: 'TOO_MANY_SESSIONS', feature: 'compare', requested: 1, message: 'full' };
    const [link] = [...client.links.keys()];
    world.triad.receive = () => undefined;
    client.input({ kind: 'message', link: link as number, message: { t: 'denied', id: 1, seq: 1, epoch: 0, denial } });
    const unknown = { t: 'error', id: 2, code: 'UNKNOWN_SESSION', message: 'x', retryable: false } as const;
    client.input({ kind: 'message', link: link as number, message: unknown });
    expect(client.failure(calls[0] as number)).toMatchObject({ denial });
    expect(client.sent.map(({ message }) => [message.seq, message.opening !== undefined])).toEqual([
      [1, true],
      [2, false],
      [1, true],
    ]);
    expect(client.outcomes.has(calls[1] as number)).toBe(false);
  });

  test('and is old is not asked for again', () => {
    const world = serving();
    const client = world.client();
    client.checkin(client.hold());
    world.run(20_000);
    client.sent.length = 0;
    client.hold();
    expect(client.sent).toHaveLength(1);
    expect(client.sent[0]?.message.seq).toBe(1);
  });
});

describe('questions that belong to no session', () => {
  test('status is answered by any server, also without one in control', () => {
    const world = new LogicWorld();
    const client = world.client();
    const call = client.status();
    world.run(20);
    expect(client.outcomes.get(call)?.kind).toBe('answered');
    world.run(20);
    expect(client.isKeptAlive).toBe(false);
  });

  test('status is asked elsewhere where a server falls silent', () => {
    const world = serving();
    const client = world.client();
    const call = client.status();
    world.runUntil(() => client.sent.length === 1);
    client.deaden(1);
    world.run(1_500);
    expect(client.outcomes.get(call)?.kind).toBe('answered');
  });

  test('an administrative request is sent once: where its connection ends it may have been carried out', () => {
    const world = serving();
    const client = world.client();
    const call = client.admin();
    world.runUntil(() => client.sent.length === 1);
    client.cut(1);
    world.run(1_000);
    expect(client.failure(call)).toMatchObject({ code: 'UNKNOWN' });
    expect(client.sent).toHaveLength(1);
  });
});
