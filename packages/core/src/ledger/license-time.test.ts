import { describe, expect, it } from 'vitest';
import { ledgerLimits } from './limits.ts';
import { LedgerRig, startMs } from './testing/ledger-rig.ts';

const instant = (ms: number) => new Date(startMs + ms).toISOString();

describe('license time (I7)', () => {
  it('is the latest stamp, and never runs back', () => {
    const rig = new LedgerRig([{ name: 'compare', count: 1 }]);
    const times = [500, 200, -9e9, 700.9, 0].map((ms) => {
      rig.run({ kind: 'tick', at: startMs + ms } as never);
      return rig.ledger.summary().licenseTimeMs - startMs;
    });
    expect(times).toEqual([500, 500, 500, 700, 700]);
    rig.run({ kind: 'acceptTime', at: startMs + 1e10 } as never);
    expect(rig.ledger.summary().licenseTimeMs).toBe(startMs + 1e10);
  });
});

describe('the end of a feature', () => {
  it('ends its grants and queue places with the first command that reaches it', () => {
    const rig = new LedgerRig([
      { name: 'trial', count: 1, expiresAt: instant(5000) },
      { name: 'other', count: 1 },
    ]);
    const [a, b] = [rig.client('a'), rig.client('b')];
    const grant = a.take('trial');
    b.checkout('trial', { waitMs: 60_000 });
    a.take('other');
    expect(rig.ledger.nextDeadlineMs()).toBe(startMs + 5000);
    rig.atMs = startMs + 4999;
    expect(rig.run({ kind: 'tick' }).events).toEqual([]);
    rig.atMs = startMs + 5000;
    const { reply, events } = rig.run(rig.client('c').checkoutCommand('trial'));
    expect(reply).toMatchObject({ kind: 'denied', denial: { code: 'EXPIRED' } });
    expect(events).toMatchObject([
      { kind: 'ended', grant: { id: grant }, reason: 'expired' },
      { kind: 'unqueued', why: 'expired', entry: { session: b.session } },
      { kind: 'sessionBegan' },
    ]);
    expect(b.checkout('trial', { waitMs: 60_000 }, 1)).toMatchObject({ denial: { code: 'EXPIRED' } });
    expect(a.resume('r1')).toMatchObject({ grants: [{ feature: 'other' }], ended: [{ grant, reason: 'expired' }] });
    expect(rig.ledger.nextDeadlineMs()).toBeNull();
  });

  it('on a date is the end of that day, UTC', () => {
    const rig = new LedgerRig([{ name: 'trial', count: 1, expiresAt: '2026-06-01' }]);
    expect(rig.pool('trial')).toMatchObject({ expiresAtMs: Date.UTC(2026, 5, 2) });
    rig.atMs = Date.UTC(2026, 5, 2) - 1;
    rig.client('a').take('trial');
  });

  it('leaves those waiting who another version can serve', () => {
    const rig = new LedgerRig([
      { name: 'compare', count: 1, version: '1', expiresAt: instant(5000) },
      { name: 'compare', count: 1, version: '2' },
    ]);
    const holder = rig.client('holder');
    holder.take('compare');
    const high = holder.take('compare');
    const reply = rig.client('a').checkout('compare', { waitMs: 60_000 });
    rig.atMs += 5000;
    expect(rig.run({ kind: 'tick' }).events).toMatchObject([{ kind: 'ended', reason: 'expired' }]);
    holder.checkin(high);
    const entry = reply.kind === 'queued' ? reply.entry.id : '';
    expect(rig.reply({ kind: 'assign', entry, epoch: 1 })).toMatchObject({ kind: 'granted', grant: { version: '2' } });
  });

  it('is worked off in bounded steps, none of which grants from it', () => {
    const holders = ledgerLimits.endsPerCommandMax + 5;
    const rig = new LedgerRig([{ name: 'trial', count: 'uncounted', expiresAt: instant(5000) }]);
    for (let i = 0; i < holders; i++) rig.client(`h${i}`).take('trial');
    rig.atMs += 5000;
    expect(rig.run({ kind: 'tick' }).events).toHaveLength(ledgerLimits.endsPerCommandMax);
    // What is left is due now, and no seat can be had meanwhile.
    expect(rig.ledger.nextDeadlineMs()).toBe(startMs + 5000);
    const { reply, events } = rig.run(rig.client('late').checkoutCommand('trial'));
    expect(reply).toMatchObject({ denial: { code: 'EXPIRED' } });
    expect(events.filter(({ kind }) => kind === 'ended')).toHaveLength(5);
    expect(rig.ledger.nextDeadlineMs()).toBeNull();
  });
});

describe('the beginning of a feature', () => {
  it('is a deadline, from which on it is granted', () => {
    const rig = new LedgerRig([{ name: 'next', count: 1, startsAt: instant(5000) }]);
    expect(rig.ledger.nextDeadlineMs()).toBe(startMs + 5000);
    rig.atMs += 5000;
    rig.client('a').take('next');
    expect(rig.ledger.nextDeadlineMs()).toBeNull();
  });
});
