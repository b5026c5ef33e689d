/**
 * The real clock, timers and randomness for Node.
 *
 * @packageDocumentation
 */
import { randomFillSync } from 'node:crypto';
import type { Runtime } from '@lic/interfaces';
import { clampDelayMs, clockMonotonic, clockNow } from './clocks.ts';

/** The real {@link Runtime} of this Node process. */
export const runtime: Runtime = {
  now: clockNow,
  monotonic: clockMonotonic,
  setTimer(delayMs, callback, options) {
    const timer = setTimeout(callback, clampDelayMs(delayMs));
    if (options?.keepAlive === false) timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
  random: (byteCount) => randomFillSync(new Uint8Array(byteCount)),
};
