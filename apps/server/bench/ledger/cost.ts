/** What a ledger that holds so many grants costs. */
export interface LedgerCost {
  readonly grants: number;
  /** Of the policy; 0: there is none. */
  readonly rules: number;
  /** Checkouts until there were so many grants, most of a session's later ones. */
  readonly fillPerSecond: number;
  /** The longest of them. */
  readonly longestCommandMs: number;
  /** Checkouts and checkins on top of the grants, by all sessions in turn. */
  readonly commandsPerSecond: number;
  /** Checkouts that are denied, each with its facts. */
  readonly denialsPerSecond: number;
  /** With the sessions, after a collection. */
  readonly heapBytesPerGrant: number;
  /** What the policy takes before anything is held. */
  readonly policyHeapBytes: number;
  /** With the sessions, without the policy. */
  readonly snapshotBytesPerGrant: number;
  /** The longest stretches for which the event loop stands. */
  readonly snapshotStopMs: number;
  readonly restoreStopMs: number;
  readonly previewStopMs: number;
  /** The command that puts a policy into force. */
  readonly policyStopMs: number;
}
