import type { LogEntry, SnapshotMeta, Vote } from '@lic/interfaces';
import type { WriteRequest } from '../core/inputs.ts';

/** What one server's disk holds: what it would find after a crash. */
export interface HarnessDisk {
  vote: Vote;
  entries: LogEntry[];
  snapshot: SnapshotMeta | undefined;
  /** The commands that the snapshot stands for. */
  snapshotCommands: readonly string[];
}

/** A disk that was never written to. */
export function emptyDisk(): HarnessDisk {
  return { vote: { term: 0, votedFor: null }, entries: [], snapshot: undefined, snapshotCommands: [] };
}

/**
 * Brings a write onto `disk`, or only its first `parts`, as a crash may leave it: the vote is one part, then each entry (LogStore: a
 * crash may keep a prefix of the entries).
 */
export function writeTo(disk: HarnessDisk, write: WriteRequest, parts = Number.POSITIVE_INFINITY): void {
  let left = parts;
  if (write.reset !== null && left-- > 0) disk.entries = [];
  if (write.vote !== null && left-- > 0) disk.vote = write.vote;
  for (const entry of write.entries) {
    if (left-- <= 0) return;
    const first = disk.entries[0]?.index ?? entry.index;
    disk.entries.length = Math.max(0, entry.index - first);
    disk.entries.push(entry);
  }
}
