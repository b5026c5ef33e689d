/** A repeatable stream of random numbers: xoshiro128**, seeded through splitmix32. Not for keys outside simulations. */
export interface SeededRandom {
  /** An integer from 0 to 2^32 - 1. */
  uint32(): number;
  /** A number from 0 up to, not including, 1. */
  float(): number;
  /** An integer from `min` to `max`, both included. */
  between(min: number, max: number): number;
  /** True with the given probability (0 – 1). */
  chance(probability: number): boolean;
  /** One of the items. Throws where there is none. */
  pick<Item>(items: readonly Item[]): Item;
  bytes(byteCount: number): Uint8Array;
  /** An independent stream that depends on this one's seed and `name` only, not on what was drawn. */
  fork(name: string): SeededRandom;
}

/** Makes the stream that belongs to `seed`: a number or any text. */
export function seededRandom(seed: number | string): SeededRandom {
  const text = String(seed);
  let mix = hashText(text);
  const next = (): number => {
    mix = (mix + 0x9e3779b9) | 0;
    let z = mix;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return (z ^ (z >>> 16)) >>> 0;
  };
  let [a, b, c, d] = [next(), next(), next(), next()];
  const uint32 = (): number => {
    const scrambled = Math.imul(rotateLeft(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotateLeft(d, 11);
    return scrambled;
  };
  const float = (): number => uint32() / 2 ** 32;
  const between = (min: number, max: number): number => min + Math.floor(float() * (max - min + 1));
  return {
    uint32,
    float,
    between,
    chance: (probability) => float() < probability,
    pick(items) {
      if (items.length === 0) throw new RangeError('pick: there is nothing to pick from');
      return items[between(0, items.length - 1)] as (typeof items)[number];
    },
    bytes(byteCount) {
      const bytes = new Uint8Array(byteCount);
      for (let at = 0; at < byteCount; at++) bytes[at] = uint32() >>> 24;
      return bytes;
    },
    fork: (name) => seededRandom(`${text}/${name}`),
  };
}

function rotateLeft(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

/** FNV-1a over UTF-16 code units. */
function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash;
}
