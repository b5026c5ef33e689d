import type { Raft, RaftState } from './state.ts';

/** The next number in [0, 1) of the generator in the state (mulberry32): the core has no other randomness. */
export function nextRandom(state: RaftState): number {
  state.random = (state.random + 0x6d2b79f5) >>> 0;
  let mixed = state.random;
  mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
}

/** Where in a range this server's wait falls, from 0 to 1: a better rank waits less, no two ranks wait equally long. */
function share(state: RaftState): number {
  return (state.position + nextRandom(state)) / Math.max(1, state.positions);
}

/** Starts the election timer afresh with a new wait between the least and the greatest election timeout. */
export function restartTimer(raft: Raft): void {
  const { electionTimeoutMinMs: least, electionTimeoutMaxMs: greatest } = raft.config.timing;
  raft.state.timerFrom = raft.state.now;
  raft.state.timeoutMs = least + (greatest - least) * share(raft.state);
}

/**
 * A short wait, one round to about four: before the first election after a start, when nobody has lost a leader, and after a vote that was
 * split, when two candidates stood in each other's way. One server alone waits for nobody.
 */
export function restartTimerShort(raft: Raft): void {
  const { state, config } = raft;
  state.timerFrom = state.now;
  state.timeoutMs = state.positions === 1 ? 0 : config.timing.roundMs * (1 + 3 * share(state));
}
