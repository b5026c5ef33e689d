import type { Ledger, LedgerResult } from '@lic/core';
import {
  type Consensus,
  type ConsensusTiming,
  errorMessage,
  type Logger,
  type PeerId,
  type Runtime,
  type Timer,
} from '@lic/interfaces';
import type { PeerCalls } from '../peers/peer-calls.ts';
import type { Propose } from '../propose.ts';
import { serverFactsSchema } from '../status/server-facts.ts';
import { statusLimits } from '../status/status-desk.ts';
import type { PeerRoster } from './peer-roster.ts';

/** What raises the ledger version. */
export interface VersionKeeperParts {
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly ledger: Pick<Ledger, 'summary'>;
  readonly consensus: Pick<Consensus<LedgerResult>, 'status'>;
  readonly propose: Propose;
  readonly calls: PeerCalls;
  readonly self: PeerId;
  readonly roster: Pick<PeerRoster, 'servers' | 'links'>;
  /** The highest ledger version that this server knows. */
  readonly versionMax: number;
  readonly timing: ConsensusTiming;
}

/** The others are asked every so many rounds, while this server knows a higher version than is in force. */
const everyRounds = 20;

/**
 * Raises the ledger version in force to the highest that every server announces, where this server is in control (triad.md,
 * Versions). All of them: those of the license, and those that are still members. One that can't be reached now, or says
 * nothing of versions, holds it back, since it would apply nothing more.
 */
export class VersionKeeper {
  readonly #parts: VersionKeeperParts;
  #timer: Timer | undefined;
  #isStopped = false;

  constructor(parts: VersionKeeperParts) {
    this.#parts = parts;
    this.#arm();
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  /** The highest version that all servers know; null where one does not say. */
  async knownByAll(): Promise<number | null> {
    const { calls, roster, self, versionMax } = this.#parts;
    const others = [...new Set([...roster.servers, ...roster.links].map(({ id }) => id))].filter((id) => id !== self);
    const answers = await Promise.all(
      others.map(async (id) => {
        try {
          const facts = serverFactsSchema.parse(await calls.call(id, 'status.facts', null, statusLimits.peerMs));
          return facts.ledgerVersionMax ?? null;
        } catch {
          return null;
        }
      }),
    );
    return answers.reduce((least, max) => (least === null || max === null ? null : Math.min(least, max)), versionMax);
  }

  #arm(): void {
    const { runtime, timing } = this.#parts;
    if (this.#isStopped) return;
    this.#timer = runtime.setTimer(everyRounds * timing.roundMs, () => void this.#look(), { keepAlive: false });
  }

  async #look(): Promise<void> {
    const { logger, versionMax } = this.#parts;
    try {
      if (this.#mayRaiseTo(versionMax)) {
        const known = await this.knownByAll();
        if (known !== null && this.#mayRaiseTo(known)) await this.#raiseTo(known);
      }
    } catch (error) {
      logger.debug('the ledger version could not be raised yet', { reason: errorMessage(error) });
    }
    this.#arm();
  }

  #mayRaiseTo(version: number): boolean {
    const { consensus, ledger } = this.#parts;
    const { licenseHash, ledgerVersion } = ledger.summary();
    return licenseHash !== null && ledgerVersion < version && consensus.status().state === 'in-control';
  }

  async #raiseTo(ledgerVersion: number): Promise<void> {
    const { reply } = await this.#parts.propose({ kind: 'raiseVersion', ledgerVersion });
    if (reply.kind === 'ok') this.#parts.logger.info('the ledger version in force was raised', { ledgerVersion });
  }
}
