import type { ConfiguredMember, LogEntry, SnapshotMeta } from '@lic/interfaces';
import { encodeConfiguration } from '../wire/configuration.ts';
import type { EntryLike, HarnessSnapshot, MemberLike } from './core-harness-options.ts';

/** A member with everything filled in. */
export function harnessMember(member: MemberLike): ConfiguredMember {
  const { id, incarnation, voter } = typeof member === 'string' ? { id: member } : member;
  return { id, incarnation: incarnation ?? `${id}-1`, voter: voter ?? true };
}

/** A configuration with everything filled in. */
export function harnessMembers(members: readonly MemberLike[]): ConfiguredMember[] {
  return members.map(harnessMember);
}

/** A command as the harness makes them: its data say term and index, so that two logs can be compared by eye. */
export function harnessEntry(index: number, entry: EntryLike): LogEntry {
  const { term, kind, data, members } = typeof entry === 'number' ? { term: entry } : entry;
  if (members !== undefined) return { index, term, kind: 'config', data: encodeConfiguration(harnessMembers(members)) };
  if (kind === 'noop') return { index, term, kind, data: new Uint8Array(0) };
  return { index, term, kind: 'command', data: Buffer.from(data ?? `${term}.${index}`) };
}

/** Entries in a row, the first at `from`. */
export function harnessLog(entries: readonly EntryLike[], from = 1): LogEntry[] {
  return entries.map((entry, at) => harnessEntry(from + at, entry));
}

/** What stands for a snapshot. `members` is the configuration in force where the snapshot names none. */
export function harnessSnapshot(snapshot: HarnessSnapshot, members: readonly MemberLike[]): SnapshotMeta {
  const config = encodeConfiguration(harnessMembers(snapshot.members ?? members));
  return { index: snapshot.index, term: snapshot.term, config };
}
