/** Writes the fields of one frame behind each other, into a buffer whose size the caller knows to suffice. */
export class Writer {
  readonly #buffer: Buffer;
  #at = 0;

  constructor(bytesMax: number) {
    this.#buffer = Buffer.allocUnsafe(bytesMax);
  }

  /** One byte, 0 – 255. */
  byte(value: number): void {
    this.#buffer[this.#at++] = value;
  }

  /** A non-negative safe integer, seven bits per byte, lowest first. At most 8 bytes. */
  count(value: number): void {
    let rest = value;
    while (rest > 0x7fffffff) {
      this.#buffer[this.#at++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    while (rest > 0x7f) {
      this.#buffer[this.#at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#buffer[this.#at++] = rest;
  }

  /** A 32-bit unsigned integer. */
  word(value: number): void {
    this.#at = this.#buffer.writeUInt32LE(value, this.#at);
  }

  /** UTF-8 text behind its length in bytes. */
  text(value: string): void {
    const bytes = Buffer.byteLength(value);
    this.count(bytes);
    this.#at += this.#buffer.write(value, this.#at);
  }

  /** Bytes behind their length. */
  bytes(value: Uint8Array): void {
    this.count(value.length);
    this.#buffer.set(value, this.#at);
    this.#at += value.length;
  }

  /** What was written. */
  finish(): Uint8Array {
    if (this.#at > this.#buffer.length) throw new RangeError(`a frame of ${this.#at} bytes in ${this.#buffer.length}`);
    return this.#buffer.subarray(0, this.#at);
  }
}
