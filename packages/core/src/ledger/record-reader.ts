import type {
  BorrowFields,
  EndedSessionFields,
  EntryFields,
  GrantFields,
  LingerFields,
  PoolFields,
  ResultFields,
  SessionFields,
} from './record-fields.ts';
import {
  endReasons,
  hasText,
  moreFollows,
  moreMark,
  overdraftFlag,
  resultTypes,
  sharedFlag,
  whereFlag,
} from './record-marks.ts';
import type { RecordSource } from './record-sink.ts';
import { readVersion } from './versions.ts';

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
