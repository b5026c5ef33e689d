import type { ConfiguredMember, PeerId } from '@lic/interfaces';

/** What {@link nextMembers} goes by. */
export interface MembersPlan {
  /** The server in control: it is never removed. */
  readonly self: PeerId;
  /** How many voters there are at rest. */
  readonly voters: number;
  /** Null: only who lost its disk is admitted again. */
  readonly random: (() => number) | null;
}

/**
 * The next step from a configuration, one voter at a time: who lost its disk is admitted again; else the server that is no member joins as a
 * learner, then as a voter, then another one goes. Null where there is nothing to do. `living` is each server's incarnation.
 */
export function nextMembers(
  members: readonly ConfiguredMember[],
  living: ReadonlyMap<PeerId, string>,
  { self, voters, random }: MembersPlan,
): ConfiguredMember[] | null {
  const replace = (id: PeerId, change: Partial<ConfiguredMember>) =>
    members.map((member) => (member.id === id ? { ...member, ...change } : member));
  const lost = members.find(({ id, incarnation }) => living.get(id) !== incarnation);
  if (lost !== undefined) return replace(lost.id, { incarnation: living.get(lost.id)! });
  if (random === null) return null;
  const outsider = [...living].find(([id]) => members.every((member) => member.id !== id));
  if (outsider !== undefined) return [...members, { id: outsider[0], incarnation: outsider[1], voter: false }];
  const learner = members.find(({ voter }) => !voter);
  if (learner !== undefined) return replace(learner.id, { voter: true });
  if (members.length <= voters) return null;
  const others = members.filter(({ id }) => id !== self);
  const gone = others[Math.floor(random() * others.length)]!;
  return members.filter(({ id }) => id !== gone.id);
}
