import { type OpenFile, readFully } from './file-system.ts';
import { decodeRecord, type LogRecord, provenBatch, recordHeaderBytes, sizeOfRecord } from './record-format.ts';

/** How much of a segment is in memory at a time; more only for a record that is larger. */
const windowBytes = 1_024 * 1_024;
/** What a disk may lose at once, at most. */
const pageBytes = 4_096;

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
  const sizeBytes = await file.sizeBytes();
  let bytes = new Uint8Array(0);
  let view = new DataView(bytes.buffer);
  let windowStart = from.offset;
  let windowEnd = from.offset;
  let { offset, batch, chain } = from;
  let lastBatchOffset = from.offset;
  let records: BatchRecord[] = [];
  let end = { offset, batch, chain };

  /** Has at least `neededBytes` from `offset` on in a new window, since payloads are views of the old one; false at the file's end. */
  const fill = async (neededBytes: number): Promise<boolean> => {
    bytes = new Uint8Array(Math.max(neededBytes, Math.min(windowBytes, sizeBytes - offset)));
    view = new DataView(bytes.buffer);
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
  /** Whether any byte is not zero. */
  readonly isUsed: boolean;
  /** The newest batch that something there proves to have been synced; -1 where nothing does. */
  readonly provenBatch: number;
  /** Whether a seal of the last valid batch stands where it belongs. */
  readonly isSealed: boolean;
}

/**
 * Where the seal of a batch that ends at `offset` stands: in the next page, so that no single lost sector takes both, unless the segment
 * ends before.
 */
export function sealOffset(offset: number, segmentSizeBytes: number): number {
  const nextPage = Math.ceil(offset / pageBytes) * pageBytes;
  return nextPage + recordHeaderBytes <= segmentSizeBytes ? nextPage : offset;
}

/** Looks at everything from `offset` on: zeros, a seal, or the remains of a batch. */
export async function surveyRest(
  file: OpenFile,
  segment: { readonly number: number; readonly offset: number; readonly batch: number },
): Promise<SegmentRest> {
  const { number, offset, batch } = segment;
  const sizeBytes = await file.sizeBytes();
  // One byte more than there is, so that a short file is read in one go.
  const bytes = Buffer.alloc(Math.max(recordHeaderBytes, Math.min(windowBytes, sizeBytes - offset + 1)));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const zeros = Buffer.alloc(bytes.byteLength);
  const seal = sealOffset(offset, sizeBytes);
  let isSealed = false;
  let isUsed = false;
  let proven = -1;
  // Windows overlap by one mark, so that none is cut in two.
  for (let start = offset; ; start += bytes.byteLength - recordHeaderBytes) {
    const count = await readFully(file, bytes, bytes.byteLength, start);
    if (bytes.compare(zeros, 0, count, 0, count) !== 0) {
      isUsed = true;
      for (let at = 0; at + recordHeaderBytes <= count; at += 8) {
        const proof = provenBatch(bytes, view, at, number) ?? -1;
        proven = Math.max(proven, proof);
        if (start + at === seal && proof === batch) isSealed = true;
      }
    }
    if (count < bytes.byteLength) break;
  }
  return { isUsed, provenBatch: proven, isSealed };
}
