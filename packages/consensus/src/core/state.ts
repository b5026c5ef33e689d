import type { ConfiguredMember, ConsensusTiming, LogEntry, Member, PeerId, SnapshotMeta, Vote } from '@lic/interfaces';
import type { Acknowledged, Outgoing, PreVote } from './messages.ts';

/** What never changes while a core lives. */
export interface RaftConfig {
  readonly self: Member;
  readonly timing: ConsensusTiming;
  /** How long a starting server waits for the last peers to say what they know of it before it votes. Milliseconds. */
  readonly witnessWaitMs: number;
  /** How appends are cut, and how many go at once. */
  readonly appends?: AppendLimits;
}

/** Bounds of what goes to one peer. */
export interface AppendLimits {
  /** Data of one append at most, unless a single entry is larger. Bytes. */
  readonly bytesMax: number;
  /** Entries of one append at most. */
  readonly entriesMax: number;
  /** Appends under way at most. Few: what waits meanwhile goes in one larger batch. */
  readonly inFlightMax: number;
}

/** A server's part in the current term. `preCandidate` asks whether it would win before it disturbs anybody. */
export type RaftRole = 'follower' | 'preCandidate' | 'candidate' | 'leader';

/** Why a leader stepped down. */
export type StepDownReason = 'newer-term' | 'no-quorum' | 'disk' | 'muted' | 'removed';

/**
 * Why a server takes no part: its disk is damaged, or an older copy was restored there (a peer knows more of it than it does itself, I8); it
 * can't go on behind its index (fenced); or its owner wants it to wait (suspended: the only one that ends while the core lives).
 */
export type MuteReason = 'damaged' | 'rolledBack' | 'fenced' | 'suspended';

/** What is known of the way to a peer. */
export interface LinkState {
  up: boolean;
  /** More waits on it than should: no bulk data, so that rounds and votes are not stuck behind them. */
  congested: boolean;
  /** When something was asked that is not answered yet; null while nothing is open. */
  askedAt: number | null;
  /** The incarnation that it named in its newest answer about a vote, while the link lasts; null: none yet. */
  incarnation: string | null;
}

/** A write that the store has begun. */
export interface InFlightWrite {
  readonly id: number;
  readonly vote: Vote | null;
  readonly last: number;
  readonly resets: number;
  readonly at: number;
}

/** The log in memory: everything after `baseIndex`. What lies before is in a snapshot. */
export interface RaftLog {
  /** The last index that is not in `entries`, and its term. */
  baseIndex: number;
  baseTerm: number;
  entries: LogEntry[];
  /** Up to where the entries were handed to the store. */
  savedTo: number;
  /** Up to where the store said that they are on disk. */
  durableTo: number;
  /** The log was replaced by this snapshot, which the store has not been told yet. */
  resetTo: SnapshotMeta | null;
  /** Counts resets: a write begun before one says nothing about the log after it. */
  resets: number;
}

/** A configuration: in force from the moment its entry is appended (thesis 4.1). */
export interface Configuration {
  /** The entry that brought it; 0 for the one the triad was formed with. */
  readonly index: number;
  readonly members: readonly ConfiguredMember[];
}

/** An append that was sent and not acknowledged yet. */
export interface InFlightAppend {
  readonly last: number;
  readonly bytes: number;
}

/** A leader's view of one other member. */
export interface Progress {
  /** `probe`: one append at a time, until it is known where the logs part. `replicate`: pipelined. `snapshot`: it is being sent one. */
  mode: 'probe' | 'replicate' | 'snapshot';
  /** Its log equals ours up to here, on its disk. */
  match: number;
  /** The next entry to send. */
  next: number;
  /** The incarnation that `match` was acknowledged by: only a configured one counts. */
  incarnation: string;
  /** The newest round when that incarnation was first heard in this term. */
  heardRound: number;
  /** In `probe`: an append is out. */
  probing: boolean;
  inFlight: InFlightAppend[];
  inFlightBytes: number;
  /** When the oldest of them was sent, or the newest acknowledgement came. */
  movedAt: number;
  /** The highest commit index that it was told. */
  commitTold: number;
  /** The highest round that it acknowledged in this term. */
  round: number;
  /** When it last answered anything in this term. */
  answeredAt: number;
  /** No snapshot before then: the last one failed. */
  snapshotAfter: number;
}

/** What a disk holds, as far as it matters for whether it is an older copy. */
export interface StoredLog {
  readonly term: number;
  /** Everything up to here is in the log or in a snapshot. */
  readonly last: number;
  /** From which index on entries have which term, rising. Nothing is known of indexes before the first. */
  readonly terms: readonly { readonly from: number; readonly term: number }[];
}

/** Everything that a core knows. Plain data: it can be cloned with `structuredClone` and compared. */
export interface RaftState {
  /** The time of the newest input; monotonic milliseconds. */
  now: number;
  /** The state of the generator behind the election timeouts. */
  random: number;

  /** Raft's persistent state. `saved` is what the disk has of it. */
  term: number;
  votedFor: PeerId | null;
  saved: Vote;
  log: RaftLog;
  configurations: Configuration[];
  /** The newest snapshot that this server has on disk. */
  snapshot: SnapshotMeta | null;

  role: RaftRole;
  leader: PeerId | null;
  /** The term in which this server is in control now; 0 while it is not. */
  controlTerm: number;
  /** Why it last stepped down; null: never. */
  stepDownReason: StepDownReason | null;

  commit: number;
  /** Up to where committed entries were given out by `ready`. */
  handedOut: number;
  applied: number;

  /** Why it takes no part but only watches who leads; empty: it does take part. */
  mutes: Set<MuteReason>;
  /** Peers said enough to rule that out: this server may vote and acknowledge. */
  isProved: boolean;
  /** The term in which that was; Infinity before. What is known of this server in older terms is of an earlier life. */
  provedTerm: number;
  /** What the disk held when the server started. */
  stored: StoredLog;
  /** Peers that have not said yet what they know of this server, and when they were asked last. */
  toAsk: Set<PeerId>;
  askedWitnessesAt: number;
  /** Until when to wait for the last of them. */
  provingUntil: number;
  /** What other members have said to be on their disks. */
  witnessed: Map<PeerId, Acknowledged>;
  electable: boolean;
  disk: 'well' | 'full' | 'failed';
  /** This server's place by rank among the voters, from 0, and their number. */
  position: number;
  positions: number;
  links: Map<PeerId, LinkState>;

  /** When the leader was last heard directly; -Infinity: never, or its link closed. */
  heardAt: number;
  /** When it was last known who leads, also by hearsay. */
  leaderKnownAt: number;
  /** Since when no leader is known. */
  leaderlessSince: number;
  /** The election timer: it runs out `timeoutMs` after `timerFrom`. */
  timerFrom: number;
  timeoutMs: number;
  /** After the leader's link closed: until when to ask again when refused, and when next. */
  urgentUntil: number;
  askAt: number;
  votes: Map<PeerId, boolean>;
  /** Who asked for a pre-vote and was refused because the leader was heard, and when: it may be right. */
  refused: { readonly from: PeerId; readonly message: PreVote; readonly at: number } | null;
  /** The running campaign was asked for by the leader. */
  transferCampaign: boolean;

  /** A follower's: up to where its log is known to equal the leader's, what it last acknowledged, and whether it owes an answer. */
  match: number;
  acked: number;
  ackOwed: boolean;

  /** A leader's view. */
  peers: Map<PeerId, Progress>;
  /** The index of the first entry of its term. */
  termStart: number;
  round: number;
  roundAt: number;
  /** The commit index when it began: who has less is more than a round behind. */
  roundCommit: number;
  /** Reads that wait: for each round, the commit index that must have been applied. */
  reads: { round: number; index: number }[];
  /** Reads of rounds up to here are confirmed. */
  readsThrough: number;
  transfer: { readonly to: PeerId; readonly until: number; told: boolean } | null;

  writeId: number;
  write: InFlightWrite | null;
  /** Messages that may go once write `after` is done. */
  held: { readonly after: number; readonly out: Outgoing }[];
  outbox: Outgoing[];
  /** Peers that a snapshot is to be sent to. */
  snapshotsFor: PeerId[];
  /** A snapshot that the machine is to be restored from. */
  restore: SnapshotMeta | null;
  /** The newest transfer failed. */
  transferFailed: boolean;
}

/** A core together with its constants, as its parts see it. */
export interface Raft {
  readonly config: RaftConfig;
  readonly state: RaftState;
}
