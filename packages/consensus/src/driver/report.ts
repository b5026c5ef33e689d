import { lastIndex } from '../core/log.ts';
import { configuration } from '../core/membership.ts';
import type { RaftState } from '../core/state.ts';

/** What a person needs to see of a core that broke an invariant: no commands, no keys but those of the members. */
export function reportOf(state: RaftState): object {
  const { log, configurations, snapshot } = state;
  return {
    role: state.role,
    term: state.term,
    votedFor: state.votedFor,
    saved: state.saved,
    leader: state.leader,
    controlTerm: state.controlTerm,
    commit: state.commit,
    handedOut: state.handedOut,
    applied: state.applied,
    match: state.match,
    log: {
      base: log.baseIndex,
      last: lastIndex(log),
      savedTo: log.savedTo,
      durableTo: log.durableTo,
      resets: log.resets,
    },
    snapshot: snapshot?.index ?? 0,
    write: state.write,
    mutes: [...state.mutes],
    isProved: state.isProved,
    members: configuration(state).members,
    configurations: configurations.map(({ index }) => index),
    round: state.round,
    peers: [...state.peers].map(([id, { mode, match, next, round, incarnation }]) => ({
      id,
      mode,
      match,
      next,
      round,
      incarnation,
    })),
  };
}
