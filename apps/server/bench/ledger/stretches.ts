/** The longest of the stretches between two points at which the event loop could run. */
export class Stretches {
  longestMs = 0;
  #sinceMs = performance.now();

  async pause(): Promise<void> {
    this.end();
    await new Promise((resolve) => setImmediate(resolve));
    this.#sinceMs = performance.now();
  }

  /** The last stretch. Gives the longest. */
  end(): number {
    this.longestMs = Math.max(this.longestMs, performance.now() - this.#sinceMs);
    return this.longestMs;
  }
}

/** How long it takes, ms. */
export function lengthOf(run: () => void): number {
  const beganMs = performance.now();
  run();
  return performance.now() - beganMs;
}
