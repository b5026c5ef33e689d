import type { PeerId } from '@lic/interfaces';
import type { Configuration, RaftState } from './state.ts';

/** The configuration in force. */
export function configuration(state: RaftState): Configuration {
  return state.configurations[state.configurations.length - 1]!;
}

/** The configuration in force at `index`, which must not be compacted away. */
export function configurationAt(state: RaftState, index: number): Configuration {
  return state.configurations.findLast((each) => each.index <= index) ?? state.configurations[0]!;
}

/** Puts `next` in force. */
export function adoptConfiguration(state: RaftState, next: Configuration): void {
  state.configurations.push(next);
}

/** Forgets the configurations of entries from `index` on, which were removed: the one before is in force again. */
export function revertConfigurations(state: RaftState, index: number): void {
  while (state.configurations.length > 1 && configuration(state).index >= index) state.configurations.pop();
}

/** Forgets configurations that were replaced at or before `index`. */
export function trimConfigurations(state: RaftState, index: number): void {
  while (state.configurations.length > 1 && state.configurations[1]!.index <= index) state.configurations.shift();
}

/** How many voters make a quorum. */
export function quorumSize(state: RaftState): number {
  let voters = 0;
  for (const member of configuration(state).members) if (member.voter) voters += 1;
  return (voters >> 1) + 1;
}

/** Whether `member` counts: configured as a voter with that very incarnation (triad.md, I8). */
export function counts(state: RaftState, id: PeerId, incarnation: string): boolean {
  for (const member of configuration(state).members) {
    if (member.id === id) return member.voter && member.incarnation === incarnation;
  }
  return false;
}
