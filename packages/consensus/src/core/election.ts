import type { PeerId } from '@lic/interfaces';
import { restartTimer, restartTimerShort } from './election-timer.ts';
import { invariant } from './invariant.ts';
import { isUpToDate, lastIndex, lastTerm } from './log.ts';
import { configuration, counts, quorumSize } from './membership.ts';
import type { PreVote, TimeoutNow, VoteReply, VoteRequest } from './messages.ts';
import { linkTo, send, sendAfterWrite } from './outbox.ts';
import { becomeFollower, becomeLeader, endUrgency, isMuted, setLeader } from './roles.ts';
import type { Raft, RaftState } from './state.ts';
import { askWitnesses, noteAcknowledged, prove } from './witness.ts';

/** How soon a stand-by whose leader's link closed asks again when refused as "heard lately". Milliseconds (triad.md, Failover). */
export const ASK_AGAIN_MS = 20;

/** Whether the store has been busy with one write for longer than an election may take. */
export function isDiskStalled(raft: Raft): boolean {
  const { state } = raft;
  return state.write !== null && state.now - state.write.at > raft.config.timing.electionTimeoutMaxMs;
}

/** Whether a vote given now could be kept. */
function canVote(raft: Raft): boolean {
  return raft.state.isProved && !isMuted(raft.state) && raft.state.disk === 'well' && !isDiskStalled(raft);
}

/** Whether it may be elected at all. Who is drained or stopping waits until it is clear that nobody else can win. */
function canStand(raft: Raft): boolean {
  const { state, config } = raft;
  return canVote(raft) && counts(state, config.self.id, config.self.incarnation);
}

/** When the next election of its own is due. */
export function electionAt(raft: Raft): number {
  const { state } = raft;
  if (!canStand(raft)) return Number.POSITIVE_INFINITY;
  const timer = state.timerFrom + state.timeoutMs;
  if (state.electable) return Math.min(timer, state.now < state.urgentUntil ? state.askAt : Number.POSITIVE_INFINITY);
  if (state.leader !== null) return Number.POSITIVE_INFINITY;
  return Math.max(timer, state.leaderlessSince + raft.config.timing.electionTimeoutMaxMs);
}

/** Whether a live leader is no hearsay: then neither pre-votes nor votes are given (thesis 4.2.3). */
function hearsLeader(raft: Raft): boolean {
  const { state } = raft;
  if (state.role === 'leader') return true;
  return state.leader !== null && state.now - state.heardAt < raft.config.timing.electionTimeoutMinMs;
}

/** Lets time pass for a server that does not lead. */
export function tickElection(raft: Raft): void {
  const { state } = raft;
  if (state.leader !== null && state.now - state.leaderKnownAt > raft.config.timing.electionTimeoutMaxMs) {
    setLeader(state, null);
  }
  if (state.toAsk.size > 0 && state.now >= state.askedWitnessesAt + raft.config.timing.electionTimeoutMinMs)
    askWitnesses(raft);
  prove(raft);
  if (state.now < electionAt(raft)) return;
  state.askAt = Number.POSITIVE_INFINITY;
  if (state.now >= state.timerFrom + state.timeoutMs) restartTimer(raft);
  askPreVotes(raft);
}

/** The link to the leader is gone for good: it is not "heard lately" any more, so ask at once (triad.md, Failover). */
export function loseLeader(raft: Raft, peer: PeerId): void {
  const { state } = raft;
  if (state.role === 'leader' || state.leader !== peer) return;
  state.heardAt = Number.NEGATIVE_INFINITY;
  setLeader(state, null);
  state.urgentUntil = state.now + raft.config.timing.electionTimeoutMaxMs;
  state.askAt = grantRefused(raft) ? state.now + ASK_AGAIN_MS : state.now;
  tickElection(raft);
}

function forEachOtherVoter(raft: Raft, ask: (id: PeerId, incarnation: string) => void): void {
  for (const member of configuration(raft.state).members) {
    if (!member.voter || member.id === raft.config.self.id) continue;
    const link = linkTo(raft.state, member.id);
    link.askedAt ??= raft.state.now;
    ask(member.id, member.incarnation);
  }
}

function askPreVotes(raft: Raft): void {
  const { state, config } = raft;
  state.role = 'preCandidate';
  state.votes.clear();
  state.votes.set(config.self.id, true);
  if (quorumSize(state) === 1) {
    campaign(raft, false);
    return;
  }
  const end = { lastIndex: lastIndex(state.log), lastTerm: lastTerm(state.log) };
  forEachOtherVoter(raft, (id, target) => {
    send(raft, id, { type: 'preVote', term: state.term + 1, ...end, target, position: state.position });
  });
}

/** Asks for votes, after the own one is on disk together with all entries that the request speaks of. */
function campaign(raft: Raft, transfer: boolean): void {
  const { state, config } = raft;
  becomeFollower(raft, state.term + 1, null);
  state.role = 'candidate';
  state.votedFor = config.self.id;
  state.transferCampaign = transfer;
  endUrgency(state);
  restartTimer(raft);
  const end = { lastIndex: lastIndex(state.log), lastTerm: lastTerm(state.log) };
  forEachOtherVoter(raft, (id, target) => {
    sendAfterWrite(raft, id, {
      type: 'vote',
      term: state.term,
      ...end,
      target,
      transfer,
      incarnation: config.self.incarnation,
    });
  });
}

/** The own vote counts once it is on disk. */
export function countOwnVote(raft: Raft): void {
  const { state, config } = raft;
  if (state.role !== 'candidate' || state.saved.term !== state.term || state.saved.votedFor !== config.self.id) return;
  if (!counts(state, config.self.id, config.self.incarnation)) return;
  state.votes.set(config.self.id, true);
  tally(raft);
}

function count(state: RaftState, granted: boolean): number {
  let votes = 0;
  for (const each of state.votes.values()) if (each === granted) votes += 1;
  return votes;
}

function tally(raft: Raft): void {
  const { state } = raft;
  const quorum = quorumSize(state);
  if (count(state, true) >= quorum) {
    if (state.role === 'preCandidate') campaign(raft, false);
    else becomeLeader(raft);
    return;
  }
  const voters = configuration(state).members.filter((member) => member.voter).length;
  if (state.role === 'candidate' && voters - count(state, false) < quorum) {
    // Two stood in each other's way: the better rank tries again first, without waiting a whole timeout.
    becomeFollower(raft, state.term, null);
    restartTimerShort(raft);
  }
}

/** Answers a pre-vote. Resets no timer. */
export function onPreVote(raft: Raft, from: PeerId, message: PreVote): void {
  const { state } = raft;
  const granted = answerPreVote(raft, from, message);
  if (granted && state.role === 'preCandidate' && message.position < state.position) yieldTo(raft);
  if (!granted && state.leader !== null) noteRefused(state, from, message);
}

/** Says whether this server would vote so now. */
function answerPreVote(raft: Raft, from: PeerId, message: PreVote): boolean {
  const { state, config } = raft;
  const hears = hearsLeader(raft);
  const granted =
    canVote(raft) &&
    !hears &&
    message.target === config.self.incarnation &&
    message.term > state.term &&
    isUpToDate(state.log, message);
  const leader = !granted && hears ? state.leader : null;
  const { incarnation } = config.self;
  send(raft, from, { type: 'preVoteReply', term: state.term, asked: message.term, granted, leader, incarnation });
  return granted;
}

/** Of several that were refused, the best rank is remembered while it may still be asking. */
function noteRefused(state: RaftState, from: PeerId, message: PreVote): void {
  const { refused } = state;
  const isBetter =
    refused === null || refused.from === from || !isFresh(state) || message.position < refused.message.position;
  if (isBetter) state.refused = { from, message, at: state.now };
}

function isFresh(state: RaftState): boolean {
  return state.refused !== null && state.now - state.refused.at <= 2 * ASK_AGAIN_MS;
}

/**
 * A better rank saw the leader's link close before this server did, was refused, and would ask again only when this server has asked for
 * itself: it gets its answer now, if it is to have one. Answers whether this server stands back for a moment, as it would have.
 */
function grantRefused(raft: Raft): boolean {
  const { state } = raft;
  const { refused } = state;
  const isWaiting =
    refused !== null && isFresh(state) && (refused.message.position < state.position || !state.electable);
  state.refused = null;
  return isWaiting && answerPreVote(raft, refused.from, refused.message);
}

/** Two that saw the leader's links close at the same instant would split the votes: the worse rank stands back for a moment. */
function yieldTo(raft: Raft): void {
  const { state } = raft;
  state.role = 'follower';
  state.votes.clear();
  if (state.now < state.urgentUntil) state.askAt = state.now + ASK_AGAIN_MS;
}

/** Answers a request for a vote; a granted one only after it is on disk. Rank plays no part. */
export function onVote(raft: Raft, from: PeerId, message: VoteRequest): void {
  const { state, config } = raft;
  const hears = hearsLeader(raft) && !message.transfer;
  noteTerm(raft, from, message.incarnation, message.term);
  if (!hears && message.term > state.term) becomeFollower(raft, message.term, null);
  const granted =
    !hears &&
    canVote(raft) &&
    message.target === config.self.incarnation &&
    message.term === state.term &&
    (state.votedFor === from || (state.votedFor === null && state.leader === null)) &&
    isUpToDate(state.log, message);
  const reply: VoteReply = {
    type: 'voteReply',
    term: state.term,
    asked: message.term,
    granted,
    leader: hears ? state.leader : null,
    incarnation: config.self.incarnation,
  };
  if (!granted) {
    send(raft, from, reply);
    return;
  }
  invariant(state.votedFor === null || state.votedFor === from, `a second vote in term ${state.term}, for ${from}`);
  state.votedFor = from;
  restartTimer(raft);
  endUrgency(state);
  sendAfterWrite(raft, from, reply);
}

/** Counts an answer, if its sender counts. */
export function onVoteReply(raft: Raft, from: PeerId, message: VoteReply): void {
  const { state } = raft;
  linkTo(state, from).incarnation = message.incarnation;
  if (message.type === 'voteReply' && message.granted) noteTerm(raft, from, message.incarnation, message.term);
  if (message.term > state.term) becomeFollower(raft, message.term, null);
  learnLeader(raft, message);
  const asking = message.type === 'preVoteReply' ? 'preCandidate' : 'candidate';
  const asked = message.type === 'preVoteReply' ? state.term + 1 : state.term;
  if (state.role !== asking || message.asked !== asked || !counts(state, from, message.incarnation)) return;
  state.votes.set(from, message.granted);
  tally(raft);
}

/** Whoever voted in `term`, also for itself, has that term on its disk. */
function noteTerm(raft: Raft, id: PeerId, incarnation: string, term: number): void {
  noteAcknowledged(raft, { id, incarnation, term, index: 0, entryTerm: 0 });
}

/** A refusal that names a leader: this server stays a stand-by that hints to it, and asks again soon if its own link broke. */
function learnLeader(raft: Raft, message: VoteReply): void {
  const { state } = raft;
  if (message.leader === null || state.role === 'leader') return;
  if (message.term === state.term && message.leader !== raft.config.self.id) setLeader(state, message.leader);
  if (state.now < state.urgentUntil) state.askAt = state.now + ASK_AGAIN_MS;
}

/** The leader hands control to this server. */
export function onTimeoutNow(raft: Raft, from: PeerId, message: TimeoutNow): void {
  const { state } = raft;
  if (message.term !== state.term || state.role !== 'follower' || state.leader !== from) return;
  if (state.electable && canStand(raft)) campaign(raft, true);
}
