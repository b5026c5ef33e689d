import { LicError, type LogEntry, type SnapshotMeta } from '@lic/interfaces';
import type { Acknowledged, Append, Message, SnapshotChunk } from '../core/messages.ts';
import { decodeConfiguration, MEMBERS_MAX } from './configuration.ts';
import { Reader } from './reader.ts';
import { Writer } from './writer.ts';

/** The first byte of every frame. A server that meets another one drops the frame and says so. */
export const WIRE_VERSION = 1;
/** Entries in one append at most. */
export const APPEND_ENTRIES_MAX = 65_536;
/** Room for the numbers of any message but an append's entries. */
const NUMBERS_BYTES = 96;
const ENTRY_BYTES = 17;
/** A character takes three bytes at most (UTF-8, per UTF-16 unit), and each text its length before it. */
const textSize = (text: string) => 2 + 3 * text.length;

// The second byte. Numbers are never used again for something else.
const types = [
  'preVote',
  'vote',
  'preVoteReply',
  'voteReply',
  'append',
  'appendReply',
  'appendRefused',
  'round',
  'roundReply',
  'newerTerm',
  'timeoutNow',
  'snapshot',
  'snapshotReply',
  'witnessQuestion',
  'witnessAnswer',
] as const satisfies readonly Message['type'][];
const typeNumbers = new Map<Message['type'], number>(types.map((type, number) => [type, number + 1]));
const kinds = ['command', 'noop', 'config'] as const satisfies readonly LogEntry['kind'][];

function acknowledgedSize({ id, incarnation }: Acknowledged): number {
  return 24 + textSize(id) + textSize(incarnation);
}

function frameSize(message: Message): number {
  let bytes = NUMBERS_BYTES;
  if ('incarnation' in message) bytes += textSize(message.incarnation);
  if ('target' in message) bytes += textSize(message.target);
  if ('leader' in message) bytes += textSize(message.leader ?? '');
  if (message.type === 'snapshot') bytes += message.meta.config.length + message.data.length;
  if (message.type === 'round') for (const about of message.acknowledged) bytes += acknowledgedSize(about);
  if (message.type === 'witnessAnswer' && message.known !== null) bytes += acknowledgedSize(message.known);
  if (message.type === 'append') for (const entry of message.entries) bytes += ENTRY_BYTES + entry.data.length;
  return bytes;
}

/** A message as one binary frame. */
export function encodeMessage(message: Message): Uint8Array {
  const writer = new Writer(frameSize(message));
  writer.byte(WIRE_VERSION);
  writer.byte(typeNumbers.get(message.type)!);
  writer.count(message.term);
  switch (message.type) {
    case 'preVote':
    case 'vote':
      writer.count(message.lastIndex);
      writer.count(message.lastTerm);
      writer.text(message.target);
      if (message.type === 'vote') {
        writer.byte(message.transfer ? 1 : 0);
        writer.text(message.incarnation);
      } else writer.count(message.position);
      break;
    case 'preVoteReply':
    case 'voteReply':
      writer.count(message.asked);
      writer.byte(message.granted ? 1 : 0);
      writer.text(message.leader ?? '');
      writer.text(message.incarnation);
      break;
    case 'append':
      writeAppend(writer, message);
      break;
    case 'appendReply':
      writer.count(message.match);
      writer.text(message.incarnation);
      break;
    case 'appendRefused':
      writer.count(message.prevIndex);
      writer.count(message.hintIndex);
      writer.count(message.hintTerm);
      writer.text(message.incarnation);
      break;
    case 'round':
      writer.count(message.round);
      writer.count(message.commit);
      writer.byte(message.acknowledged.length);
      for (const about of message.acknowledged) writeAcknowledged(writer, about);
      break;
    case 'roundReply':
      writer.count(message.round);
      writer.text(message.incarnation);
      break;
    case 'newerTerm':
    case 'timeoutNow':
      break;
    case 'snapshot':
      writer.count(message.meta.index);
      writer.count(message.meta.term);
      writer.bytes(message.meta.config);
      writer.count(message.sequence);
      writer.byte(message.checksum === null ? 0 : 1);
      if (message.checksum !== null) writer.word(message.checksum);
      writer.bytes(message.data);
      break;
    case 'snapshotReply':
      writer.count(message.index);
      writer.count(message.sequence);
      writer.byte(message.ok ? 1 : 0);
      break;
    case 'witnessQuestion':
      writer.text(message.incarnation);
      break;
    case 'witnessAnswer':
      writer.byte(message.known === null ? 0 : 1);
      if (message.known !== null) writeAcknowledged(writer, message.known);
      break;
  }
  return writer.finish();
}

function writeAcknowledged(writer: Writer, about: Acknowledged): void {
  writer.text(about.id);
  writer.text(about.incarnation);
  writer.count(about.term);
  writer.count(about.index);
  writer.count(about.entryTerm);
}

function writeAppend(writer: Writer, message: Append): void {
  writer.count(message.prevIndex);
  writer.count(message.prevTerm);
  writer.count(message.commit);
  writer.byte(message.probe ? 1 : 0);
  writer.count(message.entries.length);
  for (const entry of message.entries) {
    writer.byte(kinds.indexOf(entry.kind));
    writer.count(entry.term);
    writer.bytes(entry.data);
  }
}

/**
 * The message in a frame. Throws `BAD_PEER_MESSAGE` where there is none: another version, fields that are missing, out of
 * range or contradict each other, or bytes too many. Data are views into `frame`, which must not be changed afterwards.
 */
export function decodeMessage(frame: Uint8Array): Message {
  const reader = new Reader(frame);
  reader.expectByte(WIRE_VERSION, 'message version');
  const number = reader.byte();
  const type = types[number - 1];
  if (type === undefined) return reader.fail(`unknown message type ${number}`);
  const term = reader.count();
  const message = readMessage(reader, type, term);
  reader.end();
  return message;
}

function readMessage(reader: Reader, type: Message['type'], term: number): Message {
  switch (type) {
    case 'preVote':
    case 'vote': {
      const end = { lastIndex: reader.count(), lastTerm: reader.count(), target: reader.text() };
      if (type === 'vote') return { type, term, ...end, transfer: reader.flag(), incarnation: reader.text() };
      return { type, term, ...end, position: reader.count() };
    }
    case 'preVoteReply':
    case 'voteReply': {
      const answer = { asked: reader.count(), granted: reader.flag() };
      return { type, term, ...answer, leader: reader.text() || null, incarnation: reader.text() };
    }
    case 'append':
      return readAppend(reader, term);
    case 'appendReply':
      return { type, term, match: reader.count(), incarnation: reader.text() };
    case 'appendRefused': {
      const hint = { prevIndex: reader.count(), hintIndex: reader.count(), hintTerm: reader.count() };
      return { type, term, ...hint, incarnation: reader.text() };
    }
    case 'round':
      return { type, term, round: reader.count(), commit: reader.count(), acknowledged: readAllAcknowledged(reader) };
    case 'roundReply':
      return { type, term, round: reader.count(), incarnation: reader.text() };
    case 'newerTerm':
    case 'timeoutNow':
      return { type, term };
    case 'snapshot':
      return readSnapshot(reader, term);
    case 'snapshotReply':
      return { type, term, index: reader.count(), sequence: reader.count(), ok: reader.flag() };
    case 'witnessQuestion':
      return { type, term, incarnation: reader.text() };
    case 'witnessAnswer':
      return { type, term, known: reader.flag() ? readAcknowledged(reader) : null };
  }
}

function readAllAcknowledged(reader: Reader): Acknowledged[] {
  const count = reader.byte();
  if (count > MEMBERS_MAX) reader.fail(`${count} acknowledgements, expected at most ${MEMBERS_MAX}`);
  return Array.from({ length: count }, () => readAcknowledged(reader));
}

function readAcknowledged(reader: Reader): Acknowledged {
  const member = { id: reader.text(), incarnation: reader.text() };
  return { ...member, term: reader.count(), index: reader.count(), entryTerm: reader.count() };
}

function readAppend(reader: Reader, term: number): Append {
  const prevIndex = reader.count();
  const prevTerm = reader.count();
  const commit = reader.count();
  const probe = reader.flag();
  const count = reader.count();
  // Every entry takes three bytes at least: no count makes us reserve more than the frame could hold.
  if (count > APPEND_ENTRIES_MAX || count * 3 > reader.rest) reader.fail(`${count} entries in one append`);
  const entries: LogEntry[] = [];
  let termBefore = prevTerm;
  for (let each = 1; each <= count; each += 1) {
    const kind = kinds[reader.byte()];
    if (kind === undefined) reader.fail('an entry of unknown kind');
    const entryTerm = reader.count();
    if (entryTerm < termBefore || entryTerm > term)
      reader.fail(`an entry of term ${entryTerm} after ${termBefore}, in ${term}`);
    termBefore = entryTerm;
    const data = reader.bytes();
    if (kind === 'config') decodeConfiguration(data);
    entries.push({ index: prevIndex + each, term: entryTerm, kind, data });
  }
  if (!Number.isSafeInteger(prevIndex + count)) reader.fail('an index above 2^53');
  return { type: 'append', term, prevIndex, prevTerm, commit, probe, entries };
}

function readSnapshot(reader: Reader, term: number): SnapshotChunk {
  const meta: SnapshotMeta = { index: reader.count(), term: reader.count(), config: reader.bytes() };
  decodeConfiguration(meta.config);
  if (meta.index === 0 || meta.term > term) reader.fail(`a snapshot at ${meta.index} of term ${meta.term}, in ${term}`);
  const sequence = reader.count();
  const checksum = reader.flag() ? reader.word() : null;
  return { type: 'snapshot', term, meta, sequence, checksum, data: reader.bytes() };
}

/** Whether `error` says that a frame was no message. */
export function isBadMessage(error: unknown): error is LicError {
  return error instanceof LicError && error.code === 'BAD_PEER_MESSAGE';
}
