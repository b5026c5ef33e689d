/** Bounds of the ledger. What goes past one is refused, denied or dropped as said here; never silently run. */
export const ledgerLimits = {
  /** Sessions at one time; one more is denied `TOO_MANY_SESSIONS`. */
  sessionsMax: 1_000_000,
  /** Grants and queue places of one session; one more is denied `TOO_MANY_GRANTS`. */
  grantsPerSessionMax: 10_000,
  /** Waiting entries of one feature; one more is denied `QUEUE_FULL`. */
  queuePerFeatureMax: 10_000,
  /** Denials that the preview of a policy lists. */
  policyDenialsMax: 100,
  /** Holders that a denial names. */
  denialHoldersMax: 10,
  /**
   * Remembered results of one session (denied, ended, done), beside its standing grants and queue places. The oldest is
   * dropped first: a repeat of it is refused, and never run again.
   */
  resultsPerSessionMax: 4096,
  /** Ended sessions that are remembered; the oldest is dropped first. */
  endedSessionsMax: 100_000,
  /** Grants that one command may name. */
  grantsPerCommandMax: 10_000,
  /**
   * Grants and queue places that the passing of license time ends in one command, so that no command blocks a server. What is
   * left stays due (`nextDeadlineMs`) and ends with the next commands.
   */
  endsPerCommandMax: 1000,
  /** Snapshots that may be under way at one time; beginning one more breaks off the oldest. */
  snapshotsMax: 4,
  /** Seats of one checkout. */
  countMax: 1_000_000,
  /** Borrows at one time; one more is denied `TOO_MANY_BORROWS`. */
  borrowsMax: 100_000,
  /** How long after its end a borrowed seat stays taken, ms, where the settings do not say: a client's clock may be behind. */
  borrowMarginMs: 600_000,
  /** Features that one checkout may name. */
  featuresPerCheckoutMax: 32,
  /** Milliseconds that a checkout may wait in the queue: a day. */
  waitMsMax: 86_400_000,
  /** Users, hosts, features, versions, grant ids. */
  nameCharsMax: 128,
  /** An operator's words with a revoke. */
  noteCharsMax: 256,
  /** License files besides the first. */
  otherLicensesMax: 31,
  /** The first license text in one command, and all others together. */
  licenseCharsMax: 262_144,
  /** Milliseconds; signed leases below are raised to it unless `allowShortLeases` (triad.md, Time). */
  leaseMsMin: 10_000,
} as const;

/** The lowest and the highest ledger version that some code knows. */
export interface LedgerVersionRange {
  readonly min: number;
  readonly max: number;
}

/** The ledger rules that this code knows. The version in force stands in the log (triad.md, Versions). */
export const ledgerVersions = { min: 1, max: 3, current: 3 } as const satisfies LedgerVersionRange & {
  /** What a new triad begins with, where all its servers know it. */
  readonly current: number;
};

/** The first ledger version that has `recover`, and the mark that it leaves in the state. */
export const recoverVersion = 2;

/** The first ledger version in which a license may exchange a server, and checkouts may be denied as `STATE_DIFFERS`. */
export const exchangeVersion = 2;

/** The first ledger version that has all terms of a license (days of grace, overdraft, sharing ...), and several license files. */
export const termsVersion = 3;
