import { describe, expect, test } from 'vitest';
import { type LogicGrant, LogicWorld, type LogicWorldOptions } from '../testing/logic-world.ts';

function serving(options: LogicWorldOptions = {}): LogicWorld {
  const world = new LogicWorld({ features: [{ name: 'compare', count: 5 }], ...options });
  world.triad.giveControl(1);
  return world;
}

const told = ({ events }: LogicGrant): string[] => events.map(({ type }) => type);

describe('when the server in control is lost', () => {
  test('the session resumes where control is, with the same grants, which held all the time', () => {
    const world = serving();
    const client = world.client();
    const grants = [client.hold(), client.hold({ count: 2 })];
    world.run(1_000);
    world.check = () => expect(client.heldSeats()).toBe(3);
    world.triad.kill(1);
    world.run(60);
    expect(grants.map((grant) => client.stateOf(grant))).toEqual(['reconnecting', 'reconnecting']);
    world.triad.giveControl(3);
    world.run(20);
    expect(grants.map((grant) => client.stateOf(grant))).toEqual(['holding', 'holding']);
    expect(grants.map(told)).toEqual([
      ['reconnecting', 'resumed'],
      ['reconnecting', 'resumed'],
    ]);
    expect(world.triad.ledger.summary().grants).toBe(2);
    expect(client.openLinks().map(({ rank }) => rank)).toEqual([3]);
  });

  test('and comes back, control that is given to it again is found', () => {
    const world = serving();
    const client = world.client();
    const grant = client.hold();
    world.triad.kill(1);
    world.run(5_000);
    world.triad.restart(1);
    world.triad.giveControl(1);
    world.run(3_000);
    expect(client.stateOf(grant)).toBe('holding');
  });

  test('and regains control in a later term, the session resumes over the same connection', () => {
    const world = serving();
    const client = world.client();
    const grant = client.hold();
    world.triad.giveControl(1);
    world.run(10);
    expect(client.sent.map(({ message }) => message.t)).toEqual(['checkout', 'resume']);
    expect(told(grant)).toEqual(['reconnecting', 'resumed']);
    expect(client.dialled).toHaveLength(1);
  });

  test('silently, an unanswered heartbeat starts the search, and the old connection stays until the new one answers', () => {
    const world = serving();
    const client = world.client();
    const grant = client.hold();
    client.deaden(1);
    world.triad.giveControl(2);
    // A lease of 10 s: the next heartbeat goes after 2.5 s, and is missed 250 ms later.
    world.run(2_740);
    expect(client.dialled).toHaveLength(1);
    world.runUntil(() => client.sent.some(({ message }) => message.t === 'resume'), 50);
    expect(client.openLinks().map(({ rank }) => rank)).toEqual([1, 2]);
    world.run(300);
    expect(told(grant)).toEqual(['reconnecting', 'resumed']);
    expect(client.openLinks().map(({ rank }) => rank)).toEqual([2]);
  });

  test('what waits in the queue keeps its place and its order', () => {
    const world = serving({ features: [{ name: 'compare', count: 1 }] });
    const [ann, bob, eve] = [world.client('ann'), world.client('bob'), world.client('eve')];
    const grant = ann.hold();
    const first = bob.checkout({ waitMs: 60_000 });
    world.run(20);
    const second = eve.checkout({ waitMs: 60_000 });
    world.run(20);
    world.triad.kill(1);
    world.run(100);
    world.triad.giveControl(2);
    world.run(500);
    ann.checkin(grant);
    world.run(100);
    expect(bob.outcomes.get(first)?.kind).toBe('granted');
    expect(eve.outcomes.has(second)).toBe(false);
    expect(eve.queueNews.at(-1)).toBe(2);
  });

  test('a place that the servers gave up meanwhile is asked for again with the rest of the wait', () => {
    const world = serving({ features: [{ name: 'compare', count: 1 }], timing: { controlWaitMs: 60_000 } });
    const [ann, bob] = [world.client('ann'), world.client('bob')];
    ann.hold();
    const call = bob.checkout({ waitMs: 120_000 });
    world.run(20);
    const [entry] = [...world.triad.ledger.queue('compare')];
    world.triad.giveControl(null);
    world.triad.apply({ kind: 'reclaim', session: entry?.session as string, silentMs: 1_000_000 });
    world.run(5_000);
    world.triad.giveControl(2);
    world.run(1_000);
    expect(world.triad.ledger.summary().queued).toBe(1);
    expect(bob.sent.at(-2)?.message).toMatchObject({ t: 'checkout', seq: 1 });
    expect(bob.sent.at(-2)?.message.waitMs).toBeLessThan(116_000);
    expect(bob.outcomes.has(call)).toBe(false);
  });

  test('a checkout that waits fails once no server is in control for controlWait, and leaves nothing behind', () => {
    const world = serving({ features: [{ name: 'compare', count: 1 }] });
    const [ann, bob] = [world.client('ann'), world.client('bob')];
    const grant = ann.hold();
    const call = bob.checkout({ waitMs: 120_000 });
    world.run(3_000);
    world.triad.giveControl(null);
    world.run(9_900);
    expect(bob.outcomes.has(call)).toBe(false);
    world.run(500);
    expect(bob.failure(call)).toMatchObject({ code: 'NO_QUORUM' });
    world.triad.giveControl(2);
    ann.checkin(grant);
    world.run(500);
    expect(world.triad.ledger.summary()).toMatchObject({ queued: 0, grants: 0 });
  });

  test('a checkin is repeated until it is done, and holds nothing from its call on', () => {
    const world = serving();
    const client = world.client();
    const grant = client.hold();
    world.triad.kill(1);
    const call = client.checkin(grant);
    expect(client.holds(grant)).toBe(false);
    expect(told(grant)).toEqual(['ended']);
    world.run(2_000);
    expect(client.outcomes.has(call)).toBe(false);
    world.triad.giveControl(2);
    world.run(500);
    expect(client.outcomes.get(call)?.kind).toBe('done');
    expect(world.triad.ledger.summary().grants).toBe(0);
  });

  test('a checkin fails after controlWait, and is carried out all the same when a server comes', () => {
    const world = serving();
    const client = world.client();
    const grant = client.hold();
    client.hold();
    world.triad.giveControl(null);
    const call = client.checkin(grant);
    world.run(10_100);
    expect(client.failure(call)).toMatchObject({ code: 'NO_QUORUM' });
    world.triad.giveControl(2);
    world.run(100);
    expect(world.triad.ledger.summary().grants).toBe(1);
  });
});

describe('a planned move', () => {
  test('is told to every grant and denies nothing', () => {
    const world = serving();
    const client = world.client();
    const grant = client.hold();
    world.triad.announceMove(2);
    world.run(20);
    expect(told(grant)).toEqual(['moving']);
    expect(client.openLinks().map(({ rank }) => rank)).toContain(2);
    const before = client.checkout();
    world.run(2);
    world.triad.giveControl(2);
    const after = client.checkout();
    world.run(100);
    expect([before, after].map((call) => client.outcomes.get(call)?.kind)).toEqual(['granted', 'granted']);
    expect(told(grant)).toEqual(['moving', 'reconnecting', 'resumed']);
    expect(client.openLinks().map(({ rank }) => rank)).toEqual([2]);
  });

  test('that does not come is forgotten', () => {
    const world = serving();
    const client = world.client();
    const grant = client.hold();
    world.triad.announceMove(2);
    world.run(16_000);
    expect(client.openLinks().map(({ rank }) => rank)).toEqual([1]);
    expect(told(grant)).toEqual(['moving']);
  });
});

describe('where servers are', () => {
  test('is learned from the first one that is reached', () => {
    const world = serving({ addresses: ['mem://primary:1'] });
    const client = world.client();
    const grant = client.hold();
    world.triad.kill(1);
    world.triad.giveControl(3);
    world.run(500);
    expect(client.stateOf(grant)).toBe('holding');
    expect(client.openLinks().map(({ rank }) => rank)).toEqual([3]);
  });

  test('two addresses of one server make one connection', () => {
    const world = new LogicWorld({ addresses: ['mem://primary:1', 'mem://primary:2', 'mem://secondary:1'] });
    const client = world.client();
    client.checkout();
    world.run(5_000);
    expect(
      client
        .openLinks()
        .map(({ rank }) => rank)
        .sort((a, b) => a - b),
    ).toEqual([1, 2, 3]);
    expect(client.dialled).toHaveLength(4);
  });

  test('a lost server is dialled at another moment by each client', () => {
    const world = serving();
    const clients = [world.client('ann'), world.client('bob')];
    for (const client of clients) client.hold();
    for (const rank of [1, 2, 3]) world.triad.kill(rank);
    world.run(5_000);
    const [ann, bob] = clients.map(({ dialledMs }) => dialledMs.slice(-5));
    expect(ann?.filter((atMs) => bob?.includes(atMs))).toEqual([]);
  });

  test('a connection that is dead without a word is replaced once another server names it in control', () => {
    const world = new LogicWorld();
    const client = world.client();
    const call = client.checkout();
    world.run(300);
    client.deaden(2);
    world.triad.giveControl(2);
    world.run(400);
    expect(client.outcomes.get(call)?.kind).toBe('granted');
  });

  test('a server in control that can not be reached is asked through a stand-by', () => {
    const world = serving();
    world.triad.relays = true;
    const client = world.client();
    client.refuses.set(1, 'DIAL_TIMEOUT');
    const grant = client.hold();
    expect(client.openLinks().every(({ rank }) => rank !== 1)).toBe(true);
    world.run(30_000);
    expect(told(grant)).toEqual([]);
    client.refuses.clear();
    world.run(30_000);
    expect(client.openLinks().map(({ rank }) => rank)).toEqual([1]);
    expect(told(grant)).toEqual(['reconnecting', 'resumed']);
  });

  test('a stand-by that does not relay is asked once in a term', () => {
    const world = serving();
    const client = world.client();
    client.refuses.set(1, 'DIAL_TIMEOUT');
    const call = client.checkout();
    world.run(10_100);
    expect(client.failure(call)).toMatchObject({ code: 'NO_QUORUM' });
    expect(client.sent.filter(({ message }) => message.t === 'checkout')).toHaveLength(2);
  });

  test('a server that answers nothing while the others name it in control is dialled anew', () => {
    const world = serving();
    const client = world.client();
    const grant = client.hold();
    client.deaden(1);
    world.run(5_000);
    expect(client.stateOf(grant)).toBe('holding');
    expect(told(grant)).toEqual(['reconnecting', 'resumed']);
    expect(client.openLinks().map(({ rank }) => rank)).toEqual([1]);
  });

  test('a slow server is not left while nobody else is in control', () => {
    const world = serving();
    const client = world.client();
    const grant = client.hold();
    world.commitMs = 600;
    world.run(20_000);
    expect(told(grant)).toEqual([]);
    expect(client.openLinks().map(({ rank }) => rank)).toContain(1);
  });
});

describe('superseded', () => {
  test('by a copy of this client: nothing is held from then on', () => {
    const world = serving();
    const client = world.client();
    const grant = client.hold();
    const { session, opening } = client.sent.map(({ message }) => message)[0] as unknown as {
      session: string;
      opening: { secret: string };
    };
    const copy = world.client('copy');
    copy.hold();
    copy.input({ kind: 'wake' });
    const [link] = [...copy.links.values()];
    const resume = (request: string, epoch: number): void =>
      world.triad.receive(1, link?.connection as never, {
        t: 'resume',
        id: 99,
        session,
        secret: opening.secret,
        epoch,
        request,
        attempt: 1,
      });
    resume('A'.repeat(22), 1);
    world.run(50);
    resume('B'.repeat(22), 2);
    world.run(5_000);
    expect(grant.holding.end).toEqual({ code: 'superseded' });
    expect(client.heldSeats()).toBe(0);
  });

  test('by a repeat of its own whose answer was lost: it resumes once more', () => {
    const world = serving();
    const client = world.client();
    const grant = client.hold();
    world.commitMs = 50;
    world.triad.giveControl(2);
    world.runUntil(() => client.sent.some(({ message }) => message.t === 'resume'));
    // The resume is committed, and its answer never arrives.
    world.run(20);
    client.deaden(2);
    world.run(100);
    world.commitMs = 2;
    world.triad.giveControl(3);
    world.run(2_000);
    expect(client.stateOf(grant)).toBe('holding');
    expect(grant.events.at(-1)?.type).toBe('resumed');
  });
});

describe('a grant that a disconnect ends', () => {
  const options: LogicWorldOptions = { features: [{ name: 'compare', count: 2, reclaim: 'disconnect' }] };

  test('stays where the server closes', () => {
    const world = serving(options);
    const client = world.client();
    const grant = client.hold();
    world.triad.kill(1);
    world.run(10);
    expect(client.holds(grant)).toBe(true);
  });

  test('ends where this side closes', () => {
    const world = serving(options);
    const client = world.client();
    const grant = client.hold();
    const [link] = [...client.links.keys()];
    client.input({ kind: 'linkDown', link: link as number, reason: { kind: 'local', message: 'closed here' } });
    expect(grant.holding.end).toEqual({ code: 'disconnected' });
  });

  test('is not ended by the connections that a failover leaves behind', () => {
    const world = serving(options);
    const client = world.client();
    const grant = client.hold();
    for (let round = 0; round < 20; round++) {
      client.deaden(1 + (round % 3));
      world.triad.giveControl(1 + ((round + 1) % 3));
      world.run(4_000);
    }
    expect(client.stateOf(grant)).toBe('holding');
    expect(world.triad.ledger.summary().grants).toBe(1);
  });
});
