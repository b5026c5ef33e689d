import type { CallId } from './inputs.ts';
import type { Emit, Failure } from './outputs.ts';

/** The checkins that somebody awaits. The requests themselves are in the session's line, and outlive the patience of their calls. */
export class Checkins {
  readonly #emit: Emit;
  /** Call → time of the call, monotonic ms; oldest first. */
  readonly #startedMs = new Map<CallId, number>();

  constructor(emit: Emit) {
    this.#emit = emit;
  }

  get size(): number {
    return this.#startedMs.size;
  }

  begin(call: CallId, nowMs: number): void {
    this.#startedMs.set(call, nowMs);
  }

  /** It was committed, or its grant is over with its session. Nobody may be waiting any more. */
  done(call: CallId): void {
    if (this.#startedMs.delete(call)) this.#emit({ kind: 'done', call });
  }

  /** Nobody can say any more whether it was committed. */
  unknown(call: CallId): void {
    const message =
      'A copy of this process took over its session: whether the seat was given back is not known. It comes free when its hold has passed.';
    if (this.#startedMs.has(call)) this.#fail(call, { code: 'REFUSED', message, details: { code: 'SUPERSEDED' } });
  }

  /** Fails the calls that have waited for `waitMs`. */
  expire(nowMs: number, waitMs: number, failureOf: () => Failure): void {
    for (const [call, startedMs] of this.#startedMs) {
      if (nowMs < startedMs + waitMs) return;
      this.#fail(call, failureOf());
    }
  }

  failAll(failure: Failure): void {
    for (const call of this.#startedMs.keys()) this.#fail(call, failure);
  }

  nextDeadlineMs(waitMs: number): number {
    const oldest = this.#startedMs.values().next();
    return oldest.done === true ? Infinity : oldest.value + waitMs;
  }

  #fail(call: CallId, failure: Failure): void {
    this.#startedMs.delete(call);
    this.#emit({ kind: 'failed', call, failure });
  }
}
