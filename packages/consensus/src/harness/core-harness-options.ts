import type { ConsensusTiming, LogEntry, PeerId, SnapshotMeta, Vote } from '@lic/interfaces';
import type { AppendLimits, Progress, RaftState } from '../core/state.ts';

/** A member of a configuration. Written as a name alone, it is a voter with the incarnation `<name>-1`. */
export interface HarnessMember {
  readonly id: PeerId;
  /** Which life of its data folder counts (triad.md, I8). Default `<id>-1`. */
  readonly incarnation?: string;
  /** `false`: a learner, which receives the log but neither votes nor counts. Default `true`. */
  readonly voter?: boolean;
}

/** A member's name, or all of it. */
export type MemberLike = PeerId | HarnessMember;

/** One entry of a log, all of it. */
export interface HarnessEntry {
  readonly term: number;
  /** Default `command`; with `members` `config`. */
  readonly kind?: LogEntry['kind'];
  /** A command's text. Default `<term>.<index>`, so that two logs can be compared by eye. */
  readonly data?: string;
  /** For a configuration: its members. It is in force from this entry on, committed or not. */
  readonly members?: readonly MemberLike[];
}

/** One entry of a log; a number is the term of a command. */
export type EntryLike = number | HarnessEntry;

/** A snapshot that a server holds. */
export interface HarnessSnapshot {
  /** The last entry that it includes, and that entry's term. */
  readonly index: number;
  readonly term: number;
  /** The configuration in force there. Default: the one the servers were formed with. */
  readonly members?: readonly MemberLike[];
  /** The commands that the state machine has applied up to there. Default none. */
  readonly commands?: readonly string[];
}

/** What a leader knows of one other member; what is left out is as right after an election. */
export type HarnessProgress = Partial<
  Pick<Progress, 'mode' | 'match' | 'next' | 'incarnation' | 'probing' | 'inFlight' | 'round' | 'commitTold'>
>;

/** What a restarted server finds on its disk. */
export interface HarnessStored {
  readonly vote: Vote;
  readonly entries: readonly LogEntry[];
  readonly snapshot?: SnapshotMeta | undefined;
}

/** The state that a core is put in. Everything left out is as on a server that was just formed. */
export interface CoreHarnessOptions {
  /** This server. Default `a`. */
  readonly id?: PeerId;
  /** The configuration that the servers were formed with, in order of rank. Default `a`, `b`, `c`. */
  readonly members?: readonly MemberLike[];
  /** This server's incarnation. Default: the one that `members` names, else `<id>-1`; another one makes it a learner. */
  readonly incarnation?: string;

  /** Raft's persistent state (Raft paper, figure 2). Default term 0, no vote, no entries; all of it is on disk. */
  readonly term?: number;
  readonly votedFor?: PeerId | null;
  /** The log's entries, from index 1, or from behind `snapshot`. */
  readonly log?: readonly EntryLike[];
  /** The log begins behind this snapshot. */
  readonly snapshot?: HarnessSnapshot;
  /** Entries up to this index are on disk; those behind it have been handed to nobody yet. Default: all. */
  readonly durable?: number;
  /** The commit index. Default: the snapshot's index, else 0. */
  readonly commit?: number;
  /** The highest applied index. Default: the commit index. */
  readonly applied?: number;

  /**
   * Its part in `term`. Default `follower`. A `leader` whose log has no entry of `term` was elected this moment and appends the term's first
   * entry, which is not stored yet; one whose log has such entries has led for a while. A `candidate` has voted for itself.
   */
  readonly role?: 'follower' | 'preCandidate' | 'candidate' | 'leader';
  /** The leader that a follower has heard at `heardAt`. */
  readonly leader?: PeerId;
  /** When the leader was heard, in milliseconds. Default `now`. */
  readonly heardAt?: number;
  /** The answers that a candidate has, apart from its own vote. */
  readonly votes?: Readonly<Record<PeerId, boolean>>;
  /** What a leader knows of the others. */
  readonly progress?: Readonly<Record<PeerId, HarnessProgress>>;

  /** What a restarted server finds on its disk; in place of `term`, `votedFor`, `log`, `snapshot`, `durable`, `commit` and `applied`. */
  readonly stored?: HarnessStored;
  /** A whole state, such as a clone of another core's; in place of everything above but `id`, `members` and `incarnation`. */
  readonly state?: RaftState;

  /** Default profile `lan`: rounds every 100 ms, election timeouts of 500 to 1000 ms. */
  readonly timing?: ConsensusTiming;
  /** How appends are cut, and how many go to one peer at once. Default: 256 KiB, 65 536 entries, 8 under way. */
  readonly appends?: AppendLimits;
  /** Every election timeout is exactly this long, the first one too, whatever the rank. Milliseconds. */
  readonly electionTimeoutMs?: number;
  /** `false`: the harness grants each pre-vote by itself, so that a campaign begins with votes, as in the Raft paper. Default `true`. */
  readonly preVote?: boolean;
  /**
   * `false`: a leader that nobody answers stays one, and a request for votes is judged by term and log alone although a leader was heard
   * lately, as in the Raft paper. Default `true`.
   */
  readonly checkQuorum?: boolean;
  /** It has just started, and asks its peers what they know of it before it votes. Default `false`: it has done so. */
  readonly isStarting?: boolean;
  /** How long such a server waits for the last answers. Milliseconds; default 10 s. */
  readonly witnessWaitMs?: number;

  /** Monotonic milliseconds. Default 0. */
  readonly now?: number;
  /** From it come the random parts of the election timeouts. Default 1. */
  readonly seed?: number;
  /** `instant`: what is written is on disk at once. `manual`: when `finishWrite` is called. Default `instant`. */
  readonly disk?: 'instant' | 'manual';
  /**
   * `auto`: snapshots that the core wants to be sent go as one message, and are stored and acknowledged where they arrive. `manual`: they are
   * among the `wishes`. Default `manual` for a harness alone, `auto` in a `CoreNetwork`.
   */
  readonly snapshots?: 'auto' | 'manual';
  /** Told, line by line, everything that the core does. */
  readonly trace?: (line: string) => void;
}

/** How a server starts again. What is not said is as it was. */
export interface RestartOptions extends CoreHarnessOptions {
  /** Of a write that was under way the disk has the first parts: the vote, then the entries in order. Default 0. */
  readonly parts?: number;
  /** Its data folder was lost. Say another `incarnation` as well: the old one has forgotten what it promised (triad.md, I8). */
  readonly isEmptied?: boolean;
  /** `lic recover`: the others are gone for good, and this server becomes the only member. */
  readonly isRecovering?: boolean;
}
