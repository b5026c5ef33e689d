/**
 * The real clock, timers and randomness for browsers.
 *
 * @packageDocumentation
 */
import type { Runtime } from '@lic/interfaces';
import { clampDelayMs, clockMonotonic, clockNow } from './clocks.ts';

/** The real {@link Runtime} of this page or worker; `keepAlive` means nothing here. */
export const runtime: Runtime = {
  now: clockNow,
  monotonic: clockMonotonic,
  setTimer(delayMs, callback) {
    const timer = setTimeout(callback, clampDelayMs(delayMs));
    return { cancel: () => clearTimeout(timer) };
  },
  random: (byteCount) => crypto.getRandomValues(new Uint8Array(byteCount)),
};
