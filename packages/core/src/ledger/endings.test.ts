import { describe, expect, it } from 'vitest';
import { LedgerRig } from './testing/ledger-rig.ts';

const features = [
  { name: 'compare', count: 3 },
  { name: 'short', count: 3, leaseSeconds: 20 },
  { name: 'loose', count: 3, reclaim: 'disconnect' },
] as const;
const shortHoldMs = 21_200;

function begin() {
  const rig = new LedgerRig(features);
  return { rig, a: rig.client('a') };
}

describe('revoke', () => {
  it('makes a grant ending: it counts until the client acknowledges it', () => {
    const { rig, a } = begin();
    const grant = a.take('compare');
    const { reply, events } = rig.run({ kind: 'revoke', grants: [grant, 'g99', grant], reason: 'maintenance' });
    expect(reply).toEqual({ kind: 'ok' });
    const ending = { state: 'ending', ending: { reason: 'revoked', note: 'maintenance' } };
    expect(events).toMatchObject([{ kind: 'ending', grant: { id: grant, ...ending } }]);
    expect([...rig.ledger.endingGrants()]).toMatchObject([{ id: grant }]);
    expect(rig.pool('compare')).toMatchObject({ inUse: 1 });
    expect(a.resume('r1')).toMatchObject({ grants: [{ id: grant, ...ending }] });
    expect(a.acknowledge(grant)).toMatchObject({ kind: 'done' });
    expect(rig.pool('compare')).toMatchObject({ inUse: 0 });
    expect([...rig.ledger.endingGrants()]).toEqual([]);
  });

  it('or until its hold has passed', () => {
    const { rig, a } = begin();
    const [revoked, active] = [a.take('compare'), a.take('compare')];
    rig.run({ kind: 'revoke', grants: [revoked], reason: 'x' });
    const { events } = rig.run({ kind: 'settle', grants: [revoked, active, 'g99'] });
    expect(events).toMatchObject([{ kind: 'ended', grant: { id: revoked }, reason: 'revoked', note: 'x' }]);
    expect(rig.run({ kind: 'settle', grants: [revoked] })).toEqual({ reply: { kind: 'ok' }, events: [] });
    expect(rig.ledger.grantsOf(a.session)).toMatchObject([{ id: active, state: 'active' }]);
  });

  it('keeps its reason, however the grant ends then', () => {
    const { rig, a } = begin();
    const grants = [a.take('compare'), a.take('compare')];
    rig.run({ kind: 'revoke', grants, reason: 'x' });
    rig.run({ kind: 'revoke', grants, reason: 'once more' });
    expect(a.checkin(grants[0]!)).toMatchObject({ kind: 'done' });
    expect(a.checkout('compare', {}, 1)).toMatchObject({ code: 'ENDED', reason: 'revoked' });
    const { events } = rig.run({ kind: 'goodbye', ...a.envelope() });
    expect(events[0]).toMatchObject({ kind: 'ended', reason: 'revoked', note: 'x' });
  });

  it('of nothing that stands says so', () => {
    expect(begin().rig.reply({ kind: 'revoke', grants: ['g5'], reason: 'x' })).toMatchObject({ code: 'UNKNOWN_GRANT' });
  });
});

describe('acknowledge', () => {
  it('ends neither active grants nor those of others', () => {
    const { rig, a } = begin();
    const b = rig.client('b');
    const [mine, foreign] = [a.take('compare'), b.take('compare')];
    rig.run({ kind: 'revoke', grants: [foreign], reason: 'x' });
    a.acknowledge(mine, foreign);
    expect(rig.ledger.summary().grants).toBe(2);
  });
});

describe('reclaim', () => {
  it('takes the grants whose hold has passed, also ending ones; the rest and the session stand', () => {
    const { rig, a } = begin();
    const grants = [a.take('compare'), a.take('short'), a.take('short')];
    rig.run({ kind: 'revoke', grants: [grants[2]!], reason: 'x' });
    expect(rig.run({ kind: 'reclaim', session: a.session, silentMs: shortHoldMs - 1 }).events).toEqual([]);
    const { events } = rig.run({ kind: 'reclaim', session: a.session, silentMs: shortHoldMs });
    expect(events).toMatchObject([
      { kind: 'ended', grant: { id: grants[1] }, reason: 'reclaimed' },
      { kind: 'ended', grant: { id: grants[2] }, reason: 'revoked' },
    ]);
    expect(a.resume('r1')).toMatchObject({
      grants: [{ id: grants[0] }],
      ended: [
        { grant: grants[1], reason: 'reclaimed' },
        { grant: grants[2], reason: 'revoked' },
      ],
    });
  });

  it('ends the session with its longest hold, and all that it has', () => {
    const { rig, a } = begin();
    const holder = rig.client('holder');
    holder.take('compare', { count: 3 });
    const grant = a.take('short');
    a.checkout('compare', { waitMs: 3_600_000 });
    const { events } = rig.run({ kind: 'reclaim', session: a.session, silentMs: 61_600 });
    expect(events).toMatchObject([
      { kind: 'ended', grant: { id: grant }, reason: 'reclaimed' },
      { kind: 'unqueued', why: 'reclaimed', entry: { position: 1 } },
      { kind: 'sessionEnded', session: a.session, reason: 'reclaimed' },
    ]);
    expect(rig.reply({ kind: 'reclaim', session: a.session, silentMs: 1e9 })).toMatchObject({
      code: 'UNKNOWN_SESSION',
    });
  });

  it('takes queue places by the hold of their feature', () => {
    const { rig, a } = begin();
    const holder = rig.client('holder');
    holder.take('short', { count: 3 });
    a.take('compare');
    a.checkout('short', { waitMs: 3_600_000 });
    const { events } = rig.run({ kind: 'reclaim', session: a.session, silentMs: shortHoldMs });
    expect(events).toMatchObject([{ kind: 'unqueued', why: 'reclaimed', entry: { feature: 'short' } }]);
    expect(a.checkout('short', {}, 2)).toMatchObject({ code: 'ENDED', reason: 'reclaimed' });
    // It was no grant, so a resume has nothing to tell of it.
    expect(a.resume('r1')).toMatchObject({ queue: [], ended: [] });
  });

  it('ends a session without grants by the hold of the default lease', () => {
    const { rig, a } = begin();
    a.checkin(a.take('short'));
    expect(rig.run({ kind: 'reclaim', session: a.session, silentMs: 61_599 }).events).toEqual([]);
    expect(rig.run({ kind: 'reclaim', session: a.session, silentMs: 61_600 }).events).toHaveLength(1);
  });
});

describe('disconnect', () => {
  it('ends at once what its license says so of, and nothing else', () => {
    const { rig, a } = begin();
    const [kept, loose] = [a.take('compare'), a.take('loose')];
    expect(rig.reply({ kind: 'disconnect', session: a.session, epoch: 2 })).toMatchObject({ code: 'SUPERSEDED' });
    const { events } = rig.run({ kind: 'disconnect', session: a.session, epoch: 1 });
    expect(events).toMatchObject([
      { kind: 'ended', grant: { id: loose, reclaim: 'disconnect' }, reason: 'disconnected' },
    ]);
    expect(rig.ledger.grantsOf(a.session)).toMatchObject([{ id: kept }]);
    const unknown = rig.client('b').session;
    expect(rig.reply({ kind: 'disconnect', session: unknown, epoch: 1 })).toMatchObject({ code: 'UNKNOWN_SESSION' });
  });
});

describe('goodbye', () => {
  it('ends the session with all its grants and queue places, oldest first', () => {
    const { rig, a } = begin();
    rig.client('holder').take('short', { count: 3 });
    const grants = [a.take('compare'), a.take('loose')];
    a.checkout('short', { waitMs: 1000 });
    const { reply, events } = rig.run({ kind: 'goodbye', ...a.envelope() });
    expect(reply).toEqual({ kind: 'done', epoch: 1 });
    expect(events).toMatchObject([
      { kind: 'ended', grant: { id: grants[0] }, reason: 'sessionEnded' },
      { kind: 'ended', grant: { id: grants[1] }, reason: 'sessionEnded' },
      { kind: 'unqueued', why: 'sessionEnded' },
      { kind: 'sessionEnded', reason: 'sessionEnded' },
    ]);
    expect(rig.ledger.session(a.session)).toBeUndefined();
    expect([rig.ledger.grantsOf(a.session), rig.ledger.queueOf(a.session)]).toEqual([[], []]);
    expect(rig.ledger.summary()).toMatchObject({ sessions: 1, grants: 1, queued: 0 });
  });
});
