import { crc32 } from 'node:zlib';
import type { LogEntry, Vote } from '@lic/interfaces';

/** A record's fixed part. Records begin at multiples of 8, the last bytes of a payload are padded with zeros. */
export const recordHeaderBytes = 32;
/** The largest payload; what claims more is damage. */
export const payloadBytesMax = 16 * 1_024 * 1_024;

const magic = 0x4c52;
/** Offsets in a record's fixed part. All integers are little-endian. */
const at = { magic: 0, type: 2, kind: 3, length: 4, crc: 8, ownCrc: 12, index: 16, term: 24 } as const;
const types = { entry: 1, vote: 2, footer: 3, seal: 4 } as const;
const kinds = ['command', 'noop', 'config'] as const satisfies readonly LogEntry['kind'][];
const text = { encoder: new TextEncoder(), decoder: new TextDecoder() };

/** A record as read. `recordBytes` includes padding, `crc` is what the next record's is chained to. */
export type LogRecord = { readonly recordBytes: number; readonly crc: number } & (
  | { readonly type: 'entry'; readonly entry: LogEntry }
  | { readonly type: 'vote'; readonly vote: Vote }
  /** Ends batch number `batch`. It was written only after the batch before had been synced. */
  | { readonly type: 'footer'; readonly batch: number }
);

/** How many bytes a record with such a payload takes. */
export function recordBytes(payloadBytes: number): number {
  return recordHeaderBytes + ((payloadBytes + 7) & ~7);
}

/** Writes a non-negative safe integer in 8 bytes. */
export function putInteger(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, value >>> 0, true);
  view.setUint32(offset + 4, Math.floor(value / 2 ** 32), true);
}

/** Reads what {@link putInteger} wrote; not a safe integer where the bytes are damaged. */
export function getInteger(view: DataView, offset: number): number {
  return view.getUint32(offset, true) + view.getUint32(offset + 4, true) * 2 ** 32;
}

/** Encodes records one behind the other into one buffer that is used again and again: one write for each batch. */
export class RecordEncoder {
  #bytes = new Uint8Array(0);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;
  #crc = 0;

  /** What was encoded; valid until the next `begin`. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  get lengthBytes(): number {
    return this.#length;
  }

  /** The CRC that the next record is chained to. */
  get crc(): number {
    return this.#crc;
  }

  /** Begins anew, with room for `roomBytes`, of which the first `skipBytes` are left to the caller; see {@link chainTo}. */
  begin(roomBytes: number, skipBytes: number): void {
    if (this.#bytes.byteLength < roomBytes) {
      this.#bytes = new Uint8Array(2 ** Math.ceil(Math.log2(Math.max(roomBytes, 65_536))));
      this.#view = new DataView(this.#bytes.buffer);
    }
    this.#length = skipBytes;
  }

  chainTo(crc: number): void {
    this.#crc = crc;
  }

  entry({ index, term, kind, data }: LogEntry): void {
    this.#record(types.entry, kinds.indexOf(kind), index, term, data);
  }

  vote({ term, votedFor }: Vote): void {
    this.#record(types.vote, votedFor === null ? 0 : 1, 0, term, text.encoder.encode(votedFor ?? ''));
  }

  footer(batch: number, segmentNumber: number): void {
    this.#mark(types.footer, batch, segmentNumber);
  }

  /** Says that `batch`, the last one, has been synced. The next batch is written over it. */
  seal(batch: number, segmentNumber: number): void {
    this.#mark(types.seal, batch, segmentNumber);
  }

  /** A footer or seal also carries a CRC of its own, so that it can be recognized behind damage. */
  #mark(type: number, batch: number, segmentNumber: number): void {
    const start = this.#length;
    this.#fixedPart(type, 0, batch, 0, 0);
    const own = crc32(this.#bytes.subarray(start, start + recordHeaderBytes), segmentNumber >>> 0);
    this.#view.setUint32(start + at.ownCrc, own, true);
    this.#finish(start, recordHeaderBytes);
  }

  #record(type: number, kind: number, index: number, term: number, payload: Uint8Array): void {
    const start = this.#length;
    const size = recordBytes(payload.byteLength);
    this.#fixedPart(type, kind, index, term, payload.byteLength);
    this.#bytes.set(payload, start + recordHeaderBytes);
    this.#bytes.fill(0, start + recordHeaderBytes + payload.byteLength, start + size);
    this.#finish(start, size);
  }

  #fixedPart(type: number, kind: number, index: number, term: number, payloadBytes: number): void {
    const view = this.#view;
    const start = this.#length;
    view.setUint16(start + at.magic, magic, true);
    view.setUint8(start + at.type, type);
    view.setUint8(start + at.kind, kind);
    view.setUint32(start + at.length, payloadBytes, true);
    view.setUint32(start + at.crc, 0, true);
    view.setUint32(start + at.ownCrc, 0, true);
    putInteger(view, start + at.index, index);
    putInteger(view, start + at.term, term);
  }

  #finish(start: number, size: number): void {
    this.#crc = crc32(this.#bytes.subarray(start, start + size), this.#crc);
    this.#view.setUint32(start + at.crc, this.#crc, true);
    this.#length = start + size;
  }
}

/**
 * The size of the record that begins at `offset`, padding included, as far as its fixed part can be believed; undefined where
 * no record begins there.
 */
export function sizeOfRecord(view: DataView, offset: number): number | undefined {
  if (view.getUint16(offset + at.magic, true) !== magic) return undefined;
  const payloadBytes = view.getUint32(offset + at.length, true);
  return payloadBytes > payloadBytesMax ? undefined : recordBytes(payloadBytes);
}

/**
 * Decodes the record of `size` bytes at `offset`, checked against the chain; undefined where it is damaged. An entry's
 * data is a view of `bytes`, for copies of many small ones take longer than all the rest.
 * The record's CRC field in `bytes` is zeroed.
 */
export function decodeRecord(
  bytes: Uint8Array,
  view: DataView,
  offset: number,
  size: number,
  chain: number,
): LogRecord | undefined {
  const crc = view.getUint32(offset + at.crc, true);
  view.setUint32(offset + at.crc, 0, true);
  if (crc32(bytes.subarray(offset, offset + size), chain) !== crc) return undefined;
  const index = getInteger(view, offset + at.index);
  const term = getInteger(view, offset + at.term);
  const kind = view.getUint8(offset + at.kind);
  const payloadStart = offset + recordHeaderBytes;
  const payloadEnd = payloadStart + view.getUint32(offset + at.length, true);
  switch (view.getUint8(offset + at.type)) {
    case types.entry: {
      const entryKind = kinds[kind];
      if (entryKind === undefined) return undefined;
      const entry = { index, term, kind: entryKind, data: bytes.subarray(payloadStart, payloadEnd) };
      return { type: 'entry', recordBytes: size, crc, entry };
    }
    case types.vote: {
      const votedFor = kind === 0 ? null : text.decoder.decode(bytes.subarray(payloadStart, payloadEnd));
      return { type: 'vote', recordBytes: size, crc, vote: { term, votedFor } };
    }
    case types.footer:
      return { type: 'footer', recordBytes: size, crc, batch: index };
    default:
      return undefined;
  }
}

/**
 * Which batch the mark at `offset` proves to have been synced, by its own CRC alone: a footer the batch before its own, a seal
 * its own. Undefined where there is no valid mark of segment `segmentNumber`.
 */
export function provenBatch(
  bytes: Uint8Array,
  view: DataView,
  offset: number,
  segmentNumber: number,
): number | undefined {
  if (view.getUint16(offset + at.magic, true) !== magic) return undefined;
  const type = view.getUint8(offset + at.type);
  if (type !== types.footer && type !== types.seal) return undefined;
  const own = view.getUint32(offset + at.ownCrc, true);
  const copy = bytes.slice(offset, offset + recordHeaderBytes);
  copy.fill(0, at.crc, at.ownCrc + 4);
  if (crc32(copy, segmentNumber >>> 0) !== own) return undefined;
  const batch = getInteger(view, offset + at.index);
  return type === types.seal ? batch : batch - 1;
}
