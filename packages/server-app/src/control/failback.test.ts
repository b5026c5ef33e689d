import { describe, expect, it } from 'vitest';
import {
  decideFailback,
  type FailbackFacts,
  type FailbackPeer,
  failbackLossMs,
  nextFailbackWaitMs,
} from './failback.ts';

const peer = (rank: number, more: Partial<FailbackPeer> = {}): FailbackPeer => ({
  id: `server-${rank}`,
  rank,
  isDrained: false,
  hasAlarm: false,
  isCaughtUp: true,
  wellSinceMs: 0,
  ...more,
});

const facts = (more: Partial<FailbackFacts> = {}): FailbackFacts => ({
  nowMs: 20_000,
  mode: 'auto',
  self: peer(2),
  others: [peer(1), peer(3)],
  isSuspended: false,
  waitMs: 10_000,
  ...more,
});

describe('failback', () => {
  it('gives control back to the best rank once it has been well for long enough', () => {
    expect(decideFailback(facts())).toEqual({ to: 'server-1', why: 'failback' });
    expect(decideFailback(facts({ others: [peer(1, { wellSinceMs: 10_001 }), peer(3)] }))).toBeNull();
  });

  it('never moves control to a worse rank, nor at all where it is with the best', () => {
    expect(decideFailback(facts({ self: peer(1), others: [peer(2), peer(3)] }))).toBeNull();
    expect(decideFailback(facts({ others: [peer(1, { isCaughtUp: false }), peer(3)] }))).toBeNull();
  });

  it.each(['isDrained', 'hasAlarm'] as const)('passes a better server by that %s', (what) => {
    expect(decideFailback(facts({ self: peer(3), others: [peer(1, { [what]: true }), peer(2)] }))?.to).toBe('server-2');
  });

  it('stays where an operator or the configuration wants it', () => {
    expect(decideFailback(facts({ isSuspended: true }))).toBeNull();
    expect(decideFailback(facts({ mode: 'sticky' }))).toBeNull();
  });

  it.each(['isDrained', 'hasAlarm'] as const)(
    'leaves a server in control that %s at once, whatever the mode',
    (what) => {
      const self = peer(1, { [what]: true });
      const others = [peer(2, { wellSinceMs: 19_999 }), peer(3)];
      expect(decideFailback(facts({ self, others, mode: 'sticky', isSuspended: true }))).toEqual({
        to: 'server-2',
        why: 'away',
      });
      expect(
        decideFailback(facts({ self, others: [peer(2, { [what]: true }), peer(3, { isCaughtUp: false })] })),
      ).toBeNull();
    },
  );

  it('waits twice as long after each failback that was followed by a loss, up to an hour', () => {
    const next = (waitMs: number, gaveBackMs: number | null): number =>
      nextFailbackWaitMs({ waitMs, initialMs: 10_000, gaveBackMs, nowMs: 1_000_000 });
    expect(next(10_000, 999_000)).toBe(20_000);
    expect(next(3_000_000, 999_000)).toBe(3_600_000);
    expect(next(80_000, null)).toBe(10_000);
    expect(next(80_000, 1_000_000 - failbackLossMs - 1)).toBe(10_000);
  });
});
