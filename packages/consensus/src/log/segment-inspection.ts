import type { LogEntry } from '@lic/interfaces';
import { decodeRecord, recordHeaderBytes, sizeOfRecord } from './record-format.ts';
import { decodeSegmentHeader, segmentHeaderBytes } from './segment-header.ts';

/** What the bytes of a segment file say: whole batches only. */
export interface SegmentInspection {
  readonly number: number;
  /** The entry before the first; nothing before this segment counts where `isReset`. */
  readonly baseIndex: number;
  readonly isReset: boolean;
  /** Entries as they were written: one with an index that came before replaces that one and all after it. */
  readonly entries: readonly LogEntry[];
  /** Behind the last whole batch; the number of that batch, and where it begins. */
  readonly offset: number;
  readonly batch: number;
  readonly lastBatchOffset: number;
  /** CRC of the last footer: what the next batch is chained to. */
  readonly chain: number;
}

/**
 * Reads a segment that lies in memory, without changing it: for tools and simulations that look at a log from outside. With `from`, an
 * earlier answer about the same segment, only the batches behind it are read and answered. Undefined where no valid header stands.
 */
export function inspectSegment(bytes: Uint8Array, from?: SegmentInspection): SegmentInspection | undefined {
  const begun = from ?? beginning(bytes);
  if (begun === undefined) return undefined;
  // Decoding marks what was read.
  const rest = bytes.slice(begun.offset);
  const view = new DataView(rest.buffer, rest.byteOffset, rest.byteLength);
  const entries: LogEntry[] = [];
  let { offset, batch, lastBatchOffset, chain } = begun;
  let counted = 0;
  let at = 0;
  let crc = chain;
  while (at + recordHeaderBytes <= rest.byteLength) {
    const size = sizeOfRecord(view, at);
    if (size === undefined || at + size > rest.byteLength) break;
    const record = decodeRecord(rest, view, at, size, crc);
    if (record === undefined) break;
    at += size;
    crc = record.crc;
    if (record.type === 'entry') entries.push(record.entry);
    if (record.type !== 'footer') continue;
    if (record.batch !== batch + 1) break;
    lastBatchOffset = offset;
    offset = begun.offset + at;
    batch = record.batch;
    chain = crc;
    counted = entries.length;
  }
  entries.length = counted;
  return { ...begun, entries, offset, batch, lastBatchOffset, chain };
}

function beginning(bytes: Uint8Array): SegmentInspection | undefined {
  const decoded = decodeSegmentHeader(bytes.subarray(0, segmentHeaderBytes));
  if (decoded === undefined || 'unknownVersion' in decoded) return undefined;
  const { segment: number, lastIndex: baseIndex, isReset, batch } = decoded.header;
  const offset = segmentHeaderBytes;
  return { number, baseIndex, isReset, entries: [], offset, batch, lastBatchOffset: offset, chain: decoded.crc };
}
