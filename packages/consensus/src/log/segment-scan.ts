import { type OpenFile, readFully } from './file-system.ts';
import { decodeRecord, type LogRecord, provenBatch, recordHeaderBytes, sizeOfRecord } from './record-format.ts';

/** How much of a segment is in memory at a time; more only for a record that is larger. */
const windowBytes = 1_024 * 1_024;

/** Records as they are read; a batch counts only once its footer came. */
export type BatchRecord = Exclude<LogRecord, { readonly type: 'footer' }>;

/** Where the sequence of valid batches in a segment ends. */
export interface SegmentEnd {
  /** Behind the last valid batch. */
  readonly offset: number;
  /** Where the last valid batch begins; `offset` where there is none in this segment. */
  readonly lastBatchOffset: number;
  readonly batch: number;
  readonly chain: number;
  /** The first record that is not valid: `offset`, or inside the batch that begins there. */
  readonly brokenOffset: number;
}

/**
 * Reads a segment's batches from `offset` on, window by window, and hands each whole one over. Stops at the first record that is not
 * valid, which may be the end of the log, a torn tail or damage: see {@link surveyRest}.
 */
export async function scanBatches(
  file: OpenFile,
  from: { readonly offset: number; readonly batch: number; readonly chain: number },
  onBatch: (records: readonly BatchRecord[]) => void,
): Promise<SegmentEnd> {
  let bytes = new Uint8Array(windowBytes);
  let view = new DataView(bytes.buffer);
  let windowStart = from.offset;
  let windowEnd = from.offset;
  let { offset, batch, chain } = from;
  let lastBatchOffset = from.offset;
  let records: BatchRecord[] = [];
  let end = { offset, batch, chain };

  /** Has at least `neededBytes` from `offset` on in the window; false at the file's end. */
  const fill = async (neededBytes: number): Promise<boolean> => {
    if (bytes.byteLength < neededBytes) {
      bytes = new Uint8Array(neededBytes);
      view = new DataView(bytes.buffer);
    }
    windowStart = offset;
    windowEnd = offset + (await readFully(file, bytes, bytes.byteLength, offset));
    return windowEnd - offset >= neededBytes;
  };

  for (;;) {
    if (offset + recordHeaderBytes > windowEnd && !(await fill(recordHeaderBytes))) break;
    const size = sizeOfRecord(view, offset - windowStart);
    if (size === undefined) break;
    if (offset + size > windowEnd && !(await fill(size))) break;
    const record = decodeRecord(bytes, view, offset - windowStart, size, chain);
    if (record === undefined) break;
    offset += size;
    chain = record.crc;
    if (record.type !== 'footer') {
      records.push(record);
      continue;
    }
    if (record.batch !== batch + 1) {
      offset -= size;
      break;
    }
    onBatch(records);
    records = [];
    lastBatchOffset = end.offset;
    batch = record.batch;
    end = { offset, batch, chain };
  }
  return { ...end, lastBatchOffset, brokenOffset: offset };
}

/** What lies behind the last valid batch of a segment. */
export interface SegmentRest {
  /** Behind the last byte that is not zero; `offset` where all are. */
  readonly usedBytes: number;
  /** The newest batch that something there proves to have been synced; -1 where nothing does. */
  readonly provenBatch: number;
  /** Whether it begins with a seal of the last valid batch, and holds nothing else. */
  readonly isSealed: boolean;
}

/** Looks at everything from `offset` on: zeros, a seal, or the remains of a batch. */
export async function surveyRest(
  file: OpenFile,
  segment: { readonly number: number; readonly offset: number; readonly batch: number },
): Promise<SegmentRest> {
  const bytes = Buffer.alloc(windowBytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const zeros = Buffer.alloc(windowBytes);
  let usedBytes = segment.offset;
  let proven = -1;
  // Windows overlap by one mark, so that none is cut in two.
  for (let start = segment.offset; ; start += windowBytes - recordHeaderBytes) {
    const count = await readFully(file, bytes, windowBytes, start);
    if (count > 0 && bytes.compare(zeros, 0, count, 0, count) !== 0) {
      let last = count;
      while (bytes[last - 1] === 0) last--;
      usedBytes = Math.max(usedBytes, start + last);
      for (let at = 0; at + recordHeaderBytes <= count; at += 8) {
        proven = Math.max(proven, provenBatch(bytes, view, at, segment.number) ?? -1);
      }
    }
    if (count < windowBytes) break;
  }
  const sealBytes = Buffer.alloc(recordHeaderBytes);
  const hasSeal = (await readFully(file, sealBytes, recordHeaderBytes, segment.offset)) === recordHeaderBytes;
  const sealed = hasSeal
    ? provenBatch(sealBytes, new DataView(sealBytes.buffer, sealBytes.byteOffset), 0, segment.number)
    : undefined;
  return {
    usedBytes,
    provenBatch: proven,
    isSealed: sealed === segment.batch && usedBytes <= segment.offset + recordHeaderBytes,
  };
}
