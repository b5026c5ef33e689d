/**
 * What consensus replicates. Deterministic: the same commands at the same indexes give the same results, the same
 * snapshot meaning and the same hash on every server (triad.md, I9).
 */
export interface StateMachine<Result> {
  /**
   * Awaited in log order before `apply` of the same command; may be asynchronous (a license's signature is verified
   * here). A rejection stops this server before that index: it is fenced and says why. Must not change state.
   */
  prepare(command: Uint8Array): Promise<void> | void;
  /** Applies the command at `index` (from 1, strictly rising, with gaps where consensus has entries of its own). Never throws for bad input: that is a result. */
  apply(index: number, command: Uint8Array): Result;
  /**
   * The state as of now, in chunks of at most 256 KiB. The view is frozen at the call; `apply` may go on meanwhile.
   * Neither producing nor taking a chunk blocks the event loop for more than 20 ms.
   */
  snapshot(): AsyncIterable<Uint8Array>;
  /** Replaces the state. Throws `SNAPSHOT_INVALID` and leaves the state as it was where the chunks are not a snapshot. */
  restore(chunks: AsyncIterable<Uint8Array>): Promise<void>;
  /** The hash of the whole state, kept up incrementally: O(1). Lower-case hexadecimal. */
  hash(): string;
}
