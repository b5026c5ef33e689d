import type { PeerId } from '@lic/interfaces';
import { restartTimer } from './election-timer.ts';
import { invariant } from './invariant.ts';
import { appendEntry, lastIndex, lastTerm } from './log.ts';
import { counts } from './membership.ts';
import { send } from './outbox.ts';
import { alignProgress } from './progress.ts';
import type { MuteReason, Raft, RaftState, StepDownReason } from './state.ts';

/** Sets who leads, as heard or by hearsay. */
export function setLeader(state: RaftState, leader: PeerId | null): void {
  if (leader !== null) state.leaderKnownAt = state.now;
  else if (state.leader !== null) state.leaderlessSince = state.now;
  state.leader = leader;
}

/** Ends the repeated asking that a closed link began. */
export function endUrgency(state: RaftState): void {
  state.urgentUntil = Number.NEGATIVE_INFINITY;
  state.askAt = Number.POSITIVE_INFINITY;
}

/**
 * Follows in `term`; `reason` is for a leader that steps down. In the same term the vote stays: forgetting it would
 * allow a second one.
 */
export function becomeFollower(
  raft: Raft,
  term: number,
  leader: PeerId | null,
  reason: StepDownReason = 'newer-term',
): void {
  const { state } = raft;
  invariant(term >= state.term, `a step back from term ${state.term} to ${term}`);
  if (term > state.term || state.role === 'leader') {
    // Every later leader has all that is committed (leader completeness).
    state.match = state.commit;
    state.acked = 0;
    state.ackOwed = false;
  }
  if (term > state.term) {
    state.term = term;
    state.votedFor = null;
  }
  if (state.role === 'leader') {
    state.stepDownReason = reason;
    state.controlTerm = 0;
    state.peers.clear();
    state.reads = [];
    state.transfer = null;
    state.snapshotsFor = [];
    restartTimer(raft);
  }
  state.role = 'follower';
  state.votes.clear();
  state.transferCampaign = false;
  setLeader(state, leader);
}

/** Leads the current term, and begins it with an entry of its own: nothing older is committed by counting (Raft paper, 5.4.2). */
export function becomeLeader(raft: Raft): void {
  const { state } = raft;
  state.role = 'leader';
  state.votes.clear();
  state.transferCampaign = false;
  setLeader(state, raft.config.self.id);
  state.round = 0;
  state.roundAt = Number.NEGATIVE_INFINITY;
  state.roundCommit = 0;
  state.reads = [];
  state.readsThrough = 0;
  state.transfer = null;
  state.peers.clear();
  alignProgress(raft);
  invariant(lastTerm(state.log) < state.term, `term ${state.term} has entries before its leader was elected`);
  state.termStart = lastIndex(state.log) + 1;
  appendEntry(state.log, { index: state.termStart, term: state.term, kind: 'noop', data: new Uint8Array(0) });
}

/** Takes note that the leader of `term` lives. Answers false where that term is over. */
export function hearLeader(raft: Raft, from: PeerId, term: number): boolean {
  const { state } = raft;
  if (term < state.term) {
    send(raft, from, { type: 'newerTerm', term: state.term });
    return false;
  }
  invariant(term > state.term || state.role !== 'leader', `${from} claims to lead term ${term} as this server does`);
  if (term > state.term || state.role !== 'follower') becomeFollower(raft, term, from);
  setLeader(state, from);
  state.heardAt = state.now;
  state.timerFrom = state.now;
  endUrgency(state);
  return true;
}

/**
 * Gives up leading because of a trouble of its own (disk, fencing), and asks the member that has most of the log to
 * campaign at once: the others need not wait for their timers.
 */
export function handOver(raft: Raft, reason: StepDownReason): void {
  const { state } = raft;
  let best: PeerId | null = null;
  let bestMatch = -1;
  for (const [id, progress] of state.peers) {
    const fit =
      counts(state, id, progress.incarnation) &&
      state.now - progress.answeredAt <= raft.config.timing.electionTimeoutMinMs;
    if (fit && progress.match > bestMatch) {
      best = id;
      bestMatch = progress.match;
    }
  }
  if (best !== null) send(raft, best, { type: 'timeoutNow', term: state.term });
  becomeFollower(raft, state.term, null, reason);
}

/** Whether this server only watches who leads. */
export function isMuted(state: RaftState): boolean {
  return state.mutes.size > 0;
}

/** From now on this server only watches who leads. What waits for the disk is not said any more. */
export function mute(raft: Raft, reason: MuteReason): void {
  const { state } = raft;
  if (state.role === 'leader') handOver(raft, 'muted');
  else if (state.role !== 'follower') becomeFollower(raft, state.term, state.leader);
  state.held = [];
  state.mutes.add(reason);
}

/** It is suspended no more: what the leader sends from now on is taken again. */
export function unmute(raft: Raft): void {
  raft.state.mutes.delete('suspended');
  restartTimer(raft);
}
