import { decodeHex, encodeHex } from './hex.ts';

// Little-endian, as RFC 8032 writes numbers.
const fieldPrime = decodeHex('edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f');
const groupOrder = decodeHex('edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010');

/** The y coordinates of the eight points whose order divides 8. */
const smallOrder = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
]);

const isBelow = (bytes: Uint8Array, bound: Uint8Array): boolean => {
  for (let i = 31; i >= 0; i -= 1) {
    const difference = (bytes[i] ?? 0) - (bound[i] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
};

/**
 * Whether these 32 bytes may be a public key: a y coordinate in range, and no point of small order. Under such a key
 * anybody can make a signature that OpenSSL accepts for almost any message, though others refuse it: we refuse the key.
 */
export const isEd25519Key = (bytes: Uint8Array): boolean => {
  if (bytes.length !== 32) return false;
  const y = Uint8Array.from(bytes);
  y[31] = (y[31] ?? 0) & 0x7f;
  return isBelow(y, fieldPrime) && !smallOrder.has(encodeHex(y));
};

/**
 * Whether these 64 bytes may be a signature: S is below the group's order (RFC 8032, section 5.1.7). Without this check
 * S + order would be a second signature of the same message. OpenSSL checks it too; of a browser's library we don't know.
 */
export const isEd25519Signature = (bytes: Uint8Array): boolean =>
  bytes.length === 64 && isBelow(bytes.subarray(32), groupOrder);
