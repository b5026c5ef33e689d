import type { Ledger } from '@lic/core';
import type { ConsensusStatus } from '@lic/interfaces';
import type { StatusReport } from '@lic/protocol';

/** What a checker of invariants may look at; never changed through here. */
export interface ServerInspection {
  readonly ledger: Ledger;
  readonly consensus: ConsensusStatus | null;
  readonly state: StatusReport['servers'][number]['state'];
}

/** One license server. */
export interface Server {
  /** Binds its addresses and takes part; resolves once it listens (the triad may still be forming). Throws where it can't. */
  start(): Promise<void>;
  /** The addresses as bound. */
  readonly addresses: readonly string[];
  /** Resolves when this server has formed or found its triad. */
  readonly joined: Promise<void>;
  /** What `lic status` shows. */
  status(): Promise<StatusReport>;
  inspect(): ServerInspection;
  /**
   * SIGTERM: tells clients `moving`, stands in no election, hands control over if it has it, then ends. Idempotent; never throws.
   * With `handover: false` it ends at once.
   */
  stop(options?: { readonly handover?: boolean }): Promise<void>;
}
