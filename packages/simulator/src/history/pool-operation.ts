/**
 * Something that happened to one pool of seats at an unknown moment between two places of a history. Without an upper place it may have
 * happened at any later time, or never.
 */
export interface PoolOperation {
  readonly kind: OperationKind;
  /** Seats; of `license`: how many the pool has from then on. */
  readonly count: number;
  /** It happened at or after this place of the history. */
  readonly from: number;
  /** And at or before this one; Infinity: at any later time, or never. */
  readonly until: number;
  /** Of `end`: the operation whose seats come free. */
  readonly of?: PoolOperation;
  /** Of `take`: who names the same share has the same seats, as many as the largest `count` among them. */
  readonly share?: string;
  /** Of `take`: it may have stood in the queue from `from` on until then, before others. */
  readonly mayWait?: boolean;
  /** Of `take`: they were taken before and stay so, also where a license has fewer by now. */
  readonly isKept?: boolean;
  /** Where to look for it first; no promise. Default: as late as it can be. */
  readonly hint?: number;
  /** For people. */
  readonly text: string;
}

/** What can happen to a pool. */
export type OperationKind =
  /** Seats are taken: so many must be free. */
  | 'take'
  /** They come free: by a checkin, or because the servers end the grant. */
  | 'end'
  /** `NO_SEATS`: too few were free, or somebody waited for them. */
  | 'deny'
  /** `COUNT_TOO_HIGH`, `UNKNOWN_FEATURE`: the license had fewer. */
  | 'tooMany'
  /** A place in the queue is taken. */
  | 'queue'
  /** It is left. */
  | 'unqueue'
  /** A license is in force from now on. Nobody is evicted (triad.md, I2). */
  | 'license';
