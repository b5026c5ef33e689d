import { LicError, type SignatureScheme } from '@lic/interfaces';
import { sha256Hex } from '#crypto';
import { decodeBase64url, encodeBase64url } from '../crypto/base64.ts';
import { algOf, publicKeyToDer } from '../crypto/public-key.ts';
import { keyIdOf, schemeFor, schemeForPrivateKey } from '../crypto/signature.ts';
import { canonicalize } from './canonicalize.ts';
import type { License, Terms } from './license.ts';
import { checkLicense, parseLicense, parseTerms } from './parse-license.ts';

/** What {@link signLicense} makes a license from. */
export interface SignLicenseOptions {
  /** As {@link parseTerms} takes them. */
  readonly terms: Terms;
  /** The vendor's key: PKCS#8 PEM. */
  readonly privateKeyPem: string;
  /** Default: the one that the key is for. */
  readonly scheme?: SignatureScheme;
  /** A name for this license, unique at this vendor. */
  readonly id: string;
  /** An instant in UTC: `2026-11-24T00:00:00Z`. */
  readonly issuedAt: string;
}

/** The bytes that the signature is over: the canonical form (RFC 8785) of everything but the signature's own value. */
const signedBytes = (license: Omit<License, 'signature'> & { signature: Omit<License['signature'], 'value'> }) => {
  const { alg, keyId } = license.signature;
  return new TextEncoder().encode(canonicalize({ ...license, signature: { alg, keyId } }));
};

/**
 * Signs terms.
 *
 * @returns The license file's text: JSON, indented, its keys in the order of the documentation, a line break at its end.
 * With Ed25519 the same input gives the same text; RSA-PSS signatures differ each time.
 * @throws `LICENSE_INVALID` where the license could not be accepted; `KEY_INVALID`.
 */
export const signLicense = async (options: SignLicenseOptions): Promise<string> => {
  const { privateKeyPem, scheme = await schemeForPrivateKey(privateKeyPem), id, issuedAt } = options;
  const { vendor, licensee, supersedes, servers, features } = parseTerms(options.terms);
  const publicKey = await scheme.publicKeyOf(privateKeyPem);
  const signature = { alg: scheme.alg, keyId: keyIdOf(publicKey) };
  const replaced = supersedes === undefined ? {} : { supersedes };
  const unsigned = { lic: 1 as const, id, vendor, licensee, issuedAt, ...replaced, servers, features, signature };
  const value = encodeBase64url(await scheme.sign(privateKeyPem, signedBytes(unsigned)));
  const text = `${JSON.stringify({ ...unsigned, signature: { ...signature, value } }, null, 2)}\n`;
  // Nothing leaves here that would be refused elsewhere: not a text that is too large, nor a signature spoilt by a fault.
  await verifyLicense(text, publicKey, scheme);
  return text;
};

/**
 * Checks a license and its signature.
 *
 * @param license The file's text or bytes, or the license.
 * @param vendorPublicKey The vendor's key as text (`ed25519:…`, `rsa:…`), from the product, never from the file.
 * @param scheme Default: the one that the key is for.
 * @throws `LICENSE_INVALID` as `parseLicense` does; `LICENSE_SIGNATURE` where another key signed, or the license was changed
 * afterwards (`details.keyId` names both keys: `{ signed, expected }`); `KEY_INVALID` for a malformed vendor key.
 */
export const verifyLicense = async (
  license: string | Uint8Array | License,
  vendorPublicKey: string,
  scheme: SignatureScheme = schemeFor(vendorPublicKey),
): Promise<License> => {
  publicKeyToDer(vendorPublicKey);
  const isText = typeof license === 'string' || license instanceof Uint8Array;
  const parsed = isText ? parseLicense(license) : checkLicense(license);
  const { alg, keyId, value } = parsed.signature;
  const expectedAlg = algOf(vendorPublicKey);
  const expectedKeyId = keyIdOf(vendorPublicKey);
  const refuse = (problem: string): never => {
    const message = `The signature of license ${parsed.id} (vendor ${parsed.vendor}) does not hold: ${problem}.`;
    const details = { keyId: { signed: keyId, expected: expectedKeyId }, alg: { signed: alg, expected: expectedAlg } };
    throw new LicError('LICENSE_SIGNATURE', message, { details });
  };
  if (keyId !== expectedKeyId) {
    return refuse(`expected one by the vendor's key ${expectedKeyId}, got one by key ${keyId}`);
  }
  if (alg !== expectedAlg || alg !== scheme.alg) return refuse(`expected ${expectedAlg}, got ${alg}`);
  const signature = decodeBase64url(value);
  if (signature === null || !(await scheme.verify(vendorPublicKey, signedBytes(parsed), signature))) {
    return refuse(
      `key ${keyId} is the expected one, so the license was changed after it was signed: ask the vendor for the original`,
    );
  }
  return parsed;
};

/** SHA-256 (lower-case hexadecimal) over a license's canonical form with its signature: which license a server has. */
export const licenseHash = (license: License): string => sha256Hex(canonicalize(license));
