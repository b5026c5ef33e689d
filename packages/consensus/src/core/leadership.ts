import type { PeerId } from '@lic/interfaces';
import { isDiskStalled } from './election.ts';
import { lastIndex } from './log.ts';
import { counts, isChanging } from './membership.ts';
import { linkTo, send } from './outbox.ts';
import { restartProbe } from './progress.ts';
import { hasQuorum, pump, retryStuck } from './replication.ts';
import { becomeFollower, handOver } from './roles.ts';
import { beginDueRound, beginRound, sendRound } from './rounds.ts';
import type { Raft } from './state.ts';
import { askWitnesses } from './witness.ts';

/** Lets time pass for a leader. */
export function tickLeader(raft: Raft): void {
  const { state, config } = raft;
  if (isDiskStalled(raft)) {
    handOver(raft, 'disk');
    return;
  }
  if (!isChanging(state) && !counts(state, config.self.id, config.self.incarnation)) {
    becomeFollower(raft, state.term, null, 'removed');
    return;
  }
  if (!hasQuorum(raft)) {
    becomeFollower(raft, state.term, null, 'no-quorum');
    return;
  }
  if (state.transfer !== null && state.now >= state.transfer.until) {
    state.transfer = null;
    state.transferFailed = true;
  }
  if (state.now >= state.roundAt + config.timing.roundMs) {
    retryStuck(raft);
    beginRound(raft);
  }
}

/** Sends what the leader has to send after its newest inputs. */
export function drive(raft: Raft): void {
  const { state } = raft;
  if (state.round === 0) beginRound(raft);
  else beginDueRound(raft);
  for (const [id, progress] of state.peers) pump(raft, id, progress);
  driveTransfer(raft);
}

/** Control is gained once the term's first entry is committed and everything up to it applied (triad.md, Server states). */
export function gainControl(raft: Raft): void {
  const { state } = raft;
  if (state.role === 'leader' && state.controlTerm === 0 && state.applied >= state.termStart)
    state.controlTerm = state.term;
}

/** Begins a transfer. Answers false where there is nothing to hand over, or nobody fit to take it. */
export function beginTransfer(raft: Raft, to: PeerId): boolean {
  const { state, config } = raft;
  if (state.controlTerm !== state.term || state.transfer !== null || !state.peers.has(to)) return false;
  state.transfer = { to, until: state.now + config.timing.electionTimeoutMaxMs, told: false };
  return true;
}

/** Tells the target to campaign once it has everything, and everything is applied here: no proposal stays in doubt. */
function driveTransfer(raft: Raft): void {
  const { state } = raft;
  const { transfer } = state;
  if (transfer === null || transfer.told) return;
  const target = state.peers.get(transfer.to);
  const last = lastIndex(state.log);
  if (target === undefined || !counts(state, transfer.to, target.incarnation)) return;
  if (target.match < last || state.commit < last || state.applied < last) return;
  transfer.told = true;
  send(raft, transfer.to, { type: 'timeoutNow', term: state.term });
}

/** A link to a peer came up or went away: nothing that was under way can be relied on. */
export function changeLink(raft: Raft, peer: PeerId, up: boolean): void {
  const { state } = raft;
  const link = linkTo(state, peer);
  link.up = up;
  link.congested = false;
  link.askedAt = null;
  link.incarnation = null;
  if (up && state.toAsk.has(peer)) askWitnesses(raft);
  const progress = state.peers.get(peer);
  if (progress === undefined) return;
  // A snapshot that went down with the link goes on at once, where it was.
  progress.snapshotAfter = Number.NEGATIVE_INFINITY;
  restartProbe(progress, progress.match > 0 ? progress.match + 1 : lastIndex(state.log) + 1, state.now);
  if (up && state.round > 0) sendRound(raft, peer);
}
