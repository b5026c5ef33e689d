import { LicError } from '@lic/interfaces';
import { derTag, writeElement } from './der.ts';
import { decodeHex } from './hex.ts';

/** Bits of a new RSA key: what NIST SP 800-57 holds good past 2030. */
export const rsaBitsGenerated = 3072;

/**
 * The PKCS#8 of an Ed25519 private key (RFC 8410, section 7).
 *
 * @param seed The 32 bytes that RFC 8032 calls the private key.
 * @throws `KEY_INVALID`.
 */
export const ed25519PrivateKeyDer = (seed: Uint8Array): Uint8Array<ArrayBuffer> => {
  if (seed.length !== 32) {
    throw new LicError('KEY_INVALID', `An Ed25519 seed has 32 bytes, got ${seed.length}.`);
  }
  return writeElement(
    derTag.sequence,
    writeElement(derTag.integer, Uint8Array.of(0)),
    writeElement(derTag.sequence, decodeHex('06032b6570')),
    writeElement(derTag.octetString, writeElement(derTag.octetString, seed)),
  );
};

/** The error for a private key that can't be used. What the key holds is not in it. */
export const notAPrivateKey = (expected: string, cause?: unknown): LicError =>
  new LicError('KEY_INVALID', `The private key is not usable: expected a PKCS#8 key for ${expected}.`, {
    cause,
    details: { expected },
  });

/** The error for a seed where none can be used. */
export const noSeedForRsa = (): LicError =>
  new LicError('KEY_INVALID', 'RSA keys are not made from a seed: leave it out, or use Ed25519.');
