import type { LogEntry, SnapshotMeta } from '@lic/interfaces';
import { invariant, violated } from './invariant.ts';
import type { RaftLog } from './state.ts';

/** The index of the newest entry. */
export function lastIndex(log: RaftLog): number {
  return log.baseIndex + log.entries.length;
}

/** The term of the newest entry. */
export function lastTerm(log: RaftLog): number {
  return log.entries.length === 0 ? log.baseTerm : log.entries[log.entries.length - 1]!.term;
}

/** The term of the entry at `index`; -1 where this log does not know it: compacted away, or not there yet. */
export function termAt(log: RaftLog, index: number): number {
  if (index === log.baseIndex) return log.baseTerm;
  return log.entries[index - log.baseIndex - 1]?.term ?? -1;
}

/** The entries from `from` through `to`. */
export function entriesBetween(log: RaftLog, from: number, to: number): LogEntry[] {
  if (from <= log.baseIndex) violated(`entry ${from} was asked for, but the log begins after ${log.baseIndex}`);
  const entries = log.entries.slice(from - log.baseIndex - 1, to - log.baseIndex);
  if (entries.length > 0 && entries[0]!.index !== from) violated(`entry ${from} is not where it belongs`);
  return entries;
}

/** The index of the last entry that goes into one message beginning with `from`: at least one, else at most `bytesMax` and `entriesMax`. */
export function batchEnd(
  log: RaftLog,
  from: number,
  { bytesMax, entriesMax }: { readonly bytesMax: number; readonly entriesMax: number },
): { last: number; bytes: number } {
  const last = Math.min(lastIndex(log), from + entriesMax - 1);
  let bytes = log.entries[from - log.baseIndex - 1]!.data.length;
  let index = from;
  while (index < last) {
    const more = log.entries[index - log.baseIndex]!.data.length;
    if (bytes + more > bytesMax) break;
    bytes += more;
    index += 1;
  }
  return { last: index, bytes };
}

/**
 * The highest index up to `index` whose term is at most `term`: everything above can't be common (back-up by term). Below
 * `baseIndex` where no entry in memory will do.
 */
export function lastWithTermAtMost(log: RaftLog, index: number, term: number): number {
  let at = Math.min(index, lastIndex(log));
  while (at >= log.baseIndex && termAt(log, at) > term) at -= 1;
  return at;
}

/** Whether a log that ends with these is at least as complete as this one (Raft paper, 5.4.1). */
export function isUpToDate(log: RaftLog, end: { readonly lastIndex: number; readonly lastTerm: number }): boolean {
  const ownTerm = lastTerm(log);
  return end.lastTerm > ownTerm || (end.lastTerm === ownTerm && end.lastIndex >= lastIndex(log));
}

/** Adds one entry at the end. */
export function appendEntry(log: RaftLog, entry: LogEntry): void {
  const last = lastIndex(log);
  const term = lastTerm(log);
  if (entry.index !== last + 1) violated(`entry ${entry.index} can't follow ${last}: the log would have a gap`);
  if (entry.term < term) violated(`entry ${entry.index} has term ${entry.term}, below ${term} before it`);
  log.entries.push(entry);
}

/** Removes the entries from `index` on. The store is told by the next write, which begins there. */
export function truncateFrom(log: RaftLog, index: number): void {
  log.entries.length = index - log.baseIndex - 1;
  log.savedTo = Math.min(log.savedTo, index - 1);
  log.durableTo = Math.min(log.durableTo, index - 1);
}

/** Drops the entries up to and including `index` from memory. */
export function compactLog(log: RaftLog, index: number): void {
  if (index <= log.baseIndex) return;
  const term = termAt(log, index);
  invariant(term >= 0, `the log can't be compacted through ${index}: it ends at ${lastIndex(log)}`);
  log.entries = log.entries.slice(index - log.baseIndex);
  log.baseIndex = index;
  log.baseTerm = term;
}

/** Whether the store has yet to begin the log behind a snapshot. Until then no other snapshot may be saved. */
export function isResetting(log: RaftLog): boolean {
  return log.durableTo < log.baseIndex;
}

/** Replaces everything by a snapshot. */
export function resetLog(log: RaftLog, meta: SnapshotMeta): void {
  log.baseIndex = meta.index;
  log.baseTerm = meta.term;
  log.entries = [];
  log.savedTo = meta.index;
  log.durableTo = 0;
  log.resetTo = meta;
  log.resets += 1;
}
