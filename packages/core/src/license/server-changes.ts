import type { License } from './license.ts';

/** The identities in which two licenses differ, by key. */
export interface ServerChanges {
  /** Keys that only the next one names. */
  readonly added: readonly string[];
  /** Keys that only the current one names. */
  readonly removed: readonly string[];
}

/** Compares the identity keys of two licenses; names, addresses and ranks don't matter (triad.md, Members). */
export function serverChanges(current: License, next: License): ServerChanges {
  return { added: keysMissing(current, next), removed: keysMissing(next, current) };
}

/** Whether one reload may bring these changes: the identity of one server at most. */
export function isOneServerAtMost({ added, removed }: ServerChanges): boolean {
  return Math.max(added.length, removed.length) <= 1;
}

/** Keys of `there` that are not `here`. */
function keysMissing(here: License, there: License): readonly string[] {
  return there.servers.map(({ key }) => key).filter((key) => !here.servers.some((server) => server.key === key));
}
