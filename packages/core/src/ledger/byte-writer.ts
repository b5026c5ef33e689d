import type { RecordSink } from './record-sink.ts';

/** Names that a snapshot writes once and refers to from then on; more are written out each time. */
export const dictionaryNamesMax = 16_384;

const encoder = new TextEncoder();

/** Collects the bytes of one block. Names are interned over all blocks of the same writer. */
export class ByteWriter implements RecordSink {
  #bytes: Uint8Array;
  #length = 0;
  readonly #names = new Map<string, number>();

  constructor(capacityBytes: number) {
    this.#bytes = new Uint8Array(capacityBytes);
  }

  get length(): number {
    return this.#length;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  /** Seven bits per byte, the lowest first. */
  uint(value: number): void {
    this.#reserve(8);
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.#bytes[this.#length++] = (rest % 0x80) | 0x80;
    this.#bytes[this.#length++] = rest;
  }

  /** 0 and the text for a new name, its number from 1 for a known one. */
  name(value: string): void {
    const number = this.#names.get(value);
    if (number !== undefined) {
      this.uint(number);
      return;
    }
    this.uint(0);
    this.text(value);
    if (this.#names.size < dictionaryNamesMax) this.#names.set(value, this.#names.size + 1);
  }

  /** The length in UTF-8, then the bytes. */
  text(value: string): void {
    // A UTF-16 unit becomes at most three bytes. The length goes before, so the text is written where it fits for sure and moved.
    this.#reserve(8 + 3 * value.length);
    const { written } = encoder.encodeInto(value, this.#bytes.subarray(this.#length + 8));
    const from = this.#length + 8;
    this.uint(written);
    this.#bytes.copyWithin(this.#length, from, from + written);
    this.#length += written;
  }

  /** The block with its length before it (four bytes, the lowest first), as a copy; the writer is empty again. */
  take(): Uint8Array {
    const block = new Uint8Array(4 + this.#length);
    new DataView(block.buffer).setUint32(0, this.#length, true);
    block.set(this.#bytes.subarray(0, this.#length), 4);
    this.#length = 0;
    return block;
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    const grown = new Uint8Array(2 * (this.#length + bytes));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}
