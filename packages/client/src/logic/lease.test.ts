import { describe, expect, test } from 'vitest';
import { type LogicClient, type LogicGrant, LogicWorld, type LogicWorldOptions } from '../testing/logic-world.ts';
import { Holdings } from './holdings.ts';

const leaseMs = 10_000;

function serving(options: LogicWorldOptions = {}): { world: LogicWorld; client: LogicClient } {
  const world = new LogicWorld({ features: [{ name: 'compare', count: 5 }], leaseMs, ...options });
  world.triad.giveControl(1);
  return { world, client: world.client() };
}

const told = ({ events }: LogicGrant): string[] => events.map(({ type }) => type);
const heartbeats = (client: LogicClient): number =>
  client.sent.filter(({ message }) => message.t === 'heartbeat').length;

describe('a lease', () => {
  test('is kept by a heartbeat every quarter of it', () => {
    const { world, client } = serving();
    const grant = client.hold();
    world.check = () => expect(client.holds(grant)).toBe(true);
    world.run(100_000);
    expect(heartbeats(client)).toBe(40);
    expect(told(grant)).toEqual([]);
  });

  test('needs no heartbeat where a command was answered instead', () => {
    const { world, client } = serving({ features: [{ name: 'compare', count: 'uncounted' }] });
    for (let at = 0; at < 20; at++) {
      client.hold();
      world.run(1_000);
    }
    expect(heartbeats(client)).toBe(0);
  });

  test('counts from the sending of what was answered, and is lost once, to the millisecond', () => {
    const { world, client } = serving();
    const started = world.nowMs;
    const grant = client.hold();
    // Control is gone before the first heartbeat: the lease counts from the sending of the checkout.
    world.triad.giveControl(null);
    const sentMs = started + 2;
    world.run(sentMs + leaseMs - 1 - world.nowMs);
    expect([client.holds(grant), client.stateOf(grant)]).toEqual([true, 'reconnecting']);
    world.run(2);
    expect([client.holds(grant), client.stateOf(grant)]).toEqual([false, 'lost']);
    world.run(20_000);
    expect(told(grant)).toEqual(['reconnecting', 'lost']);
  });

  test('is not extended by a denial', () => {
    const { world, client } = serving({ features: [{ name: 'compare', count: 1 }] });
    const grant = client.hold();
    const sentMs = 2;
    world.run(2_000);
    const call = client.checkout();
    world.runUntil(() => client.outcomes.has(call));
    world.triad.giveControl(null);
    world.run(sentMs + leaseMs - world.nowMs);
    expect(client.holds(grant)).toBe(false);
  });

  test('does not shrink by an answer that was overtaken', () => {
    const holdings = new Holdings(() => undefined);
    const at = (monotonicMs: number) => ({ monotonicMs, wallMs: monotonicMs });
    const holding = holdings.add({
      id: 'g1',
      feature: 'compare',
      version: '1.0',
      count: 1,
      sinceMs: 0,
      leaseMs: 100,
      reclaim: 'lease',
      state: 'active',
      checkoutSeq: 1,
    });
    holdings.confirm(50, at(60));
    holdings.confirm(20, at(70));
    expect([holdings.holds(holding, at(149)), holdings.holds(holding, at(150))]).toEqual([true, false]);
  });

  test('that was lost stands again after a resume', () => {
    const { world, client } = serving();
    const grant = client.hold();
    world.triad.giveControl(null);
    world.run(15_000);
    world.triad.giveControl(2);
    world.run(2_000);
    expect(told(grant)).toEqual(['reconnecting', 'lost', 'resumed']);
    expect([client.holds(grant), client.stateOf(grant)]).toEqual([true, 'holding']);
  });

  test('that was lost and reclaimed has ended', () => {
    const { world, client } = serving();
    const grant = client.hold();
    const [session] = [...world.triad.ledger.sessionIds()];
    world.triad.giveControl(null);
    world.run(15_000);
    world.triad.apply({ kind: 'reclaim', session: session as string, silentMs: 1_000_000 });
    world.triad.giveControl(2);
    world.run(2_000);
    expect(told(grant)).toEqual(['reconnecting', 'lost', 'ended']);
    expect(grant.holding.end).toMatchObject({ code: 'reclaimed' });
    client.hold();
  });

  test('is computed from the clocks when asked, not by a timer', () => {
    const { world, client } = serving();
    const grant = client.hold();
    // The process stands still: nothing is stepped, yet the answer is right.
    world.nowMs += leaseMs;
    expect([client.holds(grant), client.stateOf(grant)]).toEqual([false, 'lost']);
  });

  test('is not extended by a heartbeat that was refused, and stands again with the next that is answered', () => {
    const { world, client } = serving();
    const grant = client.hold();
    world.triad.hasQuorum = false;
    world.run(leaseMs + 10);
    expect(client.stateOf(grant)).toBe('lost');
    // Other servers are looked for meanwhile, and heartbeats go on.
    expect(client.dialled.length).toBeGreaterThan(1);
    expect(heartbeats(client)).toBeGreaterThan(5);
    world.triad.hasQuorum = true;
    world.run(1_100);
    expect(told(grant)).toEqual(['lost', 'resumed']);
    expect(client.stateOf(grant)).toBe('holding');
  });

  test('that is shorter than the others ends alone; a resume says what stands', () => {
    const { world, client } = serving({
      features: [
        { name: 'compare', count: 1, leaseSeconds: 2 },
        { name: 'merge', count: 1, leaseSeconds: 60 },
      ],
    });
    const short = client.hold();
    const long = client.hold({ feature: 'merge' });
    client.deaden(1);
    for (const rank of [1, 2, 3]) client.refuses.set(rank, 'DIAL_TIMEOUT');
    world.run(6_000);
    client.refuses.clear();
    world.run(5_000);
    expect(short.holding.end).toMatchObject({ code: 'reclaimed' });
    expect(client.stateOf(long)).toBe('holding');
    expect(told(short)).toEqual(['lost', 'ended']);
    expect(told(long)).toEqual(['reconnecting', 'resumed']);
  });
});

describe('when the clocks part by more than a second', () => {
  test('nothing is held from that moment until the next answer', () => {
    const { world, client } = serving();
    const grant = client.hold();
    world.run(1_000);
    client.wallOffsetMs += 3_600_000;
    expect([client.holds(grant), client.stateOf(grant)]).toEqual([false, 'reconnecting']);
    world.run(10_000);
    expect(told(grant)).toEqual(['reconnecting', 'resumed']);
    expect([client.holds(grant), client.stateOf(grant)]).toEqual([true, 'holding']);
  });

  test('it is lost if no answer comes within 5 s, although the lease would run on', () => {
    const { world, client } = serving({ leaseMs: 60_000 });
    const grant = client.hold();
    world.run(1_000);
    world.triad.giveControl(null);
    world.run(100);
    client.wallOffsetMs -= 10_000;
    client.input({ kind: 'wake' });
    world.run(4_900);
    expect(client.stateOf(grant)).toBe('reconnecting');
    expect(client.holds(grant)).toBe(false);
    world.run(200);
    expect(client.stateOf(grant)).toBe('lost');
    expect(told(grant)).toEqual(['reconnecting', 'lost']);
  });

  test('an answer to what was sent before extends nothing', () => {
    const { world, client } = serving();
    world.commitMs = 200;
    const grant = client.hold();
    world.runUntil(() => heartbeats(client) === 1);
    world.run(50);
    client.wallOffsetMs += 5_000;
    client.input({ kind: 'wake' });
    expect(heartbeats(client)).toBe(2);
    // The answer to the first arrives, 202 ms after it was sent.
    world.run(160);
    expect(client.holds(grant)).toBe(false);
    world.run(50);
    expect(client.holds(grant)).toBe(true);
    expect(told(grant)).toEqual(['reconnecting', 'resumed']);
  });

  test('less than that is no parting', () => {
    const { world, client } = serving();
    const grant = client.hold();
    for (let at = 0; at < 20; at++) {
      client.wallOffsetMs += 900;
      world.run(3_000);
    }
    expect(told(grant)).toEqual([]);
  });
});

describe('an end that the client did not ask for', () => {
  test('stops the holding before it is acknowledged', () => {
    const { world, client } = serving();
    const grant = client.hold();
    const held: boolean[] = [];
    const { receive } = world.triad;
    world.triad.receive = (rank, connection, message) => {
      if (message.t === 'acknowledge') held.push(client.holds(grant));
      receive.call(world.triad, rank, connection, message);
    };
    world.triad.apply({ kind: 'revoke', grants: [grant.holding.id], reason: 'maintenance' });
    world.run(50);
    expect(held).toEqual([false]);
    expect(grant.holding.end).toMatchObject({ code: 'revoked' });
    expect(told(grant)).toEqual(['ended']);
    expect(world.triad.ledger.summary().grants).toBe(0);
  });

  test('is learned from the next heartbeat where the notice was lost', () => {
    const { world, client } = serving();
    const [kept, grant] = [client.hold(), client.hold()];
    const [link] = client.openLinks();
    (link as { isDead: boolean }).isDead = true;
    world.triad.apply({ kind: 'revoke', grants: [grant.holding.id], reason: 'maintenance' });
    world.run(5);
    (link as { isDead: boolean }).isDead = false;
    world.run(3_000);
    expect(grant.holding.end).toMatchObject({ code: 'revoked' });
    expect(client.stateOf(kept)).toBe('holding');
    expect(world.triad.ledger.summary().grants).toBe(1);
    expect(client.sent.filter(({ message }) => message.t === 'acknowledge')).toHaveLength(1);
  });

  test('survives a failover between notice and acknowledgement', () => {
    const { world, client } = serving();
    const [kept, grant] = [client.hold(), client.hold()];
    world.triad.apply({ kind: 'revoke', grants: [grant.holding.id], reason: 'maintenance' });
    world.triad.keepsPending = false;
    world.runUntil(() => client.sent.at(-1)?.message.t === 'acknowledge');
    world.triad.giveControl(2);
    world.run(1_000);
    expect(world.triad.ledger.summary().grants).toBe(1);
    expect(client.stateOf(kept)).toBe('holding');
  });
});

describe('closing', () => {
  test('gives everything back with one goodbye', () => {
    const { world, client } = serving();
    const grants = [client.hold(), client.hold()];
    const call = client.close();
    expect(grants.map(told)).toEqual([['ended'], ['ended']]);
    expect(client.heldSeats()).toBe(0);
    world.run(50);
    expect(client.outcomes.get(call)?.kind).toBe('done');
    expect(world.triad.ledger.summary()).toMatchObject({ grants: 0, sessions: 0 });
    expect(client.links.size).toBe(0);
    expect(client.sent.at(-1)?.message.t).toBe('goodbye');
  });

  test('fails what is under way, and every call after it', () => {
    const { world, client } = serving({ features: [{ name: 'compare', count: 1 }] });
    client.hold();
    const waiting = client.checkout({ waitMs: 60_000 });
    world.run(50);
    client.close();
    expect(client.failure(waiting)).toMatchObject({ code: 'CLOSED' });
    world.run(50);
    const again = client.close();
    expect(client.outcomes.get(again)?.kind).toBe('done');
  });

  test('waits 2 s at most where no server is in control', () => {
    const { world, client } = serving();
    const grant = client.hold();
    world.triad.giveControl(null);
    world.run(100);
    const checkin = client.checkin(grant);
    const call = client.close();
    world.run(1_990);
    expect(client.outcomes.has(call)).toBe(false);
    world.run(20);
    expect(client.outcomes.get(call)?.kind).toBe('done');
    expect(client.failure(checkin)).toMatchObject({ code: 'CLOSED' });
    expect(client.links.size).toBe(0);
    const sent = client.sent.length;
    world.run(60_000);
    expect(client.sent).toHaveLength(sent);
  });

  test('a client that was never used says nothing', () => {
    const { client } = serving();
    const call = client.close();
    expect(client.outcomes.get(call)?.kind).toBe('done');
    expect(client.dialled).toEqual([]);
  });

  test('still finds a server in control within its 2 s', () => {
    const { world, client } = serving();
    client.hold();
    world.triad.giveControl(null);
    world.run(100);
    const call = client.close();
    world.run(1_000);
    world.triad.giveControl(3);
    world.run(100);
    expect(client.outcomes.get(call)?.kind).toBe('done');
    expect(world.triad.ledger.summary().grants).toBe(0);
  });
});
