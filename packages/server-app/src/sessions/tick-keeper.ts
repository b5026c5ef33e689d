import type { Ledger } from '@lic/core';
import { errorCode, type Logger, type Runtime, type Timer } from '@lic/interfaces';
import type { Propose } from '../propose.ts';

/** What deadlines are kept with. */
export interface TickKeeperParts {
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly ledger: Ledger;
  readonly propose: Propose;
  /** The agreed clock, UTC ms. */
  readonly stampMs: () => number;
}

/** It looks at least so often, since the agreed clock may be stepped, and at most so often, ms. */
const lookMsMax = 60_000;
const lookMsMin = 10;
const retryMs = 500;

/** Proposes a `tick` when the next deadline of license time is due, and at no other time (triad.md, License time). */
export class TickKeeper {
  readonly #parts: TickKeeperParts;
  #timer: Timer | undefined;
  #deadlineMs: number | null = null;
  #isProposing = false;
  #isStopped = false;

  constructor(parts: TickKeeperParts) {
    this.#parts = parts;
    this.applied();
  }

  /** Something was applied: the next deadline may be another one. */
  applied(): void {
    const deadlineMs = this.#parts.ledger.nextDeadlineMs();
    if (deadlineMs === this.#deadlineMs || this.#isStopped) return;
    this.#deadlineMs = deadlineMs;
    this.#arm(0);
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  #arm(leastMs: number): void {
    this.#timer?.cancel();
    if (this.#deadlineMs === null || this.#isStopped) return;
    const waitMs = Math.min(lookMsMax, Math.max(lookMsMin, leastMs, this.#deadlineMs - this.#parts.stampMs()));
    this.#timer = this.#parts.runtime.setTimer(waitMs, () => void this.#look(), { keepAlive: false });
  }

  async #look(): Promise<void> {
    if (this.#isProposing) return;
    let leastMs = 0;
    if (this.#deadlineMs !== null && this.#parts.stampMs() >= this.#deadlineMs) {
      this.#isProposing = true;
      try {
        await this.#parts.propose({ kind: 'tick' });
      } catch (error) {
        leastMs = retryMs;
        this.#parts.logger.debug('a tick was not carried out', { code: errorCode(error) });
      } finally {
        this.#isProposing = false;
      }
      this.#deadlineMs = this.#parts.ledger.nextDeadlineMs();
    }
    this.#arm(leastMs);
  }
}
