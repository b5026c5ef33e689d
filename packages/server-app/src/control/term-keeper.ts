import {
  type Ledger,
  type LedgerEvent,
  type LedgerResult,
  type LedgerSettings,
  ledgerVersions,
  recoverVersion,
} from '@lic/core';
import { type Consensus, errorCode, type Logger, type Runtime, type Timer } from '@lic/interfaces';
import type { ControlHint } from '@lic/protocol';
import type { TriadClock } from '../clock/triad-clock.ts';
import type { VerifiedLicense } from '../license/license-desk.ts';
import { licensesOf } from '../license/licenses-of.ts';
import type { Propose } from '../propose.ts';
import type { ActiveClock } from '../sessions/active-clock.ts';
import type { BorrowDesk } from '../sessions/borrow-desk.ts';
import { TermDesk } from '../sessions/term-desk.ts';

/** An operator's `lic recover`, until the log has it. */
export interface Recovery {
  isDue(): boolean;
  /** The log has it: the folder need not remember it any more. */
  done(): Promise<void>;
}

/** What a term in control is begun with. */
export interface TermKeeperParts {
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly ledger: Ledger;
  readonly consensus: Consensus<LedgerResult>;
  readonly propose: Propose;
  readonly clock: TriadClock;
  readonly activeClock: ActiveClock;
  /** The license file of this server: it opens the ledger of a triad that has none. */
  readonly seed: VerifiedLicense;
  readonly settings: LedgerSettings;
  /** All servers were started `--new`. */
  readonly isNew: boolean;
  /** The highest ledger version that all servers know; null where one does not say. */
  readonly openingVersion: () => Promise<number | null>;
  /** Whether nothing may be granted: the states of servers differ. */
  readonly isHalted: () => boolean;
  readonly borrows: BorrowDesk;
  readonly recovery: Recovery;
  /** Where control is now, or would be at `leader`. */
  readonly controlHint: (leader?: unknown) => ControlHint | null;
  /** Sessions are served from now on. */
  readonly onServing: () => void;
}

const retryMs = 200;

/**
 * The beginning and end of this server's terms in control. The first of a triad's life opens the ledger; each serves
 * sessions; and checkouts open once nothing older can hold seats (triad.md, Forming).
 */
export class TermKeeper {
  readonly #parts: TermKeeperParts;
  #term: number | null = null;
  #desk: TermDesk | undefined;
  #timer: Timer | undefined;

  constructor(parts: TermKeeperParts) {
    this.#parts = parts;
  }

  /** Serves sessions; undefined while this server does not. */
  get desk(): TermDesk | undefined {
    return this.#desk;
  }

  gained(term: number): void {
    this.#parts.logger.info('in control', { term });
    this.#term = term;
    void this.#begin(term);
  }

  lost(term: number): void {
    this.#parts.logger.info('no longer in control', { term });
    this.stop();
  }

  stop(): void {
    this.#term = null;
    this.#timer?.cancel();
    this.#desk?.stop();
    this.#desk = undefined;
  }

  applied(events: readonly LedgerEvent[]): void {
    this.#desk?.applied(events);
  }

  async #begin(term: number): Promise<void> {
    const { ledger, logger, runtime, onServing, clock, recovery } = this.#parts;
    try {
      if (ledger.summary().licenseHash === null) await this.#open();
      if (recovery.isDue()) await this.#recover();
    } catch (error) {
      if (this.#term !== term) return;
      logger.debug('the ledger could not be opened yet', { code: errorCode(error) });
      this.#timer = runtime.setTimer(retryMs, () => void this.#begin(term));
      return;
    }
    if (this.#term !== term) return;
    this.#desk = new TermDesk({ ...this.#parts, clock: this.#parts.activeClock, stampMs: () => clock.stampMs() });
    onServing();
    if (!ledger.summary().isOpen) this.#openCheckouts(term, ledger.longestHoldMs());
  }

  async #open(): Promise<void> {
    const { propose, clock, seed, settings, isNew, ledger, openingVersion } = this.#parts;
    // The first entry carries the agreed license time: without agreement there is nothing to begin with.
    if (clock.stampMs() === 0)
      throw Object.assign(new Error('The clocks have not agreed yet.'), { code: 'CLOCKS_DISAGREE' });
    await propose({
      kind: 'open',
      ...licensesOf(seed),
      settings,
      isNew,
      // Raised once all have announced that they know more (triad.md, Versions).
      ledgerVersion: (await openingVersion()) ?? ledgerVersions.min,
    });
    if (ledger.summary().licenseHash === null)
      throw Object.assign(new Error('The ledger refused to open.'), { code: 'NOT_OPENED' });
  }

  /** Says in the log that what other servers knew is lost; nothing is granted and nobody else is a member before. */
  async #recover(): Promise<void> {
    const { propose, ledger, recovery, logger } = this.#parts;
    // Alone it need not wait for others to know these rules: who doesn't is fenced until it is updated.
    if (ledger.summary().ledgerVersion < recoverVersion)
      await propose({ kind: 'raiseVersion', ledgerVersion: recoverVersion });
    const { reply } = await propose({ kind: 'recover' });
    if (reply.kind === 'rejected') throw Object.assign(new Error(reply.message), { code: reply.code });
    await recovery.done();
    logger.warn('this server was recovered: it goes on alone, and others may join with empty folders');
  }

  #openCheckouts(term: number, waitMs: number): void {
    const { runtime, propose, logger } = this.#parts;
    logger.info('checkouts open when nothing older can hold seats', { waitMs });
    this.#timer = runtime.setTimer(waitMs, () => {
      propose({ kind: 'opened' }).then(
        () => logger.info('checkouts are open'),
        () => {
          if (this.#term === term) this.#openCheckouts(term, retryMs);
        },
      );
    });
  }
}
