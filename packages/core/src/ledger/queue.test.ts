import { describe, expect, it } from 'vitest';
import { LedgerRig, type TestFeature } from './testing/ledger-rig.ts';

const everybody = () => true;

function full(...features: readonly TestFeature[]) {
  const rig = new LedgerRig(features);
  const holder = rig.client('holder');
  const held = features.map(({ name, version = '1.0', count }) =>
    holder.take(name, { version, count: count as number }),
  );
  /** A new client that waits; the id of its place. */
  const wait = (name: string, wish: { count?: number; version?: string; waitMs?: number } = {}) => {
    const reply = rig.client(name).checkout('compare', { waitMs: 60_000, ...wish });
    if (reply.kind !== 'queued') throw new Error(`expected queued, got ${JSON.stringify(reply)}`);
    return reply.entry;
  };
  return { rig, holder, held, wait };
}

const pool = (count: number, version = '1.0'): TestFeature => ({ name: 'compare', count, version });

describe('the queue', () => {
  it('is first come, first served: a place names its position and its limit', () => {
    const { rig, wait } = full(pool(1));
    wait('a');
    rig.atMs += 1000;
    const place = wait('b', { waitMs: 1500.5 });
    expect(place).toMatchObject({
      position: 2,
      untilMs: rig.atMs + 1501,
      count: 1,
      checkoutSeq: 1,
      feature: 'compare',
    });
    expect([...rig.ledger.queue('compare')].map(({ position }) => position)).toEqual([1, 2]);
    expect(rig.pool('compare')).toMatchObject({ queued: 2 });
    expect(rig.ledger.queueHeads()).toEqual([...rig.ledger.queue('compare')].slice(0, 1));
  });

  it('comes before everybody else who asks, unless the server says past it', () => {
    const { rig, holder, held, wait } = full(pool(2));
    wait('a', { count: 2 });
    holder.checkin(held[0]!);
    const passer = rig.client('passer');
    expect(passer.checkout('compare')).toMatchObject({
      kind: 'denied',
      denial: { code: 'NO_SEATS', inUse: 0, queued: 1 },
    });
    expect(passer.checkout('compare', { pastQueue: true })).toMatchObject({ kind: 'granted' });
  });

  it('gives a freed seat to the entry that the command names, at its session’s epoch', () => {
    const { rig, holder, held, wait } = full(pool(1));
    const place = wait('a');
    expect(rig.reply({ kind: 'assign', entry: place.id, epoch: 1 })).toMatchObject({ code: 'NO_SEATS' });
    holder.checkin(held[0]!);
    expect(rig.reply({ kind: 'assign', entry: place.id, epoch: 2 })).toMatchObject({ code: 'SUPERSEDED' });
    const { reply, events } = rig.run({ kind: 'assign', entry: place.id, epoch: 1 });
    expect(reply).toMatchObject({ kind: 'granted', epoch: 1, grant: { checkoutSeq: 1, user: 'user-a' } });
    expect(events).toMatchObject([{ kind: 'granted', fromQueue: true }]);
    expect(rig.reply({ kind: 'assign', entry: place.id, epoch: 1 })).toMatchObject({ code: 'UNKNOWN_ENTRY' });
    expect(rig.pool('compare')).toMatchObject({ inUse: 1, queued: 0 });
  });

  it('gives up at its limit in license time, and a repeat hears it', () => {
    const { rig, wait } = full(pool(1));
    const place = wait('a', { waitMs: 5000 });
    expect(rig.ledger.nextDeadlineMs()).toBe(place.untilMs);
    rig.atMs = place.untilMs;
    expect(rig.run({ kind: 'tick' }).events).toEqual([
      { kind: 'unqueued', entry: place, why: 'waitOver', denial: expect.objectContaining({ code: 'WAIT_OVER' }) },
    ]);
    const again = rig.client('a');
    again.epoch = 1;
    const denial = { code: 'WAIT_OVER', inUse: 1, queued: 0, holders: [{ user: 'user-holder' }] };
    expect(again.checkout('compare', { waitMs: 5000 }, 1)).toMatchObject({ kind: 'denied', denial });
    expect(rig.ledger.nextDeadlineMs()).toBeNull();
  });

  it('ends entries of one instant in the order in which they came', () => {
    const { rig, wait } = full(pool(1));
    const ids = Array.from({ length: 20 }, (_, i) => wait(`w${i}`, { waitMs: i % 2 === 0 ? 5000 : 4000 }).id);
    rig.atMs += 5000;
    const ended = rig
      .run({ kind: 'tick' })
      .events.map((event) => (event.kind === 'unqueued' ? event.entry.id : event.kind));
    expect(ended).toEqual([...ids.filter((_, i) => i % 2 === 1), ...ids.filter((_, i) => i % 2 === 0)]);
  });
});

describe('assignable', () => {
  it('is the first entry that is bound; the others keep their places', () => {
    const { rig, holder, held, wait } = full(pool(1));
    const [a, b] = [wait('a'), wait('b')];
    expect(rig.ledger.assignable(everybody)).toEqual([]);
    holder.checkin(held[0]!);
    expect(rig.ledger.assignable(everybody).map(({ id }) => id)).toEqual([a.id]);
    expect(rig.ledger.assignable((session) => session === b.session)).toMatchObject([{ id: b.id, position: 2 }]);
    expect(rig.ledger.assignable(() => false)).toEqual([]);
  });

  it('lets nobody pass a large request that the free seats are too few for', () => {
    const rig = new LedgerRig([pool(3)]);
    const holder = rig.client('holder');
    const grants = [holder.take('compare'), holder.take('compare'), holder.take('compare')];
    const large = rig.client('large').checkout('compare', { count: 2, waitMs: 1000 });
    rig.client('small').checkout('compare', { waitMs: 1000 });
    holder.checkin(grants[0]!);
    expect(rig.ledger.assignable(everybody)).toEqual([]);
    holder.checkin(grants[1]!);
    expect(rig.ledger.assignable(everybody)).toMatchObject([large.kind === 'queued' ? { id: large.entry.id } : {}]);
  });

  it('lets those pass who need other pools than the one that is waited for', () => {
    const { rig, holder, held, wait } = full(pool(1, '11.0'), pool(2, '12.0'));
    const high = wait('high', { version: '12', count: 2 });
    const low = wait('low', { version: '11' });
    holder.checkin(held[0]!);
    expect(rig.ledger.assignable(everybody)).toMatchObject([{ id: low.id }]);
    // And a new checkout for the lower version waits behind `low`, not behind `high`.
    rig.run({ kind: 'assign', entry: low.id, epoch: 1 });
    holder.checkin(held[1]!);
    expect(rig.ledger.assignable(everybody)).toMatchObject([{ id: high.id }]);
  });

  it('serves a lower version directly where only higher ones are waited for', () => {
    const { rig, holder, held, wait } = full(pool(1, '11.0'), pool(1, '12.0'));
    wait('high', { version: '12' });
    holder.checkin(held[0]!);
    expect(rig.client('low').checkout('compare', { version: '11' })).toMatchObject({ grant: { version: '11.0' } });
  });
});
