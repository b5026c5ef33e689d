import type { Borrow, EndedSession, Entry, Grant, Linger, Pool, Result, Session } from './records.ts';

// What of a record is stored, with references as serials: the one who restores knows the records.

export type PoolFields = Pick<Pool, 'serial' | 'featureName' | 'version' | 'isRemoved'>;
export type SessionFields = Pick<
  Session,
  | 'serial'
  | 'id'
  | 'secretHash'
  | 'user'
  | 'host'
  | 'project'
  | 'product'
  | 'epoch'
  | 'epochFloor'
  | 'openAttempt'
  | 'resumeRequest'
  | 'resumeAttempt'
  | 'lastSeq'
  | 'awaited'
  | 'toldSerial'
>;
export type EndedSessionFields = Pick<EndedSession, 'serial' | 'id' | 'reason' | 'untilMs'>;
export type GrantFields = Pick<
  Grant,
  | 'serial'
  | 'checkoutSeq'
  | 'count'
  | 'sinceMs'
  | 'leaseMs'
  | 'holdMs'
  | 'endsOnDisconnect'
  | 'isOverdraft'
  | 'display'
  | 'address'
  | 'endingReason'
  | 'endingNote'
> & {
  readonly session: number;
  readonly pool: number;
  /** Undefined: its seats are its own. */
  readonly share: { readonly serial: number; readonly key: string } | undefined;
};
export type EntryFields = Pick<
  Entry,
  | 'serial'
  | 'version'
  | 'releasedAt'
  | 'display'
  | 'shareKey'
  | 'address'
  | 'count'
  | 'countMin'
  | 'checkoutSeq'
  | 'untilMs'
  | 'leaseMs'
  | 'holdMs'
> & { readonly session: number; readonly feature: string };
export type ResultFields = Pick<Result, 'serial' | 'seq' | 'type' | 'reason' | 'grant' | 'isUntold' | 'text'> & {
  readonly session: number;
};

export type LingerFields = Pick<
  Linger,
  'serial' | 'grant' | 'key' | 'user' | 'host' | 'count' | 'sinceMs' | 'untilMs'
> & { readonly pool: number };

export type BorrowFields = Pick<
  Borrow,
  | 'serial'
  | 'id'
  | 'user'
  | 'host'
  | 'project'
  | 'product'
  | 'display'
  | 'address'
  | 'count'
  | 'sinceMs'
  | 'untilMs'
  | 'freeMs'
> & { readonly pool: number };
