import type { PeerId, SnapshotMeta } from '@lic/interfaces';
import { decodeConfiguration } from '../wire/configuration.ts';
import { invariant } from './invariant.ts';
import { compactLog, resetLog, termAt } from './log.ts';
import { trimConfigurations } from './membership.ts';
import { restartProbe } from './progress.ts';
import { commitTo } from './replication.ts';
import type { Raft } from './state.ts';
import { askAlso } from './witness.ts';

/** This server saved a snapshot of its own: the log may lose what it includes. */
export function onSnapshotSaved(raft: Raft, meta: SnapshotMeta): void {
  const { state } = raft;
  invariant(meta.index <= state.applied, `a snapshot at ${meta.index} of a machine that is at ${state.applied}`);
  if (state.snapshot === null || meta.index > state.snapshot.index) state.snapshot = meta;
}

/** Drops entries up to `through` from memory; a snapshot stands for them. */
export function compactThrough(raft: Raft, through: number): void {
  const { state } = raft;
  invariant(
    state.snapshot !== null && through <= state.snapshot.index,
    `compaction through ${through} has no snapshot`,
  );
  if (through > state.log.durableTo) return;
  compactLog(state.log, through);
  trimConfigurations(state, state.log.baseIndex);
}

/**
 * A snapshot from the leader is on this server's disk. An older one than what is committed here says nothing new. One that
 * the log contains only shows what is committed. Any other replaces log and machine.
 */
export function onSnapshotReceived(raft: Raft, meta: SnapshotMeta): void {
  const { state } = raft;
  if (state.role === 'leader') return;
  state.ackOwed = true;
  if (meta.index <= state.commit) return;
  invariant(
    state.snapshot === null || meta.index > state.snapshot.index,
    `a snapshot at ${meta.index} after a newer one`,
  );
  state.snapshot = meta;
  if (termAt(state.log, meta.index) === meta.term) {
    state.match = Math.max(state.match, meta.index);
    commitTo(state, meta.index);
    return;
  }
  resetLog(state.log, meta);
  const members = decodeConfiguration(meta.config);
  askAlso(raft, members);
  state.configurations = [{ index: meta.index, members }];
  state.commit = meta.index;
  state.handedOut = meta.index;
  state.match = meta.index;
  state.restore = meta;
}

/** A peer has the snapshot at `index`: its log is looked for behind it. */
export function onSnapshotSent(raft: Raft, to: PeerId, index: number): void {
  const progress = raft.state.peers.get(to);
  if (progress?.mode === 'snapshot') restartProbe(progress, index + 1, raft.state.now);
}

/** A snapshot could not be brought to a peer: the next attempt waits one election timeout. */
export function onSnapshotFailed(raft: Raft, to: PeerId): void {
  const { state, config } = raft;
  const progress = state.peers.get(to);
  if (progress?.mode !== 'snapshot') return;
  restartProbe(progress, progress.match + 1, state.now);
  progress.snapshotAfter = state.now + config.timing.electionTimeoutMaxMs;
}
