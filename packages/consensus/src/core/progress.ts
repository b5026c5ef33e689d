import type { PeerId } from '@lic/interfaces';
import { lastIndex } from './log.ts';
import { configuration } from './membership.ts';
import type { Progress, Raft, RaftState } from './state.ts';

/** What a new leader assumes of a member: an equal log, until it says otherwise. */
export function newProgress(state: RaftState): Progress {
  return {
    mode: 'probe',
    match: 0,
    next: lastIndex(state.log) + 1,
    incarnation: '',
    heardRound: 0,
    probing: false,
    inFlight: [],
    inFlightBytes: 0,
    movedAt: state.now,
    commitTold: 0,
    round: 0,
    answeredAt: state.now,
    snapshotAfter: Number.NEGATIVE_INFINITY,
  };
}

/** Forgets what is under way: nothing of it may arrive any more, or it was refused. */
export function restartProbe(progress: Progress, next: number, now: number): void {
  progress.mode = 'probe';
  progress.next = next;
  progress.probing = false;
  progress.inFlight.length = 0;
  progress.inFlightBytes = 0;
  progress.commitTold = 0;
  progress.movedAt = now;
}

/** Brings the leader's view in line with the configuration in force. */
export function alignProgress(raft: Raft): void {
  const { state } = raft;
  const wanted = new Set<PeerId>();
  for (const { id } of configuration(state).members) {
    if (id === raft.config.self.id) continue;
    wanted.add(id);
    if (!state.peers.has(id)) state.peers.set(id, newProgress(state));
  }
  for (const id of [...state.peers.keys()]) if (!wanted.has(id)) state.peers.delete(id);
}

/** Notes that the peer answered under `incarnation`, when `round` was the newest. What another life of its folder acknowledged, or was sent, is void. */
export function noteAnswer(progress: Progress, incarnation: string, now: number, round = 0): void {
  progress.answeredAt = now;
  if (progress.incarnation === incarnation) return;
  progress.incarnation = incarnation;
  progress.heardRound = round;
  progress.match = 0;
  progress.round = 0;
  // What it was sent went to the other life: where the logs part is not known any more.
  if (progress.mode === 'replicate') restartProbe(progress, progress.next, now);
}
