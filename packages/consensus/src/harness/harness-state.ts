import { LicError, type PeerId } from '@lic/interfaces';
import { initialState } from '../core/initial-state.ts';
import { entriesBetween, lastIndex, lastTerm } from '../core/log.ts';
import { noteAnswer } from '../core/progress.ts';
import { becomeLeader, setLeader } from '../core/roles.ts';
import type { RaftConfig, RaftState } from '../core/state.ts';
import type { CoreHarnessOptions, HarnessProgress, HarnessStored } from './core-harness-options.ts';
import { harnessLog, harnessMember, harnessMembers, harnessSnapshot } from './harness-entries.ts';

/** Profile `lan` (triad.md, Failover). */
export const lanTiming = { roundMs: 100, electionTimeoutMinMs: 500, electionTimeoutMaxMs: 1000 };

/** The members that a server without other word is formed with. */
export const defaultMembers: readonly PeerId[] = ['a', 'b', 'c'];

function demand(holds: boolean, what: string): asserts holds {
  if (!holds) throw new LicError('HARNESS_STATE', `No server can be in that state: ${what}.`);
}

/** A core's constants, as the options say them. */
export function harnessConfig(options: CoreHarnessOptions): RaftConfig {
  const { id = 'a', members = defaultMembers, electionTimeoutMs } = options;
  const timing = options.timing ?? lanTiming;
  const configured = members.map(harnessMember).find((member) => member.id === id);
  return {
    self: { id, incarnation: options.incarnation ?? configured?.incarnation ?? `${id}-1` },
    timing:
      electionTimeoutMs === undefined
        ? timing
        : { ...timing, electionTimeoutMinMs: electionTimeoutMs, electionTimeoutMaxMs: electionTimeoutMs },
    witnessWaitMs: options.witnessWaitMs ?? 10_000,
    ...(options.appends === undefined ? {} : { appends: options.appends }),
  };
}

/** What the options say to be on disk. */
export function harnessStored(options: CoreHarnessOptions): HarnessStored {
  if (options.stored !== undefined) return options.stored;
  const { term = 0, log = [], members = defaultMembers, snapshot, role, id = 'a' } = options;
  const base = snapshot?.index ?? 0;
  const entries = harnessLog(log, base + 1);
  entries.reduce((before, entry) => {
    demand(entry.term >= before, `entry ${entry.index} has term ${entry.term} after one of term ${before}`);
    return entry.term;
  }, snapshot?.term ?? 0);
  const newest = entries.at(-1)?.term ?? snapshot?.term ?? 0;
  demand(term >= newest, `its term is ${term}, and its log has an entry of term ${newest}`);
  const votedFor = role === 'candidate' || role === 'leader' ? id : (options.votedFor ?? null);
  return {
    vote: { term, votedFor },
    entries,
    snapshot: snapshot === undefined ? undefined : harnessSnapshot(snapshot, members),
  };
}

/** The state that the options describe. */
export function harnessState(options: CoreHarnessOptions, config: RaftConfig): RaftState {
  if (options.state !== undefined) return options.state;
  const { members = defaultMembers, now = 0 } = options;
  const position = members.findIndex((member) => harnessMember(member).id === config.self.id);
  const state = initialState(config, {
    ...harnessStored(options),
    members: harnessMembers(members),
    now,
    seed: options.seed ?? 1,
    position: position < 0 ? members.length : position,
  });
  // The core takes all that it was formed with for voters; here there may be learners from the start.
  if (state.configurations[0]!.index === 0) {
    state.configurations[0] = { index: 0, members: harnessMembers(members) };
  }
  if (options.isStarting !== true) {
    state.toAsk.clear();
    state.isProved = true;
    state.provedTerm = state.term;
  }
  if (options.electionTimeoutMs !== undefined) state.timeoutMs = options.electionTimeoutMs;
  if (options.stored === undefined) placeIndexes(state, options);
  takeRole(state, options, config);
  return state;
}

/** Commit, applied, and what is on disk. */
function placeIndexes(state: RaftState, options: CoreHarnessOptions): void {
  const { log } = state;
  const last = lastIndex(log);
  const { commit = log.baseIndex, durable = last } = options;
  const { applied = commit } = options;
  demand(commit <= last, `entry ${commit} is committed, and its log ends at ${last}`);
  demand(applied <= commit, `entry ${applied} is applied, and only ${commit} committed`);
  demand(applied >= log.baseIndex, `its log begins behind ${log.baseIndex}, and only ${applied} is applied`);
  demand(durable >= log.baseIndex && durable <= last, `its log up to ${durable} is on disk, but ends at ${last}`);
  state.commit = commit;
  state.applied = applied;
  state.handedOut = applied;
  state.match = commit;
  log.savedTo = durable;
  log.durableTo = durable;
}

function takeRole(state: RaftState, options: CoreHarnessOptions, config: RaftConfig): void {
  const { role = 'follower', leader, votes = {}, progress = {}, now = 0 } = options;
  if (role === 'leader') {
    lead(state, config);
    for (const [id, each] of Object.entries(progress)) setProgress(state, id, each);
    return;
  }
  if (role !== 'follower') {
    state.role = role;
    state.votes.set(config.self.id, true);
    for (const [id, granted] of Object.entries(votes)) state.votes.set(id, granted);
  }
  if (leader !== undefined) {
    setLeader(state, leader);
    state.heardAt = options.heardAt ?? now;
    state.timerFrom = state.heardAt;
  }
}

/** Leads `state.term`: since this moment, or since the first entry that the log has of it. */
function lead(state: RaftState, config: RaftConfig): void {
  const { log } = state;
  demand(log.baseTerm < state.term, `it leads term ${state.term}, of which its snapshot is`);
  const { savedTo, durableTo } = log;
  const last = lastIndex(log);
  const firstOwn = log.entries.find((entry) => entry.term === state.term)?.index;
  if (firstOwn === undefined) {
    becomeLeader({ config, state });
    return;
  }
  // It was elected when its log ended before its own first entry.
  const own = entriesBetween(log, firstOwn, last);
  log.entries.length -= own.length;
  becomeLeader({ config, state });
  log.entries.pop();
  log.entries.push(...own);
  log.savedTo = savedTo;
  log.durableTo = durableTo;
  if (state.applied >= state.termStart) state.controlTerm = state.term;
}

function setProgress(state: RaftState, id: PeerId, given: HarnessProgress): void {
  const progress = state.peers.get(id);
  demand(progress !== undefined, `it leads ${[...state.peers.keys()].join(', ')}, and has progress of ${id}`);
  const { match = 0 } = given;
  const member = state.configurations.at(-1)!.members.find((each) => each.id === id)!;
  demand(match <= lastIndex(state.log), `${id} acknowledged ${match}, and the log ends at ${lastIndex(state.log)}`);
  noteAnswer(progress, given.incarnation ?? member.incarnation, state.now);
  if (match > 0) Object.assign(progress, { mode: 'replicate', next: match + 1 });
  Object.assign(progress, structuredClone(given));
  progress.inFlightBytes = progress.inFlight.reduce((bytes, each) => bytes + each.bytes, 0);
  demand(lastTerm(state.log) <= state.term, `its log is newer than term ${state.term}`);
}

/** What of the options holds for a server's next life as well. */
export function lasting(options: CoreHarnessOptions): CoreHarnessOptions {
  const { id, members, incarnation, timing, electionTimeoutMs, preVote, checkQuorum } = options;
  const { appends, isStarting, witnessWaitMs, seed, disk, snapshots, trace } = options;
  const kept = { id, members, incarnation, timing, appends, electionTimeoutMs, preVote, checkQuorum };
  return { ...kept, isStarting, witnessWaitMs, seed, disk, snapshots, trace };
}
