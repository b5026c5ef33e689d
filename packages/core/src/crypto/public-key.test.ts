import { createPublicKey, generateKeyPairSync, type KeyObject, verify as nodeVerify, sign } from 'node:crypto';
import { isLicError } from '@lic/interfaces';
import { describe, expect, it, vi } from 'vitest';
import { encodeBase64url } from './base64.ts';
import { derTag, writeElement } from './der.ts';
import { decodeHex } from './hex.ts';
import { ed25519Scheme, rsaPssScheme } from './node.ts';
import { encodePem } from './pem.ts';
import { algOf, publicKeyFromDer, publicKeyFromPem, publicKeyToDer, publicKeyToPem } from './public-key.ts';

// Making RSA keys is a matter of luck: on a machine with other work to do it can take seconds.
vi.setConfig({ testTimeout: 60_000 });

const message = new TextEncoder().encode('message');
const ed25519Key = (await ed25519Scheme.generate(new Uint8Array(32).fill(7))).publicKey;
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const pemOf = (key: KeyObject) => key.export({ format: 'pem', type: 'spki' }) as string;
const rsaPem = pemOf(rsa.publicKey);

const problemOf = (attempt: () => unknown): string => {
  try {
    attempt();
    return 'none';
  } catch (error) {
    return isLicError(error, 'KEY_INVALID') ? error.message : `another error: ${String(error)}`;
  }
};

/** The SPKI of an RSA key with these numbers, in DER. */
const rsaDer = (modulus: Uint8Array, exponent: Uint8Array): Uint8Array<ArrayBuffer> =>
  writeElement(
    derTag.sequence,
    decodeHex('300d06092a864886f70d0101010500'),
    writeElement(
      derTag.bitString,
      Uint8Array.of(0),
      writeElement(derTag.sequence, writeElement(derTag.integer, modulus), writeElement(derTag.integer, exponent)),
    ),
  );

/** A positive odd DER integer of so many bits, a multiple of 8. */
const modulusOf = (bits: number): Uint8Array => Uint8Array.of(0, ...new Uint8Array(bits / 8).fill(0xff));

describe('public keys', () => {
  it('go to PEM and back, in the form that openssl writes', () => {
    for (const key of [ed25519Key, publicKeyFromPem(rsaPem)]) {
      const pem = publicKeyToPem(key);
      expect(publicKeyFromPem(pem)).toBe(key);
      expect(pemOf(createPublicKey(pem))).toBe(pem);
      expect(publicKeyFromDer(publicKeyToDer(key))).toBe(key);
    }
    expect([algOf(ed25519Key), algOf('rsa:')]).toEqual(['Ed25519', 'RSA-PSS']);
  });

  it('are read from PEM with text around it, CRLF and indentation', () => {
    const pem = `Vendor key:\r\n${publicKeyToPem(ed25519Key).replaceAll('\n', '\r\n  ')}\r\nThanks`;
    expect(publicKeyFromPem(pem)).toBe(ed25519Key);
  });

  it('marked for RSA-PSS alone become plain RSA keys, where the mark says what we do', async () => {
    const marked = (saltLength?: number) => {
      // A number, whatever the types of Node say.
      const marks = { hashAlgorithm: 'sha256', mgf1HashAlgorithm: 'sha256', saltLength: saltLength as never };
      return generateKeyPairSync('rsa-pss', { modulusLength: 2048, ...(saltLength === undefined ? {} : marks) });
    };
    for (const pair of [marked(), marked(32)]) {
      const publicKey = publicKeyFromPem(pemOf(pair.publicKey));
      const signature = sign('sha256', message, { key: pair.privateKey, saltLength: 32 });
      expect(await rsaPssScheme.verify(publicKey, message, signature)).toBe(true);
    }
    expect(problemOf(() => publicKeyFromPem(pemOf(marked(20).publicKey)))).toContain('expected an Ed25519 or RSA key');
  });

  it('of other kinds are refused', () => {
    for (const pair of [
      generateKeyPairSync('x25519'),
      generateKeyPairSync('ed448'),
      generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    ]) {
      expect(problemOf(() => publicKeyFromPem(pemOf(pair.publicKey)))).toContain('expected an Ed25519 or RSA key');
    }
  });

  it('in another PEM are refused with what to do', () => {
    const pkcs1 = rsa.publicKey.export({ format: 'pem', type: 'pkcs1' }) as string;
    expect(problemOf(() => publicKeyFromPem(pkcs1))).toContain('openssl rsa -RSAPublicKey_in');
    const privatePem = rsa.privateKey.export({ format: 'pem', type: 'pkcs8' }) as string;
    const problem = problemOf(() => publicKeyFromPem(privatePem));
    expect(problem).toContain('got "BEGIN PRIVATE KEY"');
    expect(problem).not.toContain(privatePem.slice(40, 60));
  });

  it.each([
    ['too short', rsaDer(modulusOf(2040), Uint8Array.of(3)), '2040 bits'],
    ['too long', rsaDer(modulusOf(8200), Uint8Array.of(3)), '8200 bits'],
    ['even', rsaDer(modulusOf(2048).fill(0xfe, -1), Uint8Array.of(3)), 'odd RSA modulus'],
    ['negative', rsaDer(modulusOf(2048).subarray(1), Uint8Array.of(3)), 'got 0 bits'],
    ['padded', rsaDer(Uint8Array.of(0, ...modulusOf(2048)), Uint8Array.of(3)), 'got 0 bits'],
    ['signing with exponent 1', rsaDer(modulusOf(2048), Uint8Array.of(1)), 'exponent from 3'],
    ['with an even exponent', rsaDer(modulusOf(2048), Uint8Array.of(4)), 'exponent from 3'],
    ['with a padded exponent', rsaDer(modulusOf(2048), Uint8Array.of(0, 3)), 'exponent from 3'],
    ['with a long exponent', rsaDer(modulusOf(2048), new Uint8Array(9).fill(0x7f)), 'exponent from 3'],
  ])('of RSA that are %s are refused', (_, der, problem) => {
    expect(problemOf(() => publicKeyFromDer(der))).toContain(problem);
  });

  it('of RSA at both bounds are accepted', () => {
    for (const bits of [2048, 8192]) {
      const key = publicKeyFromDer(rsaDer(modulusOf(bits), Uint8Array.of(3)));
      expect(publicKeyFromDer(publicKeyToDer(key))).toBe(key);
    }
  });

  it('have one text only: DER with anything added, removed or written longer is refused', () => {
    for (const key of [ed25519Key, publicKeyFromPem(rsaPem)]) {
      const der = publicKeyToDer(key);
      const variants = [
        Uint8Array.of(...der, 0),
        der.subarray(0, -1),
        // The outer length in one byte more than it needs.
        der[1] === 0x82
          ? Uint8Array.of(0x30, 0x83, 0, ...der.subarray(2))
          : Uint8Array.of(0x30, 0x81, ...der.subarray(1)),
        // Unused bits in the bit string: behind the header and the algorithm.
        der.with(der[1] === 0x82 ? 4 + 15 + 4 : 2 + 7 + 2, 1),
      ];
      for (const variant of variants) {
        expect(problemOf(() => publicKeyFromDer(variant))).not.toBe('none');
        expect(problemOf(() => publicKeyToDer(`rsa:${encodeBase64url(variant)}`))).not.toBe('none');
      }
    }
    // An RSA key's text is never an Ed25519 key in disguise, nor a key marked for PSS.
    expect(problemOf(() => publicKeyToDer(`rsa:${encodeBase64url(publicKeyToDer(ed25519Key))}`))).toContain(
      'written in another way',
    );
  });

  it('in broken DER are refused with KEY_INVALID, whatever the bytes', () => {
    const der = publicKeyToDer(publicKeyFromPem(rsaPem));
    for (let length = 0; length < 60; length += 1) {
      expect(problemOf(() => publicKeyFromDer(der.slice(0, length)))).toContain('The public key is not usable');
      const changed = Uint8Array.from(der, (byte, i) => (i === length ? byte ^ 0x80 : byte));
      expect(problemOf(() => publicKeyFromPem(encodePem('PUBLIC KEY', changed)))).not.toContain('another error');
    }
  });
});

describe('Ed25519 keys of small order', () => {
  const smallOrder = [
    '0000000000000000000000000000000000000000000000000000000000000000',
    '0000000000000000000000000000000000000000000000000000000000000080',
    '0100000000000000000000000000000000000000000000000000000000000000',
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  ];
  // The neutral element as R, S = 0.
  const forged = Uint8Array.of(1, ...new Uint8Array(63));

  it.each(smallOrder)('%s is refused, though OpenSSL would accept a forgery under it', async (hex) => {
    const bytes = decodeHex(hex);
    const der = writeElement(
      derTag.sequence,
      decodeHex('300506032b6570'),
      writeElement(derTag.bitString, Uint8Array.of(0), bytes),
    );
    const key = createPublicKey({ key: Buffer.from(der), format: 'der', type: 'spki' });
    // Of the order 8 at most, so about every eighth message will do.
    const fooled = Array.from({ length: 200 }, (_, i) => Uint8Array.of(i)).filter((text) =>
      nodeVerify(null, text, key, forged),
    );
    expect(fooled.length).toBeGreaterThan(0);
    const text = `ed25519:${encodeBase64url(bytes)}`;
    for (const signed of fooled) expect(await ed25519Scheme.verify(text, signed, forged)).toBe(false);
    expect(problemOf(() => publicKeyToDer(text))).toContain('small order');
  });

  it('and y coordinates out of range, the second spellings of others, are refused', () => {
    for (let i = 0xed; i <= 0xff; i += 1) {
      const bytes = new Uint8Array(32).fill(0xff);
      bytes[0] = i;
      for (const last of [0x7f, 0xff]) {
        bytes[31] = last;
        expect(problemOf(() => publicKeyToDer(`ed25519:${encodeBase64url(bytes)}`))).toContain('not usable');
      }
    }
  });
});
