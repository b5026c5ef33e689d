import type { RecordSink, RecordSource } from './record-sink.ts';
import {
  type Borrow,
  type EndedSession,
  type Entry,
  type Grant,
  kinds,
  type LedgerRecord,
  type Linger,
  type Pool,
  type Result,
  type Session,
} from './records.ts';
import type { EndReason } from './results.ts';
import { readVersion } from './versions.ts';

// The place in these lists is what a snapshot stores: only ever append.
const endReasons = [
  'checkedIn',
  'reclaimed',
  'disconnected',
  'revoked',
  'removed',
  'idle',
  'expired',
  'sessionEnded',
  'superseded',
  'recovered',
] as const satisfies readonly EndReason[];
const resultTypes = ['done', 'denied', 'ended', 'refused', 'borrowed'] as const satisfies readonly Result['type'][];

/**
 * Added to a queue place's count, which is always below, where fields of ledger version 3 follow. Without them a record is what
 * it was under version 1: a raise of the version changes no record, and so no hash.
 */
const moreFollows = 2 ** 20;
/** In a grant's flags, above what its end and its disconnect make of them. */
const overdraftFlag = 64;
const sharedFlag = 128;
const whereFlag = 256;
/** At the end of a session's hash of the secret: more fields of ledger version 3 follow. */
const moreMark = '+';

/**
 * The canonical form of a record: everything of it that is not derived. The state hash and the snapshot both read it, so
 * that what one covers the other covers too.
 */
export function writeRecord(sink: RecordSink, record: LedgerRecord): void {
  sink.uint(record.serial);
  switch (record.kind) {
    case kinds.pool:
      sink.name(record.featureName);
      sink.name(record.version.text);
      sink.uint(record.isRemoved ? 1 : 0);
      return;
    case kinds.session:
      writeSession(sink, record);
      return;
    case kinds.endedSession:
      sink.text(record.id);
      sink.uint(endReasons.indexOf(record.reason));
      sink.uint(record.untilMs);
      return;
    case kinds.grant:
      writeGrant(sink, record);
      return;
    case kinds.entry:
      writeEntry(sink, record);
      return;
    case kinds.result:
      writeResult(sink, record);
      return;
    case kinds.linger:
      sink.uint(record.pool.serial);
      sink.uint(record.grant);
      sink.name(record.key);
      sink.name(record.user);
      sink.name(record.host);
      sink.uint(record.count);
      sink.uint(record.sinceMs);
      sink.uint(record.untilMs);
      return;
    case kinds.borrow:
      sink.uint(record.pool.serial);
      sink.text(record.id);
      sink.name(record.user);
      sink.name(record.host);
      sink.name(record.project);
      sink.name(record.product);
      sink.name(record.display);
      sink.name(record.address);
      sink.uint(record.count);
      sink.uint(record.sinceMs);
      sink.uint(record.untilMs);
      sink.uint(record.freeMs);
  }
}

function writeSession(sink: RecordSink, session: Session): void {
  sink.text(session.id);
  const hasMore = session.project !== '' || session.product !== '';
  sink.text(hasMore ? session.secretHash + moreMark : session.secretHash);
  sink.name(session.user);
  sink.name(session.host);
  sink.uint(session.epoch);
  sink.uint(session.epochFloor);
  sink.uint(session.openAttempt);
  sink.text(session.resumeRequest);
  sink.uint(session.resumeAttempt);
  sink.uint(session.lastSeq);
  sink.uint(session.awaited);
  sink.uint(session.toldSerial);
  if (!hasMore) return;
  sink.name(session.project);
  sink.name(session.product);
}

function writeGrant(sink: RecordSink, grant: Grant): void {
  sink.uint(grant.session.serial);
  sink.uint(grant.pool.serial);
  sink.uint(grant.checkoutSeq);
  sink.uint(grant.count);
  sink.uint(grant.sinceMs);
  sink.uint(grant.leaseMs);
  sink.uint(grant.holdMs);
  // One number for all: a byte per grant in a snapshot.
  sink.uint(
    (grant.endingReason === undefined ? 0 : 2 + 2 * endReasons.indexOf(grant.endingReason)) +
      (grant.endsOnDisconnect ? 1 : 0) +
      (grant.isOverdraft ? overdraftFlag : 0) +
      (grant.share === undefined ? 0 : sharedFlag) +
      (grant.display === '' && grant.address === '' ? 0 : whereFlag),
  );
  if (grant.endingReason !== undefined) sink.name(grant.endingNote);
  if (grant.share !== undefined) {
    sink.uint(grant.share.serial);
    sink.name(grant.share.key);
  }
  if (grant.display === '' && grant.address === '') return;
  sink.name(grant.display);
  sink.name(grant.address);
}

function writeEntry(sink: RecordSink, entry: Entry): void {
  sink.uint(entry.session.serial);
  sink.name(entry.feature.name);
  sink.name(entry.version?.text ?? '');
  const { releasedAt, display, shareKey, address, countMin } = entry;
  const hasMore = releasedAt !== '' || display !== '' || shareKey !== '' || address !== '' || countMin < entry.count;
  sink.uint(hasMore ? entry.count + moreFollows : entry.count);
  sink.uint(entry.checkoutSeq);
  sink.uint(entry.untilMs);
  sink.uint(entry.leaseMs);
  sink.uint(entry.holdMs);
  if (!hasMore) return;
  sink.name(releasedAt);
  sink.name(display);
  sink.name(shareKey);
  sink.uint(countMin);
  sink.name(address);
}

function writeResult(sink: RecordSink, result: Result): void {
  sink.uint(result.session.serial);
  sink.uint(result.seq);
  sink.uint(resultTypes.indexOf(result.type) * 2 + (result.isUntold ? 1 : 0));
  if (result.type === 'ended') {
    sink.uint(endReasons.indexOf(result.reason!));
    sink.uint(result.grant);
  }
  if (hasText(result.type)) sink.text(result.text);
}

// The readers give the fields with references as serials: the one who restores knows the records.

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

export function readPool(source: RecordSource): PoolFields {
  return {
    serial: source.uint(),
    featureName: source.name(),
    version: known(readVersion(source.name()), 'version'),
    isRemoved: readFlag(source),
  };
}

export function readSession(source: RecordSource): SessionFields {
  const serial = source.uint();
  const id = source.text();
  const marked = source.text();
  const hasMore = marked.endsWith(moreMark);
  return {
    serial,
    id,
    secretHash: hasMore ? marked.slice(0, -moreMark.length) : marked,
    user: source.name(),
    host: source.name(),
    epoch: source.uint(),
    epochFloor: source.uint(),
    openAttempt: source.uint(),
    resumeRequest: source.text(),
    resumeAttempt: source.uint(),
    lastSeq: source.uint(),
    awaited: source.uint(),
    toldSerial: source.uint(),
    project: hasMore ? source.name() : '',
    product: hasMore ? source.name() : '',
  };
}

export function readEndedSession(source: RecordSource): EndedSessionFields {
  return {
    serial: source.uint(),
    id: source.text(),
    reason: known(endReasons[source.uint()], 'reason'),
    untilMs: source.uint(),
  };
}

export function readGrant(source: RecordSource): GrantFields {
  const serial = source.uint();
  const session = source.uint();
  const pool = source.uint();
  const checkoutSeq = source.uint();
  const count = source.uint();
  const sinceMs = source.uint();
  const leaseMs = source.uint();
  const holdMs = source.uint();
  const allFlags = source.uint();
  const flags = allFlags % overdraftFlag;
  const isOverdraft = Math.floor(allFlags / overdraftFlag) % 2 === 1;
  const endsOnDisconnect = flags % 2 === 1;
  const endingReason = flags < 2 ? undefined : known(endReasons[(flags - (flags % 2) - 2) / 2], 'reason');
  const endingNote = flags < 2 ? '' : source.name();
  const isShared = Math.floor(allFlags / sharedFlag) % 2 === 1;
  const share = isShared ? { serial: source.uint(), key: source.name() } : undefined;
  const hasWhere = Math.floor(allFlags / whereFlag) % 2 === 1;
  const display = hasWhere ? source.name() : '';
  const address = hasWhere ? source.name() : '';
  if (allFlags >= 2 * whereFlag) throw new RangeError('flags that do not exist');
  // One literal: a million of them are read in a row.
  return {
    serial,
    session,
    pool,
    checkoutSeq,
    count,
    sinceMs,
    leaseMs,
    holdMs,
    endsOnDisconnect,
    isOverdraft,
    share,
    display,
    address,
    endingReason,
    endingNote,
  };
}

export function readEntry(source: RecordSource): EntryFields {
  const serial = source.uint();
  const session = source.uint();
  const feature = source.name();
  const version = source.name();
  const allCount = source.uint();
  const hasMore = allCount >= moreFollows;
  const count = hasMore ? allCount - moreFollows : allCount;
  return {
    serial,
    session,
    feature,
    version: version === '' ? undefined : known(readVersion(version), 'version'),
    count,
    checkoutSeq: source.uint(),
    untilMs: source.uint(),
    leaseMs: source.uint(),
    holdMs: source.uint(),
    releasedAt: hasMore ? source.name() : '',
    display: hasMore ? source.name() : '',
    shareKey: hasMore ? source.name() : '',
    countMin: hasMore ? source.uint() : count,
    address: hasMore ? source.name() : '',
  };
}

export function readLinger(source: RecordSource): LingerFields {
  return {
    serial: source.uint(),
    pool: source.uint(),
    grant: source.uint(),
    key: source.name(),
    user: source.name(),
    host: source.name(),
    count: source.uint(),
    sinceMs: source.uint(),
    untilMs: source.uint(),
  };
}

export function readBorrow(source: RecordSource): BorrowFields {
  return {
    serial: source.uint(),
    pool: source.uint(),
    id: source.text(),
    user: source.name(),
    host: source.name(),
    project: source.name(),
    product: source.name(),
    display: source.name(),
    address: source.name(),
    count: source.uint(),
    sinceMs: source.uint(),
    untilMs: source.uint(),
    freeMs: source.uint(),
  };
}

export function readResult(source: RecordSource): ResultFields {
  const serial = source.uint();
  const session = source.uint();
  const seq = source.uint();
  const flags = source.uint();
  const type = known(resultTypes[(flags - (flags % 2)) / 2], 'result');
  return {
    serial,
    session,
    seq,
    type,
    isUntold: flags % 2 === 1,
    reason: type === 'ended' ? known(endReasons[source.uint()], 'reason') : undefined,
    grant: type === 'ended' ? source.uint() : 0,
    text: hasText(type) ? source.text() : '',
  };
}

function hasText(type: Result['type']): boolean {
  return type === 'denied' || type === 'refused' || type === 'borrowed';
}

/** A flag as 0 or 1: anything else is damage, which the hash would not show. */
export function readFlag(source: RecordSource): boolean {
  const value = source.uint();
  if (value > 1) throw new RangeError('a flag that is neither 0 nor 1');
  return value === 1;
}

function known<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new RangeError(`a ${what} that does not exist`);
  return value;
}
