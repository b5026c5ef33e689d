/** A Raft log entry. `index` and `term` are safe integers from 1. */
export interface LogEntry {
  readonly index: number;
  readonly term: number;
  /** What the entry is: a state machine's command, the empty first entry of a term, or a configuration of the consensus itself. */
  readonly kind: 'command' | 'noop' | 'config';
  /** The command's or configuration's bytes; empty for `noop`. Never changed after it was handed over. */
  readonly data: Uint8Array;
}

/** Raft's persistent term and vote (Raft paper, figure 2). */
export interface Vote {
  readonly term: number;
  /** The member voted for in `term`, if any. */
  readonly votedFor: string | null;
}

/** What a snapshot stands for. */
export interface SnapshotMeta {
  /** The last entry that it includes. */
  readonly index: number;
  /** That entry's term. */
  readonly term: number;
  /** The configuration in force at `index`, as consensus encodes it. */
  readonly config: Uint8Array;
}

/** Where and how a store was found damaged. Such a store neither votes nor acknowledges (triad.md, events). */
export interface StoreDamage {
  readonly file: string;
  /** Bytes from the file's start. */
  readonly offset: number;
  readonly what: string;
}

/** What a store held when it was opened. */
export interface StoreContents {
  readonly vote: Vote;
  /** The newest valid snapshot, if any. */
  readonly snapshot: SnapshotMeta | undefined;
  /** All entries after the snapshot (and possibly some before it), in order, without a gap. */
  readonly entries: readonly LogEntry[];
  /** Set where something was lost that had been synced; a torn tail is cut silently and is no damage. */
  readonly damage: StoreDamage | undefined;
}

/**
 * What one write does, in this order. Everything in it becomes durable together or not at all (a crash in between may
 * keep a prefix of the entries: they were never acknowledged).
 */
export interface LogWrite {
  /** Replaces term and vote. */
  readonly vote?: Vote;
  /** Entries to append. The first may have an index that exists already: then that entry and all after it are replaced. */
  readonly entries?: readonly LogEntry[];
}

/**
 * A durable log with term and vote, snapshots, and one small record for its owner. One writer. Calls may overlap: they
 * take effect in the order in which they were made, and all that is waiting goes with one sync (group commit).
 *
 * Errors: `STORE_FULL` (no space) and `STORE_BLOCKED` (read-only, too many open files): nothing of that write counts, it may succeed later, retryable;
 * `STORE_FAILED` (I/O error, failed sync: final until the store is opened anew), `STORE_CLOSED`. After an error nothing that was not resolved counts
 * as durable, and the store accepts no append that would leave a gap.
 */
export interface LogStore {
  /** Opens (and first makes) the store; also anew after {@link LogStore.close}. Throws `STORE_IN_USE` where another process has it, `STORE_VERSION` for an unknown format; the errors above where the disk does not do it. */
  open(): Promise<StoreContents>;
  /** Writes; resolves once it is durable. */
  write(write: LogWrite): Promise<void>;
  /**
   * Saves a snapshot atomically: durable and complete once resolved, else as if never called. The previous one is kept as a
   * reserve. Entries are not dropped: see {@link LogStore.compact}. A snapshot not newer than the newest is refused (`SNAPSHOT_OLD`).
   */
  saveSnapshot(meta: SnapshotMeta, chunks: AsyncIterable<Uint8Array>): Promise<void>;
  /** The newest valid snapshot, checked by hash before its first chunk is given; chunks of at most 256 KiB. */
  readSnapshot(): Promise<{ readonly meta: SnapshotMeta; readonly chunks: AsyncIterable<Uint8Array> } | undefined>;
  /** May drop entries up to and including `throughIndex`, which is not after the newest snapshot's index. */
  compact(throughIndex: number): Promise<void>;
  /**
   * Drops all entries and starts the log behind a snapshot that was received from elsewhere: the next entry has
   * `meta.index + 1`. Called after `saveSnapshot(meta, …)` when the log does not contain `meta.index` with `meta.term`.
   */
  resetTo(meta: SnapshotMeta): Promise<void>;
  /** The owner's small record (at most 64 KiB), or undefined. Server-app keeps incarnation, offer and `formed` in it. */
  readOwner(): Promise<Uint8Array | undefined>;
  /** Replaces the owner's record atomically and durably. */
  saveOwner(record: Uint8Array): Promise<void>;
  /** Removes everything but keeps the store usable as an empty one (a damaged store that is to be refilled). */
  wipe(): Promise<void>;
  /**
   * Cuts a store that was found damaged back to its sound beginning, and answers what is left; it is not damaged any more. What was
   * behind is lost: only for an operator's `lic recover`, where no other server has it either.
   */
  salvage(): Promise<StoreContents>;
  /** Finishes what is waiting, then closes. Idempotent. */
  close(): Promise<void>;
}
