import { describe, expect, test } from 'vitest';
import type { LogicClient } from '../testing/logic-client.ts';
import { LogicWorld } from '../testing/logic-world.ts';
import type { Wanted } from './inputs.ts';

const merge = { feature: 'merge', version: undefined, count: 1 };
const both: Partial<Wanted> = { more: [merge] };

function serving(mergeSeats = 5): LogicWorld {
  const world = new LogicWorld({
    features: [
      { name: 'compare', count: 5 },
      { name: 'merge', count: mergeSeats },
    ],
  });
  world.triad.giveControl(1);
  return world;
}

/** A checkout of both that is granted, and whose answer is lost with the server. */
function unheard(world: LogicWorld, client: LogicClient): number {
  const { grants } = world.triad.ledger.summary();
  const call = client.checkout(both);
  world.runUntil(() => world.triad.ledger.summary().grants === grants + 2);
  client.deaden(1);
  return call;
}

describe('a checkout of several features', () => {
  test('is one request that gives all grants, and the next has a number behind theirs', () => {
    const world = serving();
    const client = world.client();
    const call = client.checkout(both);
    world.run(50);
    expect(client.outcomes.get(call)).toMatchObject({
      kind: 'grantedAll',
      grants: [{ holding: { feature: 'compare' } }, { holding: { feature: 'merge' } }],
    });
    client.hold();
    expect(client.sent.map(({ message }) => [message.t, message.seq])).toEqual([
      ['checkout', 1],
      ['checkout', 3],
    ]);
    expect([client.heldSeats('compare'), client.heldSeats('merge')]).toEqual([2, 1]);
  });

  test('takes nothing where one of them is denied', () => {
    const world = serving(1);
    const [ann, bob] = [world.client('ann'), world.client('bob')];
    ann.hold({ feature: 'merge' });
    const call = bob.checkout(both);
    world.run(50);
    expect(bob.failure(call)).toMatchObject({ code: 'DENIED', denial: { code: 'NO_SEATS', feature: 'merge' } });
    expect(world.triad.ledger.summary().grants).toBe(1);
    bob.hold();
  });

  test('has its answer in the list of a resume where it was lost with a server (I5, I6)', () => {
    const world = serving();
    const client = world.client();
    client.hold();
    const call = unheard(world, client);
    world.run(1_500);
    expect(client.outcomes.get(call)).toMatchObject({ kind: 'grantedAll', grants: [{}, {}] });
    expect(client.sent.map(({ message }) => message.t)).toContain('resume');
    expect(world.triad.ledger.summary().grants).toBe(3);
  });

  test('that opens the session is repeated, and answered as before', () => {
    const world = serving();
    const client = world.client();
    const call = unheard(world, client);
    world.run(2_000);
    expect(client.outcomes.get(call)).toMatchObject({ kind: 'grantedAll', grants: [{}, {}] });
    expect(world.triad.ledger.summary().grants).toBe(2);
  });

  test('of which one is taken away before the answer is known is asked for anew: all or nothing', () => {
    const world = serving();
    const client = world.client();
    client.hold();
    const call = unheard(world, client);
    const taken = [...world.triad.ledger.grants()].find(({ feature }) => feature === 'merge')!;
    world.triad.apply({ kind: 'revoke', grants: [taken.id], reason: 'because' });
    world.run(3_000);
    const outcome = client.outcomes.get(call);
    expect(outcome).toMatchObject({
      kind: 'grantedAll',
      grants: [{ holding: { end: null } }, { holding: { end: null } }],
    });
    expect([client.heldSeats('compare'), client.heldSeats('merge')]).toEqual([2, 1]);
    expect([...world.triad.ledger.grants()]).toHaveLength(3);
  });

  test('that nobody waits for any more gives all of it back', () => {
    const world = serving();
    const client = world.client();
    const call = client.checkout(both);
    world.run(1);
    client.abandon(call);
    world.run(500);
    expect([...world.triad.ledger.grants()]).toEqual([]);
  });

  test('is not sent to a server of an older version, and fails without taking a number', () => {
    const world = serving();
    world.triad.protocol = 1;
    const client = world.client();
    client.hold();
    const call = client.checkout(both);
    world.run(11_000);
    expect(client.failure(call)).toBeDefined();
    client.hold();
    expect(client.sent.filter(({ message }) => message.t === 'checkout').map(({ message }) => message.seq)).toEqual([
      1, 2,
    ]);
  });
});

describe('a checkout that takes fewer seats where there are no more', () => {
  test('gets what is free, also from the queue, and says how many', () => {
    const world = serving(2);
    const [ann, bob] = [world.client('ann'), world.client('bob')];
    ann.hold({ feature: 'merge' });
    expect(bob.hold({ feature: 'merge', count: 4, countMin: 1 }).holding.count).toBe(1);
    const [first] = ann.grants.values();
    const call = world.client('cyd').checkout({ feature: 'merge', count: 9, countMin: 1, waitMs: 10_000 });
    world.run(50);
    ann.checkin(first!);
    world.run(500);
    expect(world.clients[2]?.outcomes.get(call)).toMatchObject({ kind: 'granted', grant: { holding: { count: 1 } } });
  });
});
