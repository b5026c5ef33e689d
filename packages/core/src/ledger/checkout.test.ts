import { describe, expect, it } from 'vitest';
import type { Denial } from './results.ts';
import { LedgerRig, startMs, type TestFeature, type Wish } from './testing/ledger-rig.ts';

const instant = (ms: number) => new Date(startMs + ms).toISOString();

function denialOf(rig: LedgerRig, feature: string, wish: Wish = {}): Denial {
  const reply = rig.client('asker').checkout(feature, wish);
  if (reply.kind !== 'denied') throw new Error(`expected denied, got ${JSON.stringify(reply)}`);
  return reply.denial;
}

function rigWith(...features: readonly TestFeature[]): LedgerRig {
  return new LedgerRig(features);
}

it('a checkout that says that states differ is denied with that, but what it had obtained before stands', () => {
  const rig = new LedgerRig([{ name: 'compare', count: 2 }]);
  const a = rig.client('a');
  const grant = a.take('compare');
  expect(a.checkout('compare', { isHalted: true, waitMs: 1_000 })).toMatchObject({
    kind: 'denied',
    denial: { code: 'STATE_DIFFERS', message: expect.stringContaining('nothing is granted') },
  });
  expect(rig.ledger.grant(grant)?.state).toBe('active');
  expect(a.checkout('compare')).toMatchObject({ kind: 'granted' });
});

describe('a denial', () => {
  it('of a full pool names seats, in use, queued and the oldest holders of that feature', () => {
    const rig = rigWith({ name: 'compare', count: 12 }, { name: 'merge', count: 1 });
    rig.client('other').take('merge');
    for (let i = 0; i < 12; i++, rig.atMs += 10) rig.client(`holder-${i}`).take('compare');
    const denial = denialOf(rig, 'compare', { count: 2 });
    expect(denial).toMatchObject({
      code: 'NO_SEATS',
      feature: 'compare',
      requested: 2,
      count: 12,
      inUse: 12,
      queued: 0,
    });
    expect(denial.holders?.map(({ user }) => user)).toEqual(Array.from({ length: 10 }, (_, i) => `user-holder-${i}`));
    expect(denial.holders?.[3]).toEqual({
      user: 'user-holder-3',
      host: 'host-holder-3',
      count: 1,
      sinceMs: startMs + 30,
    });
    expect(denial.message).toMatch(/12 of 12 seats of "compare" are in use/);
  });

  it('says what is wrong with the license or the wish', () => {
    const rig = rigWith({ name: 'compare', count: 3 });
    expect(denialOf(rig, 'Compare')).toMatchObject({ code: 'UNKNOWN_FEATURE' });
    expect(
      denialOf(rigWith({ name: 'compare', count: 3, version: '12.0' }), 'compare', { version: '12.1' }),
    ).toMatchObject({
      code: 'VERSION_NOT_LICENSED',
      versions: ['12.0'],
    });
    expect(denialOf(rigWith({ name: 'early', count: 1, startsAt: instant(5000) }), 'early')).toMatchObject({
      code: 'NOT_STARTED',
      message: expect.stringContaining(instant(5000)),
    });
    expect(denialOf(rigWith({ name: 'late', count: 1, expiresAt: instant(0) }), 'late')).toMatchObject({
      code: 'EXPIRED',
    });
  });

  it.each([0, -1, 1.5, 1_000_001])('refuses to take %d seats', (count) => {
    expect(denialOf(rigWith({ name: 'compare', count: 3 }), 'compare', { count })).toMatchObject({
      code: 'INVALID_REQUEST',
    });
  });

  it.each(['', 'twelve', '1..2', '1.2.3.4.5.6.7.8.9'])('knows that "%s" is no version', (version) => {
    expect(denialOf(rigWith({ name: 'compare', count: 3 }), 'compare', { version })).toMatchObject({
      code: 'INVALID_REQUEST',
    });
  });

  it('comes at once where more is asked than is licensed, although the client would wait', () => {
    const rig = rigWith({ name: 'compare', count: 3 });
    const denial = denialOf(rig, 'compare', { count: 4, waitMs: 60_000 });
    expect(denial).toMatchObject({ code: 'COUNT_TOO_HIGH', requested: 4, count: 3 });
  });
});

describe('a version asked for', () => {
  const rig = () =>
    rigWith(
      { name: 'compare', count: 1, version: '11.0' },
      { name: 'compare', count: 1, version: '9' },
      { name: 'compare', count: 1, version: '12.0' },
    );
  const take = (on: LedgerRig, name: string, wish: Wish = {}) => {
    const reply = on.client(name).checkout('compare', wish);
    return reply.kind === 'granted' ? reply.grant.version : reply.kind === 'denied' ? reply.denial.code : reply.kind;
  };

  it('is served from the lowest pool that suffices, then from the next', () => {
    const on = rig();
    expect(take(on, 'a', { version: '10' })).toBe('11.0');
    expect(take(on, 'b', { version: '10.5' })).toBe('12.0');
    expect(take(on, 'c', { version: '10' })).toBe('NO_SEATS');
    expect(take(on, 'd')).toBe('9');
  });

  it('is compared number by number, a missing part being 0', () => {
    expect(take(rig(), 'a', { version: '11.0.0' })).toBe('11.0');
    expect(take(rig(), 'a', { version: '011' })).toBe('11.0');
    expect(take(rig(), 'a', { version: '11.0.1' })).toBe('12.0');
    expect(take(rig(), 'a', { version: '9.10' })).toBe('11.0');
  });

  it('counts only the pools that suffice in a denial', () => {
    const on = rig();
    take(on, 'a', { version: '12' });
    const denial = denialOf(on, 'compare', { version: '12' });
    expect(denial).toMatchObject({ code: 'NO_SEATS', count: 1, inUse: 1, holders: [{ user: 'user-a' }] });
  });
});

describe('an uncounted feature', () => {
  it('never runs out', () => {
    const rig = rigWith({ name: 'viewer', count: 'uncounted' });
    const a = rig.client('a');
    for (let i = 0; i < 50; i++) a.take('viewer', { count: 1_000_000 });
    expect(rig.pool('viewer')).toEqual({
      feature: 'viewer',
      version: '1.0',
      count: 'uncounted',
      inUse: 50_000_000,
      free: null,
      queued: 0,
      expiresAtMs: null,
    });
  });
});

describe('before checkouts open (triad.md, Forming)', () => {
  it('denies NOT_OPEN_YET with the time left, until `opened`', () => {
    const rig = new LedgerRig([{ name: 'compare', count: 1, leaseSeconds: 120 }], { isNew: false });
    rig.atMs += 20_000;
    const denial = denialOf(rig, 'compare', { waitMs: 5000 });
    expect(denial).toMatchObject({ code: 'NOT_OPEN_YET', leftMs: rig.ledger.longestHoldMs() - 20_000 });
    expect(rig.run({ kind: 'opened' })).toEqual({ reply: { kind: 'ok' }, events: [{ kind: 'opened' }] });
    expect(rig.run({ kind: 'opened' }).events).toEqual([]);
    rig.client('a').take('compare');
  });
});

describe('leases', () => {
  const leases = (allowShortLeases: boolean) => {
    const rig = new LedgerRig(
      [
        { name: 'default', count: 1 },
        { name: 'long', count: 1, leaseSeconds: 600 },
        { name: 'short', count: 1, leaseSeconds: 2 },
      ],
      { settings: { leaseMs: 60_000, drift: 0.01, marginMs: 1000, allowShortLeases } },
    );
    const a = rig.client('a');
    for (const name of ['default', 'long', 'short']) a.take(name);
    return { rig, grants: rig.ledger.grantsOf(a.session).map(({ leaseMs, holdMs }) => ({ leaseMs, holdMs })) };
  };

  it('are the feature’s or the default, and short ones are raised to 10 s', () => {
    const { rig, grants } = leases(false);
    expect(grants).toEqual([
      { leaseMs: 60_000, holdMs: 61_600 },
      { leaseMs: 600_000, holdMs: 607_000 },
      { leaseMs: 10_000, holdMs: 11_100 },
    ]);
    expect([rig.ledger.shortestHoldMs(), rig.ledger.longestHoldMs(), rig.ledger.longestLeaseMs()]).toEqual([
      11_100, 607_000, 600_000,
    ]);
  });

  it('may be short where every server allows it', () => {
    expect(leases(true).grants[2]).toEqual({ leaseMs: 2000, holdMs: 3020 });
  });

  it('show as bounds of the session, which without grants has the default', () => {
    const { rig } = leases(false);
    const a = rig.client('a');
    expect(rig.ledger.session(a.session)).toMatchObject({ leaseMsMin: 10_000, holdMsMin: 11_100, holdMsMax: 607_000 });
    rig.client('b').checkout('unknown');
    const bounds = { leaseMsMin: 60_000, holdMsMin: 61_600, holdMsMax: 61_600 };
    expect(rig.ledger.session(rig.client('b').session)).toMatchObject(bounds);
  });
});
