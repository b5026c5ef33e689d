import type { Ledger, QueueView } from '@lic/core';
import { errorCode, type Logger, type Runtime, type Timer } from '@lic/interfaces';
import type { Propose } from '../propose.ts';
import type { Bindings } from './bindings.ts';

/** What the queues of a term are served with. */
export interface QueueKeeperParts {
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly ledger: Ledger;
  readonly propose: Propose;
  readonly bindings: Bindings;
  /** Whether nothing may be granted now: then it is looked at again in a while. */
  readonly isHalted: () => boolean;
}

/** In a new term a queue's head has so long to resume before others are served past it, ms (triad.md, Sessions and the queue). */
const headResumeMs = 1_000;
const retryMs = 100;

/** Gives freed seats to those who wait, one command each; the command names the entry and `apply` checks it. */
export class QueueKeeper {
  readonly #parts: QueueKeeperParts;
  readonly #assigning = new Set<string>();
  /** By feature: checkouts that may wait, and resumes of sessions that do, under way. Who comes later must not pass them. */
  readonly #entering = new Map<string, number>();
  #timer: Timer | undefined;
  #haltedTimer: Timer | undefined;
  #isHeadAwaited = true;
  #isStopped = false;

  constructor(parts: QueueKeeperParts) {
    this.#parts = parts;
    this.#timer = parts.runtime.setTimer(
      headResumeMs,
      () => {
        this.#isHeadAwaited = false;
        this.serve();
      },
      { keepAlive: false },
    );
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#haltedTimer?.cancel();
  }

  /** A command is proposed after which somebody may stand in the queue of this feature who could be served. */
  entering(feature: string): void {
    this.#entering.set(feature, (this.#entering.get(feature) ?? 0) + 1);
  }

  /** Its outcome is known. */
  entered(feature: string): void {
    const left = (this.#entering.get(feature) ?? 0) - 1;
    if (left > 0) this.#entering.set(feature, left);
    else this.#entering.delete(feature);
  }

  /** Whether a fresh checkout of the feature may be served although a queue stands: nobody in it could be served now. */
  mayPass(feature: string): boolean {
    if (this.#isHeadAwaited || this.#parts.ledger.summary().queued === 0 || this.#entering.has(feature)) return false;
    for (const entry of this.#parts.ledger.queue(feature)) if (this.#parts.bindings.has(entry.session)) return false;
    return true;
  }

  /** Called when a seat may have become free, a session was bound, or a place was taken. */
  serve(): void {
    const { ledger, bindings } = this.#parts;
    if (this.#isStopped || ledger.summary().queued === 0) return;
    if (this.#parts.isHalted()) {
      this.#haltedTimer ??= this.#parts.runtime.setTimer(
        headResumeMs,
        () => {
          this.#haltedTimer = undefined;
          this.serve();
        },
        { keepAlive: false },
      );
      return;
    }
    const awaited = this.#isHeadAwaited ? this.#featuresWithAbsentHead() : undefined;
    for (const entry of ledger.assignable((session) => bindings.has(session))) {
      if (this.#assigning.has(entry.id) || awaited?.has(entry.feature)) continue;
      this.#assigning.add(entry.id);
      void this.#assign(entry);
    }
  }

  #featuresWithAbsentHead(): Set<string> {
    const { ledger, bindings } = this.#parts;
    return new Set(ledger.queueHeads().flatMap((head) => (bindings.has(head.session) ? [] : [head.feature])));
  }

  async #assign(entry: QueueView): Promise<void> {
    const { propose, bindings, logger, runtime } = this.#parts;
    try {
      await propose({ kind: 'assign', entry: entry.id, epoch: bindings.get(entry.session)?.epoch ?? 0 });
    } catch (error) {
      logger.debug('a queue place could not be served', { entry: entry.id, code: errorCode(error) });
      runtime.setTimer(retryMs, () => this.serve(), { keepAlive: false });
      return;
    } finally {
      this.#assigning.delete(entry.id);
    }
    this.serve();
  }
}
