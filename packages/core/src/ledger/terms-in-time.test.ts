import { describe, expect, it } from 'vitest';
import { LedgerRig } from './testing/ledger-rig.ts';

const dayMs = 86_400_000;
const endMs = Date.UTC(2026, 5, 11);

describe('days of grace', () => {
  const life = () => new LedgerRig([{ name: 'compare', count: 3, expiresAt: '2026-06-10', graceDays: 2 }]);

  it('let checkouts go on after the end, and say so in grant and pool', () => {
    const rig = life();
    const before = rig.client('a').checkout('compare');
    expect(before).toMatchObject({ kind: 'granted', grant: { state: 'active' } });
    expect(before).not.toHaveProperty('grant.inGrace');
    expect(rig.pool('compare')).toMatchObject({ expiresAtMs: endMs, graceUntilMs: endMs + 2 * dayMs });
    expect(rig.pool('compare')).not.toHaveProperty('inGrace');
    // A deadline, so that the reports say so although nobody asks for a seat.
    expect(rig.ledger.nextDeadlineMs()).toBe(endMs);

    rig.atMs = endMs;
    rig.run({ kind: 'tick' });
    expect(rig.pool('compare')).toMatchObject({ inGrace: true, inUse: 1, free: 2 });
    expect(rig.client('b').checkout('compare')).toMatchObject({ kind: 'granted', grant: { inGrace: true } });
    expect([...rig.ledger.grants()].map(({ inGrace }) => inGrace)).toEqual([undefined, true]);
  });

  it('end what is held when they are over, and no earlier', () => {
    const rig = life();
    rig.client('a').take('compare');
    rig.atMs = endMs + 2 * dayMs - 1;
    rig.client('b').take('compare');
    expect(rig.ledger.nextDeadlineMs()).toBe(endMs + 2 * dayMs);
    rig.atMs += 1;
    expect(rig.run({ kind: 'tick' }).events).toMatchObject([{ reason: 'expired' }, { reason: 'expired' }]);
    expect(rig.client('c').checkout('compare')).toMatchObject({ kind: 'denied', denial: { code: 'EXPIRED' } });
  });
});

describe('supportedUntil', () => {
  const life = () => new LedgerRig([{ name: 'compare', count: 1, supportedUntil: '2026-03-31' }]);

  it.each(['2026-03-31', '2026-03-31T23:59:59.999Z', '2020-01-01'])('covers the release of %s', (releasedAt) => {
    expect(life().client('a').checkout('compare', { releasedAt })).toMatchObject({ kind: 'granted' });
  });

  it.each([undefined, '2026-04-01', '2026-04-01T00:00:00Z'])('does not cover the release of %s', (releasedAt) => {
    const wish = releasedAt === undefined ? {} : { releasedAt };
    expect(life().client('a').checkout('compare', wish)).toMatchObject({
      kind: 'denied',
      denial: { code: 'RELEASE_NOT_COVERED', supportedUntilMs: Date.UTC(2026, 3, 1) },
    });
  });

  it('does not matter where the license names none', () => {
    const rig = new LedgerRig([{ name: 'compare', count: 2 }]);
    expect(rig.client('a').checkout('compare', { releasedAt: '2030-01-01' })).toMatchObject({ kind: 'granted' });
  });

  it('refuses a release that is no date', () => {
    expect(life().client('a').checkout('compare', { releasedAt: 'May' })).toMatchObject({
      denial: { code: 'INVALID_REQUEST', message: expect.stringContaining('not "May"') },
    });
  });

  it('keeps nobody waiting behind a queue place that the pool is not for', () => {
    const rig = new LedgerRig([
      { name: 'compare', version: '1.0', count: 1, supportedUntil: '2026-03-31' },
      { name: 'compare', version: '2.0', count: 1, supportedUntil: '2025-12-31' },
    ]);
    rig.client('a').take('compare', { releasedAt: '2026-03-01' });
    expect(rig.client('b').checkout('compare', { releasedAt: '2026-03-01', waitMs: 5000 })).toMatchObject({
      kind: 'queued',
    });
    expect(rig.ledger.pools().map(({ queued }) => queued)).toEqual([1, 0]);
    expect(rig.client('c').checkout('compare', { releasedAt: '2025-12-01' })).toMatchObject({
      kind: 'granted',
      grant: { version: '2.0' },
    });
    expect(rig.ledger.assignable(() => true)).toEqual([]);
  });
});
