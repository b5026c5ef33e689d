import { describe, expect, test } from 'vitest';
import { type LogicClient, LogicWorld } from '../testing/logic-world.ts';
import type { CallId } from './inputs.ts';
import type { GrantEvent } from './outputs.ts';

const seats = 3;
const leaseMs = 4_000;
const runs = Number(process.env.LIC_CLIENT_RUNS ?? 60);
const firstSeed = Number(process.env.LIC_CLIENT_SEED ?? 1);

/** One random life of some clients and their triad; what must always hold is checked after every event. */
export class RandomRun {
  readonly world: LogicWorld;
  readonly #calls = new Map<LogicClient, CallId[]>();
  readonly #seed: number;

  constructor(seed: number) {
    this.#seed = seed;
    this.world = new LogicWorld({
      seed,
      leaseMs,
      marginMs: 500,
      features: ['compare', 'merge'].map((name) => ({ name, count: seats, leaseSeconds: leaseMs / 1000 })),
    });
    const { world } = this;
    for (let at = 0; at < 3; at++) {
      const client = world.client(`client-${at}`);
      client.latencyMs = () => 1 + world.random.float() * (world.random.chance(0.02) ? 200 : 4);
      this.#calls.set(client, []);
    }
    world.check = () => this.#checkSeats();
  }

  run(): void {
    const { world } = this;
    world.triad.giveControl(1);
    for (let step = 0; step < 150; step++) {
      world.run(world.random.float() * 400);
      if (world.random.chance(0.35)) this.#fault();
      else this.#act();
    }
    this.#heal();
    world.run(30_000);
    this.#checkSettled();
    this.#giveAllBack();
    world.run(30_000);
    this.#checkSettled();
    this.#checkEmpty();
  }

  #act(): void {
    const { world } = this;
    const client = world.random.pick(world.clients);
    const calls = this.#calls.get(client) as CallId[];
    const grants = [...client.grants.values()].filter(({ holding }) => holding.end === null);
    switch (
      world.random.pick(['checkout', 'several', 'partial', 'wait', 'checkin', 'checkin', 'abandon', 'many'] as const)
    ) {
      case 'checkout':
        calls.push(client.checkout());
        break;
      case 'several':
        calls.push(client.checkout({ more: [{ feature: 'merge', version: undefined, count: 1 }] }));
        break;
      case 'partial':
        calls.push(client.checkout({ count: 3, countMin: 1, waitMs: world.random.pick([0, 2_000]) }));
        break;
      case 'wait':
        calls.push(client.checkout({ waitMs: world.random.float() * 5_000 }));
        break;
      case 'checkin':
        if (grants.length > 0) calls.push(client.checkin(world.random.pick(grants)));
        break;
      case 'abandon': {
        const open = calls.filter((call) => !client.outcomes.has(call));
        if (open.length === 0) break;
        const call = world.random.pick(open);
        calls.splice(calls.indexOf(call), 1);
        client.abandon(call);
        break;
      }
      case 'many':
        for (let at = 0; at < 5; at++) calls.push(client.checkout({ waitMs: 500 }));
        break;
    }
  }

  #fault(): void {
    const { world } = this;
    const { triad, random } = world;
    const rank = 1 + random.between(0, 2);
    const client = random.pick(world.clients);
    switch (
      random.pick([
        'control',
        'control',
        'none',
        'kill',
        'restart',
        'cut',
        'dead',
        'quorum',
        'busy',
        'move',
        'slow',
        'clock',
        'revoke',
      ] as const)
    ) {
      case 'control':
        triad.keepsPending = random.chance(0.5);
        if (triad.server(rank).isUp) triad.giveControl(rank);
        break;
      case 'none':
        triad.giveControl(null);
        break;
      case 'kill':
        triad.kill(rank);
        break;
      case 'restart':
        triad.restart(rank);
        break;
      case 'cut':
        client.cut(rank);
        break;
      case 'dead':
        client.deaden(rank);
        break;
      case 'quorum':
        triad.hasQuorum = random.chance(0.6);
        break;
      case 'busy':
        triad.refuseWith = random.chance(0.5) ? 'BUSY' : null;
        break;
      case 'move':
        if (triad.server(rank).isUp) triad.announceMove(rank);
        break;
      case 'slow':
        world.commitMs = random.chance(0.7) ? 2 : 400;
        break;
      case 'clock':
        client.wallOffsetMs += random.chance(0.5) ? 5_000 : -5_000;
        break;
      case 'revoke': {
        const grant = [...triad.ledger.grants()][0];
        if (grant !== undefined) triad.apply({ kind: 'revoke', grants: [grant.id], reason: 'because' });
        break;
      }
    }
  }

  #heal(): void {
    const { world } = this;
    const { triad } = world;
    for (const { rank } of triad.servers) triad.restart(rank);
    triad.hasQuorum = true;
    triad.refuseWith = null;
    world.commitMs = 2;
    for (const client of world.clients) client.latencyMs = () => 1;
    triad.giveControl(1);
  }

  #giveAllBack(): void {
    for (const client of this.world.clients) {
      for (const grant of client.grants.values()) {
        if (grant.holding.end === null) this.#calls.get(client)?.push(client.checkin(grant));
      }
    }
  }

  /** I3: what clients believe to hold never exceeds the pool. */
  #checkSeats(): void {
    for (const feature of ['compare', 'merge']) {
      let held = 0;
      for (const client of this.world.clients) held += client.heldSeats(feature);
      if (held > seats)
        throw new Error(`seed ${this.#seed}: ${held} of ${seats} ${feature} held at ${this.world.nowMs} ms`);
    }
  }

  #checkSettled(): void {
    const context = `seed ${this.#seed}`;
    expect(this.world.triad.refusals, context).toEqual([]);
    for (const [client, calls] of this.#calls) {
      expect(
        calls.filter((call) => !client.outcomes.has(call)),
        `${context}: calls without an outcome`,
      ).toEqual([]);
      for (const { events, holding } of client.grants.values()) checkEvents(events, holding.end !== null, context);
      expect(client.wakes, context).toBeLessThan(this.world.nowMs / 5);
    }
  }

  /** Nothing is left behind at the servers, and nobody holds what the servers don't know. */
  #checkEmpty(): void {
    const context = `seed ${this.#seed}`;
    expect([...this.world.triad.ledger.grants()], context).toEqual([]);
    expect(this.world.triad.ledger.summary().queued, context).toBe(0);
    for (const client of this.world.clients) {
      expect(client.heldSeats(), context).toBe(0);
      expect(client.isKeptAlive, context).toBe(false);
      expect(client.openLinks().length, context).toBeLessThanOrEqual(1);
    }
  }
}

/** What a grant's holder may be told, in which order. */
function checkEvents(events: readonly GrantEvent[], isEnded: boolean, context: string): void {
  // A grant may be given while the clocks part, or while a resume is under way.
  let state = 'new' as 'new' | 'holding' | 'reconnecting' | 'lost' | 'ended';
  for (const { type } of events) {
    const told = `${context}: ${events.map((event) => event.type).join(' ')}`;
    expect(state, told).not.toBe('ended');
    if (type === 'lost') expect(state, told).not.toBe('lost');
    if (type === 'resumed') expect(state, told).not.toBe('holding');
    if (type === 'moving') continue;
    state = type === 'resumed' ? 'holding' : type === 'reconnecting' && state === 'lost' ? 'lost' : type;
  }
  expect(state === 'ended', context).toBe(isEnded);
}

describe('random lives', () => {
  test.each(Array.from({ length: runs }, (_, at) => firstSeed + at))('seed %i', (seed) => {
    new RandomRun(seed).run();
  });
});
