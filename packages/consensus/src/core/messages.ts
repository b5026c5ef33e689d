import type { LogEntry, PeerId, SnapshotMeta } from '@lic/interfaces';

/** Would you vote for me in `term`? Changes nothing at either end (thesis 9.6). */
export interface PreVote {
  readonly type: 'preVote';
  /** The term that the sender would campaign in: its own plus one. */
  readonly term: number;
  readonly lastIndex: number;
  readonly lastTerm: number;
  /** The receiver's incarnation in the sender's configuration: another one knows that its vote would not count (I8). */
  readonly target: string;
  /** The sender's place by rank, from 0: of two that ask at the same instant, the worse one lets the other go first. */
  readonly position: number;
}

/** Vote for me in `term` (Raft paper, 5.2). */
export interface VoteRequest {
  readonly type: 'vote';
  readonly term: number;
  readonly lastIndex: number;
  readonly lastTerm: number;
  readonly target: string;
  /** The sender's own incarnation: it has this term on its disk. */
  readonly incarnation: string;
  /** Asked for by the leader itself (thesis 3.10): "a leader was heard lately" is no reason to refuse. */
  readonly transfer: boolean;
}

/** The answer to {@link PreVote} or {@link VoteRequest}. */
export interface VoteReply {
  readonly type: 'preVoteReply' | 'voteReply';
  /** The sender's own term. */
  readonly term: number;
  /** The term that was asked for. */
  readonly asked: number;
  readonly granted: boolean;
  /** On a refusal: the leader that the sender hears, so that the asker can hint to it. */
  readonly leader: PeerId | null;
  readonly incarnation: string;
}

/** Entries to append behind `prevIndex`, or none: a probe, or news of the commit index (Raft paper, 5.3). */
export interface Append {
  readonly type: 'append';
  readonly term: number;
  readonly prevIndex: number;
  readonly prevTerm: number;
  readonly commit: number;
  /** Wants an answer although it may bring nothing new. */
  readonly probe: boolean;
  readonly entries: readonly LogEntry[];
}

/** "My log equals yours up to `match`, and that is on my disk." One answers all appends that one sync covered. */
export interface AppendReply {
  readonly type: 'appendReply';
  readonly term: number;
  readonly match: number;
  readonly incarnation: string;
}

/** "I have no entry `prevIndex` of that term"; the hint skips a whole term at once (thesis 3.5's optimization). */
export interface AppendRefused {
  readonly type: 'appendRefused';
  readonly term: number;
  readonly prevIndex: number;
  /** The highest index at which the logs may still agree, and the sender's term there. */
  readonly hintIndex: number;
  readonly hintTerm: number;
  readonly incarnation: string;
}

/**
 * What a member has said to be on its disk: everything up to `index`, in `term`. The entry there is of `entryTerm`; 0
 * where that is not known any more.
 */
export interface Acknowledged {
  readonly id: PeerId;
  readonly incarnation: string;
  readonly term: number;
  readonly index: number;
  readonly entryTerm: number;
}

/** "What do you know of me?": asked by a server that starts, before it votes (triad.md, Disks lost). */
export interface WitnessQuestion {
  readonly type: 'witnessQuestion';
  readonly term: number;
  readonly incarnation: string;
}

/** What the sender knows of the asker's incarnation; null: nothing. */
export interface WitnessAnswer {
  readonly type: 'witnessAnswer';
  readonly term: number;
  readonly known: Acknowledged | null;
}

/** A numbered peer round: heartbeat, read confirmation and check-quorum in one (triad.md, Time). */
export interface Round {
  readonly type: 'round';
  readonly term: number;
  readonly round: number;
  readonly commit: number;
  /** What each member has on its disk, as far as the leader knows: should one come back with less, others can tell. */
  readonly acknowledged: readonly Acknowledged[];
}

/** Acknowledges a round: at this moment the sender knows no later term. */
export interface RoundReply {
  readonly type: 'roundReply';
  readonly term: number;
  readonly round: number;
  readonly incarnation: string;
}

/** "Your term is over": the answer to anything from the leader of an older term. */
export interface NewerTerm {
  readonly type: 'newerTerm';
  readonly term: number;
}

/** Campaign at once: control is handed to you (thesis 3.10). */
export interface TimeoutNow {
  readonly type: 'timeoutNow';
  readonly term: number;
}

/** One piece of a snapshot. The core sees that its leader lives; the driver takes the bytes. */
export interface SnapshotChunk {
  readonly type: 'snapshot';
  readonly term: number;
  readonly meta: SnapshotMeta;
  /** From 0, without gaps. */
  readonly sequence: number;
  /** After the last piece: CRC-32 of all data. `null` in all pieces before. */
  readonly checksum: number | null;
  readonly data: Uint8Array;
}

/** Pieces of the snapshot at `index` up to `sequence` are taken; or the transfer failed at the receiver. */
export interface SnapshotReply {
  readonly type: 'snapshotReply';
  readonly term: number;
  readonly index: number;
  readonly sequence: number;
  readonly ok: boolean;
}

/** Everything that servers of one triad say to each other on the channel `consensus`. */
export type Message =
  | PreVote
  | VoteRequest
  | VoteReply
  | Append
  | AppendReply
  | AppendRefused
  | Round
  | RoundReply
  | NewerTerm
  | TimeoutNow
  | SnapshotChunk
  | SnapshotReply
  | WitnessQuestion
  | WitnessAnswer;

/** A message and whom it is for. */
export interface Outgoing {
  readonly to: PeerId;
  readonly message: Message;
}
