import type { LogStore, StoreContents } from './log-store.ts';
import type { Logger } from './logger.ts';
import type { PeerId, PeerNetwork } from './peer-network.ts';
import type { Runtime } from './runtime.ts';
import type { StateMachine } from './state-machine.ts';

/** What this server is to consensus (triad.md, Server states; `forming` is before consensus starts). */
export type ConsensusState = 'standby' | 'candidate' | 'in-control' | 'isolated' | 'learner' | 'fenced';

/** A snapshot of what consensus knows; cheap, never blocks, may be out of date the moment it is read. */
export interface ConsensusStatus {
  readonly state: ConsensusState;
  readonly term: number;
  /** Who is in control as far as this server knows. */
  readonly leader: PeerId | null;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  readonly lastIndex: number;
  /** For a leader: what it knows of each other member. Empty elsewhere. */
  readonly peers: readonly ConsensusPeerStatus[];
  /** The members of the configuration in force. */
  readonly members: readonly ConfiguredMember[];
  /** That configuration is not committed yet: no other can be proposed. */
  readonly isChangingMembers: boolean;
  /** Why it is `learner` or `fenced`, or why its disk stopped it; a sentence with file and offset where there are any. */
  readonly trouble: string | null;
}

/** A leader's view of one other member. */
export interface ConsensusPeerStatus {
  readonly id: PeerId;
  /** The incarnation that it answered under in this term; empty: it has not. */
  readonly incarnation: string;
  /** The highest index it is known to have on disk. */
  readonly matchIndex: number;
  /** Whether it answered within the last election timeout. */
  readonly active: boolean;
}

/** What {@link Consensus.propose} resolves to: the command is committed and applied here. */
export interface Applied<Result> {
  readonly index: number;
  readonly result: Result;
}

/** What may be said about a proposal. */
export interface ProposeOptions {
  /** Gives up waiting with `UNKNOWN`: the command may yet be applied. */
  readonly signal?: AbortSignal;
}

/** Called as things happen, in order, between the applies that they belong to. Listeners don't throw. */
export interface ConsensusEvents {
  /** This server won `term`, committed its first entry in it and applied everything before it: it may grant. */
  onControlGained?(term: number): void;
  /** It is not in control any more. Pending proposals fail with `UNKNOWN` or `NOT_IN_CONTROL`. */
  onControlLost?(term: number): void;
  /** The known leader, the state, the members, or whether they are committed, changed. */
  onChange?(status: ConsensusStatus): void;
  /** Before control is handed over on purpose: the target. Clients are told `moving`. */
  onTransferring?(to: PeerId): void;
  /** After each applied command, on every server, in log order. */
  onApplied?(index: number): void;
}

/**
 * Replicates a state machine over the members of a triad. One way in: every change of state is a proposal.
 *
 * Errors of `propose` and `readBarrier`, all `LicError`s, told apart by code:
 * - `REJECTED`: surely not applied (too large, stopping).
 * - `UNKNOWN`: may yet be applied; repeating needs the command's own exactly-once (I5).
 * - `NOT_IN_CONTROL`: surely not applied; `details.leader` is a hint or null.
 * - `NO_QUORUM`: surely not applied; no majority reachable.
 * - `BUSY`: surely not applied; too many bytes in flight, come again.
 */
export interface Consensus<Result> {
  /** Loads what is on disk into `machine` and takes part. Resolves when it does; before the first election is decided. */
  start(machine: StateMachine<Result>): Promise<void>;
  /** Replicates a command and applies it. At most 1 MiB. */
  propose(command: Uint8Array, options?: ProposeOptions): Promise<Applied<Result>>;
  /**
   * Resolves once a quorum has acknowledged, in the current term, a peer round that *began after* this call, and the
   * machine has applied all that was committed then (ReadIndex; triad.md, "An answer is a quorum's word"). One round
   * serves all that wait; it fails with `NOT_IN_CONTROL` or `NO_QUORUM` where none can be had.
   */
  readBarrier(options?: ProposeOptions): Promise<void>;
  status(): ConsensusStatus;
  /**
   * Hands control to `to` (thesis 3.10): stops taking proposals, brings it up to date, tells it to campaign. Resolves when
   * another leader is known; throws `TRANSFER_FAILED` after one election timeout, still in control.
   */
  transferControl(to: PeerId): Promise<void>;
  /**
   * Puts another configuration in force, from the moment its entry is appended (thesis 4.1; triad.md, Members and Disks lost).
   * One step at a time: against the configuration in force at most one voter comes, goes, or has a new incarnation; learners may
   * differ freely. A server that becomes a voter, or a voter again under a new incarnation, must be caught up. Resolves once committed.
   *
   * Errors: `NOT_IN_CONTROL`, `NO_QUORUM`, `UNKNOWN` (it may yet come to be) as {@link Consensus.propose};
   * `MEMBERS_REFUSED` (retryable: surely not in force; the message says what is missing).
   */
  changeMembers(members: readonly ConfiguredMember[]): Promise<void>;
  /**
   * While a reason is set this server neither votes nor acknowledges nor applies, and its state is `fenced` with that reason; one in
   * control hands over first. `null` lets it take part again.
   */
  suspend(why: string | null): void;
  /** Adds listeners. */
  on(events: ConsensusEvents): void;
  /** While `false` this server stands in no election of its own (drained, clock alarm, stopping) unless nobody else can win; it votes all the same. */
  setElectable(on: boolean): void;
  /** Takes no more part and closes the store. Idempotent. Does not hand over: see {@link Consensus.transferControl}. */
  stop(): Promise<void>;
}

/** One member and the life of its data folder: votes and acknowledgements count only with both (triad.md, I8). */
export interface Member {
  readonly id: PeerId;
  /** Random, drawn when the data folder was made or found damaged; 22 characters of base64url. */
  readonly incarnation: string;
}

/** A member in a configuration. One that is no voter (a learner) receives the log, but neither votes nor counts. */
export interface ConfiguredMember extends Member {
  readonly voter: boolean;
}

/** In a formation: the incarnation of a member that was not there when the others formed. No folder ever has it. */
export const absentIncarnation = 'absent';

/** What was agreed when the triad formed: the first configuration. */
export interface Formation {
  /** The triad instance id: random, 22 characters of base64url; in every peer hello and every log record's folder. */
  readonly instance: string;
  readonly members: readonly Member[];
}

/** The network's pace. Profile `lan`: 100 / 500 / 1000; `wan`: four times that (triad.md, Failover). */
export interface ConsensusTiming {
  /** A leader's peer rounds, at most this far apart, and not closer than this for read barriers alone. Milliseconds. */
  readonly roundMs: number;
  /** Least election timeout in milliseconds. */
  readonly electionTimeoutMinMs: number;
  /** Greatest election timeout in milliseconds. */
  readonly electionTimeoutMaxMs: number;
}

/** What a consensus engine is given by the server that uses it. */
export interface ConsensusContext {
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly network: PeerNetwork;
  /** Opened by the owner before; `contents` is what `open` gave. Consensus closes it in `stop`. */
  readonly store: LogStore;
  readonly contents: StoreContents;
  /** This server and its folder's incarnation. */
  readonly self: Member;
  readonly formation: Formation;
  readonly timing: ConsensusTiming;
  /**
   * An operator's `lic recover`: the others are gone for good. Before taking part, the log gets one entry with this server as its only
   * member, in a new term, whatever the log said before.
   */
  readonly isRecovering?: boolean;
  /** A member's rank now (1 is the primary): ranks may change with the license. Unknown members rank last. */
  rankOf(member: PeerId): number;
}

/** What `raft(options)` returns: the application picks the engine, the server gives the context. */
export type ConsensusFactory = <Result>(context: ConsensusContext) => Consensus<Result>;
