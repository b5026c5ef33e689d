import type { LogEntry, Member, SnapshotMeta, Vote } from '@lic/interfaces';
import { decodeConfiguration } from '../wire/configuration.ts';
import { restartTimerShort } from './election-timer.ts';
import { violated } from './invariant.ts';
import { lastIndex, lastTerm } from './log.ts';
import { configuration } from './membership.ts';
import type { Configuration, RaftConfig, RaftLog, RaftState, StoredLog } from './state.ts';
import { prove, witnesses } from './witness.ts';

/** What a core is made from: what the store held, and the configuration that the triad was formed with. */
export interface RaftStart {
  readonly vote: Vote;
  readonly snapshot?: SnapshotMeta | undefined;
  readonly entries: readonly LogEntry[];
  readonly members: readonly Member[];
  /** Monotonic milliseconds. */
  readonly now: number;
  /** Any number: from it come the random parts of the election timeouts. */
  readonly seed: number;
  /** This server's place by rank among the members, from 0. */
  readonly position: number;
}

/** The log as it was stored. Entries that can't follow the snapshot are left out, and the store is told to do the same. */
export function storedLog(start: Pick<RaftStart, 'snapshot' | 'entries'>): RaftLog {
  const { snapshot, entries } = start;
  const first = entries[0];
  const log = { savedTo: 0, durableTo: 0, resetTo: null, resets: 0 };
  if (first === undefined && snapshot === undefined) return { ...log, baseIndex: 0, baseTerm: 0, entries: [] };
  const end = entries.length === 0 ? 0 : entries[entries.length - 1]!.index;
  if (snapshot === undefined)
    return { ...log, baseIndex: 0, baseTerm: 0, entries: [...entries], savedTo: end, durableTo: end };
  const atSnapshot = entries.find((entry) => entry.index === snapshot.index);
  const follows = first?.index === snapshot.index + 1 || atSnapshot?.term === snapshot.term;
  if (!follows) {
    const resetTo = first === undefined ? null : snapshot;
    const savedTo = snapshot.index;
    const durableTo = resetTo === null ? savedTo : 0;
    return { ...log, baseIndex: snapshot.index, baseTerm: snapshot.term, entries: [], savedTo, durableTo, resetTo };
  }
  const kept = { ...log, savedTo: end, durableTo: end };
  if (first!.index > snapshot.index)
    return { ...kept, baseIndex: snapshot.index, baseTerm: snapshot.term, entries: [...entries] };
  if (first!.index === 1) return { ...kept, baseIndex: 0, baseTerm: 0, entries: [...entries] };
  // The term before the first entry is not known, so the first one serves as the base.
  return { ...kept, baseIndex: first!.index, baseTerm: first!.term, entries: entries.slice(1) };
}

/** The store is to give entries without a gap, of terms that never fall, and none of a term that it did not know: they were written after it. */
function assertStored({ vote, entries }: RaftStart, log: RaftLog): void {
  for (let at = 1; at < entries.length; at += 1) {
    const [before, entry] = [entries[at - 1]!, entries[at]!];
    if (entry.index !== before.index + 1) violated(`on disk entry ${entry.index} follows entry ${before.index}`);
    if (entry.term < before.term)
      violated(`on disk entry ${entry.index} of term ${entry.term} follows one of ${before.term}`);
  }
  const newest = log.entries.at(-1)?.term ?? 0;
  if (newest > vote.term) violated(`on disk are entries of term ${newest}, and the term there is ${vote.term}`);
}

/** A snapshot may have come to the disk before the term that it is of: in that term this server has voted for nobody. */
export function currentVote(vote: Vote, log: RaftLog): Vote {
  return lastTerm(log) > vote.term ? { term: lastTerm(log), votedFor: null } : { ...vote };
}

/** Remembers what was stored: the log itself changes before all peers have said what they know of it. */
function describeStored(start: RaftStart, log: RaftLog): StoredLog {
  const terms: { from: number; term: number }[] = [{ from: log.baseIndex, term: log.baseTerm }];
  for (const { index, term } of log.entries) if (term !== terms.at(-1)!.term) terms.push({ from: index, term });
  const { term } = currentVote(start.vote, log);
  return { term, last: Math.max(lastIndex(log), start.snapshot?.index ?? 0), terms };
}

/** The configurations that are in force along the stored log. */
export function storedConfigurations(start: Pick<RaftStart, 'snapshot' | 'entries' | 'members'>): Configuration[] {
  const founded = start.members.map((member) => ({ ...member, voter: true }));
  const { snapshot } = start;
  const first: Configuration =
    snapshot === undefined || snapshot.config.length === 0
      ? { index: 0, members: founded }
      : { index: snapshot.index, members: decodeConfiguration(snapshot.config) };
  const found = [first];
  for (const entry of start.entries) {
    if (entry.kind === 'config' && entry.index > first.index) {
      found.push({ index: entry.index, members: decodeConfiguration(entry.data) });
    }
  }
  return found;
}

/** The state in which a server starts: a follower that knows of no leader. */
export function initialState(config: RaftConfig, start: RaftStart): RaftState {
  const log = storedLog(start);
  assertStored(start, log);
  const commit = start.snapshot?.index ?? 0;
  const state: RaftState = {
    now: start.now,
    random: start.seed >>> 0,
    ...currentVote(start.vote, log),
    saved: { ...start.vote },
    log,
    configurations: storedConfigurations(start),
    snapshot: start.snapshot ?? null,
    role: 'follower',
    leader: null,
    controlTerm: 0,
    stepDownReason: null,
    commit,
    handedOut: commit,
    applied: commit,
    mutes: new Set(),
    isProved: false,
    provedTerm: Number.POSITIVE_INFINITY,
    stored: describeStored(start, log),
    toAsk: new Set(),
    askedWitnessesAt: Number.NEGATIVE_INFINITY,
    provingUntil: start.now + config.witnessWaitMs,
    witnessed: new Map(),
    electable: true,
    disk: 'well',
    position: start.position,
    positions: start.members.length,
    links: new Map(),
    heardAt: Number.NEGATIVE_INFINITY,
    leaderKnownAt: start.now,
    leaderlessSince: start.now,
    timerFrom: start.now,
    timeoutMs: config.timing.electionTimeoutMinMs,
    urgentUntil: Number.NEGATIVE_INFINITY,
    askAt: Number.POSITIVE_INFINITY,
    votes: new Map(),
    refused: null,
    transferCampaign: false,
    match: commit,
    acked: 0,
    ackOwed: false,
    peers: new Map(),
    termStart: 0,
    round: 0,
    roundAt: Number.NEGATIVE_INFINITY,
    roundCommit: 0,
    reads: [],
    readsThrough: 0,
    transfer: null,
    writeId: 0,
    write: null,
    held: [],
    outbox: [],
    snapshotsFor: [],
    restore: null,
    transferFailed: false,
  };
  for (const id of witnesses(configuration(state).members, config.self.id)) state.toAsk.add(id);
  prove({ config, state });
  restartTimerShort({ config, state });
  return state;
}
