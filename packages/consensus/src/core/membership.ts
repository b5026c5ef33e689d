import { absentIncarnation, type PeerId } from '@lic/interfaces';
import { invariant } from './invariant.ts';
import type { Configuration, RaftState } from './state.ts';

/** The configuration in force. */
export function configuration(state: RaftState): Configuration {
  return state.configurations[state.configurations.length - 1]!;
}

/** The configuration in force at `index`, which must not be compacted away. */
export function configurationAt(state: RaftState, index: number): Configuration {
  return state.configurations.findLast((each) => each.index <= index) ?? state.configurations[0]!;
}

/** Whether the configuration in force is not known to be committed: no other may follow yet. */
export function isChanging(state: RaftState): boolean {
  return configuration(state).index > state.commit;
}

/**
 * The configuration that a leader replaced itself and whose quorum it needs as well until that is committed; null where there is none. A later
 * leader counts by the newest alone, committed or not (docs/consensus.md, Members).
 */
export function replacedConfiguration(state: RaftState): Configuration | null {
  const { index } = configuration(state);
  if (state.role !== 'leader' || index < state.termStart || index <= state.commit) return null;
  return state.configurations[state.configurations.length - 2] ?? null;
}

/** Puts `next` in force. */
export function adoptConfiguration(state: RaftState, next: Configuration): void {
  invariant(
    next.index > configuration(state).index,
    `the configuration of entry ${next.index} can't follow that of entry ${configuration(state).index}`,
  );
  state.configurations.push(next);
}

/** Forgets the configurations of entries from `index` on, which were removed: the one before is in force again. */
export function revertConfigurations(state: RaftState, index: number): void {
  while (state.configurations.length > 1 && configuration(state).index >= index) state.configurations.pop();
  invariant(configuration(state).index < index, `no configuration is left below entry ${index}, which was replaced`);
}

/** Forgets configurations that were replaced at or before `index`. */
export function trimConfigurations(state: RaftState, index: number): void {
  while (state.configurations.length > 1 && state.configurations[1]!.index <= index) state.configurations.shift();
}

/** How many of its voters make a quorum. */
export function quorumOf({ members }: Configuration): number {
  let voters = 0;
  for (const member of members) if (member.voter) voters += 1;
  return (voters >> 1) + 1;
}

/** How many voters make a quorum of the configuration in force. */
export function quorumSize(state: RaftState): number {
  return quorumOf(configuration(state));
}

/** Whether `member` counts: configured as a voter with that very incarnation (triad.md, I8). */
export function counts(state: RaftState, id: PeerId, incarnation: string): boolean {
  return countsIn(configuration(state), id, incarnation);
}

/** Whether `member` counts in a configuration. */
export function countsIn({ members }: Configuration, id: PeerId, incarnation: string): boolean {
  for (const member of members) {
    if (member.id === id)
      return member.voter && member.incarnation === incarnation && incarnation !== absentIncarnation;
  }
  return false;
}
