const bits = 5;
const mask = 31;

/** Whole numbers below a bound, kept so that the next one is found without a look at each: in as many steps as the bound has digits to the base of 32. */
export class NumberSet {
  /** Bits of the numbers, then of the words below that are not 0, and so on up to a single word. */
  readonly #levels: Uint32Array[] = [];

  constructor(bound: number) {
    let words = bound;
    do {
      words = Math.ceil(words / (mask + 1));
      this.#levels.push(new Uint32Array(Math.max(1, words)));
    } while (words > 1);
  }

  add(number: number): void {
    let at = number;
    for (const words of this.#levels) {
      words[at >>> bits]! |= 1 << (at & mask);
      at >>>= bits;
    }
  }

  delete(number: number): void {
    let at = number;
    for (const words of this.#levels) {
      words[at >>> bits]! &= ~(1 << (at & mask));
      at >>>= bits;
      if (words[at] !== 0) return;
    }
  }

  /** The least number of the set that is not below `from`. */
  next(from: number): number | undefined {
    let at = from;
    let level = 0;
    for (;;) {
      const words = this.#levels[level];
      if (words === undefined) return undefined;
      const rest = (words[at >>> bits] ?? 0) & (-1 << (at & mask));
      if (rest !== 0) {
        at = (at & ~mask) + lowestBit(rest);
        break;
      }
      at = (at >>> bits) + 1;
      level++;
    }
    while (level-- > 0) at = (at << bits) + lowestBit(this.#levels[level]![at]!);
    return at;
  }
}

function lowestBit(word: number): number {
  return mask - Math.clz32(word & -word);
}
