import type { RecordSink } from './record-sink.ts';

/**
 * Hashes one record into 128 bits: four lanes of 32 that see the same words with different constants (MurmurHash3's
 * rounds) and are mixed at the end. Not cryptographic: it finds servers that differ by mistake, not by intent (I9).
 * Allocates nothing.
 */
export class RecordHash implements RecordSink {
  lane0 = 0;
  lane1 = 0;
  lane2 = 0;
  lane3 = 0;
  #words = 0;

  begin(): void {
    this.lane0 = 0x2bd1e995;
    this.lane1 = 0x1b873593;
    this.lane2 = 0x38b34ae5;
    this.lane3 = 0x239b961b;
    this.#words = 0;
  }

  uint(value: number): void {
    // Always both halves: with one where the value is small, two sequences of numbers could read the same.
    this.#word(value | 0);
    this.#word((value / 0x1_0000_0000) | 0);
  }

  name(value: string): void {
    this.text(value);
  }

  text(value: string): void {
    const length = value.length;
    this.#word(length);
    let i = 0;
    for (; i + 1 < length; i += 2) this.#word(value.charCodeAt(i) | (value.charCodeAt(i + 1) << 16));
    if (i < length) this.#word(value.charCodeAt(i));
  }

  end(): void {
    const sum = (this.lane0 + this.lane1 + this.lane2 + this.lane3) | 0;
    this.lane0 = finish(this.lane0 ^ this.#words ^ Math.imul(sum, 0x85ebca6b));
    this.lane1 = finish(this.lane1 ^ this.lane0);
    this.lane2 = finish(this.lane2 ^ this.lane1);
    this.lane3 = finish(this.lane3 ^ this.lane2);
  }

  #word(word: number): void {
    this.lane0 = turn(this.lane0 ^ turn(word, 0x9e3779b1, 15), 0x85ebca77, 13);
    this.lane1 = turn(this.lane1 ^ turn(word, 0x239b961b, 16), 0xc2b2ae3d, 17);
    this.lane2 = turn(this.lane2 ^ turn(word, 0xab0e9789, 17), 0x27d4eb2f, 19);
    this.lane3 = turn(this.lane3 ^ turn(word, 0xa1e38b93, 18), 0x165667b1, 11);
    this.#words = (this.#words + 1) | 0;
  }
}

/** The sum over a set of records, each lane for itself: adding and taking away are exact, and their order does not matter. */
export class MultisetHash {
  #sum0 = 0;
  #sum1 = 0;
  #sum2 = 0;
  #sum3 = 0;

  add(hash: RecordHash): void {
    this.#sum0 = (this.#sum0 + hash.lane0) | 0;
    this.#sum1 = (this.#sum1 + hash.lane1) | 0;
    this.#sum2 = (this.#sum2 + hash.lane2) | 0;
    this.#sum3 = (this.#sum3 + hash.lane3) | 0;
  }

  subtract(hash: RecordHash): void {
    this.#sum0 = (this.#sum0 - hash.lane0) | 0;
    this.#sum1 = (this.#sum1 - hash.lane1) | 0;
    this.#sum2 = (this.#sum2 - hash.lane2) | 0;
    this.#sum3 = (this.#sum3 - hash.lane3) | 0;
  }

  /** 32 lower-case hexadecimal digits: the sum with one more hash, which the sum itself does not take up. */
  hexWith(hash: RecordHash): string {
    return (
      hex(this.#sum0 + hash.lane0) +
      hex(this.#sum1 + hash.lane1) +
      hex(this.#sum2 + hash.lane2) +
      hex(this.#sum3 + hash.lane3)
    );
  }
}

function turn(value: number, factor: number, bits: number): number {
  const product = Math.imul(value, factor);
  // Plus a constant, so that words of zeros are not lost on a lane that is zero.
  return (((product << bits) | (product >>> (32 - bits))) + 0x52dce729) | 0;
}

function finish(value: number): number {
  let mixed = value;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}

function hex(lane: number): string {
  return (lane >>> 0).toString(16).padStart(8, '0');
}
