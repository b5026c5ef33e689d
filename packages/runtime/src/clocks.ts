/** The longest delay that a JavaScript timer takes; a longer one would fire at once. */
const delayMsMax = 2 ** 31 - 1;

/** What Node and browsers have in common. */
export const clockNow = (): number => Date.now();

/** Milliseconds since the process or page began. */
export const clockMonotonic = (): number => performance.now();

/** A delay as `setTimeout` takes it: negative and non-finite ones count as 0, too long ones as the longest. */
export function clampDelayMs(delayMs: number): number {
  if (!(delayMs > 0)) return 0;
  return Math.min(Math.ceil(delayMs), delayMsMax);
}
