import { join } from 'node:path';
import type { LogEntry, StoreDamage, Vote } from '@lic/interfaces';
import { type FileSystem, isUnreadable, type OpenFile, type ReadFailure, readFully } from './file-system.ts';
import { segmentName } from './segment-files.ts';
import { decodeSegmentHeader, formatVersion, type SegmentHeader, segmentHeaderBytes } from './segment-header.ts';
import { type BatchRecord, type SegmentEnd, type SegmentRest, scanBatches, surveyRest } from './segment-scan.ts';
import { storeVersion } from './store-errors.ts';
import { settleTail } from './tail-settling.ts';

/** A segment that holds part of the log, with the highest index of an entry in it that was not replaced since. */
export interface UsedSegment {
  readonly number: number;
  lastIndex: number;
}

/** Where the log goes on. */
export interface LogTail {
  readonly segment: number;
  readonly sizeBytes: number;
  readonly offset: number;
  readonly batch: number;
  readonly chain: number;
  readonly isSealed: boolean;
}

/** What the segments hold. */
export interface RecoveredLog {
  readonly vote: Vote;
  /** The entry before the first. Its term is unknown where it was replaced and then compacted. */
  readonly base: { readonly index: number; readonly term: number | undefined };
  readonly entries: LogEntry[];
  readonly damage: StoreDamage | undefined;
  /** Ascending; the log goes on in the last. */
  readonly segments: readonly UsedSegment[];
  /** Undefined where nothing was ever written. */
  readonly tail: LogTail | undefined;
  /** A segment behind the tail that was prepared but never used. */
  readonly preparedSegment: number | undefined;
  /** Segments that hold nothing any more. */
  readonly obsolete: readonly number[];
}

/** A segment's file, opened to be read. */
interface Candidate {
  readonly number: number;
  readonly name: string;
  readonly file: OpenFile;
  readonly sizeBytes: number;
  readonly header: SegmentHeader | undefined;
  readonly crc: number;
  /** Whether its header is valid but another segment's. */
  readonly isMisplaced: boolean;
  /** Where its header can't be read. */
  readonly unreadable: ReadFailure | undefined;
}

/**
 * Reads all segments in the order of their numbers, and tells the end of the log from damage: a batch that is not valid is a torn
 * tail, and is cut, unless something behind it (the footer of the batch after it, a seal, the header of the next segment) proves that it
 * had been synced. What is kept of the tail is durable when this resolves. Throws `STORE_VERSION`.
 */
export async function recoverLog(
  fileSystem: FileSystem,
  directory: string,
  numbers: readonly number[],
): Promise<RecoveredLog> {
  const lastRun = numbers.findLastIndex((number, position) => position === 0 || numbers[position - 1] !== number - 1);
  const candidates: Candidate[] = [];
  try {
    for (const number of numbers.slice(Math.max(0, lastRun)))
      candidates.push(await openCandidate(fileSystem, directory, number));
    const recovery = new Recovery();
    await recovery.read(candidates);
    const { vote, base, entries, damage, segments } = recovery;
    let { tail, preparedSegment } = recovery;
    const source = candidates.find(({ number }) => number === tail?.segment)?.file;
    if (damage === undefined && tail !== undefined && source !== undefined && !tail.isSealed) {
      const { segment: number, sizeBytes, offset } = tail;
      // Not with another behind it, which a gap would take for all that is left.
      const spareSegment = recovery.obsolete.length === 0 ? preparedSegment : undefined;
      const settled = await settleTail(fileSystem, directory, { number, source, sizeBytes, offset, spareSegment });
      tail = { ...tail, sizeBytes: settled };
      if (spareSegment !== undefined) preparedSegment = undefined;
    }
    return {
      vote,
      base,
      entries,
      damage,
      segments,
      tail,
      preparedSegment,
      obsolete: [...numbers.slice(0, Math.max(0, lastRun)), ...recovery.obsolete],
    };
  } finally {
    for (const { file } of candidates) await file.close();
  }
}

async function openCandidate(fileSystem: FileSystem, directory: string, number: number): Promise<Candidate> {
  const name = segmentName(number);
  const file = await fileSystem.open(join(directory, name), 'read');
  const sizeBytes = await file.sizeBytes();
  const bytes = new Uint8Array(segmentHeaderBytes);
  let unreadable: ReadFailure | undefined;
  const count = await readFully(file, bytes, segmentHeaderBytes, 0).catch((error: unknown) => {
    if (!isUnreadable(error)) throw error;
    unreadable = error;
    return 0;
  });
  const decoded = decodeSegmentHeader(bytes.subarray(0, count));
  if (decoded !== undefined && 'unknownVersion' in decoded) {
    await file.close();
    throw storeVersion(join(directory, name), decoded.unknownVersion, formatVersion);
  }
  const header = decoded?.header.segment === number ? decoded.header : undefined;
  const isMisplaced = decoded !== undefined && header === undefined;
  return { number, name, file, sizeBytes, header, crc: decoded?.crc ?? 0, isMisplaced, unreadable };
}

class Recovery {
  vote: Vote = { term: 0, votedFor: null };
  base: RecoveredLog['base'] = { index: 0, term: 0 };
  entries: LogEntry[] = [];
  damage: StoreDamage | undefined;
  segments: UsedSegment[] = [];
  tail: LogTail | undefined;
  rest: SegmentRest | undefined;
  preparedSegment: number | undefined;
  obsolete: number[] = [];
  /** The file that is being read. */
  #reading = '';
  /** Where the segment broke that was read last. */
  #brokenFirstOffset = segmentHeaderBytes;

  /** What can't be read is damage: whether it was ever synced can't be told. */
  async read(candidates: readonly Candidate[]): Promise<void> {
    try {
      await this.#read(candidates);
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      this.damage = { file: this.#reading, offset: error.offset, what: `It can't be read: ${error.message}.` };
    }
  }

  async #read(candidates: readonly Candidate[]): Promise<void> {
    if (candidates.length === 0) return;
    let end: SegmentEnd | undefined;
    let position = 0;
    for (; position < candidates.length; position++) {
      const candidate = candidates[position] as Candidate;
      const { header, unreadable } = candidate;
      this.#reading = candidate.name;
      if (unreadable !== undefined) throw unreadable;
      if (header === undefined || isCutOff(candidate)) break;
      if (end !== undefined && (header.batch !== end.batch || header.chain !== end.chain)) break;
      const next: SegmentEnd = await this.#readSegment(candidate, header);
      if (this.damage !== undefined) return;
      this.#brokenFirstOffset = next.brokenOffset;
      // A header without a whole batch was never synced, and nothing counts that it says.
      if (next.batch === header.batch) break;
      end = next;
    }
    await this.#judge(candidates, position, end);
  }

  async #readSegment(candidate: Candidate, header: SegmentHeader): Promise<SegmentEnd> {
    const isFirst = this.segments.length === 0;
    let isBegun = false;
    let position = segmentHeaderBytes;
    const used: UsedSegment = { number: candidate.number, lastIndex: 0 };
    const from = { offset: segmentHeaderBytes, batch: header.batch, chain: candidate.crc };
    const end = await scanBatches(candidate.file, from, (records) => {
      if (!isBegun) {
        isBegun = true;
        this.segments.push(used);
        if (isFirst || header.isReset) {
          const isKnown = header.lastTerm > 0 || header.lastIndex === 0;
          this.base = { index: header.lastIndex, term: isKnown ? header.lastTerm : undefined };
          this.entries = [];
          for (const segment of this.segments) segment.lastIndex = 0;
        }
        if (isFirst) this.vote = header.vote;
      }
      for (const record of records) {
        if (!this.#apply(record, used))
          this.damage ??= {
            file: candidate.name,
            offset: position,
            what: `Entry ${record.type === 'entry' ? record.entry.index : 0} does not follow the one before it.`,
          };
        position += record.recordBytes;
      }
    });
    return end;
  }

  /** False where the entry would leave a gap, which no store writes. */
  #apply(record: BatchRecord, used: UsedSegment): boolean {
    if (record.type === 'vote') {
      this.vote = record.vote;
      return true;
    }
    const { index } = record.entry;
    // Entries that were replaced since stood in segments that have been compacted away.
    if (index <= this.base.index) {
      this.base = { index: index - 1, term: undefined };
      this.entries = [];
    }
    const position = index - this.base.index - 1;
    if (position > this.entries.length) return false;
    this.entries.length = position;
    for (const segment of this.segments) segment.lastIndex = Math.min(segment.lastIndex, index - 1);
    this.entries.push(record.entry);
    used.lastIndex = index;
    return true;
  }

  /** Whether what lies behind the last valid batch was ever synced. `stop` is the first candidate that could not be used. */
  async #judge(candidates: readonly Candidate[], stop: number, end: SegmentEnd | undefined): Promise<void> {
    const last = end === undefined ? undefined : candidates[stop - 1];
    const behind = candidates.slice(stop);
    const batch = end?.batch ?? 0;
    let proven = -1;
    if (last !== undefined && end !== undefined) {
      this.#reading = last.name;
      this.rest = await surveyRest(last.file, { number: last.number, offset: end.offset, batch });
      proven = this.rest.provenBatch;
    }
    for (const [position, { file, name, number, header, unreadable }] of behind.entries()) {
      this.#reading = name;
      if (unreadable !== undefined) throw unreadable;
      const rest = await surveyRest(file, { number, offset: 0, batch: -1 });
      proven = Math.max(proven, rest.provenBatch);
      if (position === 0 && !rest.isUsed) this.preparedSegment = number;
      else this.obsolete.push(number);
      if (header !== undefined && header.vote.term > this.vote.term) this.vote = header.vote;
    }
    // The one header that may stand there is that of a segment whose first batch was torn.
    const isForeign = behind.some(
      ({ header, isMisplaced }) =>
        isMisplaced || (header && (header.batch !== batch || header.chain !== (end?.chain ?? 0))),
    );
    const isHeadless = last === undefined && behind[0]?.number !== 1;
    if (proven > batch || isForeign || isHeadless || behind.some(isCutOff)) {
      this.damage = this.#describeDamage(last, end, behind);
    } else if (last !== undefined && end !== undefined) {
      const { offset, chain } = end;
      const isSealed = this.rest?.isSealed === true;
      this.tail = { segment: last.number, sizeBytes: last.sizeBytes, offset, batch, chain, isSealed };
    }
  }

  #describeDamage(last: Candidate | undefined, end: SegmentEnd | undefined, behind: readonly Candidate[]): StoreDamage {
    const short = behind.find(isCutOff);
    if (short !== undefined) {
      const expected = short.header === undefined ? `at least ${segmentHeaderBytes}` : `${short.header.sizeBytes}`;
      const what = `The file was cut off: it has ${short.sizeBytes} bytes instead of ${expected}.`;
      return { file: short.name, offset: short.sizeBytes, what };
    }
    const what = 'The record there had been synced and is not valid any more.';
    const next = behind[0];
    const isInLast = this.rest !== undefined && end !== undefined && !this.rest.isSealed && this.rest.isUsed;
    if (last !== undefined && end !== undefined && (isInLast || next?.header !== undefined || next === undefined))
      return { file: last.name, offset: end.brokenOffset, what };
    if (next?.header !== undefined) return { file: next.name, offset: this.#brokenFirstOffset, what };
    return {
      file: next?.name ?? '',
      offset: 0,
      what: 'The header of this segment is not valid, or the segment before it is gone.',
    };
  }
}

/** Segments get their name only once they are complete, so one that is too short was cut off. */
function isCutOff({ sizeBytes, header }: Candidate): boolean {
  return sizeBytes < (header?.sizeBytes ?? segmentHeaderBytes);
}
