import type { PeerId } from '@lic/interfaces';
import { invariant } from './invariant.ts';
import { quorumSize } from './membership.ts';
import type { Round, RoundReply } from './messages.ts';
import { send } from './outbox.ts';
import { commitTo, progressFor, quorumValue } from './replication.ts';
import { hearLeader, isMuted } from './roles.ts';
import type { Raft } from './state.ts';
import { acknowledgedByAll, noteAcknowledged } from './witness.ts';

/** Begins the next numbered round: heartbeat to all, confirmation for the reads that wait (triad.md, Time). */
export function beginRound(raft: Raft): void {
  const { state } = raft;
  state.round += 1;
  state.roundAt = state.now;
  state.roundCommit = state.commit;
  for (const id of state.peers.keys()) sendRound(raft, id);
}

/** Tells one peer of the newest round. */
export function sendRound(raft: Raft, to: PeerId): void {
  const { state } = raft;
  send(raft, to, {
    type: 'round',
    term: state.term,
    round: state.round,
    commit: state.commit,
    acknowledged: acknowledgedByAll(raft),
  });
}

/** A follower acknowledges a round; nothing of it needs the disk: it says that no newer term is known *now*. */
export function onRound(raft: Raft, from: PeerId, message: Round): void {
  const { state } = raft;
  if (!hearLeader(raft, from, message.term)) return;
  for (const about of message.acknowledged) noteAcknowledged(raft, about);
  // One that may have forgotten a newer term must not say that it knows none.
  if (!state.isProved || isMuted(state) || state.disk !== 'well') return;
  commitTo(state, Math.min(message.commit, state.match));
  send(raft, from, {
    type: 'roundReply',
    term: state.term,
    round: message.round,
    incarnation: raft.config.self.incarnation,
  });
}

/** A leader hears that a peer acknowledged a round of its term. */
export function onRoundReply(raft: Raft, from: PeerId, message: RoundReply): void {
  const progress = progressFor(raft, from, message);
  if (progress === undefined || message.round > raft.state.round) return;
  if (message.round > progress.round) progress.round = message.round;
}

/**
 * Asks for a read barrier. Answers the round that must be confirmed for it, one that has not begun yet; 0 where this
 * server is not in control, so that no barrier can be had.
 */
export function requestRead(raft: Raft): number {
  const { state } = raft;
  if (state.role !== 'leader' || state.controlTerm !== state.term) return 0;
  const round = state.round + 1;
  const newest = state.reads[state.reads.length - 1];
  if (newest?.round === round) newest.index = state.commit;
  else {
    invariant(
      newest === undefined || newest.round < round,
      `a read for round ${round} behind one for ${newest?.round}`,
    );
    state.reads.push({ round, index: state.commit });
  }
  return round;
}

/** Begins the round that reads wait for, when the last one is long enough ago. Alone, a server needs nobody's word. */
export function beginDueRound(raft: Raft): void {
  const { state, config } = raft;
  const newest = state.reads[state.reads.length - 1];
  const wanted = newest !== undefined && newest.round > state.round;
  const due = state.now >= state.roundAt + config.timing.roundMs || quorumSize(state) === 1;
  if (wanted && due) beginRound(raft);
}

/** Confirms reads whose round a quorum acknowledged, in this term, and whose commit index is applied. */
export function confirmReads(raft: Raft): void {
  const { state } = raft;
  if (state.reads.length === 0) return;
  const confirmed = quorumValue(raft, state.round, (progress) => progress.round);
  invariant(confirmed <= state.round, `round ${confirmed} is confirmed, and ${state.round} is the newest`);
  while (state.reads.length > 0) {
    const { round, index } = state.reads[0]!;
    if (round > confirmed || index > state.applied) return;
    state.readsThrough = round;
    state.reads.shift();
  }
}
