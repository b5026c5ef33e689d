import type { PeerId } from '@lic/interfaces';
import { lastIndex } from './log.ts';
import type { Message } from './messages.ts';
import type { LinkState, Raft, RaftState } from './state.ts';

/** What is known of the way to `peer`; up until told otherwise. */
export function linkTo(state: RaftState, peer: PeerId): LinkState {
  let link = state.links.get(peer);
  if (link === undefined) {
    link = { up: true, congested: false, askedAt: null, incarnation: null };
    state.links.set(peer, link);
  }
  return link;
}

/** Sends at once. What can't arrive is not even written down. */
export function send(raft: Raft, to: PeerId, message: Message): void {
  if (linkTo(raft.state, to).up) raft.state.outbox.push({ to, message });
}

/** Whether the store has not been handed all that should be on disk. */
export function isDirty(state: RaftState): boolean {
  const vote = state.write?.vote ?? state.saved;
  return (
    state.term !== vote.term ||
    state.votedFor !== vote.votedFor ||
    state.log.resetTo !== null ||
    state.log.savedTo < lastIndex(state.log)
  );
}

/** Sends once everything that is true now is on disk: votes, and what asks for them. */
export function sendAfterWrite(raft: Raft, to: PeerId, message: Message): void {
  const { state } = raft;
  if (isDirty(state)) state.held.push({ after: state.writeId + 1, out: { to, message } });
  else if (state.write !== null) state.held.push({ after: state.write.id, out: { to, message } });
  else send(raft, to, message);
}

/** Sends what waited for writes up to `id`. */
export function releaseHeld(raft: Raft, id: number): void {
  const { held } = raft.state;
  while (held.length > 0 && held[0]!.after <= id) {
    const { out } = held.shift()!;
    send(raft, out.to, out.message);
  }
}
