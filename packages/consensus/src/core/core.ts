import { absentIncarnation, type ConfiguredMember, type ConsensusState, type LogEntry } from '@lic/interfaces';
import {
  countOwnVote,
  electionAt,
  loseLeader,
  onPreVote,
  onTimeoutNow,
  onVote,
  onVoteReply,
  tickElection,
} from './election.ts';
import type { RaftInput, Ready, WriteRequest } from './inputs.ts';
import { assertCounter, invariant } from './invariant.ts';
import { beginTransfer, changeLink, drive, gainControl, tickLeader } from './leadership.ts';
import { appendEntry, entriesBetween, lastIndex } from './log.ts';
import { configuration, counts, quorumSize } from './membership.ts';
import { changeMembers, type MembersAnswer } from './membership-change.ts';
import type { Message } from './messages.ts';
import { isDirty, linkTo, releaseHeld } from './outbox.ts';
import { assertKept, assertOrdered } from './promises.ts';
import { acknowledge, advanceCommit, onAppend, onAppendRefused, onAppendReply } from './replication.ts';
import { becomeFollower, handOver, hearLeader, isMuted, mute, unmute } from './roles.ts';
import { confirmReads, onRound, onRoundReply, requestRead } from './rounds.ts';
import { compactThrough, onSnapshotFailed, onSnapshotReceived, onSnapshotSaved, onSnapshotSent } from './snapshots.ts';
import type { Raft, RaftConfig, RaftState } from './state.ts';
import { onWitnessAnswer, onWitnessQuestion } from './witness.ts';

/**
 * Raft without input and output: a function of what it is told. See docs/consensus.md for the rules and where they differ from the paper.
 * Throws `RAFT_INVARIANT` where something is so wrong that going on could do harm.
 */
export interface RaftCore {
  /** Plain data, to be read only. */
  readonly state: RaftState;
  /** Tells the core one thing that happened at `now` (monotonic milliseconds). Then call {@link RaftCore.ready}. */
  step(input: RaftInput, now: number): void;
  /** Appends a command. Answers its index; 0 where this server is not in control or is handing it over. */
  propose(command: Uint8Array): number;
  /** Puts another configuration in force, if that may be now. */
  changeMembers(members: readonly ConfiguredMember[]): MembersAnswer;
  /** Asks for a read barrier at `now`. Answers the round to wait for in {@link Ready.readsThrough}; 0 where none can be had. */
  read(now: number): number;
  /** What to do now. Empty where nothing is; several inputs may go before one call. */
  ready(): Ready;
  /** When the next `tick` is due, if nothing else happens. */
  wakeAt(): number;
  /** What this server is to consensus now. */
  role(): Exclude<ConsensusState, 'fenced'>;
}

const nothing: readonly never[] = [];

/** Makes a core that goes on from `state`, which it changes in place. */
export function createRaftCore(config: RaftConfig, state: RaftState): RaftCore {
  const raft: Raft = { config, state };
  return {
    state,
    step: (input, now) => {
      passTime(state, now);
      take(raft, input);
    },
    propose: (command) => propose(raft, command),
    changeMembers: (members) => changeMembers(raft, members),
    read: (now) => {
      passTime(state, now);
      return requestRead(raft);
    },
    ready: () => ready(raft),
    wakeAt: () => wakeAt(raft),
    role: () => roleOf(raft),
  };
}

function passTime(state: RaftState, now: number): void {
  invariant(now >= state.now, `time ran back from ${state.now} to ${now}`);
  state.now = now;
}

function take(raft: Raft, input: RaftInput): void {
  const { state } = raft;
  switch (input.kind) {
    case 'message':
      linkTo(state, input.from).askedAt = null;
      receive(raft, input.from, input.message);
      return;
    case 'tick':
      if (state.role === 'leader') tickLeader(raft);
      else tickElection(raft);
      return;
    case 'stored':
      onStored(raft, input.id);
      return;
    case 'disk':
      state.disk = input.state;
      if (state.role === 'leader' && input.state !== 'well') handOver(raft, 'disk');
      return;
    case 'applied':
      invariant(input.index <= state.commit, `entry ${input.index} was applied before it was committed`);
      state.applied = Math.max(state.applied, input.index);
      gainControl(raft);
      return;
    case 'link':
      changeLink(raft, input.peer, input.up);
      return;
    case 'congestion':
      linkTo(state, input.peer).congested = input.on;
      return;
    case 'peerLost':
      loseLeader(raft, input.peer);
      return;
    case 'transfer':
      if (!beginTransfer(raft, input.to)) state.transferFailed = true;
      return;
    case 'electable':
      state.electable = input.on;
      return;
    case 'rank':
      state.position = input.position;
      state.positions = input.positions;
      return;
    case 'mute':
      mute(raft, input.reason);
      return;
    case 'unmute':
      unmute(raft);
      return;
    case 'snapshotSaved':
      onSnapshotSaved(raft, input.meta);
      return;
    case 'compact':
      compactThrough(raft, input.through);
      return;
    case 'snapshotReceived':
      onSnapshotReceived(raft, input.meta);
      return;
    case 'snapshotSent':
      onSnapshotSent(raft, input.to, input.index);
      return;
    case 'snapshotFailed':
      onSnapshotFailed(raft, input.to);
      return;
  }
}

function receive(raft: Raft, from: string, message: Message): void {
  assertCounter(message.term, 'term');
  switch (message.type) {
    case 'preVote':
      onPreVote(raft, from, message);
      return;
    case 'vote':
      onVote(raft, from, message);
      return;
    case 'preVoteReply':
    case 'voteReply':
      onVoteReply(raft, from, message);
      return;
    case 'append':
      onAppend(raft, from, message);
      return;
    case 'appendReply':
      onAppendReply(raft, from, message);
      return;
    case 'appendRefused':
      onAppendRefused(raft, from, message);
      return;
    case 'round':
      onRound(raft, from, message);
      return;
    case 'roundReply':
      onRoundReply(raft, from, message);
      return;
    case 'newerTerm':
      if (message.term > raft.state.term) becomeFollower(raft, message.term, null);
      return;
    case 'timeoutNow':
      onTimeoutNow(raft, from, message);
      return;
    case 'snapshot':
      // The bytes are the driver's; here it only shows that the leader lives.
      hearLeader(raft, from, message.term);
      return;
    case 'witnessQuestion':
      onWitnessQuestion(raft, from, message);
      return;
    case 'witnessAnswer':
      onWitnessAnswer(raft, from, message);
      return;
    case 'snapshotReply':
      return;
  }
}

function propose(raft: Raft, command: Uint8Array): number {
  const { state } = raft;
  if (state.controlTerm === 0 || state.transfer !== null) return 0;
  invariant(state.role === 'leader' && state.controlTerm === state.term, `a ${state.role} is in control`);
  const index = lastIndex(state.log) + 1;
  appendEntry(state.log, { index, term: state.term, kind: 'command', data: command });
  return index;
}

function onStored(raft: Raft, id: number): void {
  const { state } = raft;
  const { write, log } = state;
  invariant(write !== null && write.id === id, `write ${id} was reported done, ${write?.id ?? 'none'} is under way`);
  state.write = null;
  state.disk = 'well';
  if (write.vote !== null) {
    invariant(write.vote.term >= state.saved.term, `term ${write.vote.term} was written after ${state.saved.term}`);
    state.saved = write.vote;
  }
  if (write.resets === log.resets && log.resetTo === null) {
    log.durableTo = Math.max(log.durableTo, Math.min(write.last, log.savedTo));
  }
  releaseHeld(raft, id);
  countOwnVote(raft);
  advanceCommit(raft);
}

function nextWrite(raft: Raft): WriteRequest | null {
  const { state } = raft;
  const { log } = state;
  if (state.write !== null || isMuted(state) || state.disk === 'failed' || !isDirty(state)) return null;
  const changed = state.term !== state.saved.term || state.votedFor !== state.saved.votedFor;
  const vote = changed ? { term: state.term, votedFor: state.votedFor } : null;
  const last = lastIndex(log);
  const entries = log.savedTo < last ? entriesBetween(log, log.savedTo + 1, last) : nothing;
  const reset = log.resetTo;
  state.writeId += 1;
  state.write = { id: state.writeId, vote, last, resets: log.resets, at: state.now };
  log.savedTo = last;
  log.resetTo = null;
  return { id: state.writeId, reset, vote, entries };
}

function newlyCommitted(state: RaftState): readonly LogEntry[] {
  if (state.handedOut >= state.commit) return nothing;
  const committed = entriesBetween(state.log, state.handedOut + 1, state.commit);
  invariant(
    committed[0]?.index === state.handedOut + 1,
    `entry ${state.handedOut + 1} is committed and not in the log`,
  );
  state.handedOut = state.commit;
  return committed;
}

function ready(raft: Raft): Ready {
  const { state } = raft;
  if (state.role === 'leader') {
    drive(raft);
    confirmReads(raft);
  } else {
    acknowledge(raft);
  }
  const { outbox, snapshotsFor, restore, transferFailed } = state;
  assertOrdered(state);
  for (const each of outbox) assertKept(state, each);
  if (outbox.length > 0) state.outbox = [];
  if (snapshotsFor.length > 0) state.snapshotsFor = [];
  state.restore = null;
  state.transferFailed = false;
  const write = nextWrite(raft);
  const committed = newlyCommitted(state);
  return {
    messages: outbox,
    write,
    restore,
    committed,
    readsThrough: state.readsThrough,
    snapshotsFor,
    transferFailed,
  };
}

function wakeAt(raft: Raft): number {
  const { state, config } = raft;
  if (state.role === 'leader') return state.roundAt + config.timing.roundMs;
  const expiry =
    state.leader === null ? Number.POSITIVE_INFINITY : state.leaderKnownAt + config.timing.electionTimeoutMaxMs;
  // Watching a leader expire needs no tick at the instant itself, but one after it.
  return Math.min(electionAt(raft), expiry + 1, witnessesAt(raft));
}

/** When peers are asked again what they know of this server, or enough of them were. */
function witnessesAt({ state, config }: Raft): number {
  if (state.toAsk.size === 0) return Number.POSITIVE_INFINITY;
  const again = state.askedWitnessesAt + config.timing.electionTimeoutMinMs;
  return state.isProved || state.now >= state.provingUntil ? again : Math.min(again, state.provingUntil);
}

/**
 * Whether a majority of the voters, this one included, can be reached: links are up, questions did not stay open, and no answer came from a
 * folder that does not count.
 */
function reachesMajority(raft: Raft): boolean {
  const { state, config } = raft;
  let reached = 0;
  for (const member of configuration(state).members) {
    if (!member.voter || member.incarnation === absentIncarnation) continue;
    const link = linkTo(state, member.id);
    const silent = link.askedAt !== null && state.now - link.askedAt > config.timing.electionTimeoutMinMs;
    const isAnother = link.incarnation !== null && link.incarnation !== member.incarnation;
    if (member.id === config.self.id || (link.up && !silent && !isAnother)) reached += 1;
  }
  return reached >= quorumSize(state);
}

function roleOf(raft: Raft): Exclude<ConsensusState, 'fenced'> {
  const { state, config } = raft;
  if (state.controlTerm !== 0) return 'in-control';
  if (isMuted(state) || !counts(state, config.self.id, config.self.incarnation)) return 'learner';
  if (state.role !== 'leader' && state.leader !== null) return 'standby';
  return state.role === 'leader' || reachesMajority(raft) ? 'candidate' : 'isolated';
}
