import { expect, test } from 'vitest';
import { type LogicClient, LogicWorld } from '../testing/logic-world.ts';

function serving(): { world: LogicWorld; client: LogicClient } {
  const world = new LogicWorld({ features: [{ name: 'compare', count: 'uncounted' }], leaseMs: 10_000 });
  world.triad.giveControl(1);
  return { world, client: world.client() };
}

/** What each heartbeat said of idle grants. */
const idleTold = (client: LogicClient): unknown[] =>
  client.sent.filter(({ message }) => message.t === 'heartbeat').map(({ message }) => message.idle);

test('heartbeats say how long a grant was idle, from its last activity on', () => {
  const { world, client } = serving();
  const grant = client.hold();
  client.hold();
  client.logic.active(grant.holding, client.clocks);
  world.run(6_000);
  client.logic.active(grant.holding, client.clocks);
  world.run(4_000);
  const of = (ms: number) => [{ grant: grant.holding.id, ms: expect.closeTo(ms, -2) }];
  expect(idleTold(client)).toEqual([of(2_500), of(5_000), of(1_500), of(4_000)]);
});

test('a product that reports no activity is never idle', () => {
  const { world, client } = serving();
  client.hold();
  world.run(6_000);
  expect(idleTold(client)).toEqual([undefined, undefined]);
});

test('commands that keep the lease do not keep the word of who is idle from the servers', () => {
  const { world, client } = serving();
  const grant = client.hold();
  client.logic.active(grant.holding, client.clocks);
  for (let at = 0; at < 10; at++) {
    client.hold();
    world.run(1_000);
  }
  expect(idleTold(client).length).toBeGreaterThanOrEqual(4);
});

test('a server of an older version is not told what it would refuse', () => {
  const { world, client } = serving();
  world.triad.protocol = 1;
  const grant = client.hold();
  client.logic.active(grant.holding, client.clocks);
  world.run(3_000);
  expect(idleTold(client).every((told) => told === undefined)).toBe(true);
});
