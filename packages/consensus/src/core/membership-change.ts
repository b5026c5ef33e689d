import type { ConfiguredMember, PeerId } from '@lic/interfaces';
import { encodeConfiguration, MEMBERS_MAX } from '../wire/configuration.ts';
import { appendEntry, lastIndex } from './log.ts';
import { adoptConfiguration, configuration, isChanging } from './membership.ts';
import { alignProgress } from './progress.ts';
import type { Progress, Raft } from './state.ts';

/** What becomes of a change that was asked for. */
export type MembersAnswer =
  /** It is in force, by the entry at this index. */
  | { readonly index: number }
  /** It is not in force. What is missing, as the end of a sentence. */
  | { readonly refused: string }
  /** Only the server in control changes members. */
  | 'not-in-control';

/**
 * Puts another configuration in force, by one entry, from the moment it is appended (thesis 4.1). One step at a time; docs/consensus.md,
 * Members, has the rule and why it suffices for a server that lost its disk (I8).
 */
export function changeMembers(raft: Raft, members: readonly ConfiguredMember[]): MembersAnswer {
  const { state } = raft;
  if (state.role !== 'leader' || state.controlTerm !== state.term) return 'not-in-control';
  const current = configuration(state);
  if (isSame(current.members, members)) return { index: current.index };
  const refused = whatIsMissing(raft, members);
  if (refused !== null) return { refused };
  const index = lastIndex(state.log) + 1;
  appendEntry(state.log, { index, term: state.term, kind: 'config', data: encodeConfiguration(members) });
  adoptConfiguration(state, { index, members: members.map((member) => ({ ...member })) });
  alignProgress(raft);
  return { index };
}

function isSame(a: readonly ConfiguredMember[], b: readonly ConfiguredMember[]): boolean {
  const isIn = (list: readonly ConfiguredMember[], { id, incarnation, voter }: ConfiguredMember) =>
    list.some((each) => each.id === id && each.incarnation === incarnation && each.voter === voter);
  return a.length === b.length && a.every((member) => isIn(b, member)) && b.every((member) => isIn(a, member));
}

function whatIsMissing(raft: Raft, members: readonly ConfiguredMember[]): string | null {
  const { state, config } = raft;
  if (isChanging(state)) return `the change before, entry ${configuration(state).index}, is not committed yet`;
  if (state.transfer !== null) return `control is being handed to ${state.transfer.to}`;
  if (members.length > MEMBERS_MAX)
    return `there would be ${members.length} members, at most ${MEMBERS_MAX} are allowed`;
  if (new Set(members.map(({ id }) => id)).size < members.length) return 'a member is named twice';
  const before = voters(configuration(state).members);
  const after = voters(members);
  const isIn = (list: readonly ConfiguredMember[], { id, incarnation }: ConfiguredMember) =>
    list.some((each) => each.id === id && each.incarnation === incarnation);
  if (!isIn(after, { ...config.self, voter: true }))
    return 'this server itself would be no voter; hand control over first';
  const gone = before.filter((member) => !isIn(after, member));
  const come = after.filter((member) => !isIn(before, member));
  const isOneStep =
    gone.length + come.length <= 1 || (gone.length === 1 && come.length === 1 && gone[0]!.id === come[0]!.id);
  if (!isOneStep) return 'more than one voter would differ; change one at a time';
  const [newcomer] = come;
  if (newcomer === undefined) return null;
  const others = before.filter(({ id }) => id !== newcomer.id && id !== config.self.id);
  return isFit(raft, newcomer) ?? (gone.length === 0 ? null : notHeardSince(raft, newcomer, others));
}

function voters(members: readonly ConfiguredMember[]): ConfiguredMember[] {
  return members.filter((member) => member.voter);
}

/** Why a server should not become a voter: it would only be missed. */
function isFit(raft: Raft, { id, incarnation }: ConfiguredMember): string | null {
  const { state, config } = raft;
  const progress = state.peers.get(id);
  if (progress === undefined) return `${id} is no member yet; it is to be a learner first`;
  if (progress.incarnation !== incarnation || state.now - progress.answeredAt > config.timing.electionTimeoutMaxMs)
    return `${id} does not answer under the incarnation ${incarnation}`;
  // The term's first entry at least: who has acknowledged none is not vouched for yet.
  const needed = Math.max(state.roundCommit, state.termStart);
  if (progress.match < needed) return `${id} is not caught up: it has the log up to ${progress.match} of ${needed}`;
  return null;
}

/**
 * In place of its forgotten life a server counts only once every other voter has acknowledged a round that began after the new life was
 * first heard: each was in this term then, so none holds a vote of the old life for a later term, or ever will (I8).
 */
function notHeardSince(raft: Raft, newcomer: ConfiguredMember, others: readonly ConfiguredMember[]): string | null {
  const { heardRound } = raft.state.peers.get(newcomer.id)!;
  const hasAnswered = (progress: Progress | undefined, incarnation: string) =>
    progress !== undefined && progress.incarnation === incarnation && progress.round > heardRound;
  const missing: PeerId[] = [];
  for (const { id, incarnation } of others) if (!hasAnswered(raft.state.peers.get(id), incarnation)) missing.push(id);
  if (missing.length === 0) return null;
  return `${missing.join(' and ')} must be heard once more since ${newcomer.id} is back under the incarnation ${newcomer.incarnation}`;
}
