import type { LogEntry, Member, SnapshotMeta, Vote } from '@lic/interfaces';
import type { WriteRequest } from '../core/inputs.ts';
import { recoveryWrite } from '../core/recovery.ts';
import type { RaftState } from '../core/state.ts';
import type { CoreHarnessOptions, MemberLike } from './core-harness-options.ts';
import { harnessMembers } from './harness-entries.ts';
import { harnessStored } from './harness-state.ts';

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

/** Makes `self` the only member, as `lic recover` does before the server takes part again. */
export function recoverOn(disk: HarnessDisk, self: Member, members: readonly MemberLike[]): void {
  const { vote, entries, snapshot } = disk;
  const write = recoveryWrite(self, { vote, entries, snapshot, members: harnessMembers(members) });
  if (write !== null) writeTo(disk, { id: 0, reset: write.reset, vote: write.vote, entries: [write.entry] });
}

/** The disk of a server that is put in this state. */
export function diskOf(options: CoreHarnessOptions, state: RaftState): HarnessDisk {
  const snapshotCommands = options.snapshot?.commands ?? [];
  const { log, saved, snapshot } = state;
  if (options.state === undefined) {
    const stored = harnessStored(options);
    const entries = stored.entries.filter(({ index }) => options.stored !== undefined || index <= log.savedTo);
    return { vote: { ...saved }, entries, snapshot: stored.snapshot, snapshotCommands };
  }
  const entries = log.entries.filter(({ index }) => index <= log.durableTo);
  return { vote: { ...saved }, entries, snapshot: snapshot ?? undefined, snapshotCommands };
}
