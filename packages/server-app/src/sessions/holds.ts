import type { Ledger } from '@lic/core';
import { errorCode, type Logger, type Runtime, type Timer } from '@lic/interfaces';
import type { Propose } from '../propose.ts';
import type { ActiveClock } from './active-clock.ts';
import { DueHeap } from './due-heap.ts';

/** What the holds of a term are kept with. */
export interface HoldsParts {
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly ledger: Ledger;
  readonly propose: Propose;
  readonly clock: ActiveClock;
  /** Called when a reclaim of the session has been proposed, before its outcome is known. */
  readonly onReclaiming: (session: string) => void;
}

/** The pause before a reclaim that failed is tried again, and the least pause between two looks, ms. */
const retryMs = 200;
const lookMsMin = 5;

/**
 * The holds of one term in control (triad.md, Time): how long each session has been silent, and the reclaim once that
 * is too long. All begin afresh with the term. *Ending* grants are settled when their own hold has passed.
 */
export class Holds {
  readonly #parts: HoldsParts;
  readonly #startedMs: number;
  /** Active time at which each session was heard last; absent: at the term's beginning. */
  readonly #heardMs = new Map<string, number>();
  readonly #due = new DueHeap();
  readonly #endingDue = new DueHeap();
  /** Sessions whose reclaim is under way, with the promise of its outcome. */
  readonly #reclaiming = new Map<string, Promise<void>>();
  #timer: Timer | undefined;
  #timerAtMs = Infinity;
  #isStopped = false;

  constructor(parts: HoldsParts) {
    this.#parts = parts;
    this.#startedMs = parts.clock.now();
    // No hold is shorter than the shortest that a session reports, which is looked up when it is due: until then the
    // earliest possible moment stands for it, so that a million sessions cost no look-up during a failover.
    const firstMs = this.#startedMs + parts.ledger.shortestHoldMs();
    for (const session of parts.ledger.sessionIds()) this.#due.push(session, firstMs);
    for (const grant of parts.ledger.endingGrants()) this.#endingDue.push(grant.id, this.#startedMs + grant.holdMs);
    this.#arm();
  }

  /** Something of the session's client was received now. */
  heard(session: string): void {
    this.#heardMs.set(session, this.#parts.clock.now());
  }

  /** A session began or got another grant or queue place: its shortest hold may have become shorter. */
  watch(session: string): void {
    const view = this.#parts.ledger.session(session);
    if (view === undefined) return;
    this.#due.push(session, this.#lastHeardMs(session) + view.holdMsMin);
    this.#arm();
  }

  /** The grant has become *ending*: it counts until acknowledged, at most for its hold from now. */
  watchEnding(grant: string, holdMs: number): void {
    this.#endingDue.push(grant, this.#parts.clock.now() + holdMs);
    this.#arm();
  }

  forget(session: string): void {
    this.#heardMs.delete(session);
  }

  /** The outcome of a reclaim that is under way: nothing of the session may be answered before (triad.md, Time). */
  reclaimOf(session: string): Promise<void> | undefined {
    return this.#reclaiming.get(session);
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  #lastHeardMs(session: string): number {
    return this.#heardMs.get(session) ?? this.#startedMs;
  }

  #arm(): void {
    if (this.#isStopped) return;
    const nextMs = Math.min(this.#due.nextMs ?? Infinity, this.#endingDue.nextMs ?? Infinity);
    if (nextMs >= this.#timerAtMs || nextMs === Infinity) return;
    this.#timer?.cancel();
    this.#timerAtMs = nextMs;
    this.#timer = this.#parts.runtime.setTimer(
      Math.max(lookMsMin, nextMs - this.#parts.clock.now()),
      () => this.#look(),
      {
        keepAlive: false,
      },
    );
  }

  #look(): void {
    this.#timerAtMs = Infinity;
    const nowMs = this.#parts.clock.now();
    for (let session = this.#due.popDue(nowMs); session !== undefined; session = this.#due.popDue(nowMs)) {
      this.#lookAt(session, nowMs);
    }
    const settled: string[] = [];
    for (let grant = this.#endingDue.popDue(nowMs); grant !== undefined; grant = this.#endingDue.popDue(nowMs)) {
      if (this.#parts.ledger.grant(grant)?.state === 'ending') settled.push(grant);
    }
    if (settled.length > 0) void this.#settle(settled);
    this.#arm();
  }

  #lookAt(session: string, nowMs: number): void {
    const view = this.#parts.ledger.session(session);
    if (view === undefined) {
      this.forget(session);
      return;
    }
    if (this.#reclaiming.has(session)) return;
    const silentMs = nowMs - this.#lastHeardMs(session);
    if (silentMs < view.holdMsMin) this.#due.push(session, this.#lastHeardMs(session) + view.holdMsMin);
    else this.#reclaiming.set(session, this.#reclaim(session, Math.floor(silentMs)));
  }

  async #reclaim(session: string, silentMs: number): Promise<void> {
    const { propose, logger, ledger, clock } = this.#parts;
    this.#parts.onReclaiming(session);
    try {
      await propose({ kind: 'reclaim', session, silentMs });
      logger.info('a silent session was reclaimed', { session, silentMs });
    } catch (error) {
      logger.warn('a reclaim was not carried out', { session, code: errorCode(error) });
      this.#due.push(session, clock.now() + retryMs);
    } finally {
      this.#reclaiming.delete(session);
    }
    const view = ledger.session(session);
    if (view === undefined) this.forget(session);
    else this.#due.push(session, Math.max(this.#lastHeardMs(session) + view.holdMsMin, clock.now() + lookMsMin));
    this.#arm();
  }

  async #settle(grants: readonly string[]): Promise<void> {
    try {
      await this.#parts.propose({ kind: 'settle', grants });
    } catch (error) {
      this.#parts.logger.warn('ending grants were not settled', { grants: grants.length, code: errorCode(error) });
      for (const grant of grants) this.#endingDue.push(grant, this.#parts.clock.now() + retryMs);
      this.#arm();
    }
  }
}
