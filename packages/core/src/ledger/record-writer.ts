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
import type { RecordSink } from './record-sink.ts';
import {
  type Borrow,
  type Entry,
  type Grant,
  kinds,
  type LedgerRecord,
  type Linger,
  type Result,
  type Session,
} from './records.ts';

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
      writeSpan(sink, record);
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
      writeSpan(sink, record);
      sink.uint(record.freeMs);
  }
}

/** Seats that are nobody's to check in, and for how long they are taken. */
function writeSpan(sink: RecordSink, { count, sinceMs, untilMs }: Linger | Borrow): void {
  sink.uint(count);
  sink.uint(sinceMs);
  sink.uint(untilMs);
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
