import type { LinkId } from './inputs.ts';

/** A refused or unanswered heartbeat is followed by the next after at most this, ms. */
const retryMsMax = 1_000;
/** Heartbeats without an answer that are remembered; older ones can't be answered usefully any more. */
const outstandingMax = 16;

/** The heartbeats of one session on the connection that it is bound to (triad.md, Time). */
export class Heartbeats {
  readonly #send: (link: LinkId, number: number, nowMs: number) => void;
  /** Number → time of sending, monotonic ms, oldest first. */
  readonly #outstanding = new Map<number, number>();
  #number = 0;
  #lastMs = -Infinity;
  #isForced = false;
  /** The session's shortest lease as the newest answer told it, ms: the lease of queue places is known from nowhere else. */
  #toldLeaseMs: number | undefined;

  constructor(send: (link: LinkId, number: number, nowMs: number) => void) {
    this.#send = send;
  }

  get toldLeaseMs(): number | undefined {
    return this.#toldLeaseMs;
  }

  /** When the oldest heartbeat was sent that is without an answer, monotonic ms; Infinity where none is. */
  oldestOutMs(): number {
    const oldest = this.#outstanding.values().next();
    return oldest.done === true ? Infinity : oldest.value;
  }

  /** The next one goes at once. */
  force(): void {
    this.#isForced = true;
  }

  /** What was sent on an earlier connection is not awaited any more. */
  reset(): void {
    this.#outstanding.clear();
  }

  /**
   * When the next one is due, monotonic ms: a quarter of the lease after the newest proof or heartbeat; sooner after one that
   * was not answered, or not in earnest (`isTroubled`).
   */
  dueMs(leaseMs: number, confirmedMs: number, isTroubled: boolean): number {
    if (this.#isForced) return -Infinity;
    const quarterMs = leaseMs / 4;
    const regularMs = Math.max(confirmedMs, this.#lastMs) + quarterMs;
    if (!isTroubled && this.#outstanding.size === 0) return regularMs;
    return Math.min(regularMs, this.#lastMs + Math.min(quarterMs, retryMsMax));
  }

  beat(link: LinkId, nowMs: number): void {
    this.#number += 1;
    this.#lastMs = nowMs;
    this.#isForced = false;
    this.#outstanding.set(this.#number, nowMs);
    if (this.#outstanding.size > outstandingMax)
      this.#outstanding.delete(this.#outstanding.keys().next().value as number);
    this.#send(link, this.#number, nowMs);
  }

  /** Gives when the answered heartbeat was sent, or undefined where it is not known any more. */
  answered(number: number, leaseMs: number): number | undefined {
    const sentMs = this.#outstanding.get(number);
    if (sentMs === undefined) return undefined;
    this.#toldLeaseMs = leaseMs;
    for (const earlier of this.#outstanding.keys()) if (earlier <= number) this.#outstanding.delete(earlier);
    return sentMs;
  }

  /** It was answered with something that extends nothing. False: it was sent under an earlier binding, of which nobody asks any more. */
  refused(number: number): boolean {
    return this.#outstanding.delete(number);
  }
}
