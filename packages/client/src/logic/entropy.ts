const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** Bytes that must be in stock before a step: more than any single step draws. */
export const entropyBytesMin = 256;

/** base64url without padding (RFC 4648, section 5). */
export function base64url(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 3) {
    const [a, b, c] = [bytes[at] as number, bytes[at + 1], bytes[at + 2]];
    text += alphabet[a >> 2];
    text += alphabet[((a & 3) << 4) | ((b ?? 0) >> 4)];
    if (b !== undefined) text += alphabet[((b & 15) << 2) | ((c ?? 0) >> 6)];
    if (c !== undefined) text += alphabet[c & 63];
  }
  return text;
}

/** A stock of random bytes that is filled from outside: the logic draws none of its own (architecture.md, Sans-IO). */
export class Entropy {
  #bytes = new Uint8Array(0);
  #at = 0;

  /** Bytes in stock. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  /** Replaces the stock. */
  fill(bytes: Uint8Array): void {
    this.#bytes = new Uint8Array(bytes);
    this.#at = 0;
  }

  /** 128 bits: a session's id, or a resume's. */
  id(): string {
    return base64url(this.#take(16));
  }

  /** 32 bytes: a session's secret. */
  secret(): string {
    return base64url(this.#take(32));
  }

  /** Evenly from 0 (included) to 1 (not included), in steps of 1/65536: for jitter. */
  fraction(): number {
    const [high, low] = this.#take(2);
    return ((high as number) * 256 + (low as number)) / 65_536;
  }

  #take(count: number): Uint8Array {
    if (this.left < count) throw new RangeError('The logic was stepped with too little entropy; see entropyBytesMin.');
    const taken = this.#bytes.subarray(this.#at, this.#at + count);
    this.#at += count;
    return taken;
  }
}
