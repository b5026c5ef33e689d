import { appendLimits } from '../core/replication.ts';

/** What may be set when Raft is chosen as the consensus. */
export interface RaftOptions {
  /** A snapshot is taken after so many applied entries. Default 16 384. */
  readonly snapshotEntries?: number;
  /** … or after so many bytes of commands. Default 64 MiB. */
  readonly snapshotBytes?: number;
  /** Entries kept in memory behind a snapshot, so that a peer that was away shortly needs no snapshot. Default 2 000. */
  readonly keepEntries?: number;
  /** Commands under way at most, in bytes; more is refused as `BUSY`. Default 16 MiB. */
  readonly inFlightBytesMax?: number;
  /** Commands under way at most; more is refused as `BUSY`. Default 65 536. */
  readonly inFlightMax?: number;
  /** Data of one append to a stand-by at most, in bytes, unless a single command is larger. Default 256 KiB. */
  readonly appendBytesMax?: number;
  /** Entries of one append at most. Default 16 384. */
  readonly appendEntriesMax?: number;
  /** Appends under way to one stand-by at most. Default 8. */
  readonly appendsInFlightMax?: number;
  /**
   * How long a starting server waits for the last peers to say what they know of it before it votes, in milliseconds.
   * Default 10 s (triad.md, Disks lost).
   */
  readonly witnessWaitMs?: number;
}

/** A command at most, in bytes (the contract's limit). */
export const COMMAND_BYTES_MAX = 1024 * 1024;

/** All options, with their defaults filled in. */
export function withDefaults(options: RaftOptions): Required<RaftOptions> {
  return {
    snapshotEntries: options.snapshotEntries ?? 16_384,
    snapshotBytes: options.snapshotBytes ?? 64 * 1024 * 1024,
    keepEntries: options.keepEntries ?? 2_000,
    inFlightBytesMax: options.inFlightBytesMax ?? 16 * 1024 * 1024,
    inFlightMax: options.inFlightMax ?? 65_536,
    appendBytesMax: options.appendBytesMax ?? appendLimits.bytesMax,
    appendEntriesMax: options.appendEntriesMax ?? appendLimits.entriesMax,
    appendsInFlightMax: options.appendsInFlightMax ?? appendLimits.inFlightMax,
    witnessWaitMs: options.witnessWaitMs ?? 10_000,
  };
}
