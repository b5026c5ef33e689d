import type { LicError } from '@lic/interfaces';

interface Barrier {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: LicError) => void;
}

/** Callers that wait for a round to be confirmed. All that wait for one round share one promise. */
export class Barriers {
  readonly #byRound = new Map<number, Barrier>();

  /** Settles with `round`. */
  wait(round: number): Promise<void> {
    const known = this.#byRound.get(round);
    if (known !== undefined) return known.promise;
    let resolve!: () => void;
    let reject!: (error: LicError) => void;
    const promise = new Promise<void>((onResolve, onReject) => {
      resolve = onResolve;
      reject = onReject;
    });
    // A caller that gave up by its signal is no unhandled rejection.
    promise.catch(() => {});
    this.#byRound.set(round, { promise, resolve, reject });
    return promise;
  }

  /** Rounds up to `round` are confirmed. */
  confirm(round: number): void {
    for (const [each, barrier] of this.#byRound) {
      if (each > round) return;
      this.#byRound.delete(each);
      barrier.resolve();
    }
  }

  /** Nothing can be confirmed any more. */
  fail(error: LicError): void {
    for (const barrier of this.#byRound.values()) barrier.reject(error);
    this.#byRound.clear();
  }
}
