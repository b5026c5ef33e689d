import type { Runtime, Timer } from '@lic/interfaces';

/** Monotonic time without this server's own stalls: what a client's silence is measured with (triad.md, Time, Hold). */
export interface ActiveClock {
  /** Milliseconds that this process was able to hear anybody. Never runs backwards. */
  now(): number;
  stop(): void;
}

/** How often it looks whether the event loop stood still, ms: a fraction of the margin within these bounds. */
const lookMsMin = 10;
const lookMsMax = 250;

/**
 * A stall longer than `marginMs` is taken out of the clock as a whole; shorter ones are what the margin is for.
 * Every reading looks by itself, so that a timer which fires first after a stall does not see the stall as silence.
 */
export function createActiveClock(runtime: Runtime, marginMs: number): ActiveClock {
  const lookMs = Math.min(lookMsMax, Math.max(lookMsMin, marginMs / 4));
  // Between two looks nothing was read: a clock that is read this often stands still for longer only in a stall.
  const stallMsMin = Math.max(marginMs, 2 * lookMs);
  let stalledMs = 0;
  let lastMs = runtime.monotonic();
  let timer: Timer | undefined;

  const now = (): number => {
    const readMs = runtime.monotonic();
    if (readMs - lastMs > stallMsMin) stalledMs += readMs - lastMs;
    lastMs = readMs;
    return readMs - stalledMs;
  };
  const look = (): void => {
    now();
    timer = runtime.setTimer(lookMs, look, { keepAlive: false });
  };
  look();
  return { now, stop: () => timer?.cancel() };
}
