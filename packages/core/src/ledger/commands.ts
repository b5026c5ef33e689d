import type { PolicyDocument } from '../policy/document.ts';

/**
 * What goes through the log: every change of license state is one of these (architecture.md, "One way in").
 * In the log a command is its JSON text in UTF-8. All times are milliseconds; `at` is the agreed clock (UTC, ms) that the
 * server in control stamps on every command: license time becomes `max(last applied, at)` (triad.md, I7).
 */
export type LedgerCommand =
  | OpenCommand
  | OpenedCommand
  | RecoverCommand
  | InstallCommand
  | CheckoutCommand
  | CancelCommand
  | AssignCommand
  | CheckinCommand
  | ResumeCommand
  | GoodbyeCommand
  | AcknowledgeCommand
  | ReclaimCommand
  | SettleCommand
  | DisconnectCommand
  | RevokeCommand
  | PolicyCommand
  | BorrowCommand
  | AcceptBorrowCommand
  | ReturnCommand
  | DrainCommand
  | AcceptTimeCommand
  | RaiseVersionCommand
  | TickCommand;

/** Settings that all servers must compute alike; in the log from the first entry on. */
export interface LedgerSettings {
  /** Lease of features that name none, and of sessions without grants. */
  readonly leaseMs: number;
  /** Bound of clock drift between a client and a server, as a fraction: 0.01 is 1 %. */
  readonly drift: number;
  readonly marginMs: number;
  /** Whether signed leases under 10 s are honoured (tests); otherwise a lease below is raised to 10 s. */
  readonly allowShortLeases: boolean;
  /** How long after its end a borrowed seat stays taken; absent: `ledgerLimits.borrowMarginMs`. From ledger version 3 on. */
  readonly borrowMarginMs?: number;
}

interface Stamped {
  /** Agreed clock, UTC milliseconds. */
  readonly at: number;
}

/** The first entry of a triad's life. */
export interface OpenCommand extends Stamped {
  readonly kind: 'open';
  /** The signed license file's text. Verified in `prepare`, parsed in `apply`. */
  readonly license: string;
  /** More license files, from ledger version 3 on: the triad has the set of them. */
  readonly others?: readonly string[];
  /** The hash of the license, or of the set (`licenseSetHash`); checked in `prepare`. */
  readonly licenseHash: string;
  readonly settings: LedgerSettings;
  /** `new`: all were started `--new`, so nothing older can hold seats and checkouts open at once. */
  readonly isNew: boolean;
  /** The ledger rules in force from here on. */
  readonly ledgerVersion: number;
}

/** One longest hold was waited after forming or recovering: checkouts may begin. */
export interface OpenedCommand extends Stamped {
  readonly kind: 'opened';
}

/**
 * An operator's `lic recover`: what other servers had in the log may be lost. Nothing is granted until `opened` is committed again, and
 * sessions that are not known any more are answered `ENDED`, reason `recovered`. From ledger version 2 on.
 */
export interface RecoverCommand extends Stamped {
  readonly kind: 'recover';
}

/** A reload: another license takes the place of the one in force. */
export interface InstallCommand extends Stamped {
  readonly kind: 'install';
  readonly license: string;
  /** More license files, as in `open`. All that is to be in force: what is left out is not. */
  readonly others?: readonly string[];
  readonly licenseHash: string;
}

/**
 * A request of a session that is safe to repeat (I5). `session`: 22 characters of base64url (128 random bits), drawn by the
 * client. What `apply` does with it, in this order:
 *
 * - Unknown session: `ENDED` while its end is remembered, or after a `recover` (a goodbye is `done` then); begun by a checkout with sequence 1,
 *   epoch 0 and an opening; else `UNKNOWN_SESSION`, never run.
 * - Sequence 1 with epoch 0 on a session that exists: a repeat by a client that has heard no answer. A higher attempt raises
 *   the epoch; the same attempt is the same copy; a lower one is `SUPERSEDED`, and so is any once the session has been
 *   heard with an epoch (a second request or a resume): late copies unbind nobody.
 * - Any other epoch than the session's: `SUPERSEDED`.
 * - A sequence number that skips one: `REFUSED`. The next one is run. A lower one is answered by what became of it: the
 *   grant while it is *active*, `ENDED` with the reason once it ended or is *ending*, the place in the queue, the same denial.
 *   Below the highest `awaited` heard, or past `ledgerLimits.resultsPerSessionMax`: `REFUSED`, never run again.
 */
export interface SessionRequest extends Stamped {
  readonly session: string;
  /** From 1, rising by one with each new request of the session; a repeat has the same. */
  readonly seq: number;
  /** The lowest sequence number whose answer the client still awaits: results below are dropped. */
  readonly awaited: number;
  /**
   * From 1, rising with each repeat of this request. Lets a delayed first copy be told from the repeat that overtook it;
   * looked at where no epoch does so: with sequence 1 on epoch 0.
   */
  readonly attempt: number;
  /** The epoch of the connection that it came on; 0 for a new session's sequence 1. */
  readonly epoch: number;
}

/** Who is asking, as the client says; part of sequence 1. */
export interface SessionOpening {
  /** SHA-256 (hex) of the session's secret. */
  readonly secretHash: string;
  readonly user: string;
  readonly host: string;
  /** What the client works for and is: for rules of the policy. From ledger version 3 on. */
  readonly project?: string;
  readonly product?: string;
}

/** What a checkout asks for of one feature. */
export interface CheckoutItem {
  readonly feature: string;
  /** The least version that will do; absent: any. */
  readonly version?: string;
  /** When the product was released, a date or an instant: for features with `supportedUntil`. */
  readonly releasedAt?: string;
  /** The display of the user's session, and what the vendor's product shares seats by: for features with `sharedBy`. */
  readonly display?: string;
  readonly shareKey?: string;
  /** From where the checkout came, stamped by the server in control: for rules of the policy. From ledger version 3 on. */
  readonly address?: string;
  /** Seats, from 1. */
  readonly count: number;
  /** The fewest seats that will do; absent: all of `count`. From ledger version 3 on. */
  readonly countMin?: number;
}

/**
 * A checkout takes the sequence numbers from `seq` on, one for each feature that it names: it is one request, yet each of its
 * grants is known by a number of its own.
 */
export interface CheckoutCommand extends SessionRequest, CheckoutItem {
  readonly kind: 'checkout';
  /** Present with sequence 1 only: begins the session. */
  readonly opening?: SessionOpening;
  /** Other features, all or nothing: no queue, and none twice. From ledger version 3 on; not to be proposed before. */
  readonly more?: readonly CheckoutItem[];
  /** How long it may wait in the queue; absent or 0: denied at once where the pool is full. */
  readonly waitMs?: number;
  /**
   * Said by the server in control where no entry of the queue is bound to it and the new term's second is over: the
   * checkout may be served past the queue. Otherwise a pool with a queue serves nobody but the queue.
   */
  readonly pastQueue?: boolean;
  /**
   * Said by the server in control where the states of servers differ and nobody knows which is right: the checkout is denied
   * `STATE_DIFFERS` (triad.md, State hash differs). From ledger version 2 on.
   */
  readonly isHalted?: boolean;
}

/** Takes a queue place back (abort, or the client's own time limit). Where the seat was granted meanwhile, the answer says so. */
export interface CancelCommand extends SessionRequest {
  readonly kind: 'cancel';
  /** The sequence number of the checkout that waits. */
  readonly checkoutSeq: number;
}

/**
 * A freed seat for a queue entry whose session is bound to the server in control. Answered `granted`, or `rejected`:
 * `UNKNOWN_ENTRY`, `SUPERSEDED` (unbound meanwhile), `NO_SEATS` (taken meanwhile; the place is kept).
 */
export interface AssignCommand extends Stamped {
  readonly kind: 'assign';
  readonly entry: string;
  /** The session's epoch when it was chosen: another epoch at apply means unbound meanwhile, and the command does nothing. */
  readonly epoch: number;
}

export interface CheckinCommand extends SessionRequest {
  readonly kind: 'checkin';
  readonly grant: string;
}

/**
 * Binds a session to the asking connection (I6): takes no seat, raises the epoch. Accepted with the secret and either an
 * epoch that the session's newest raise gave (in any of its attempts; 0 while only sequence 1 was answered), or the newest
 * resume's `request` with no lower an attempt (the same attempt is the same copy: answered again, nothing raised). Else it is a
 * copy of the client that was left behind: `SUPERSEDED`.
 */
export interface ResumeCommand extends Stamped {
  readonly kind: 'resume';
  readonly session: string;
  readonly secretHash: string;
  /** The epoch that the client knows. */
  readonly epoch: number;
  /** Random, the same for all repeats of one resume. 22 characters of base64url. */
  readonly request: string;
  /** From 1, rising with each repeat. */
  readonly attempt: number;
}

/** The client ends its session; its grants and queue places end with it. */
export interface GoodbyeCommand extends SessionRequest {
  readonly kind: 'goodbye';
}

/** The client has stopped holding these *ending* grants: they end. Active ones and those of others are passed over. */
export interface AcknowledgeCommand extends SessionRequest {
  readonly kind: 'acknowledge';
  readonly grants: readonly string[];
}

/**
 * A session was silent for `silentMs`: all its grants and queue places whose hold is not longer end (ending ones for the
 * reason that they were ending for), and with the longest hold the session. A session that has neither has the hold of
 * the default lease.
 */
export interface ReclaimCommand extends Stamped {
  readonly kind: 'reclaim';
  readonly session: string;
  readonly silentMs: number;
}

/** *Ending* grants whose hold has passed without an acknowledgement. */
export interface SettleCommand extends Stamped {
  readonly kind: 'settle';
  readonly grants: readonly string[];
}

/** An orderly end of the bound connection was read: grants of features with `reclaim: disconnect` end. */
export interface DisconnectCommand extends Stamped {
  readonly kind: 'disconnect';
  readonly session: string;
  readonly epoch: number;
}

/** An administrator, or a rule, ends grants: they become *ending*. */
export interface RevokeCommand extends Stamped {
  readonly kind: 'revoke';
  readonly grants: readonly string[];
  /** For people; may be empty. */
  readonly reason: string;
  /** What they end as; absent, and before ledger version 3: `revoked`. */
  readonly as?: 'removed' | 'idle';
}

/** Another policy takes the place of the one in force, on all servers at this index. From ledger version 3 on. */
export interface PolicyCommand extends Stamped {
  readonly kind: 'policy';
  /** The file, for people. */
  readonly text: string;
  /** What it says; the ledger goes by it alone. */
  readonly document: PolicyDocument;
}

/**
 * Takes seats until a certain time, which no heartbeats hold: they outlast the session that asks (triad.md, Borrow). Answered `borrowed`,
 * or `denied` as a checkout is. It never waits. From ledger version 3 on: rejected before, and then it takes no sequence number.
 */
export interface BorrowCommand extends SessionRequest {
  readonly kind: 'borrow';
  /** As in a checkout: present with sequence 1 only. */
  readonly opening?: SessionOpening;
  /** The client's own id, 22 characters of base64url: whoever knows it may return the borrow. Remembered until the borrow ends. */
  readonly borrow: string;
  readonly feature: string;
  readonly version?: string;
  readonly releasedAt?: string;
  readonly display?: string;
  readonly address?: string;
  readonly count: number;
  /** Its end in license time, UTC milliseconds. The license may end it earlier: the answer says so. */
  readonly untilMs: number;
  /** As in a checkout. */
  readonly pastQueue?: boolean;
  readonly isHalted?: boolean;
}

/** Gives borrowed seats back early. `ok` also where nothing is borrowed under this id (any more). From ledger version 3 on. */
export interface ReturnCommand extends Stamped {
  readonly kind: 'return';
  /** The client's id, or an administrator's: the one in reports (`b12`). */
  readonly borrow: string;
}

/**
 * A borrow that the ledger lost when it was recovered, as its token says, which the proposer has verified to be of the triad before: taken though seats may be
 * missing (triad.md, I2, Recover). `ok`, also where it stands already or is over; else `rejected`: `BORROW_NOT_LOST`, `BORROW_RETURNED`,
 * `BORROW_ID_IN_USE`, `UNKNOWN_FEATURE`. From ledger version 3 on.
 */
export interface AcceptBorrowCommand extends Stamped {
  readonly kind: 'acceptBorrow';
  readonly borrow: string;
  readonly user: string;
  readonly host: string;
  readonly feature: string;
  readonly version: string;
  readonly count: number;
  readonly sinceMs: number;
  readonly untilMs: number;
}

/** Drain or undrain a server, by its identity key. */
export interface DrainCommand extends Stamped {
  readonly kind: 'drain';
  readonly server: string;
  readonly on: boolean;
}

/** An operator accepts the agreed clock although it leaps; license time still never runs back. */
export interface AcceptTimeCommand extends Stamped {
  readonly kind: 'acceptTime';
}

/** Raises the ledger version in force. A server that doesn't know it refuses to apply. */
export interface RaiseVersionCommand extends Stamped {
  readonly kind: 'raiseVersion';
  readonly ledgerVersion: number;
}

/** Moves license time on because a deadline is due; expired features, grants and queue places end. */
export interface TickCommand extends Stamped {
  readonly kind: 'tick';
}
