import type { ConsensusStatus, PeerId, StoreDamage } from '@lic/interfaces';
import type { ControlView } from '../control/control-view.ts';
import type { FolderKind } from '../forming/folder-book.ts';

/** What this server is at this moment. */
export interface OwnLife {
  /** Of the data folder; undefined: its record can't be read. */
  readonly folder: FolderKind | undefined;
  /** Why this life takes no part in any triad, for good. */
  readonly failure: { readonly code: string; readonly message: string } | null;
  readonly isRecovering: boolean;
  readonly damage: StoreDamage | undefined;
  readonly view: ControlView;
  /** Null until the triad has formed. */
  readonly status: ConsensusStatus | null;
  /** The identity is in use by another process as well. */
  readonly isDoubled: boolean;
}

/** What is done with a life. */
export interface LifeDeeds {
  /** Begins this server anew, refilled from the others. */
  refill(why: string): void;
  /** Begins it anew as it is. */
  reopen(why: string): void;
  /** Begins it anew as the only member of a new triad instance. */
  recover(why: string): void;
  /** Gives the word to form with two of three. Resolves to what it came to: formed, or why not (yet). */
  form(): Promise<{ readonly isFormed: boolean; readonly why: string; readonly absent: readonly PeerId[] }>;
  /** Of the processes under one identity the one of that boot id goes on; without one: this process. */
  keep(peer: PeerId, bootId: string | undefined): Promise<void>;
}
