import type { Entropy } from './entropy.ts';

/** Each further refusal doubles the pause, up to this many times. */
const doublingsMax = 3;

/**
 * How long to wait before a server that had too much to do is asked again, ms: more after each refusal in a row, and never in
 * step with the other clients that were refused at the same moment.
 */
export function busyPauseMs(refusals: number, repeatAfterMs: number, entropy: Entropy): number {
  const doublings = Math.min(Math.max(refusals - 1, 0), doublingsMax);
  return repeatAfterMs * 2 ** doublings * (0.5 + entropy.fraction());
}
