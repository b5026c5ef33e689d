import { join } from 'node:path';
import type { LogWrite, Vote } from '@lic/interfaces';
import { type FileSystem, type OpenFile, syncFile, WriteFailure, writeFully } from './file-system.ts';
import type { LogTail, UsedSegment } from './log-recovery.ts';
import { payloadBytesMax, RecordEncoder, recordBytes, recordHeaderBytes } from './record-format.ts';
import { SegmentFiles, segmentName } from './segment-files.ts';
import { encodeSegmentHeader, segmentHeaderBytes, votedForCharactersMax } from './segment-header.ts';
import { sealOffset } from './segment-scan.ts';
import { FinalFailure, storeGap, storeMisuse } from './store-errors.ts';

/** Where a log begins and ends, and its term and vote: what each write changes. */
export interface LogState {
  readonly vote: Vote;
  /** The entry before the first that is kept. */
  readonly baseIndex: number;
  readonly lastIndex: number;
  readonly lastTerm: number;
}

/** What {@link LogWriter} begins with. */
export interface LogWriterStart {
  readonly fileSystem: FileSystem;
  readonly directory: string;
  readonly segmentBytes: number;
  readonly state: LogState;
  readonly segments: readonly UsedSegment[];
  readonly tail: LogTail | undefined;
  readonly preparedSegment: number | undefined;
}

interface CurrentSegment {
  readonly number: number;
  readonly file: OpenFile;
  readonly sizeBytes: number;
  /** Where the next batch goes. */
  offset: number;
  chain: number;
  /** No batch was synced in it yet: the next one goes with the header. */
  isFresh: boolean;
  isSealed: boolean;
}

/** Appends batches: one write and one sync each. One call at a time; what a call throws is the file system's, or `STORE_GAP`. */
export class LogWriter {
  #state: LogState;
  readonly #files: SegmentFiles;
  readonly #encoder = new RecordEncoder();
  #segments: UsedSegment[];
  #current: CurrentSegment | undefined;
  #batch: number;

  private constructor(start: LogWriterStart, current: CurrentSegment | undefined) {
    this.#state = start.state;
    this.#files = new SegmentFiles(start.fileSystem, start.directory, start.segmentBytes);
    this.#segments = start.segments.map((segment) => ({ ...segment }));
    this.#current = current;
    this.#batch = start.tail?.batch ?? 0;
    this.#files.prepare((start.tail?.segment ?? 0) + 1, start.preparedSegment !== undefined);
  }

  static async begin(start: LogWriterStart): Promise<LogWriter> {
    const { fileSystem, directory, tail } = start;
    if (tail === undefined) return new LogWriter(start, undefined);
    const file = await fileSystem.open(join(directory, segmentName(tail.segment)), 'update');
    const { segment: number, sizeBytes, offset, chain, isSealed } = tail;
    return new LogWriter(start, { number, file, sizeBytes, offset, chain, isFresh: false, isSealed });
  }

  get state(): LogState {
    return this.#state;
  }

  /** Whether the last batch was not sealed yet. */
  get isUnsealed(): boolean {
    return this.#current?.isFresh === false && !this.#current.isSealed;
  }

  /** Throws `STORE_GAP` where `write` can't follow on `state`, `STORE_MISUSE` where it is too large; else answers what comes of it. */
  plan(state: LogState, { vote, entries = [] }: LogWrite): LogState {
    let [from, next] = [state.baseIndex + 1, state.lastIndex + 1];
    for (const { index, data } of entries) {
      if (!(index >= from && index <= next)) throw storeGap(index, from, next);
      if (data.byteLength > payloadBytesMax)
        throw storeMisuse(`Entry ${index} has ${data.byteLength} bytes; at most ${payloadBytesMax} are kept.`);
      from = next = index + 1;
    }
    if ((vote?.votedFor?.length ?? 0) > votedForCharactersMax)
      throw storeMisuse(`A member's name has at most ${votedForCharactersMax} characters.`);
    const last = entries.at(-1);
    return {
      vote: vote ?? state.vote,
      baseIndex: state.baseIndex,
      lastIndex: last?.index ?? state.lastIndex,
      lastTerm: last?.term ?? state.lastTerm,
    };
  }

  /** Makes all writes durable, which were planned one on the other, with `after` as what comes of them. */
  async append(writes: readonly LogWrite[], after: LogState): Promise<void> {
    const bytes = writes.reduce((sum, write) => sum + bytesOfWrite(write), recordHeaderBytes);
    await this.#commit(bytes, false, (encoder) => {
      for (const { vote, entries = [] } of writes) {
        if (vote !== undefined) encoder.vote(vote);
        for (const entry of entries) encoder.entry(entry);
      }
    });
    for (const { entries = [] } of writes) {
      const first = entries[0];
      if (first !== undefined) this.#note(first.index, first.index + entries.length - 1);
    }
    this.#state = after;
  }

  /** Begins the log anew behind an entry; what was before is removed. */
  async reset(index: number, term: number): Promise<void> {
    const before = this.#state;
    this.#state = { ...before, baseIndex: index, lastIndex: index, lastTerm: term };
    try {
      await this.#commit(recordHeaderBytes, true, () => {});
    } catch (error) {
      this.#state = before;
      throw error;
    }
    await this.#remove(this.#segments.splice(0, this.#segments.length - 1));
  }

  /** Removes segments all of whose entries are at most `throughIndex`. */
  async compact(throughIndex: number): Promise<void> {
    const kept = this.#segments.findIndex(
      ({ lastIndex }, at) => lastIndex > throughIndex || at === this.#segments.length - 1,
    );
    const dropped = this.#segments.splice(0, Math.max(0, kept));
    const baseIndex = Math.max(this.#state.baseIndex, ...dropped.map(({ lastIndex }) => lastIndex));
    this.#state = { ...this.#state, baseIndex };
    await this.#remove(dropped);
  }

  /** Writes down that the last batch was synced. Without `sync` it reaches the disk when the system sees fit. */
  async seal(sync: boolean): Promise<void> {
    const current = this.#current;
    if (current === undefined || !this.isUnsealed) return;
    const at = sealOffset(current.offset, current.sizeBytes);
    this.#encoder.begin(recordHeaderBytes, 0);
    this.#encoder.seal(this.#batch, current.number);
    await writeFully(current.file, this.#encoder.bytes, this.#encoder.lengthBytes, at);
    if (sync) await current.file.sync();
    current.isSealed = true;
  }

  /** Closes its files. Nothing may be in progress. */
  async close(): Promise<void> {
    await this.#files.stop();
    await this.#current?.file.close();
    this.#current = undefined;
  }

  /** Goes to a new segment where the batch does not fit, or must not be, in the current one. */
  async #advance(bytes: number, mustBeFresh: boolean): Promise<void> {
    const current = this.#current;
    // The seal must fit, too.
    const neededBytes = bytes + recordHeaderBytes;
    if (current?.isFresh) {
      // Numbers have no gaps, so this one is used whatever the batch.
      const large = await this.#files.extend(current, segmentHeaderBytes + neededBytes);
      this.#current = { ...current, sizeBytes: large.sizeBytes };
      return;
    }
    if (current !== undefined && !mustBeFresh && current.offset + neededBytes <= current.sizeBytes) return;
    const ready = await this.#files.take(segmentHeaderBytes + neededBytes);
    await current?.file.close();
    this.#current = {
      ...ready,
      offset: segmentHeaderBytes,
      chain: current?.chain ?? 0,
      isFresh: true,
      isSealed: false,
    };
    this.#files.prepare(ready.number + 1);
  }

  async #commit(bytes: number, isReset: boolean, encode: (encoder: RecordEncoder) => void): Promise<void> {
    await this.#advance(bytes, isReset);
    const current = this.#current as CurrentSegment;
    const encoder = this.#encoder;
    const start = current.isFresh ? 0 : current.offset;
    encoder.begin(current.offset - start + bytes, current.offset - start);
    encoder.chainTo(current.isFresh ? this.#encodeHeader(current, isReset) : current.chain);
    encode(encoder);
    encoder.footer(this.#batch + 1, current.number);
    const chain = encoder.crc;
    const end = start + encoder.lengthBytes;
    // The footer comes last, so what a failed or torn write leaves is no batch; the next one goes over it.
    await writeFully(current.file, encoder.bytes, encoder.lengthBytes, start).catch((error: unknown) => {
      throw lacksZerosOnly(encoder, error) ? new FinalFailure(error) : error;
    });
    await syncFile(current.file);
    this.#batch++;
    if (current.isFresh) this.#segments.push({ number: current.number, lastIndex: 0 });
    Object.assign(current, { offset: end, chain, isFresh: false, isSealed: false });
  }

  #encodeHeader(current: CurrentSegment, isReset: boolean): number {
    const { vote, lastIndex, lastTerm } = this.#state;
    return encodeSegmentHeader(this.#encoder.bytes, {
      segment: current.number,
      sizeBytes: current.sizeBytes,
      batch: this.#batch,
      chain: current.chain,
      lastIndex,
      lastTerm,
      isReset,
      vote,
    });
  }

  /** Entries `from` to `to` are in the current segment now, and replace those in earlier ones. */
  #note(from: number, to: number): void {
    for (const segment of this.#segments) segment.lastIndex = Math.min(segment.lastIndex, from - 1);
    const last = this.#segments.at(-1);
    if (last !== undefined) last.lastIndex = to;
  }

  #remove(segments: readonly UsedSegment[]): Promise<void> {
    return this.#files.remove(segments.map(({ number }) => number));
  }
}

/** Whether the batch stands there although its write failed: the file was full of zeros before. */
function lacksZerosOnly({ bytes, lengthBytes }: RecordEncoder, error: unknown): boolean {
  return error instanceof WriteFailure && bytes.subarray(error.doneBytes, lengthBytes).every((byte) => byte === 0);
}

/** How many bytes a write takes in a batch, at most. */
export function bytesOfWrite({ vote, entries = [] }: LogWrite): number {
  // A UTF-16 code unit is at most three bytes of UTF-8.
  let bytes = vote === undefined ? 0 : recordBytes(3 * (vote.votedFor?.length ?? 0));
  for (const { data } of entries) bytes += recordBytes(data.byteLength);
  return bytes;
}
