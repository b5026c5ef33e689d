import { LicError, type SignatureScheme } from '@lic/interfaces';
import { decodeBase64url, encodeBase64url } from './base64.ts';
import { derTag, readElements, writeElement } from './der.ts';
import { isEd25519Key } from './ed25519-range.ts';
import { decodeHex, encodeHex } from './hex.ts';
import { decodePem, encodePem } from './pem.ts';

/** The name of a signature algorithm. */
export type SignatureAlg = SignatureScheme['alg'];

/** RSA moduli outside of this are refused: below, factoring comes into reach; above, verifying becomes an attack on the server. */
export const rsaBits = { min: 2048, max: 8192 } as const;

// AlgorithmIdentifiers, as they stand inside a SubjectPublicKeyInfo.
const ed25519Algorithm = '06032b6570';
const rsaAlgorithm = '06092a864886f70d0101010500';
const pssAlgorithm = '06092a864886f70d01010a';
const sha256Algorithm = '300d06096086480165030402010500';
const pssParameters = `a00f${sha256Algorithm}a11c301a06092a864886f70d010108${sha256Algorithm}a203020120`;
/**
 * id-RSASSA-PSS, without parameters or with ours (RFC 4055; the trailer field said or not): the same keys, marked for PSS
 * only. Web Crypto does not read them, so they are rewritten as plain RSA keys.
 */
const pssAlgorithms = new Set([
  pssAlgorithm,
  `${pssAlgorithm}3034${pssParameters}`,
  `${pssAlgorithm}3039${pssParameters}a303020101`,
]);

const invalid = (problem: string): never => {
  throw new LicError('KEY_INVALID', `The public key is not usable: ${problem}.`, { details: { problem } });
};

const spki = (algorithm: string, key: Uint8Array): Uint8Array<ArrayBuffer> =>
  writeElement(
    derTag.sequence,
    writeElement(derTag.sequence, decodeHex(algorithm)),
    writeElement(derTag.bitString, Uint8Array.of(0), key),
  );

/** How many bits a DER integer has; 0 where it is not positive or not in its shortest form. */
const bitLength = (integer: Uint8Array): number => {
  const [first = 0x80, second = 0] = integer;
  if (first >= 0x80 || (first === 0 && second < 0x80)) return 0;
  return integer.length * 8 - (Math.clz32(first) - 24);
};

const isOdd = (integer: Uint8Array): boolean => ((integer.at(-1) ?? 0) & 1) === 1;

/** What is wrong with an RSAPublicKey (RFC 8017, appendix A.1.1), or null. */
const rsaKeyProblem = (key: Uint8Array<ArrayBuffer>): string | null => {
  const [content] = readElements(key, [derTag.sequence]) ?? [];
  const [modulus, exponent] = (content && readElements(content, [derTag.integer, derTag.integer])) ?? [];
  if (!modulus || !exponent) return 'expected an RSA key of modulus and exponent in DER';
  const bits = bitLength(modulus);
  if (bits < rsaBits.min || bits > rsaBits.max || !isOdd(modulus)) {
    return `expected an odd RSA modulus of ${rsaBits.min} to ${rsaBits.max} bits, got ${bits} bits`;
  }
  const exponentBits = bitLength(exponent);
  // 1 would let anybody sign.
  return exponentBits >= 2 && exponentBits <= 64 && isOdd(exponent) ? null : 'expected an odd RSA exponent from 3';
};

/**
 * The text of a public key: `ed25519:<base64url of 32 bytes>` or `rsa:<base64url SPKI>`.
 *
 * @param der A SubjectPublicKeyInfo (RFC 5280).
 * @throws `KEY_INVALID`.
 */
export const publicKeyFromDer = (der: Uint8Array<ArrayBuffer>): string => {
  const [outer] = readElements(der, [derTag.sequence]) ?? [];
  const [algorithm, bitString] = (outer && readElements(outer, [derTag.sequence, derTag.bitString])) ?? [];
  if (!algorithm || !bitString || bitString[0] !== 0) return invalid('expected a SubjectPublicKeyInfo in DER');
  const key = bitString.subarray(1);
  const algorithmHex = encodeHex(algorithm);
  if (algorithmHex === ed25519Algorithm) {
    return isEd25519Key(key)
      ? `ed25519:${encodeBase64url(key)}`
      : invalid('expected a point of the Ed25519 group, not one of small order');
  }
  if (algorithmHex !== rsaAlgorithm && !pssAlgorithms.has(algorithmHex)) {
    return invalid('expected an Ed25519 or RSA key (RSA-PSS only with SHA-256, MGF1 with SHA-256, salt 32)');
  }
  const problem = rsaKeyProblem(key);
  return problem === null ? `rsa:${encodeBase64url(spki(rsaAlgorithm, key))}` : invalid(problem);
};

/**
 * The SubjectPublicKeyInfo of a public key's text. Each key has exactly one text that is accepted.
 *
 * @throws `KEY_INVALID`.
 */
export const publicKeyToDer = (publicKey: string): Uint8Array<ArrayBuffer> => {
  const [, kind, encoded = ''] = /^(ed25519|rsa):([A-Za-z0-9_-]{1,2048})$/.exec(publicKey) ?? [];
  const bytes = decodeBase64url(encoded);
  if (kind === undefined || bytes === null) {
    return invalid('expected "ed25519:<base64url of 32 bytes>" or "rsa:<base64url SPKI>"');
  }
  const der = kind === 'ed25519' ? spki(ed25519Algorithm, bytes) : bytes;
  return publicKeyFromDer(der) === publicKey ? der : invalid('it is written in another way than it should be');
};

/** The algorithm that a public key's text is for, by its beginning. @throws `KEY_INVALID`. */
export const algOf = (publicKey: string): SignatureAlg => {
  if (publicKey.startsWith('ed25519:')) return 'Ed25519';
  if (publicKey.startsWith('rsa:')) return 'RSA-PSS';
  return invalid('expected "ed25519:…" or "rsa:…"');
};

/** The text of a public key in PEM (`BEGIN PUBLIC KEY`, as openssl writes it). @throws `KEY_INVALID`. */
export const publicKeyFromPem = (pem: string): string => publicKeyFromDer(decodePem('PUBLIC KEY', pem));

/** A public key's text as PEM, for openssl and others. @throws `KEY_INVALID`. */
export const publicKeyToPem = (publicKey: string): string => encodePem('PUBLIC KEY', publicKeyToDer(publicKey));
