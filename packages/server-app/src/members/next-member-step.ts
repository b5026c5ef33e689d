import { absentIncarnation, type ConfiguredMember, type PeerId } from '@lic/interfaces';

/** What another server has answered to the one in control, in its term. */
export interface AnsweredPeer {
  readonly id: PeerId;
  /** The incarnation that it answered under; empty: it has not. */
  readonly incarnation: string;
  /** It answers now, and lacks no more of the log than what is under way. */
  readonly isCaughtUp: boolean;
}

/** What the next step follows from; all as the server in control has it. */
export interface MemberFacts {
  readonly self: PeerId;
  /** The configuration in force, committed. */
  readonly members: readonly ConfiguredMember[];
  /** The keys of the applied license's servers. */
  readonly servers: readonly PeerId[];
  readonly peers: readonly AnsweredPeer[];
}

/**
 * One step from the configuration in force towards the applied license:
 *
 * - `readmit`: a voter's disk was lost; it counts again, under the incarnation of its new folder.
 * - `learn`: a new server is sent the log; it has no vote.
 * - `remove`: a voter that the license names no more counts no more.
 * - `admit`: a learner becomes a voter.
 * - `forget`: a learner that the license names no more is sent nothing more.
 * - `handOver`: nothing in the configuration; this server is itself the one to be removed, and has control to give away first.
 */
export type MemberStep =
  | {
      readonly kind: 'readmit' | 'learn' | 'remove' | 'admit' | 'forget';
      readonly server: PeerId;
      readonly members: readonly ConfiguredMember[];
    }
  | { readonly kind: 'handOver'; readonly server: PeerId };

/**
 * The next step, or null where none is due or possible now (triad.md, Members and Disks lost). New in as learner and caught
 * up, then old out, then new added; each changes one voter at most and is only proposed where the servers that must
 * acknowledge it answer, so that it does not take the quorum away.
 */
export function nextMemberStep(facts: MemberFacts): MemberStep | null {
  return (
    readmit(facts, (id) => facts.servers.includes(id)) ??
    forget(facts) ??
    learn(facts) ??
    admit(facts) ??
    remove(facts) ??
    readmit(facts, () => true)
  );
}

/** Both others must have acknowledged it: the newcomer's own word does not count (I8). */
function readmit(facts: MemberFacts, isMeant: (id: PeerId) => boolean): MemberStep | null {
  const { self, members } = facts;
  const voters = members.filter(({ voter }) => voter);
  for (const { id, incarnation } of voters) {
    const peer = answered(facts, id);
    if (id === self || !isMeant(id) || peer?.isCaughtUp !== true || peer.incarnation === incarnation) continue;
    if (voters.some((other) => other.id !== id && !isHere(facts, other))) continue;
    const renewed = { id, incarnation: peer.incarnation, voter: true };
    return { kind: 'readmit', server: id, members: members.map((member) => (member.id === id ? renewed : member)) };
  }
  return null;
}

function forget({ members, servers }: MemberFacts): MemberStep | null {
  const left = members.find(({ id, voter }) => !voter && !servers.includes(id));
  if (left === undefined) return null;
  return { kind: 'forget', server: left.id, members: members.filter(({ id }) => id !== left.id) };
}

/** It does not count, so what it is called under does not matter: that is known once it has answered. */
function learn({ members, servers }: MemberFacts): MemberStep | null {
  const server = servers.find((key) => members.every(({ id }) => id !== key));
  if (server === undefined) return null;
  const learner = { id: server, incarnation: absentIncarnation, voter: false };
  return { kind: 'learn', server, members: [...members, learner] };
}

/** A place is free, or the only voter is to be replaced and must have somebody to hand over to. */
function admit(facts: MemberFacts): MemberStep | null {
  const { members, servers } = facts;
  const voters = members.filter(({ voter }) => voter);
  const isReplacingOnly = voters.length === 1 && !servers.includes(voters[0]?.id ?? '');
  if (voters.length >= servers.length && !isReplacingOnly) return null;
  const server = readyLearner(facts);
  const peer = server === undefined ? undefined : answered(facts, server);
  if (server === undefined || peer === undefined) return null;
  const admitted = { id: server, incarnation: peer.incarnation, voter: true };
  const next = members.map((member) => (member.id === server ? admitted : member));
  return hasQuorum(facts, members) && hasQuorum(facts, next) ? { kind: 'admit', server, members: next } : null;
}

function remove(facts: MemberFacts): MemberStep | null {
  const { self, members, servers } = facts;
  const voters = members.filter(({ voter }) => voter);
  const old = voters.find(({ id }) => !servers.includes(id));
  if (old === undefined || voters.length === 1 || voters.length < servers.length) return null;
  // Not before the new one could take its place.
  const isReplaced = voters.filter(({ id }) => servers.includes(id)).length === servers.length;
  if (!isReplaced && readyLearner(facts) === undefined) return null;
  const next = members.filter(({ id }) => id !== old.id);
  const rest = voters.filter(({ id }) => id !== old.id);
  if (old.id === self) return rest.some((voter) => isHere(facts, voter)) ? { kind: 'handOver', server: self } : null;
  return hasQuorum(facts, next) && hasQuorum(facts, members) ? { kind: 'remove', server: old.id, members: next } : null;
}

function readyLearner(facts: MemberFacts): PeerId | undefined {
  return facts.members.find(
    ({ id, voter }) => !voter && facts.servers.includes(id) && answered(facts, id)?.isCaughtUp === true,
  )?.id;
}

function answered({ peers }: MemberFacts, id: PeerId): AnsweredPeer | undefined {
  const peer = peers.find((each) => each.id === id);
  return peer === undefined || peer.incarnation === '' ? undefined : peer;
}

/** Whether a voter answers, and would count. */
function isHere(facts: MemberFacts, { id, incarnation }: ConfiguredMember): boolean {
  if (id === facts.self) return true;
  const peer = answered(facts, id);
  return peer?.isCaughtUp === true && peer.incarnation === incarnation;
}

function hasQuorum(facts: MemberFacts, members: readonly ConfiguredMember[]): boolean {
  const voters = members.filter(({ voter }) => voter);
  return voters.filter((voter) => isHere(facts, voter)).length > voters.length / 2;
}
