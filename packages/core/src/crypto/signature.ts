import { isLicError, type SignatureScheme } from '@lic/interfaces';
import { ed25519Scheme, rsaPssScheme, sha256Hex } from '#crypto';
import { decodeBase64url } from './base64.ts';
import { cached } from './key-cache.ts';
import { algOf, publicKeyFromPem, type SignatureAlg } from './public-key.ts';

/** Hexadecimal digits of a key id. */
const keyIdChars = 16;

/**
 * The scheme of an algorithm, or of a public key's text.
 *
 * @throws `KEY_INVALID` for anything else.
 */
export const schemeFor = (algOrPublicKey: string): SignatureScheme => {
  const alg = algOrPublicKey === 'Ed25519' || algOrPublicKey === 'RSA-PSS' ? algOrPublicKey : algOf(algOrPublicKey);
  return alg === 'Ed25519' ? ed25519Scheme : rsaPssScheme;
};

/**
 * The scheme that a private key is for.
 *
 * @throws `KEY_INVALID` where it is no PKCS#8 PEM of either.
 */
export const schemeForPrivateKey = async (privateKeyPem: string): Promise<SignatureScheme> => {
  const isEd25519 = await ed25519Scheme.publicKeyOf(privateKeyPem).then(
    () => true,
    () => false,
  );
  if (isEd25519) return ed25519Scheme;
  await rsaPssScheme.publicKeyOf(privateKeyPem);
  return rsaPssScheme;
};

/** A short name for a public key: the first 16 hexadecimal digits of SHA-256 over its text. It tells keys apart, and proves nothing. */
export const keyIdOf = (publicKey: string): string => sha256Hex(publicKey).slice(0, keyIdChars);

const keyTextOf = cached(publicKeyFromPem);

/**
 * Whether `signature` is that of `publicKeyPem`'s private key over `message`.
 *
 * @param alg `Ed25519` (RFC 8032), or `RSA-PSS` (RFC 8017) with SHA-256, MGF1 with SHA-256 and a salt of 32 bytes.
 * @param publicKeyPem SubjectPublicKeyInfo in PEM.
 * @param message Bytes, or a string that stands for its UTF-8.
 * @param signature Bytes, or base64url without padding, as in a license.
 * @returns `false`, never a throw, for whatever is wrong: the signature, the key, a key of another algorithm.
 * @throws `CRYPTO_UNSUPPORTED` in a browser that can't do `alg`: that says nothing about the signature.
 */
export const verifySignature = async (
  alg: SignatureAlg,
  publicKeyPem: string,
  message: Uint8Array | string,
  signature: Uint8Array | string,
): Promise<boolean> => {
  try {
    const signatureBytes = typeof signature === 'string' ? decodeBase64url(signature) : signature;
    const messageBytes = typeof message === 'string' ? new TextEncoder().encode(message) : message;
    return (
      signatureBytes !== null && (await schemeFor(alg).verify(keyTextOf(publicKeyPem), messageBytes, signatureBytes))
    );
  } catch (error) {
    if (isLicError(error, 'CRYPTO_UNSUPPORTED')) throw error;
    return false;
  }
};
