import { LicError } from '@lic/interfaces';

/** Length of an id or incarnation at most, in bytes: an identity key may be an RSA one. */
export const TEXT_BYTES_MAX = 1024;

/** Reads the fields of one frame. Every method throws `BAD_PEER_MESSAGE` where the frame does not hold what is asked for. */
export class Reader {
  readonly #frame: Buffer;
  #at = 0;

  constructor(frame: Uint8Array) {
    this.#frame = Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength);
  }

  /** Refuses the frame. */
  fail(what: string): never {
    throw new LicError('BAD_PEER_MESSAGE', `A peer's frame can't be read at byte ${this.#at}: ${what}.`);
  }

  /** One byte. */
  byte(): number {
    const value = this.#frame[this.#at];
    if (value === undefined) this.fail('the frame ends early');
    this.#at += 1;
    return value;
  }

  /** One byte that must have this value. */
  expectByte(expected: number, name: string): void {
    const value = this.byte();
    if (value !== expected) this.fail(`${name} is ${value}, expected ${expected}`);
  }

  /** A byte that is 0 or 1. */
  flag(): boolean {
    const value = this.byte();
    if (value > 1) this.fail(`a flag is ${value}, expected 0 or 1`);
    return value === 1;
  }

  /** A non-negative safe integer. */
  count(): number {
    let value = 0;
    let scale = 1;
    for (let each = 0; each < 8; each += 1) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (!Number.isSafeInteger(value)) this.fail('a number above 2^53');
        return value;
      }
      scale *= 128;
    }
    return this.fail('a number of more than 8 bytes');
  }

  /** A 32-bit unsigned integer. */
  word(): number {
    if (this.#at + 4 > this.#frame.length) this.fail('the frame ends early');
    const value = this.#frame.readUInt32LE(this.#at);
    this.#at += 4;
    return value;
  }

  /** Text of at most {@link TEXT_BYTES_MAX} bytes. */
  text(): string {
    const bytes = this.count();
    if (bytes > TEXT_BYTES_MAX) this.fail(`a text of ${bytes} bytes, expected at most ${TEXT_BYTES_MAX}`);
    if (this.#at + bytes > this.#frame.length) this.fail('the frame ends early');
    const value = this.#frame.toString('utf8', this.#at, this.#at + bytes);
    this.#at += bytes;
    return value;
  }

  /** Bytes: a view into the frame, not a copy. */
  bytes(): Uint8Array {
    const count = this.count();
    if (this.#at + count > this.#frame.length) this.fail('the frame ends early');
    const value = this.#frame.subarray(this.#at, this.#at + count);
    this.#at += count;
    return value;
  }

  /** Bytes that are left. */
  get rest(): number {
    return this.#frame.length - this.#at;
  }

  /** Asserts that nothing is left. */
  end(): void {
    if (this.rest > 0) this.fail(`${this.rest} bytes too many`);
  }
}
