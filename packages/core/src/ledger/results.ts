import type { LedgerSettings } from './commands.ts';

/** States of a grant that counts in its pool (triad.md, Words). */
export type GrantState = 'active' | 'lingering' | 'ending' | 'borrowed';

/** Why a grant ended, or a queue place or session with it. Stable; part of the public surface. */
export type EndReason =
  | 'checkedIn'
  | 'reclaimed'
  | 'disconnected'
  | 'revoked'
  | 'removed'
  | 'idle'
  | 'expired'
  | 'sessionEnded'
  | 'superseded'
  | 'recovered';

/** A held checkout, as the ledger shows it. */
export interface GrantView {
  /** Unique in the triad's life. */
  readonly id: string;
  /** '' where no session holds it: *lingering*, *borrowed*. */
  readonly session: string;
  readonly feature: string;
  /** The licensed version of the pool it was taken from. */
  readonly version: string;
  readonly count: number;
  readonly user: string;
  readonly host: string;
  /** License time of the grant, UTC milliseconds. */
  readonly sinceMs: number;
  readonly state: GrantState;
  /** Fixed at checkout. */
  readonly leaseMs: number;
  /** lease × (1 + drift) + margin, fixed at checkout. */
  readonly holdMs: number;
  readonly reclaim: 'lease' | 'disconnect';
  /** Taken after the licensed period was over, in its days of grace. */
  readonly inGrace?: true;
  /** With it more seats were taken than are licensed. */
  readonly overdraft?: true;
  /** What the license has for the product. */
  readonly vendorData?: string;
  /** Grants that name the same share have the same seats; it is the id of the first that did. */
  readonly share?: string;
  /** License time at which it ends, where that is known: *lingering*, *borrowed*. */
  readonly untilMs?: number;
  /** Where it is `ending`: why, and the operator's words if any. */
  readonly ending?: { readonly reason: EndReason; readonly note?: string };
  /** The sequence number of the checkout that took it. */
  readonly checkoutSeq: number;
}

/** A place in a queue. */
export interface QueueView {
  readonly id: string;
  readonly session: string;
  readonly feature: string;
  readonly version?: string;
  readonly count: number;
  readonly checkoutSeq: number;
  /** From 1. */
  readonly position: number;
  /** License time at which it gives up, UTC milliseconds. */
  readonly untilMs: number;
}

/** The seats of a feature. */
export interface PoolView {
  readonly feature: string;
  readonly version: string;
  readonly count: number | 'uncounted';
  readonly inUse: number;
  /** `null` where uncounted; never negative (after a license shrank it is 0). */
  readonly free: number | null;
  /** Seats above the count that may be taken, too; absent where none may. */
  readonly overdraft?: number;
  /** How many of them are taken; absent where none is. */
  readonly overdrawn?: number;
  /** Waiting entries that this pool could serve: with several versions of a feature they count in each that would do. */
  readonly queued: number;
  /** License time at which the licensed period is over, or null. */
  readonly expiresAtMs: number | null;
  /** License time at which the days of grace are over, too; absent where there are none. */
  readonly graceUntilMs?: number;
  /** The licensed period is over, and the days of grace are not. */
  readonly inGrace?: true;
}

export interface SessionView {
  readonly id: string;
  readonly epoch: number;
  readonly user: string;
  readonly host: string;
  /** Of its grants and queue places, else of the default lease: the shortest lease sets the heartbeat's pace. */
  readonly leaseMsMin: number;
  /** Its longest hold: silence this long ends the session. */
  readonly holdMsMax: number;
  /** Its shortest hold: silence this long ends the first grant. */
  readonly holdMsMin: number;
}

/** Codes of denials: a person can act on each. The full table with texts is `denialCodes`. */
export type DenialCode =
  | 'NO_SEATS'
  | 'BORROW_NOT_LICENSED'
  | 'BORROW_TOO_LONG'
  | 'BORROW_LIMIT'
  | 'TOO_MANY_BORROWS'
  | 'RESERVED'
  | 'MAX_REACHED'
  | 'EXCLUDED'
  | 'NOT_INCLUDED'
  | 'WAIT_OVER'
  | 'COUNT_TOO_HIGH'
  | 'UNKNOWN_FEATURE'
  | 'VERSION_NOT_LICENSED'
  | 'RELEASE_NOT_COVERED'
  | 'NOT_STARTED'
  | 'EXPIRED'
  | 'NOT_OPEN_YET'
  | 'STATE_DIFFERS'
  | 'QUEUE_FULL'
  | 'TOO_MANY_GRANTS'
  | 'TOO_MANY_SESSIONS'
  | 'INVALID_REQUEST';

/** What decided: a field of the license, a line of the policy, or a limit or state of the servers. */
export interface DenialRule {
  readonly source: 'license' | 'policy' | 'server';
  /** `features[compare].count`; `line 12`; the limit's name. */
  readonly where: string;
  /** What stands there. */
  readonly text: string;
}

/** A checkout that was not granted: a value, never an exception. */
export interface Denial {
  readonly code: DenialCode;
  readonly feature: string;
  /** One sentence for people: what, why, what can be done. */
  readonly message: string;
  readonly requested: number;
  /** The rule that decided; absent in the words of servers that do not know it yet. */
  readonly rule?: DenialRule;
  /** License time from which on more seats are known to be free or usable, UTC milliseconds: an end of lingering or of a borrow, a beginning. */
  readonly earliestMs?: number;
  /** The pool's seats, where there is a pool. */
  readonly count?: number;
  /** Seats above the count that may be taken, too. */
  readonly overdraft?: number;
  readonly inUse?: number;
  readonly queued?: number;
  /** Who holds the seats: at most `denialHoldersMax`, longest first. */
  readonly holders?: readonly {
    readonly user: string;
    readonly host: string;
    readonly count: number;
    readonly sinceMs: number;
  }[];
  /** Milliseconds until checkouts open (`NOT_OPEN_YET`). */
  readonly leftMs?: number;
  /** The versions that are licensed (`VERSION_NOT_LICENSED`). */
  readonly versions?: readonly string[];
  /** First moment of releases that no maintenance covers, UTC milliseconds (`RELEASE_NOT_COVERED`). */
  readonly supportedUntilMs?: number;
}

/** Why a request of a session was refused as a whole. */
export type RefusalCode =
  /** What it obtained, or its session, has ended: `reason` says why. Final. */
  | 'ENDED'
  /** A newer connection of the session exists. */
  | 'SUPERSEDED'
  /** The session is not known, and this is not its first request: never run. */
  | 'UNKNOWN_SESSION'
  /** Unknown grant, wrong secret, a sequence number that was dropped or skips one; a cancelled checkout; malformed. */
  | 'REFUSED';

/** What `apply` answers to the one who proposed. */
export type LedgerReply =
  /** `more`: of a checkout of several features; a repeat has those that still stand. */
  | {
      readonly kind: 'granted';
      readonly epoch: number;
      readonly grant: GrantView;
      readonly more?: readonly GrantView[];
    }
  | { readonly kind: 'queued'; readonly epoch: number; readonly entry: QueueView }
  | { readonly kind: 'denied'; readonly epoch: number; readonly denial: Denial }
  /** checkin, acknowledge, cancel, goodbye: done, or done before. */
  | { readonly kind: 'done'; readonly epoch: number }
  | {
      readonly kind: 'resumed';
      readonly epoch: number;
      /** All that still stands; what is not in it has ended. */
      readonly grants: readonly GrantView[];
      readonly queue: readonly QueueView[];
      /** Ended grants whose end the client may not know yet, as far as remembered. */
      readonly ended: readonly { readonly grant: string; readonly reason: EndReason }[];
    }
  | {
      readonly kind: 'refused';
      readonly code: RefusalCode;
      readonly message: string;
      readonly reason?: EndReason;
      readonly epoch?: number;
    }
  | { readonly kind: 'borrowed'; readonly epoch: number; readonly borrow: GrantView }
  /** Administrative and internal commands: took effect, or why not. */
  | { readonly kind: 'ok' }
  | { readonly kind: 'rejected'; readonly code: string; readonly message: string };

/** What changed, in order. Every server sees the same; the one in control tells clients. */
export type LedgerEvent =
  | { readonly kind: 'granted'; readonly grant: GrantView; readonly fromQueue: boolean }
  | { readonly kind: 'ending'; readonly grant: GrantView }
  | { readonly kind: 'ended'; readonly grant: GrantView; readonly reason: EndReason; readonly note?: string }
  /** A grant has ended, but its seats, or some of them, stay taken until `untilMs`; then, or when their holder takes them again, `lingered`. Said again with what is left where the holder takes some. */
  | { readonly kind: 'lingering'; readonly grant: GrantView }
  | { readonly kind: 'lingered'; readonly grant: GrantView }
  /** A queue place ended without a grant. `denial`: what a repeat of the checkout hears, where that is a denial. */
  | {
      readonly kind: 'unqueued';
      readonly entry: QueueView;
      readonly why: 'cancelled' | 'waitOver' | EndReason;
      readonly denial?: Denial;
    }
  | { readonly kind: 'sessionBegan'; readonly session: string }
  | { readonly kind: 'sessionEnded'; readonly session: string; readonly reason: EndReason }
  | { readonly kind: 'licenseInstalled'; readonly licenseHash: string }
  | { readonly kind: 'borrowed'; readonly grant: GrantView }
  | { readonly kind: 'borrowEnded'; readonly grant: GrantView; readonly reason: 'returned' | 'expired' }
  | { readonly kind: 'policyChanged' }
  | { readonly kind: 'opened' }
  /** Checkouts are closed, and sessions that are not known any more have ended. */
  | { readonly kind: 'recovered' }
  | { readonly kind: 'drainChanged'; readonly server: string; readonly on: boolean };

/** What `apply` gives. */
export interface LedgerResult {
  readonly reply: LedgerReply;
  readonly events: readonly LedgerEvent[];
}

/** The state as a whole, for status and for the server's own decisions. */
export interface LedgerSummary {
  readonly licenseTimeMs: number;
  readonly licenseHash: string | null;
  readonly settings: LedgerSettings | null;
  /** False until checkouts are open (triad.md, Forming and Recover). */
  readonly isOpen: boolean;
  readonly ledgerVersion: number;
  /** License time of the newest `recover`, or null. */
  readonly recoveredAtMs: number | null;
  readonly drained: readonly string[];
  readonly sessions: number;
  readonly grants: number;
  readonly queued: number;
}
