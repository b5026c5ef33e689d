import { isLicError, LicError, type SignatureScheme } from '@lic/interfaces';
import { sha256 } from '@noble/hashes/sha2.js';
import { isEd25519Signature } from './ed25519-range.ts';
import { encodeHex } from './hex.ts';
import { cached } from './key-cache.ts';
import { decodePem, encodePem } from './pem.ts';
import { ed25519PrivateKeyDer, noSeedForRsa, notAPrivateKey, rsaBitsGenerated } from './private-key.ts';
import { algOf, publicKeyFromDer, publicKeyToDer } from './public-key.ts';

/**
 * SHA-256 as lower-case hexadecimal. A string counts as its UTF-8. By @noble/hashes: Web Crypto has no synchronous hash,
 * and the ledger may not wait for one.
 */
export const sha256Hex = (data: Uint8Array | string): string =>
  encodeHex(sha256(typeof data === 'string' ? new TextEncoder().encode(data) : data));

/** What Web Crypto calls each algorithm: with its keys, and with its signatures. */
const variants = {
  Ed25519: { ofKeys: { name: 'Ed25519' }, ofSignatures: { name: 'Ed25519' } },
  'RSA-PSS': {
    ofKeys: {
      name: 'RSA-PSS',
      hash: 'SHA-256',
      modulusLength: rsaBitsGenerated,
      publicExponent: Uint8Array.of(1, 0, 1),
    },
    ofSignatures: { name: 'RSA-PSS', saltLength: 32 },
  },
} as const;

const unsupported = (expected: string, cause?: unknown): LicError =>
  new LicError('CRYPTO_UNSUPPORTED', `Signatures can't be made or checked here: expected ${expected}.`, { cause });

/** Looked up when used: a page that is not a secure context has none, and may still import this. */
const subtle = () => {
  const { crypto } = globalThis as Partial<typeof globalThis>;
  if (crypto?.subtle === undefined) throw unsupported('Web Crypto, which a page has that was loaded over https');
  return crypto.subtle;
};

const schemeOf = (alg: SignatureScheme['alg']): SignatureScheme => {
  const { ofKeys, ofSignatures } = variants[alg];

  /** Tells what the platform lacks from what it was given: to call a good key or signature bad would mislead. */
  const ifSupported = async <Result>(work: Promise<Result>): Promise<Result> => {
    try {
      return await work;
    } catch (error) {
      const lacking = error instanceof Error && error.name === 'NotSupportedError';
      throw lacking ? unsupported(`Web Crypto with ${alg}, which this browser lacks`, error) : error;
    }
  };

  const publicKeyObject = cached((publicKey) =>
    ifSupported(subtle().importKey('spki', publicKeyToDer(publicKey), ofKeys, true, ['verify'])),
  );

  const privateKeyObject = cached(async (pem) => {
    const der = decodePem('PRIVATE KEY', pem);
    try {
      return await ifSupported(subtle().importKey('pkcs8', der, ofKeys, true, ['sign']));
    } catch (cause) {
      throw isLicError(cause) ? cause : notAPrivateKey(alg, cause);
    }
  });

  const publicKeyOf = async (privateKeyPem: string): Promise<string> => {
    // Web Crypto derives no public key; the private one as a JWK (RFC 7517) contains it.
    const { kty, crv, x, n, e } = await subtle().exportKey('jwk', await privateKeyObject(privateKeyPem));
    const jwk = alg === 'Ed25519' ? { kty, crv, x } : { kty, n, e };
    const key = await subtle().importKey('jwk', jwk, ofKeys, true, ['verify']);
    return publicKeyFromDer(new Uint8Array(await subtle().exportKey('spki', key)));
  };

  const newPrivateKeyDer = async (): Promise<Uint8Array> => {
    const pair = await ifSupported(subtle().generateKey(ofKeys, true, ['sign', 'verify']));
    if (!('privateKey' in pair)) throw notAPrivateKey(alg);
    return new Uint8Array(await subtle().exportKey('pkcs8', pair.privateKey));
  };

  return {
    alg,
    async generate(seed) {
      if (seed !== undefined && alg === 'RSA-PSS') throw noSeedForRsa();
      const der = seed === undefined ? await newPrivateKeyDer() : ed25519PrivateKeyDer(seed);
      const privateKeyPem = encodePem('PRIVATE KEY', der);
      return { privateKeyPem, publicKey: await publicKeyOf(privateKeyPem) };
    },
    publicKeyOf,
    async sign(privateKeyPem, message) {
      const key = await privateKeyObject(privateKeyPem);
      return new Uint8Array(await subtle().sign(ofSignatures, key, new Uint8Array(message)));
    },
    async verify(publicKey, message, signature) {
      try {
        if (algOf(publicKey) !== alg) return false;
        if (alg === 'Ed25519' && !isEd25519Signature(signature)) return false;
        const key = await publicKeyObject(publicKey);
        return await subtle().verify(ofSignatures, key, new Uint8Array(signature), new Uint8Array(message));
      } catch (error) {
        if (isLicError(error, 'CRYPTO_UNSUPPORTED')) throw error;
        return false;
      }
    },
  };
};

/** Ed25519 (RFC 8032) by Web Crypto. */
export const ed25519Scheme: SignatureScheme = schemeOf('Ed25519');

/** RSA-PSS (RFC 8017; SHA-256, MGF1 with SHA-256, salt of 32 bytes) by Web Crypto. New keys have 3072 bits. */
export const rsaPssScheme: SignatureScheme = schemeOf('RSA-PSS');
