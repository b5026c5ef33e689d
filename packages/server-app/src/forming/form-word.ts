import type { Runtime } from '@lic/interfaces';

/** How long an operator's `lic form` counts, ms: those who are to form with it must be there. */
export const formWordMs = 5_000;

/** An operator's word that two of three servers shall form (triad.md, Forming). It counts for a while, and is not kept. */
export class FormWord {
  readonly #runtime: Runtime;
  #untilMs = Number.NEGATIVE_INFINITY;
  #onGiven: () => void = () => {};

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  get isGiven(): boolean {
    return this.#runtime.monotonic() < this.#untilMs;
  }

  give(): void {
    this.#untilMs = this.#runtime.monotonic() + formWordMs;
    this.#onGiven();
  }

  /** The one listener. */
  onGiven(listener: () => void): void {
    this.#onGiven = listener;
  }
}
