import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import forge from 'node-forge';
import { describe, expect, it, vi } from 'vitest';
import * as node from './node.ts';
import { publicKeyFromPem, publicKeyToDer } from './public-key.ts';
import * as web from './web.ts';

// node-forge is slow: on a machine with other work to do this takes its time.
vi.setConfig({ testTimeout: 60_000 });

// node-forge is written in JavaScript from the specifications, so it shares no code with OpenSSL or with Web Crypto.

/** One flipped bit somewhere in the signature, or nothing changed. */
const damage = fc.option(fc.record({ byte: fc.nat(), bit: fc.nat(7) }));

const damaged = (bytes: Uint8Array, change: { readonly byte: number; readonly bit: number } | null): Uint8Array => {
  const copy = Uint8Array.from(bytes);
  if (change) copy[change.byte % copy.length]! ^= 1 << change.bit;
  return copy;
};

const binary = (bytes: Uint8Array): string => Buffer.from(bytes).toString('binary');

describe('Ed25519 by node:crypto, Web Crypto and node-forge', () => {
  const seeds = fc.uint8Array({ minLength: 32, maxLength: 32 });
  const messages = fc.uint8Array({ maxLength: 200 });

  const forgeVerifies = (publicKey: string, message: Uint8Array, signature: Uint8Array): boolean => {
    try {
      return forge.pki.ed25519.verify({
        message: Buffer.from(message),
        signature: Buffer.from(signature),
        publicKey: Buffer.from(publicKeyToDer(publicKey).slice(-32)),
      });
    } catch {
      return false;
    }
  };

  it('make the same keys and the same signatures', async () => {
    await fc.assert(
      fc.asyncProperty(seeds, messages, async (seed, message) => {
        const own = await node.ed25519Scheme.generate(seed);
        const theirs = forge.pki.ed25519.generateKeyPair({ seed: Buffer.from(seed) });
        expect(own.publicKey).toBe(`ed25519:${Buffer.from(theirs.publicKey).toString('base64url')}`);
        const signature = await node.ed25519Scheme.sign(own.privateKeyPem, message);
        const byForge = forge.pki.ed25519.sign({ message: Buffer.from(message), privateKey: theirs.privateKey });
        expect(Buffer.from(byForge).equals(signature)).toBe(true);
        expect(await web.ed25519Scheme.sign(own.privateKeyPem, message)).toEqual(signature);
      }),
      { numRuns: 30 },
    );
  });

  it('agree about every signature, sound or damaged', async () => {
    await fc.assert(
      fc.asyncProperty(seeds, messages, messages, fc.boolean(), damage, async (seed, message, other, same, change) => {
        const { privateKeyPem, publicKey } = await node.ed25519Scheme.generate(seed);
        const signature = damaged(await node.ed25519Scheme.sign(privateKeyPem, message), change);
        const shown = same ? message : other;
        const verdict = await node.ed25519Scheme.verify(publicKey, shown, signature);
        expect(verdict).toBe(change === null && Buffer.from(message).equals(shown));
        expect(forgeVerifies(publicKey, shown, signature)).toBe(verdict);
        expect(await web.ed25519Scheme.verify(publicKey, shown, signature)).toBe(verdict);
      }),
      { numRuns: 60 },
    );
  });

  it('agree about S at the edges of its range', async () => {
    const { privateKeyPem, publicKey } = await node.ed25519Scheme.generate(new Uint8Array(32).fill(3));
    const message = Uint8Array.of(1, 2, 3);
    const order = 2n ** 252n + 27742317777372353535851937790883648493n;
    const signature = await node.ed25519Scheme.sign(privateKeyPem, message);
    const s = BigInt(`0x${Buffer.from(signature.slice(32)).reverse().toString('hex')}`);
    for (let multiple = 0n; s + multiple * order < 2n ** 256n; multiple += 1n) {
      const bytes = Buffer.from((s + multiple * order).toString(16).padStart(64, '0'), 'hex').reverse();
      const shown = Uint8Array.of(...signature.slice(0, 32), ...bytes);
      expect(await node.ed25519Scheme.verify(publicKey, message, shown)).toBe(multiple === 0n);
      expect(await web.ed25519Scheme.verify(publicKey, message, shown)).toBe(multiple === 0n);
      expect(forgeVerifies(publicKey, message, shown)).toBe(multiple === 0n);
    }
  });
});

describe('RSA-PSS by node:crypto, Web Crypto and node-forge', () => {
  const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const privatePem = pair.privateKey.export({ format: 'pem', type: 'pkcs8' }) as string;
  const publicPem = pair.publicKey.export({ format: 'pem', type: 'spki' }) as string;
  const publicKey = publicKeyFromPem(publicPem);
  const pss = (saltLength = 32) =>
    forge.pss.create({
      md: forge.md.sha256.create(),
      mgf: forge.mgf.mgf1.create(forge.md.sha256.create()),
      saltLength,
    });
  const digestOf = (message: Uint8Array) => forge.md.sha256.create().update(binary(message));
  const forgePrivate = forge.pki.privateKeyFromPem(privatePem);
  const forgePublic = forge.pki.publicKeyFromPem(publicPem);
  const forgeVerifies = (message: Uint8Array, signature: Uint8Array): boolean => {
    try {
      return forgePublic.verify(digestOf(message).digest().getBytes(), binary(signature), pss());
    } catch {
      return false;
    }
  };

  it('accept what the others sign', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (message) => {
        const byForge = Buffer.from(forgePrivate.sign(digestOf(message), pss()), 'binary');
        expect(await node.rsaPssScheme.verify(publicKey, message, byForge)).toBe(true);
        expect(await web.rsaPssScheme.verify(publicKey, message, byForge)).toBe(true);
        for (const { rsaPssScheme } of [node, web]) {
          expect(forgeVerifies(message, await rsaPssScheme.sign(privatePem, message))).toBe(true);
        }
      }),
      { numRuns: 10 },
    );
  });

  it('agree about every signature, sound or damaged', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 50 }), damage, async (message, change) => {
        const signature = damaged(await node.rsaPssScheme.sign(privatePem, message), change);
        const verdict = await node.rsaPssScheme.verify(publicKey, message, signature);
        expect(verdict).toBe(change === null);
        expect(forgeVerifies(message, signature)).toBe(verdict);
        expect(await web.rsaPssScheme.verify(publicKey, message, signature)).toBe(verdict);
      }),
      { numRuns: 40 },
    );
  });

  it.each([0, 20, 31, 33, 64])('refuse a salt of %d bytes', async (saltLength) => {
    const message = Uint8Array.of(1);
    const signature = Buffer.from(forgePrivate.sign(digestOf(message), pss(saltLength)), 'binary');
    expect(await node.rsaPssScheme.verify(publicKey, message, signature)).toBe(false);
    expect(await web.rsaPssScheme.verify(publicKey, message, signature)).toBe(false);
  });

  it('refuse the older padding (PKCS #1 v1.5) and other digests', async () => {
    const message = Uint8Array.of(1);
    const older = forgePrivate.sign(digestOf(message));
    const md = forge.md.sha512.create();
    const otherDigest = forgePrivate.sign(
      md.update(binary(message)),
      forge.pss.create({
        md: forge.md.sha512.create(),
        mgf: forge.mgf.mgf1.create(forge.md.sha512.create()),
        saltLength: 32,
      }),
    );
    for (const signature of [older, otherDigest].map((text) => Buffer.from(text, 'binary'))) {
      expect(await node.rsaPssScheme.verify(publicKey, message, signature)).toBe(false);
      expect(await web.rsaPssScheme.verify(publicKey, message, signature)).toBe(false);
    }
  });
});
