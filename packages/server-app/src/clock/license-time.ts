/** The rules of license time (triad.md, License time), in milliseconds. */
export const clockRules = {
  /** Clocks further apart don't agree; one that is further off the agreed clock raises the clock alarm. */
  toleranceMs: 60_000,
  /** What license time may gain on elapsed time at once. */
  leapMs: 3_600_000,
  /** How long all reachable servers must agree before a greater step is applied. */
  leapAgreedMs: 600_000,
} as const;

/** A time that runs on: it was `ms` when the monotonic clock said `atMs`. */
export interface RunningTime {
  readonly ms: number;
  readonly atMs: number;
}

/** What license time's source remembers. */
export interface ClockState {
  /** The last agreement. Null: there has been none since the start. */
  readonly agreed: RunningTime | null;
  /** Where license time would be by elapsed time alone: steps are measured against it, together. Null: there is nothing yet. */
  readonly elapsed: RunningTime | null;
  /** Since when all reachable servers have agreed on the same time, and what that was. */
  readonly steady: RunningTime | null;
  /** The last stamp; the highest so far, once anything was applied. */
  readonly stamp: RunningTime | null;
  /** Nothing was applied yet. */
  readonly isNothingApplied: boolean;
}

/** What is known at one moment. */
export interface ClockReadings {
  readonly monotonicMs: number;
  /** The wall clocks of this server and of all servers that it can reach now, as of this moment. */
  readonly clocksMs: readonly number[];
  /** How many servers the license has. */
  readonly members: number;
  /** The last applied license time; 0 before the first. */
  readonly licenseTimeMs: number;
}

/** What follows from them. */
export interface ClockDecision {
  readonly state: ClockState;
  /** What a command is stamped with. */
  readonly stampMs: number;
  /** The last agreement and the time elapsed since; null where there has been none. */
  readonly agreedMs: number | null;
  /** Whether the clocks agree now. */
  readonly isAgreed: boolean;
  /** How far the agreed clock is ahead of elapsed time, where that is too far to be applied yet. */
  readonly pendingLeapMs: number | null;
}

/** Before the first reading. */
export const clockAtStart: ClockState = {
  agreed: null,
  elapsed: null,
  steady: null,
  stamp: null,
  isNothingApplied: true,
};

/**
 * The clock that the servers agree on: the median of three; of two that are within 60 s the earlier; a single server's
 * own where there is only one. Null: there is none.
 */
export function agreedClock(clocksMs: readonly number[], members: number): number | null {
  const [first, second, ...more] = [...clocksMs].sort((a, b) => a - b);
  if (first === undefined) return null;
  if (second === undefined) return members === 1 ? first : null;
  if (more.length === 0) return second - first <= clockRules.toleranceMs ? first : null;
  return second;
}

/** Decides what time it is for licenses. Pure: time goes by only in `readings`. */
export function decideClock(before: ClockState, readings: ClockReadings): ClockDecision {
  const { monotonicMs, clocksMs, members, licenseTimeMs } = readings;
  const state = withoutStep(before, readings);
  const agreedNow = agreedClock(clocksMs, members);
  const agreed = agreedNow === null ? state.agreed : { ms: agreedNow, atMs: monotonicMs };
  const agreedMs = at(agreed, monotonicMs);
  const isNothingApplied = licenseTimeMs === 0;

  const steady = steadyTime(state.steady, readings, agreedNow);
  const isProven = steady !== null && monotonicMs - steady.atMs >= clockRules.leapAgreedMs;
  // The first step of a triad's life has no limit; later ones have none once all have agreed for long enough.
  const isFree = (isNothingApplied || isProven) && agreedMs !== null;
  const elapsed = isFree ? { ms: agreedMs, atMs: monotonicMs } : keptElapsed(state.elapsed, licenseTimeMs, monotonicMs);

  const leapMs = agreedMs === null ? 0 : agreedMs - (at(elapsed, monotonicMs) ?? 0);
  const isPending = leapMs > clockRules.leapMs;
  const runningMs = Math.max(at(state.stamp, monotonicMs) ?? 0, licenseTimeMs);
  const wantedMs = agreedMs === null || isPending ? runningMs : agreedMs;
  // I7: nothing that was stamped is followed by an earlier stamp. Before the first nothing was.
  const stampMs = isNothingApplied ? Math.max(wantedMs, 0) : Math.max(wantedMs, licenseTimeMs, state.stamp?.ms ?? 0);
  return {
    state: {
      agreed,
      elapsed,
      steady,
      stamp: stampMs === 0 ? null : { ms: stampMs, atMs: monotonicMs },
      isNothingApplied,
    },
    stampMs: Math.floor(stampMs),
    agreedMs,
    isAgreed: agreedNow !== null,
    pendingLeapMs: isPending ? leapMs : null,
  };
}

/** An operator says that the agreed clock is right: steps are measured from it. */
export function acceptClock(state: ClockState, monotonicMs: number): ClockState {
  const ms = at(state.agreed, monotonicMs);
  return ms === null ? state : { ...state, elapsed: { ms, atMs: monotonicMs } };
}

/** Whether a clock is so far off the agreed one that its server must not lead where another can. */
export function isOff(clockMs: number, agreedMs: number | null): boolean {
  return agreedMs !== null && Math.abs(clockMs - agreedMs) > clockRules.toleranceMs;
}

function at(time: RunningTime | null, monotonicMs: number): number | null {
  return time === null ? null : time.ms + (monotonicMs - time.atMs);
}

/**
 * A server that starts again has applied nothing yet either, and goes by its clocks as freely as at the first step of a triad's life. If its log
 * then turns out to be far behind them, that was a leap that nobody has agreed on.
 */
function withoutStep(state: ClockState, { licenseTimeMs, monotonicMs }: ClockReadings): ClockState {
  if (!state.isNothingApplied || licenseTimeMs === 0) return state;
  const leapMs = (at(state.elapsed, monotonicMs) ?? 0) - licenseTimeMs;
  return leapMs > clockRules.leapMs ? { ...state, elapsed: null, stamp: null } : state;
}

/** What was applied here has kept the limit; what is beyond it was accepted elsewhere. */
function keptElapsed(before: RunningTime | null, licenseTimeMs: number, monotonicMs: number): RunningTime | null {
  if (licenseTimeMs === 0) return null;
  const isBehind = before === null || licenseTimeMs - (at(before, monotonicMs) ?? 0) > clockRules.leapMs;
  return isBehind ? { ms: licenseTimeMs, atMs: monotonicMs } : before;
}

/** The agreement goes on while every reachable server (at least two) is within 60 s of it, and it has not moved itself. */
function steadyTime(
  before: RunningTime | null,
  { clocksMs, members, monotonicMs }: ClockReadings,
  agreedNow: number | null,
): RunningTime | null {
  if (agreedNow === null || clocksMs.length < Math.min(2, members)) return null;
  if (clocksMs.some((clockMs) => isOff(clockMs, agreedNow))) return null;
  const expectedMs = at(before, monotonicMs);
  return before !== null && expectedMs !== null && !isOff(agreedNow, expectedMs)
    ? before
    : { ms: agreedNow, atMs: monotonicMs };
}
