/** A seed that has found a planted bug. */
export interface RecordedSeed {
  readonly seed: number;
  /** Virtual seconds of the run. */
  readonly seconds: number;
  /** How many seeds a search needed. */
  readonly seeds: number;
  /** What was found broken. */
  readonly promise: string;
}

/** By the bug's name. Written by `npm run sim -- --planted-bugs --record`. */
export const plantedSeeds: Readonly<Record<string, RecordedSeed>> = {
  'vote-before-persisted': { seed: 1, seconds: 8, seeds: 1, promise: 'bug' },
  'own-vote-before-persisted': { seed: 1, seconds: 8, seeds: 1, promise: 'bug' },
  'log-not-compared': { seed: 1, seconds: 8, seeds: 1, promise: 'I4' },
  'control-before-own-entry': { seed: 3, seconds: 8, seeds: 3, promise: 'I4' },
  'no-check-quorum': { seed: 2, seconds: 8, seeds: 2, promise: 'I1' },
  'amnesiac-votes': { seed: 1, seconds: 8, seeds: 1, promise: 'I8' },
  'rolled-back-votes': { seed: 1, seconds: 8, seeds: 1, promise: 'I8' },
  'ack-before-sync': { seed: 1, seconds: 8, seeds: 1, promise: 'bug' },
  'leader-counts-unsynced': { seed: 1, seconds: 8, seeds: 1, promise: 'I4' },
  'old-term-commit': { seed: 1, seconds: 8, seeds: 1, promise: 'bug' },
  'conflict-kept': { seed: 1, seconds: 8, seeds: 1, promise: 'I4' },
  'commit-beyond-match': { seed: 3, seconds: 8, seeds: 3, promise: 'I4' },
  'deposed-leader-heard': { seed: 4, seconds: 8, seeds: 4, promise: 'bug' },
  'round-begun-before': { seed: 1, seconds: 8, seeds: 1, promise: 'I1' },
  'read-from-deposed': { seed: 4, seconds: 8, seeds: 4, promise: 'I1' },
  'damage-truncated': { seed: 1, seconds: 8, seeds: 1, promise: 'I8' },
  'write-without-sync': { seed: 1, seconds: 8, seeds: 1, promise: 'I4' },
  'failed-sync-ignored': { seed: 1, seconds: 8, seeds: 1, promise: 'I4' },
  'failed-write-acknowledged': { seed: 1, seconds: 8, seeds: 1, promise: 'bug' },
  'heartbeat-without-round': { seed: 1, seconds: 8, seeds: 1, promise: 'I3' },
  'answered-while-reclaimed': { seed: 1, seconds: 8, seeds: 1, promise: 'I3' },
  'holds-not-restarted': { seed: 2, seconds: 8, seeds: 2, promise: 'I3' },
  'heard-not-noted': { seed: 1, seconds: 8, seeds: 1, promise: 'I3' },
  'ending-settled-early': { seed: 1, seconds: 8, seeds: 1, promise: 'I3' },
  'checkin-answered-early': { seed: 1, seconds: 8, seeds: 1, promise: 'I4' },
  'queue-to-unbound': { seed: 3, seconds: 8, seeds: 3, promise: 'queue' },
  'head-not-awaited': { seed: 1, seconds: 8, seeds: 1, promise: 'queue' },
  'time-leaps': { seed: 1, seconds: 8, seeds: 1, promise: 'I7' },
  'lease-from-receipt': { seed: 1, seconds: 8, seeds: 1, promise: 'I3' },
  'two-servers-exchanged': { seed: 1, seconds: 8, seeds: 1, promise: 'I1' },
  'resume-takes-a-seat': { seed: 1, seconds: 8, seeds: 1, promise: 'I2' },
  'epoch-not-raised': { seed: 1, seconds: 8, seeds: 1, promise: 'I6' },
  'older-epoch-served': { seed: 16, seconds: 8, seeds: 16, promise: 'I6' },
  'repeat-runs-again': { seed: 1, seconds: 8, seeds: 1, promise: 'I5' },
  'ended-granted-again': { seed: 15, seconds: 8, seeds: 15, promise: 'I5' },
  'snapshot-loses-sessions': { seed: 1, seconds: 8, seeds: 1, promise: 'I9' },
  'snapshot-loses-results': { seed: 1, seconds: 8, seeds: 1, promise: 'I9' },
  'revoke-frees-at-once': { seed: 1, seconds: 8, seeds: 1, promise: 'I3' },
  'time-runs-back': { seed: 1, seconds: 8, seeds: 1, promise: 'I7' },
  'hold-below-lease': { seed: 1, seconds: 8, seeds: 1, promise: 'I3' },
  'seat-oversold': { seed: 1, seconds: 8, seeds: 1, promise: 'I2' },
  'seat-withheld': { seed: 1, seconds: 8, seeds: 1, promise: 'history' },
  'seat-leaks': { seed: 1, seconds: 8, seeds: 1, promise: 'I2' },
  'borrow-freed-early': { seed: 3, seconds: 8, seeds: 3, promise: 'I3' },
  'borrow-by-wall-clock-alone': { seed: 3, seconds: 8, seeds: 3, promise: 'I3' },
  'returned-while-in-use': { seed: 3, seconds: 8, seeds: 3, promise: 'I3' },
  'borrow-asked-before-it-is-kept': { seed: 1, seconds: 8, seeds: 1, promise: 'I5' },
  'limits-lost-with-snapshot': { seed: 2, seconds: 8, seeds: 2, promise: 'I9' },
  'exclude-ignored-in-queue': { seed: 3, seconds: 8, seeds: 3, promise: 'policy' },
  'reservation-ignored': { seed: 1, seconds: 8, seeds: 1, promise: 'policy' },
  'waiting-not-counted': { seed: 2, seconds: 8, seeds: 2, promise: 'policy' },
  'priority-not-sorted': { seed: 2, seconds: 8, seeds: 2, promise: 'policy' },
  'policy-widens': { seed: 1, seconds: 8, seeds: 1, promise: 'policy' },
};
