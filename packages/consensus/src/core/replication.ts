import type { PeerId } from '@lic/interfaces';
import { decodeConfiguration } from '../wire/configuration.ts';
import { invariant, violated } from './invariant.ts';
import { appendEntry, batchEnd, entriesBetween, lastIndex, lastWithTermAtMost, termAt, truncateFrom } from './log.ts';
import {
  adoptConfiguration,
  configuration,
  countsIn,
  quorumOf,
  replacedConfiguration,
  revertConfigurations,
} from './membership.ts';
import type { Append, AppendRefused, AppendReply } from './messages.ts';
import { linkTo, send } from './outbox.ts';
import { noteAnswer, restartProbe } from './progress.ts';
import { becomeFollower, hearLeader, isMuted } from './roles.ts';
import type { AppendLimits, Configuration, Progress, Raft, RaftState } from './state.ts';
import { askAlso, noteAcknowledged } from './witness.ts';

/** How appends are cut and how many of them go at once, where the configuration says nothing else. */
export const appendLimits: AppendLimits = { bytesMax: 256 * 1024, entriesMax: 16_384, inFlightMax: 8 };
/** Data under way to one peer at most, in bytes. */
export const APPEND_BYTES_IN_FLIGHT_MAX = 4 * 1024 * 1024;

/** Raises the commit index: it never falls, and never passes the log's end. */
export function commitTo(state: RaftState, index: number): void {
  if (index <= state.commit) return;
  const { log, role, term } = state;
  if (index > lastIndex(log)) violated(`entry ${index} is committed, but the log ends at ${lastIndex(log)}`);
  if (role === 'leader' && termAt(log, index) !== term)
    violated(`entry ${index} of term ${termAt(log, index)} is committed by counting in term ${term}`);
  state.commit = index;
}

/** A follower takes entries from its leader. */
export function onAppend(raft: Raft, from: PeerId, message: Append): void {
  const { state } = raft;
  if (!hearLeader(raft, from, message.term)) return;
  // What can't be kept must not look as if it were: the leader goes on without this server.
  if (isMuted(state) || state.disk !== 'well') return;
  const end = message.prevIndex + message.entries.length;
  // Entries up to the commit index are the leader's too, so what overlaps them needs no look.
  if (message.prevIndex >= state.commit && termAt(state.log, message.prevIndex) !== message.prevTerm) {
    refuse(raft, from, message);
    return;
  }
  for (const entry of message.entries) {
    if (entry.index <= state.commit) continue;
    if (entry.index <= lastIndex(state.log)) {
      if (termAt(state.log, entry.index) === entry.term) continue;
      invariant(entry.index > state.match, `entry ${entry.index} was found equal to the leader's and now differs`);
      invariant(entry.index > state.commit, `entry ${entry.index} is committed and differs from the leader's`);
      truncateFrom(state.log, entry.index);
      revertConfigurations(state, entry.index);
    }
    appendEntry(state.log, entry);
    if (entry.kind !== 'config') continue;
    const members = decodeConfiguration(entry.data);
    askAlso(raft, members);
    adoptConfiguration(state, { index: entry.index, members });
  }
  if (end > state.match) state.match = end;
  if (message.entries.length > 0 || message.probe) state.ackOwed = true;
  commitTo(state, Math.min(message.commit, state.match));
}

function refuse(raft: Raft, from: PeerId, message: Append): void {
  const { log } = raft.state;
  const hintIndex = lastWithTermAtMost(log, message.prevIndex, message.prevTerm);
  send(raft, from, {
    type: 'appendRefused',
    term: raft.state.term,
    prevIndex: message.prevIndex,
    hintIndex,
    hintTerm: Math.max(0, termAt(log, hintIndex)),
    incarnation: raft.config.self.incarnation,
  });
}

/** A follower acknowledges what its disk has, in a term that its disk knows: one answer for all appends of one sync. */
export function acknowledge(raft: Raft): void {
  const { state } = raft;
  if (
    !state.ackOwed ||
    !state.isProved ||
    isMuted(state) ||
    state.role !== 'follower' ||
    state.leader === null ||
    state.saved.term !== state.term
  )
    return;
  const match = Math.min(state.match, state.log.durableTo);
  if (match === state.match) state.ackOwed = false;
  else if (match <= state.acked) return;
  state.acked = match;
  send(raft, state.leader, {
    type: 'appendReply',
    term: state.term,
    match,
    incarnation: raft.config.self.incarnation,
  });
}

/** The peer's progress, if this server leads the term that the answer belongs to. */
export function progressFor(
  raft: Raft,
  from: PeerId,
  message: { readonly term: number; readonly incarnation: string },
): Progress | undefined {
  const { state } = raft;
  if (message.term > state.term) becomeFollower(raft, message.term, null);
  if (state.role !== 'leader' || message.term !== state.term) return undefined;
  const progress = state.peers.get(from);
  if (progress !== undefined) noteAnswer(progress, message.incarnation, state.now, state.round);
  return progress;
}

/** A leader hears what a peer has on disk. */
export function onAppendReply(raft: Raft, from: PeerId, message: AppendReply): void {
  const { state } = raft;
  const progress = progressFor(raft, from, message);
  if (progress === undefined || message.match > lastIndex(state.log)) return;
  if (message.match > progress.match) progress.match = message.match;
  const entryTerm = Math.max(0, termAt(state.log, message.match));
  noteAcknowledged(raft, {
    id: from,
    incarnation: message.incarnation,
    term: message.term,
    index: message.match,
    entryTerm,
  });
  progress.movedAt = state.now;
  if (progress.mode === 'snapshot' && progress.match < state.log.baseIndex) return;
  if (progress.mode !== 'replicate') {
    restartProbe(progress, message.match + 1, state.now);
    progress.mode = 'replicate';
  }
  if (progress.next <= message.match) progress.next = message.match + 1;
  let done = 0;
  while (done < progress.inFlight.length && progress.inFlight[done]!.last <= message.match) {
    progress.inFlightBytes -= progress.inFlight[done]!.bytes;
    done += 1;
  }
  if (done > 0) progress.inFlight.splice(0, done);
  advanceCommit(raft);
}

/** A leader backs up, a whole term at a time. */
export function onAppendRefused(raft: Raft, from: PeerId, message: AppendRefused): void {
  const { state } = raft;
  const progress = progressFor(raft, from, message);
  if (progress === undefined || progress.mode === 'snapshot') return;
  const outdated =
    progress.mode === 'probe' ? message.prevIndex !== progress.next - 1 : message.prevIndex <= progress.match;
  if (outdated) return;
  const common = lastWithTermAtMost(state.log, Math.min(message.hintIndex, message.prevIndex - 1), message.hintTerm);
  restartProbe(progress, common + 1, state.now);
}

/** The highest value that a quorum of voters has reached, in each configuration that has a say; the leader's own is `own`. */
export function quorumValue(raft: Raft, own: number, reached: (progress: Progress) => number): number {
  const { state } = raft;
  const value = quorumValueIn(raft, configuration(state), own, reached);
  const replaced = replacedConfiguration(state);
  return replaced === null ? value : Math.min(value, quorumValueIn(raft, replaced, own, reached));
}

function quorumValueIn(
  raft: Raft,
  within: Configuration,
  own: number,
  reached: (progress: Progress) => number,
): number {
  const { state, config } = raft;
  const values: number[] = [];
  for (const { id, incarnation, voter } of within.members) {
    if (!voter) continue;
    const progress = state.peers.get(id);
    const said = id === config.self.id ? config.self.incarnation : progress?.incarnation;
    if (said !== incarnation || !countsIn(within, id, said)) values.push(0);
    else values.push(progress === undefined ? own : reached(progress));
  }
  values.sort((a, b) => b - a);
  return values[quorumOf(within) - 1] ?? 0;
}

/** A leader commits what a quorum has on disk, its own disk among them; older terms' entries only along with its own (5.4.2). */
export function advanceCommit(raft: Raft): void {
  const { state } = raft;
  if (state.role !== 'leader') return;
  const index = quorumValue(raft, state.log.durableTo, (progress) => progress.match);
  if (index > state.commit && index >= state.termStart) commitTo(state, index);
}

function sendAppend(raft: Raft, to: PeerId, progress: Progress, entriesTo: number, probe: boolean): void {
  const { state } = raft;
  const prevIndex = progress.next - 1;
  const entries = entriesTo > prevIndex ? entriesBetween(state.log, progress.next, entriesTo) : [];
  progress.commitTold = Math.min(state.commit, entriesTo);
  const prevTerm = termAt(state.log, prevIndex);
  send(raft, to, { type: 'append', term: state.term, prevIndex, prevTerm, commit: state.commit, probe, entries });
}

/** Sends a peer what it lacks, as far as its window goes. */
export function pump(raft: Raft, to: PeerId, progress: Progress): void {
  const { state } = raft;
  const link = linkTo(state, to);
  if (progress.mode === 'snapshot' || !link.up || link.congested) return;
  if (progress.next <= state.log.baseIndex) {
    if (state.snapshot === null || state.now < progress.snapshotAfter) return;
    progress.mode = 'snapshot';
    state.snapshotsFor.push(to);
    return;
  }
  const last = lastIndex(state.log);
  const limits = raft.config.appends ?? appendLimits;
  if (progress.mode === 'probe') {
    if (progress.probing) return;
    const batch = progress.next <= last ? batchEnd(state.log, progress.next, limits).last : last;
    progress.probing = true;
    progress.movedAt = state.now;
    sendAppend(raft, to, progress, batch, true);
    return;
  }
  const { inFlight } = progress;
  while (
    progress.next <= last &&
    inFlight.length < limits.inFlightMax &&
    progress.inFlightBytes < APPEND_BYTES_IN_FLIGHT_MAX
  ) {
    const batch = batchEnd(state.log, progress.next, limits);
    if (inFlight.length === 0) progress.movedAt = state.now;
    sendAppend(raft, to, progress, batch.last, false);
    inFlight.push(batch);
    progress.inFlightBytes += batch.bytes;
    progress.next = batch.last + 1;
  }
  // News of a commit rides on entries; where none flow, it goes alone, so that stand-bys do not lag a round behind.
  if (inFlight.length === 0 && progress.commitTold < Math.min(state.commit, progress.match)) {
    sendAppend(raft, to, progress, progress.next - 1, false);
  }
}

/** Starts again towards peers that have not acknowledged anything for an election timeout: something was lost. */
export function retryStuck(raft: Raft): void {
  const { state, config } = raft;
  for (const progress of state.peers.values()) {
    const open = progress.probing || progress.inFlight.length > 0;
    if (open && state.now - progress.movedAt > config.timing.electionTimeoutMaxMs) {
      restartProbe(progress, progress.mode === 'probe' ? progress.next : progress.match + 1, state.now);
    }
  }
}

/** Whether the leader heard a quorum within one election timeout (check-quorum), of each configuration that has a say. */
export function hasQuorum(raft: Raft): boolean {
  const replaced = replacedConfiguration(raft.state);
  return hasQuorumIn(raft, configuration(raft.state)) && (replaced === null || hasQuorumIn(raft, replaced));
}

function hasQuorumIn(raft: Raft, within: Configuration): boolean {
  const { state, config } = raft;
  let heard = countsIn(within, config.self.id, config.self.incarnation) ? 1 : 0;
  for (const { id, incarnation } of within.members) {
    const progress = state.peers.get(id);
    if (progress === undefined || state.now - progress.answeredAt > config.timing.electionTimeoutMaxMs) continue;
    // Who has not answered yet was heard when it voted.
    if (countsIn(within, id, progress.incarnation === '' ? incarnation : progress.incarnation)) heard += 1;
  }
  return heard >= quorumOf(within);
}
