import type { PeerId } from '@lic/interfaces';

/** Where `self` stands by rank among `members`, from 0, and how many they are. Equal ranks are told apart by id. */
export function placeByRank(
  self: PeerId,
  members: readonly { readonly id: PeerId }[],
  ranks: { rankOf(member: PeerId): number },
): { readonly position: number; readonly positions: number } {
  const own = ranks.rankOf(self);
  let position = 0;
  for (const { id } of members) {
    if (id === self) continue;
    const rank = ranks.rankOf(id);
    if (rank < own || (rank === own && id < self)) position += 1;
  }
  return { position, positions: members.length };
}
