import { violated } from './invariant.ts';
import { lastIndex, termAt } from './log.ts';
import type { Outgoing } from './messages.ts';
import type { RaftState } from './state.ts';

/**
 * Asserts that what is about to be said is true: the other half of the care that was taken when it was written down (docs/consensus.md,
 * "What is on disk before what").
 */
export function assertKept(state: RaftState, { to, message }: Outgoing): void {
  const { log, saved, isProved } = state;
  const { term, type } = message;
  switch (type) {
    case 'voteReply':
      if (!message.granted) return;
      if (saved.term < term || (saved.term === term && saved.votedFor !== to))
        violated(`a vote for ${to} in term ${term} is answered before it is on disk`);
      if (!isProved) violated(`a vote for ${to} is answered before the peers have vouched for this disk`);
      return;
    case 'vote':
      if (saved.term < term) violated(`votes are asked for in term ${term} before that is on disk`);
      return;
    case 'appendReply':
      if (message.match > log.durableTo)
        violated(`entry ${message.match} is acknowledged, and entry ${log.durableTo} is the last on disk`);
      if (saved.term < term) violated(`an append of term ${term} is acknowledged before that term is on disk`);
      if (!isProved) violated('an append is acknowledged before the peers have vouched for this disk');
      return;
    case 'roundReply':
      if (!isProved) violated('a round is acknowledged before the peers have vouched for this disk');
      return;
    case 'append':
      if (term !== state.term || state.role !== 'leader') return;
      if (message.prevIndex >= log.baseIndex && termAt(log, message.prevIndex) !== message.prevTerm)
        violated(`${to} is told that entry ${message.prevIndex} is of term ${message.prevTerm}`);
      return;
    default:
      // The others promise nothing.
      return;
  }
}

/** Asserts that what a server knows of itself fits together. */
export function assertOrdered(state: RaftState): void {
  const { log, term, commit, controlTerm } = state;
  const last = lastIndex(log);
  if (state.saved.term > term) violated(`the disk has term ${state.saved.term}, beyond ${term}`);
  if (log.durableTo > log.savedTo)
    violated(`entry ${log.durableTo} is on disk, and ${log.savedTo} was the last to go there`);
  if (log.savedTo > last) violated(`entry ${log.savedTo} went to the disk, and ${last} is the last`);
  if (commit > last) violated(`entry ${commit} is committed, and ${last} is the last`);
  if (log.baseIndex > commit) violated(`the log begins after ${log.baseIndex}, and only ${commit} is committed`);
  if (state.handedOut > commit) violated(`entry ${state.handedOut} is being applied, and only ${commit} is committed`);
  if (state.applied > state.handedOut)
    violated(`entry ${state.applied} is applied, and only ${state.handedOut} was to be`);
  if (controlTerm !== 0 && (controlTerm !== term || state.role !== 'leader'))
    violated(`a ${state.role} of term ${term} is in control of term ${controlTerm}`);
}
