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
    witnessWaitMs: options.witnessWaitMs ?? 10_000,
  };
}
