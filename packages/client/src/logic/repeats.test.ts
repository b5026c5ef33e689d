import { describe, expect, test } from 'vitest';
import { LogicWorld, type LogicWorldOptions } from '../testing/logic-world.ts';
import { AddressBook, learnedAddressesMax } from './address-book.ts';
import { Entropy } from './entropy.ts';
import { Heartbeats } from './heartbeats.ts';
import { defaultTiming } from './timing.ts';

function serving(options: LogicWorldOptions = {}): LogicWorld {
  const world = new LogicWorld({ features: [{ name: 'compare', count: 5 }], ...options });
  world.triad.giveControl(1);
  return world;
}

const seats = (count: number) => ({ features: [{ name: 'compare', count }] });

describe('exactly once', () => {
  test('an answer that is lost is asked for again over another connection, behind a resume, and takes one seat', () => {
    const world = serving(seats(2));
    const client = world.client();
    client.hold();
    const call = client.checkout();
    world.runUntil(() => world.triad.ledger.summary().grants === 2);
    client.deaden(1);
    world.run(1_500);
    expect(client.outcomes.get(call)?.kind).toBe('granted');
    expect(world.triad.ledger.summary().grants).toBe(2);
    const [seq] = client.sent
      .filter(({ message }) => message.t === 'checkout')
      .slice(-1)
      .map(({ message }) => message.seq);
    expect(seq).toBe(2);
    expect(client.sent.map(({ message }) => message.t)).toContain('resume');
  });

  test('the first request of a session is repeated without a resume', () => {
    const world = serving(seats(2));
    const client = world.client();
    client.checkout();
    world.runUntil(() => world.triad.ledger.summary().grants === 1);
    client.deaden(1);
    world.run(2_000);
    expect(client.grants.size).toBe(1);
    expect(world.triad.ledger.summary().grants).toBe(1);
    expect(client.sent.map(({ message }) => [message.t, message.attempt])).toEqual([
      ['checkout', 1],
      ['checkout', 2],
    ]);
  });

  test.each([true, false])(
    'a request that control leaves behind (committed: %s) is granted once by the next',
    (isKept) => {
      const world = serving(seats(3));
      const client = world.client();
      client.hold();
      world.triad.keepsPending = isKept;
      world.commitMs = 20;
      const calls = [client.checkout(), client.checkout()];
      world.run(5);
      world.triad.giveControl(2);
      world.run(500);
      expect(calls.map((call) => client.outcomes.get(call)?.kind)).toEqual(['granted', 'granted']);
      expect(world.triad.ledger.summary().grants).toBe(3);
      expect(client.heldSeats()).toBe(3);
    },
  );

  test('a server that has too much to do is asked again, in order', () => {
    const world = serving(seats(5));
    const client = world.client();
    client.hold();
    world.triad.refuseWith = 'BUSY';
    const calls = [client.checkout(), client.checkout(), client.checkout()];
    world.run(600);
    world.triad.refuseWith = null;
    world.run(1_500);
    expect(calls.map((call) => client.outcomes.get(call)?.kind)).toEqual(['granted', 'granted', 'granted']);
    expect(client.dialled).toHaveLength(1);
  });

  test('servers that have too much to do are asked ever more rarely, and by no two clients in step', () => {
    const world = serving(seats(40));
    const clients = ['a', 'b', 'c', 'd'].map((name) => world.client(name));
    for (const client of clients) client.hold();
    world.triad.refuseWith = 'BUSY';
    const fromMs = world.nowMs;
    for (const client of clients) client.checkout();
    world.run(6_000);
    const asked = clients.map((client) =>
      client.sent
        .filter(({ message, atMs }) => message.t === 'checkout' && atMs >= fromMs)
        .map(({ atMs }) => atMs - fromMs),
    );
    for (const times of asked) {
      expect(times.length).toBeGreaterThan(3);
      expect(times.length).toBeLessThan(14);
      const pauses = times.slice(1).map((atMs, at) => atMs - (times[at] ?? 0));
      expect(pauses[0]).toBeLessThan(400);
      expect(Math.max(...pauses)).toBeGreaterThan(1_000);
      expect(Math.max(...pauses)).toBeLessThan(3_100);
    }
    expect(new Set(asked.map((times) => times[1])).size).toBe(clients.length);
    // It is not forgotten: what it waited with is over with the first answer.
    world.triad.refuseWith = null;
    world.run(3_100);
    expect(clients.map((client) => client.heldSeats())).toEqual([2, 2, 2, 2]);
  });

  test('requests behind one that was put off come too early, and go again behind it', () => {
    const world = serving(seats(5));
    const client = world.client();
    client.hold();
    world.triad.refuseWith = 'BUSY';
    const first = client.checkout();
    world.runUntil(() => world.triad.received.get('checkout') === 2);
    world.triad.refuseWith = null;
    const calls = [first, client.checkout(), client.checkout()];
    world.run(600);
    expect(calls.map((call) => client.outcomes.get(call)?.kind)).toEqual(['granted', 'granted', 'granted']);
  });

  test('a late repeat of the first request supersedes nothing that can not be taken back', () => {
    const world = serving();
    const client = world.client();
    world.commitMs = 1_200;
    const call = client.checkout();
    // Unanswered for long, it goes again over a second connection to the same server; then the first answer comes.
    world.runUntil(() => world.triad.received.get('checkout') === 2);
    world.runUntil(() => client.outcomes.has(call));
    // The second connection may be the one that the servers bind: its end must not look like the client's.
    expect(client.hungUp.at(-1)?.isOrderly).toBe(false);
    world.commitMs = 2;
    world.run(2_000);
    const again = client.hold();
    const [first] = [...client.grants.values()];
    expect([first?.holding.end, client.holds(again)]).toEqual([null, true]);
    expect(world.triad.ledger.summary().grants).toBe(2);
  });

  test('the first request is not repeated for longer than a lease: by then the servers may have forgotten its session', () => {
    const world = serving({ timing: { controlWaitMs: 600_000 } });
    const client = world.client();
    const call = client.checkout();
    world.triad.hasQuorum = false;
    world.run(25_000);
    expect(new Set(client.sent.map(({ message }) => message.session)).size).toBe(3);
    world.triad.hasQuorum = true;
    world.run(1_000);
    expect(client.outcomes.get(call)?.kind).toBe('granted');
    expect(world.triad.ledger.summary()).toMatchObject({ sessions: 1, grants: 1 });
  });

  test('nor does a late repeat of a resume', () => {
    const world = serving();
    const client = world.client();
    const grant = client.hold();
    world.commitMs = 1_200;
    world.triad.giveControl(2);
    world.runUntil(() => world.triad.received.get('resume') === 2);
    world.runUntil(() => client.stateOf(grant) === 'holding');
    world.commitMs = 2;
    world.run(2_000);
    const again = client.hold();
    expect([client.holds(grant), client.holds(again)]).toEqual([true, true]);
  });

  test('a server that takes longer than it should for every commit is worked with all the same', () => {
    const world = serving(seats(50));
    const client = world.client();
    const grant = client.hold();
    world.commitMs = 1_500;
    world.triad.giveControl(2);
    world.run(10_000);
    const calls = Array.from({ length: 10 }, () => client.checkout());
    world.run(9_000);
    expect(calls.map((call) => client.outcomes.get(call)?.kind)).toEqual(calls.map(() => 'granted'));
    expect(client.stateOf(grant)).toBe('holding');
    expect(grant.events.map(({ type }) => type)).not.toContain('lost');
    const resumes = client.sent.filter(({ message }) => message.t === 'resume').length;
    world.run(60_000);
    expect(client.sent.filter(({ message }) => message.t === 'resume')).toHaveLength(resumes);
  });

  test('a word on an earlier connection that it is superseded says nothing of the session', () => {
    const world = serving();
    const client = world.client();
    const grant = client.hold();
    client.checkout();
    world.run(1);
    const [old] = [...client.links.keys()];
    const { id } = (client.sent.at(-1) as unknown as { message: { id: number } }).message;
    world.triad.giveControl(null);
    world.run(50);
    const message = { t: 'error', id, code: 'SUPERSEDED', message: 'x', retryable: false } as const;
    client.input({ kind: 'message', link: old as number, message });
    expect(grant.holding.end).toBe(null);
  });

  test('a late word on a heartbeat under an earlier binding of the same connection says nothing of the session', () => {
    const world = serving();
    const client = world.client();
    const grant = client.hold();
    const beats = () =>
      client.sent.flatMap(({ message }) => (message.t === 'heartbeat' ? [message.number as number] : []));
    const refuse = (number: number): void => {
      const [link] = [...client.links.keys()];
      client.input({ kind: 'message', link: link!, message: { t: 'heartbeatRefused', number, code: 'SUPERSEDED' } });
    };
    world.runUntil(() => beats().length > 0);
    world.run(100);
    refuse(beats()[0]!);
    expect(grant.holding.end).toBe(null);
    // What is said of one that is awaited counts; and nobody knows then what becomes of a checkin that is under way.
    const sent = beats().length;
    world.commitMs = 5_000;
    world.runUntil(() => beats().length > sent);
    const checkin = client.checkin(grant);
    refuse(beats().at(-1)!);
    expect(client.failure(checkin)).toMatchObject({ code: 'REFUSED', details: { code: 'SUPERSEDED' } });
  });

  test('an end is acknowledged once, however often it is told', () => {
    const world = serving();
    const client = world.client();
    const grant = client.hold();
    world.commitMs = 50;
    const [link] = [...client.links.keys()];
    const ending = { t: 'ending', grants: [{ grant: grant.holding.id, reason: 'revoked' }] } as const;
    world.triad.apply({ kind: 'revoke', grants: [grant.holding.id], reason: 'test' });
    for (let at = 0; at < 3; at++)
      client.input({ kind: 'message', link: link as number, message: { ...ending, grants: [...ending.grants] } });
    world.run(200);
    expect(client.sent.filter(({ message }) => message.t === 'acknowledge')).toHaveLength(1);
  });

  test('a server that always has too much to do fails the call by its name', () => {
    const world = serving();
    const client = world.client();
    client.hold();
    world.triad.refuseWith = 'BUSY';
    const call = client.checkout();
    world.run(10_100);
    expect(client.failure(call)).toMatchObject({ code: 'BUSY' });
  });

  test('what was granted and has ended before the answer is asked for anew', () => {
    const world = serving(seats(2));
    const client = world.client();
    client.hold();
    const call = client.checkout();
    world.runUntil(() => world.triad.ledger.summary().grants === 2);
    client.deaden(1);
    const [, lost] = [...world.triad.ledger.grants()];
    world.triad.apply({ kind: 'revoke', grants: [lost?.id as string], reason: 'test' });
    world.run(3_000);
    expect(client.outcomes.get(call)?.kind).toBe('granted');
    expect(client.heldSeats()).toBe(2);
    expect(world.triad.ledger.summary().grants).toBe(2);
  });
});

describe('an answer from before the newest binding', () => {
  test('grants nothing: what it obtained may have ended since', () => {
    const world = serving();
    const client = world.client();
    client.hold();
    world.triad.relays = true;
    world.commitMs = 100;
    const call = client.checkout();
    world.run(10);
    const [old] = [...client.links.keys()];
    const { id } = (client.sent.at(-1) as { readonly message: unknown }).message as { readonly id: number };
    // The session resumes through a stand-by, which leaves the old connection open, and the request goes again.
    world.triad.keepsPending = false;
    world.triad.giveControl(2);
    client.refuses.set(2, 'DIAL_TIMEOUT');
    world.runUntil(() => client.sent.filter(({ message }) => message.seq === 2).length === 2);
    const grant = {
      id: 'g99',
      feature: 'compare',
      version: '12.0',
      count: 1,
      sinceMs: 0,
      leaseMs: 10_000,
      reclaim: 'lease',
      state: 'active',
      checkoutSeq: 2,
    } as const;
    const late = { t: 'error', id, code: 'REFUSED', message: 'x', retryable: false } as const;
    client.input({ kind: 'message', link: old as number, message: late });
    client.input({ kind: 'message', link: old as number, message: { t: 'granted', id, seq: 2, epoch: 1, grant } });
    expect(client.outcomes.has(call)).toBe(false);
    world.run(500);
    expect(client.outcomes.get(call)).toMatchObject({ kind: 'granted' });
    expect([...client.grants.keys()]).not.toContain('g99');
    expect(client.sent.filter(({ message }) => message.seq === 2)).toHaveLength(2);
  });
});

describe('bounds', () => {
  test('a server that has too much to do is asked again at intervals, not at once', () => {
    const world = serving();
    const client = world.client();
    client.hold();
    world.triad.refuseWith = 'BUSY';
    client.checkout();
    world.run(1_000);
    expect(client.sent.length).toBeLessThan(7);
    client.cut(1);
    const before = client.sent.length;
    world.run(1_000);
    expect(client.sent.slice(before).every(({ message }) => message.t === 'resume')).toBe(true);
    expect(client.sent.length - before).toBeGreaterThan(1);
    expect(client.sent.length - before).toBeLessThan(7);
  });

  test('addresses that are learned are forgotten, the oldest first, the product own never', () => {
    const book = new AddressBook({
      addresses: ['mem://own:1'],
      schemes: ['mem'],
      timing: defaultTiming,
      entropy: new Entropy(),
    });
    for (let at = 0; at < 3 * learnedAddressesMax; at++) {
      book.learn([{ rank: 1, name: `s${at}`, key: `key-${at}`, addresses: [`tcp://s${at}:1`, `mem://s${at}:1`] }]);
    }
    const known = [...book.due(0)].map(({ address }) => address);
    expect(known).toHaveLength(1 + learnedAddressesMax);
    expect(known.at(0)).toBe('mem://own:1');
    expect(known.at(-1)).toBe(`mem://s${3 * learnedAddressesMax - 1}:1`);
  });

  test('heartbeats that nobody answers are forgotten, the oldest first', () => {
    const heartbeats = new Heartbeats(() => undefined);
    for (let at = 1; at <= 100; at++) heartbeats.beat(1, at);
    expect(heartbeats.answered(50, 1_000)).toBe(undefined);
    expect(heartbeats.answered(99, 1_000)).toBe(99);
    expect(heartbeats.oldestOutMs()).toBe(100);
  });
});
