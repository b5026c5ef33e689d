import { dictionaryNamesMax } from './byte-writer.ts';
import type { RecordSource } from './record-sink.ts';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Reads the blocks that a `ByteWriter` wrote, in their order. Throws `RangeError` or `TypeError` on anything else. */
export class ByteReader implements RecordSource {
  #block = new Uint8Array(0);
  #at = 0;
  readonly #names: string[] = [];

  /** Goes on to the next block. The one before must have been read to its end. */
  open(block: Uint8Array<ArrayBuffer>): void {
    if (!this.isAtEnd) throw new RangeError('a block with bytes left over');
    this.#block = block;
    this.#at = 0;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#block.length;
  }

  byte(): number {
    const byte = this.#block[this.#at];
    if (byte === undefined) throw new RangeError('a block that ends within a record');
    this.#at++;
    return byte;
  }

  uint(): number {
    let value = 0;
    for (let factor = 1; factor <= 2 ** 49; factor *= 0x80) {
      const byte = this.byte();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) break;
        return value;
      }
    }
    throw new RangeError('a number out of range');
  }

  name(): string {
    const number = this.uint();
    if (number > 0) {
      const known = this.#names[number - 1];
      if (known === undefined) throw new RangeError('a name that was not written before');
      return known;
    }
    const name = this.text();
    if (this.#names.length < dictionaryNamesMax) this.#names.push(name);
    return name;
  }

  text(): string {
    const length = this.uint();
    const end = this.#at + length;
    if (end > this.#block.length) throw new RangeError('a block that ends within a text');
    const text = decoder.decode(this.#block.subarray(this.#at, end));
    this.#at = end;
    return text;
  }
}
