import { generateKeyPairSync, sign } from 'node:crypto';
import { isLicError } from '@lic/interfaces';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeBase64url } from './base64.ts';
import { decodeHex } from './hex.ts';
import { cached } from './key-cache.ts';
import * as node from './node.ts';
import { publicKeyFromDer, publicKeyToPem } from './public-key.ts';
import { keyIdOf, schemeFor, schemeForPrivateKey, verifySignature } from './signature.ts';
import * as web from './web.ts';

// RFC 8032, section 7.1: tests 1, 2, 3 and SHA(abc).
const rfc8032 = [
  [
    '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    '',
    'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  ],
  [
    '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
    '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    '72',
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  ],
  [
    'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
    'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    'af82',
    '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
  ],
  [
    '833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42',
    'ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf',
    'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
    'dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704',
  ],
].map(([seed = '', publicKey = '', message = '', signature = '']) => ({
  seed: decodeHex(seed),
  publicKey: `ed25519:${encodeBase64url(decodeHex(publicKey))}`,
  message: decodeHex(message),
  signature: decodeHex(signature),
}));

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const rsaPem = rsa.publicKey.export({ format: 'pem', type: 'spki' }) as string;
const rsaKey = publicKeyFromDer(new Uint8Array(rsa.publicKey.export({ format: 'der', type: 'spki' })));
const text = '{"count":25,"licensee":"Exämple"}';
const textBytes = new TextEncoder().encode(text);

describe('verifySignature', () => {
  it.each(rfc8032)('accepts what RFC 8032 gives for $publicKey', async ({ seed, publicKey, message, signature }) => {
    for (const { ed25519Scheme } of [node, web]) {
      const pair = await ed25519Scheme.generate(seed);
      expect(pair.publicKey).toBe(publicKey);
      expect(await ed25519Scheme.sign(pair.privateKeyPem, message)).toEqual(signature);
    }
    const pem = publicKeyToPem(publicKey);
    expect(await verifySignature('Ed25519', pem, message, signature)).toBe(true);
    expect(await verifySignature('Ed25519', pem, Uint8Array.of(...message, 0), signature)).toBe(false);
  });

  it('reads a string as its UTF-8, and a signature as base64url', async () => {
    const { privateKeyPem, publicKey } = await node.ed25519Scheme.generate(new Uint8Array(32));
    const signature = await node.ed25519Scheme.sign(privateKeyPem, textBytes);
    const pem = publicKeyToPem(publicKey);
    expect(await verifySignature('Ed25519', pem, text, signature)).toBe(true);
    expect(await verifySignature('Ed25519', pem, text, encodeBase64url(signature))).toBe(true);
    expect(await verifySignature('Ed25519', pem, text, `${encodeBase64url(signature)}=`)).toBe(false);
  });

  it('accepts RSA-PSS with a salt of 32 bytes', async () => {
    const options = { key: rsa.privateKey, padding: 6, saltLength: 32 };
    const signature = sign('sha256', textBytes, options);
    expect(await verifySignature('RSA-PSS', rsaPem, text, signature)).toBe(true);
    expect(await verifySignature('RSA-PSS', rsaPem, `${text} `, signature)).toBe(false);
  });

  it('answers false, and never throws, whatever it is given', async () => {
    const { privateKeyPem, publicKey } = await node.ed25519Scheme.generate(new Uint8Array(32));
    const pem = publicKeyToPem(publicKey);
    const signature = await node.ed25519Scheme.sign(privateKeyPem, textBytes);
    expect(await verifySignature('RSA-PSS', pem, text, signature)).toBe(false);
    expect(await verifySignature('Ed25519', rsaPem, text, signature)).toBe(false);
    const anything = fc.oneof(fc.anything(), fc.string(), fc.uint8Array({ maxLength: 70 }));
    await fc.assert(
      fc.asyncProperty(anything, anything, anything, anything, async (alg, key, message, value) => {
        expect(await verifySignature(alg as never, key as never, message as never, value as never)).toBe(false);
        expect(await verifySignature('Ed25519', pem, message as never, value as never)).toBe(false);
        expect(await verifySignature('Ed25519', key as never, text, signature)).toBe(false);
        expect(await verifySignature(alg as never, pem, text, signature)).toBe(false);
      }),
    );
  });
});

describe('schemeFor', () => {
  it('knows algorithms, public keys and private keys', async () => {
    const ed25519 = await node.ed25519Scheme.generate();
    expect(schemeFor('Ed25519').alg).toBe('Ed25519');
    expect(schemeFor(ed25519.publicKey).alg).toBe('Ed25519');
    expect((await schemeForPrivateKey(ed25519.privateKeyPem)).alg).toBe('Ed25519');
    expect(schemeFor('RSA-PSS').alg).toBe('RSA-PSS');
    expect(schemeFor(rsaKey).alg).toBe('RSA-PSS');
    const rsaPrivate = rsa.privateKey.export({ format: 'pem', type: 'pkcs8' }) as string;
    expect((await schemeForPrivateKey(rsaPrivate)).alg).toBe('RSA-PSS');
  });

  it('refuses others with KEY_INVALID', async () => {
    for (const other of ['', 'ed25519', 'RS256', 'dsa:AAAA']) {
      expect(() => schemeFor(other)).toThrow(expect.objectContaining({ code: 'KEY_INVALID' }));
    }
    const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    const pem = p256.export({ format: 'pem', type: 'pkcs8' }) as string;
    await expect(schemeForPrivateKey(pem)).rejects.toSatisfy((error) => isLicError(error, 'KEY_INVALID'));
  });
});

describe('sha256Hex', () => {
  it('is what FIPS 180-4 gives, and the same by node:crypto and for browsers', () => {
    const abc = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
    expect([node.sha256Hex('abc'), web.sha256Hex('abc')]).toEqual([abc, abc]);
    const text = fc.array(fc.nat(0x10ffff)).map((codes) => String.fromCodePoint(...codes));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), text), (data) => {
        expect(web.sha256Hex(data)).toBe(node.sha256Hex(data));
      }),
    );
  });

  it('names keys', () => {
    expect(keyIdOf(rfc8032[0]?.publicKey ?? '')).toBe(node.sha256Hex(rfc8032[0]?.publicKey ?? '').slice(0, 16));
  });
});

describe('the key cache', () => {
  it('parses a key once while it is among the last 64 used', () => {
    const parsed: string[] = [];
    const parse = cached((key) => {
      parsed.push(key);
      return { key };
    });
    const first = parse('0');
    for (let i = 1; i < 64; i += 1) parse(String(i));
    expect(parse('0')).toBe(first);
    parse('64');
    expect(parse('0')).toBe(first);
    expect(parsed).toHaveLength(65);
    // The one used longest ago had to go.
    parse('1');
    expect(parsed).toHaveLength(66);
  });

  it('does not remember what was refused', () => {
    let attempts = 0;
    const parse = cached(() => {
      attempts += 1;
      throw new Error('refused');
    });
    for (let i = 0; i < 2; i += 1) expect(() => parse('key')).toThrow('refused');
    expect(attempts).toBe(2);
  });
});
