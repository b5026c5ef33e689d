import type { PeerId } from '@lic/interfaces';
import { type HashNote, newestCommonIndex } from '../server-machine.ts';

/** The hashes of one server's state, at the indexes that it has noted and at its newest. */
export interface StateHashes {
  readonly id: PeerId;
  readonly notes: readonly HashNote[];
}

/** What a comparison shows: at which index, and what each server's hash is there. */
export interface StateDifference {
  readonly index: number;
  readonly hashes: Readonly<Record<PeerId, string>>;
}

/**
 * - `same`: all that were compared have one state.
 * - `odd`: one of three has another state than the two others (triad.md, State hash differs).
 * - `split`: states differ, and no majority says which is right: two servers, or three that all differ.
 * - `unknown`: there is no index at which two servers can be compared.
 */
export type StateVerdict =
  | { readonly kind: 'same'; readonly index: number }
  | ({ readonly kind: 'odd'; readonly server: PeerId } & StateDifference)
  | ({ readonly kind: 'split' } & StateDifference)
  | { readonly kind: 'unknown' };

/** Compares the states of servers at the newest index that all have; where there is none, two by two. */
export function compareStates(servers: readonly StateHashes[]): StateVerdict {
  const all = compareAt(servers);
  if (all.kind !== 'unknown') return all;
  const pairs = servers.flatMap((one, at) => servers.slice(at + 1).map((other) => compareAt([one, other])));
  return pairs.find(({ kind }) => kind === 'split') ?? pairs.find(({ kind }) => kind === 'same') ?? { kind: 'unknown' };
}

/** What a server that is told of a difference makes of it: whether it is the odd one, by its own hash and by two others that agree. */
export function isOddOne(self: PeerId, { index, hashes }: StateDifference, notes: readonly HashNote[]): boolean {
  const own = notes.find((note) => note.index === index)?.hash;
  const others = Object.entries(hashes).flatMap(([id, hash]) => (id === self ? [] : [hash]));
  return own !== undefined && others.length >= 2 && others.every((hash) => hash === others[0] && hash !== own);
}

function compareAt(servers: readonly StateHashes[]): StateVerdict {
  const index = servers.length < 2 ? undefined : newestCommonIndex(servers.map(({ notes }) => notes));
  if (index === undefined) return { kind: 'unknown' };
  const hashes = Object.fromEntries(
    servers.map(({ id, notes }) => [id, notes.find((note) => note.index === index)?.hash ?? '']),
  );
  const byHash = groupByHash(hashes);
  if (byHash.size === 1) return { kind: 'same', index };
  const alone = [...byHash.values()].filter((ids) => ids.length === 1);
  const odd = alone[0]?.[0];
  return byHash.size === 2 && alone.length === 1 && odd !== undefined
    ? { kind: 'odd', server: odd, index, hashes }
    : { kind: 'split', index, hashes };
}

function groupByHash(hashes: Readonly<Record<PeerId, string>>): ReadonlyMap<string, readonly PeerId[]> {
  const groups = new Map<string, PeerId[]>();
  for (const [id, hash] of Object.entries(hashes)) groups.set(hash, [...(groups.get(hash) ?? []), id]);
  return groups;
}
