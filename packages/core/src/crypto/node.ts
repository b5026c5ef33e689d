import {
  createHash,
  createPrivateKey,
  createPublicKey,
  constants as cryptoConstants,
  generateKeyPairSync,
  type KeyObject,
  sign as signNow,
  verify as verifyNow,
} from 'node:crypto';
import type { SignatureScheme } from '@lic/interfaces';
import { isEd25519Signature } from './ed25519-range.ts';
import { cached } from './key-cache.ts';
import { decodePem, encodePem } from './pem.ts';
import { ed25519PrivateKeyDer, noSeedForRsa, notAPrivateKey, rsaBitsGenerated } from './private-key.ts';
import { algOf, publicKeyFromDer, publicKeyToDer } from './public-key.ts';

// Everything here runs synchronously inside async functions: a promise of these settles without leaving the microtask
// queue, so that a simulation on virtual time stays repeatable.

/** SHA-256 as lower-case hexadecimal. A string counts as its UTF-8. */
export const sha256Hex = (data: Uint8Array | string): string => createHash('sha256').update(data).digest('hex');

const publicKeyObject = cached((publicKey) =>
  createPublicKey({ key: Buffer.from(publicKeyToDer(publicKey)), format: 'der', type: 'spki' }),
);

const privateKeyObject = cached((pem) => {
  const key = Buffer.from(decodePem('PRIVATE KEY', pem));
  try {
    return createPrivateKey({ key, format: 'der', type: 'pkcs8' });
  } catch (cause) {
    throw notAPrivateKey('Ed25519 or RSA', cause);
  }
});

/** What Node calls the keys of each algorithm, and the digest and padding that it needs to be told. */
const variants = {
  Ed25519: { keyType: 'ed25519', digest: null, padding: {} },
  'RSA-PSS': {
    keyType: 'rsa',
    digest: 'sha256',
    // MGF1 uses the same digest.
    padding: { padding: cryptoConstants.RSA_PKCS1_PSS_PADDING, saltLength: 32 },
  },
} as const;

const schemeOf = (
  alg: SignatureScheme['alg'],
  generateKey: (seed: Uint8Array | undefined) => KeyObject,
): SignatureScheme => {
  const { keyType, digest, padding } = variants[alg];

  const privateKey = (pem: string): KeyObject => {
    const key = privateKeyObject(pem);
    if (key.asymmetricKeyType !== keyType) throw notAPrivateKey(alg);
    return key;
  };

  const publicKeyTextOf = (key: KeyObject): string =>
    publicKeyFromDer(new Uint8Array(createPublicKey(key).export({ format: 'der', type: 'spki' })));

  return {
    alg,
    async generate(seed) {
      const key = generateKey(seed);
      const pem = encodePem('PRIVATE KEY', key.export({ format: 'der', type: 'pkcs8' }));
      return { privateKeyPem: pem, publicKey: publicKeyTextOf(key) };
    },
    async publicKeyOf(privateKeyPem) {
      return publicKeyTextOf(privateKey(privateKeyPem));
    },
    async sign(privateKeyPem, message) {
      return new Uint8Array(signNow(digest, message, { key: privateKey(privateKeyPem), ...padding }));
    },
    async verify(publicKey, message, signature) {
      try {
        if (algOf(publicKey) !== alg) return false;
        if (alg === 'Ed25519' && !isEd25519Signature(signature)) return false;
        return verifyNow(digest, message, { key: publicKeyObject(publicKey), ...padding }, signature);
      } catch {
        return false;
      }
    },
  };
};

/** Ed25519 (RFC 8032) by node:crypto. */
export const ed25519Scheme: SignatureScheme = schemeOf('Ed25519', (seed) =>
  seed === undefined
    ? generateKeyPairSync('ed25519').privateKey
    : createPrivateKey({ key: Buffer.from(ed25519PrivateKeyDer(seed)), format: 'der', type: 'pkcs8' }),
);

/** RSA-PSS (RFC 8017; SHA-256, MGF1 with SHA-256, salt of 32 bytes) by node:crypto. New keys have 3072 bits. */
export const rsaPssScheme: SignatureScheme = schemeOf('RSA-PSS', (seed) => {
  if (seed !== undefined) throw noSeedForRsa();
  return generateKeyPairSync('rsa', { modulusLength: rsaBitsGenerated }).privateKey;
});
