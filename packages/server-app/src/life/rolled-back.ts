import type { ConsensusStatus, Member } from '@lic/interfaces';

/**
 * Whether peers have shown that this server's folder is an older copy (triad.md, Disks lost): the configuration counts on it, yet it takes
 * no part. One that was found damaged has drawn another incarnation by then, on which nobody counts.
 */
export function isRolledBack({ state, trouble, members }: ConsensusStatus, self: Member): boolean {
  if (state !== 'learner' || trouble === null) return false;
  return members.some(({ id, incarnation, voter }) => voter && id === self.id && incarnation === self.incarnation);
}
