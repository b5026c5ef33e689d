/**
 * A timer that was set with {@link Runtime.setTimer}.
 */
export interface Timer {
  /** Stops the timer; harmless when it has fired or was cancelled before. */
  cancel(): void;
}

/** What may be said about a timer when it is set. */
export interface TimerOptions {
  /**
   * Whether the pending timer keeps the operating-system process alive. Default `true`.
   * A client sets `false` while it holds no grant (architecture.md, public surface).
   */
  readonly keepAlive?: boolean;
}

/**
 * The only way in for time, timers and randomness. No package but `@lic/runtime` (and the virtual one of
 * `@lic/testkit`) reads a clock, so that servers and clients run on virtual time, byte for byte repeatable.
 */
export interface Runtime {
  /** Wall clock: milliseconds since 1970-01-01 UTC. May jump, and may run backwards. */
  now(): number;
  /** Monotonic clock: milliseconds since an arbitrary start, fractions allowed. Never runs backwards. */
  monotonic(): number;
  /**
   * Calls `callback` once, not before `delayMs` milliseconds of {@link Runtime.monotonic} have gone by, and never
   * within this call. A delay above 2^31-1 ms counts as that, a negative one or NaN as 0.
   * What the callback throws is an uncaught error: callbacks don't throw.
   */
  setTimer(delayMs: number, callback: () => void, options?: TimerOptions): Timer;
  /** `byteCount` (0 – 65 536) random bytes, fit for keys and nonces in the real runtime; from the seed in a virtual one. */
  random(byteCount: number): Uint8Array;
}
