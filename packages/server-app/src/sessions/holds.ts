import { type Ledger, ledgerLimits } from '@lic/core';
import { errorCode, type Logger, type Runtime, type Timer } from '@lic/interfaces';
import type { Propose } from '../propose.ts';
import type { ActiveClock } from './active-clock.ts';
import { type Due, DueHeap } from './due-heap.ts';

/** What the holds of a term are kept with. */
export interface HoldsParts {
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly ledger: Ledger;
  readonly propose: Propose;
  readonly clock: ActiveClock;
  /**
   * A reclaim of the session is being proposed: until its outcome is known none of its heartbeats may be answered, not even one
   * that waits for its round already (triad.md, Time).
   */
  readonly onReclaiming: (session: string) => void;
}

/** Bounds of what is done at once, so that many silent sessions neither block the event loop nor crowd out the others. */
const holdLimits = {
  /** Sessions looked at in one turn. */
  looksMax: 1_000,
  /** Reclaims under way. */
  reclaimsMax: 256,
  /** The pause before a reclaim that failed is tried again, ms. */
  retryMs: 200,
  /** The least pause between two looks, ms. */
  lookMsMin: 5,
} as const;

/** A session as it is watched: due when its first hold may have passed. */
interface Watch extends Due {
  readonly session: string;
  /** Active time at which its client was heard last. */
  heardMs: number;
  /** A reclaim is under way; it is not in the heap meanwhile. */
  isReclaiming: boolean;
}

interface EndingWatch extends Due {
  readonly grant: string;
}

/**
 * The holds of one term in control (triad.md, Time): how long each session has been silent, and the reclaim once that
 * is too long. All begin afresh with the term. *Ending* grants are settled when their own hold has passed.
 */
export class Holds {
  readonly #parts: HoldsParts;
  readonly #startedMs: number;
  readonly #watches = new Map<string, Watch>();
  readonly #due = new DueHeap<Watch>();
  readonly #endingDue = new DueHeap<EndingWatch>();
  /** The sessions from before the term, looked at once the shortest hold has passed: until then a failover costs nothing. */
  #unheard: IterableIterator<string> | undefined;
  readonly #unheardDueMs: number;
  #reclaims = 0;
  #timer: Timer | undefined;
  #timerAtMs = Infinity;
  #isStopped = false;

  constructor(parts: HoldsParts) {
    const { clock, ledger } = parts;
    this.#parts = parts;
    this.#startedMs = clock.now();
    this.#unheard = ledger.summary().sessions > 0 ? ledger.sessionIds() : undefined;
    this.#unheardDueMs = this.#startedMs + ledger.shortestHoldMs();
    for (const grant of ledger.endingGrants()) this.watchEnding(grant.id, grant.holdMs);
    this.#arm();
  }

  /** Something of the session's client was received now. Sessions that don't exist leave no trace. */
  heard(session: string): void {
    const watch = this.#watches.get(session);
    if (watch === undefined) this.#begin(session, this.#parts.clock.now());
    else watch.heardMs = this.#parts.clock.now();
  }

  /** Whether a reclaim of the session is under way: nothing that would extend what it holds may be answered until its outcome is known. */
  isReclaiming(session: string): boolean {
    return this.#watches.get(session)?.isReclaiming === true;
  }

  /** A session began. */
  began(session: string): void {
    this.#begin(session, this.#parts.clock.now());
  }

  /** What the session holds or waits for has changed: its shortest hold may have become shorter. */
  changed(session: string): void {
    const watch = this.#watches.get(session);
    if (watch === undefined) this.#begin(session, this.#startedMs);
    else this.#hasten(watch);
  }

  /** The session has ended. */
  ended(session: string): void {
    const watch = this.#watches.get(session);
    if (watch === undefined) return;
    this.#watches.delete(session);
    this.#due.remove(watch);
  }

  /** The grant has become *ending*: it counts until acknowledged, at most for its hold from now. */
  watchEnding(grant: string, holdMs: number): void {
    this.#endingDue.put({ grant, atMs: 0, place: -1 }, this.#parts.clock.now() + holdMs);
    this.#arm();
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  #begin(session: string, heardMs: number): void {
    const view = this.#parts.ledger.session(session);
    if (view === undefined) return;
    const watch: Watch = { session, heardMs, isReclaiming: false, atMs: 0, place: -1 };
    this.#watches.set(session, watch);
    this.#due.put(watch, heardMs + view.holdMsMin);
    this.#arm();
  }

  #hasten(watch: Watch): void {
    // While a reclaim is under way its outcome decides what comes next.
    if (watch.isReclaiming) return;
    const view = this.#parts.ledger.session(watch.session);
    if (view === undefined) return;
    const dueMs = watch.heardMs + view.holdMsMin;
    if (dueMs >= watch.atMs) return;
    this.#due.put(watch, dueMs);
    this.#arm();
  }

  #nextMs(): number {
    const endingMs = this.#endingDue.nextMs ?? Infinity;
    // One that ends makes room for the next, and arms again.
    if (this.#reclaims >= holdLimits.reclaimsMax) return endingMs;
    const unheardMs = this.#unheard === undefined ? Infinity : this.#unheardDueMs;
    return Math.min(this.#due.nextMs ?? Infinity, unheardMs, endingMs);
  }

  #arm(): void {
    if (this.#isStopped) return;
    const nextMs = this.#nextMs();
    if (nextMs >= this.#timerAtMs || nextMs === Infinity) return;
    this.#timer?.cancel();
    this.#timerAtMs = nextMs;
    const waitMs = Math.max(holdLimits.lookMsMin, nextMs - this.#parts.clock.now());
    this.#timer = this.#parts.runtime.setTimer(waitMs, () => this.#look(), { keepAlive: false });
  }

  #look(): void {
    this.#timerAtMs = Infinity;
    const nowMs = this.#parts.clock.now();
    this.#settleDue(nowMs);
    for (let looks = 0; looks < holdLimits.looksMax && this.#reclaims < holdLimits.reclaimsMax; looks++) {
      const watch = this.#due.popDue(nowMs);
      if (watch !== undefined) this.#lookAt(watch, nowMs);
      else if (!this.#takeUnheard(nowMs)) break;
    }
    this.#arm();
  }

  #lookAt(watch: Watch, nowMs: number): void {
    const view = this.#parts.ledger.session(watch.session);
    if (view === undefined) {
      this.#watches.delete(watch.session);
      return;
    }
    const silentMs = nowMs - watch.heardMs;
    if (silentMs < view.holdMsMin) this.#due.put(watch, watch.heardMs + view.holdMsMin);
    else void this.#reclaim(watch, Math.floor(silentMs));
  }

  /** Begins to watch the next session from before the term that nobody has heard of since. Answers false where there is none. */
  #takeUnheard(nowMs: number): boolean {
    if (this.#unheard === undefined || nowMs < this.#unheardDueMs) return false;
    const next = this.#unheard.next();
    if (next.done === true) this.#unheard = undefined;
    else if (!this.#watches.has(next.value)) this.#begin(next.value, this.#startedMs);
    return next.done !== true;
  }

  async #reclaim(watch: Watch, silentMs: number): Promise<void> {
    const { propose, logger, ledger, clock } = this.#parts;
    const { session } = watch;
    watch.isReclaiming = true;
    this.#reclaims++;
    this.#parts.onReclaiming(session);
    let notBeforeMs = clock.now() + holdLimits.lookMsMin;
    try {
      await propose({ kind: 'reclaim', session, silentMs });
      logger.info('a silent session was reclaimed', { session, silentMs });
    } catch (error) {
      logger.warn('a reclaim was not carried out', { session, code: errorCode(error) });
      notBeforeMs = clock.now() + holdLimits.retryMs;
    }
    this.#reclaims--;
    watch.isReclaiming = false;
    const view = ledger.session(session);
    if (view === undefined) this.#watches.delete(session);
    else this.#due.put(watch, Math.max(watch.heardMs + view.holdMsMin, notBeforeMs));
    this.#arm();
  }

  #settleDue(nowMs: number): void {
    const grants: string[] = [];
    for (let watch = this.#endingDue.popDue(nowMs); watch !== undefined; watch = this.#endingDue.popDue(nowMs)) {
      if (this.#parts.ledger.grant(watch.grant)?.state === 'ending') grants.push(watch.grant);
      if (grants.length === ledgerLimits.grantsPerCommandMax) break;
    }
    if (grants.length > 0) void this.#settle(grants);
  }

  async #settle(grants: readonly string[]): Promise<void> {
    try {
      await this.#parts.propose({ kind: 'settle', grants });
    } catch (error) {
      this.#parts.logger.warn('ending grants were not settled', { grants: grants.length, code: errorCode(error) });
      for (const grant of grants) this.watchEnding(grant, holdLimits.retryMs);
    }
  }
}
