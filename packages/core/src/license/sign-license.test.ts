import { generateKeyPairSync, sign, verify } from 'node:crypto';
import { isLicError, type LicError } from '@lic/interfaces';
import forge from 'node-forge';
import { describe, expect, it } from 'vitest';
import * as node from '../crypto/node.ts';
import { publicKeyFromPem, publicKeyToDer, publicKeyToPem } from '../crypto/public-key.ts';
import { keyIdOf } from '../crypto/signature.ts';
import * as web from '../crypto/web.ts';
import { canonicalize } from './canonicalize.ts';
import type { License } from './license.ts';
import { parseLicense } from './parse-license.ts';
import { sampleIdentities, sampleLicense, sampleTerms, sampleVendor } from './sample-license.test.data.ts';
import { licenseHash, signLicense, verifyLicense } from './sign-license.ts';

const text = await sampleLicense();
const license = parseLicense(text);
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const rsaVendor = {
  privateKeyPem: rsa.privateKey.export({ format: 'pem', type: 'pkcs8' }) as string,
  publicKey: publicKeyFromPem(rsa.publicKey.export({ format: 'pem', type: 'spki' }) as string),
};
const options = { terms: sampleTerms(), id: 'ACME-2026-0042', issuedAt: '2026-11-24T00:00:00Z' };

/** What the documentation says is signed, put together by hand. */
const signedText = (signed: License): string => {
  const { value: _, ...rest } = signed.signature;
  return canonicalize({ ...signed, signature: rest });
};

const refusal = async (attempt: Promise<unknown>): Promise<LicError> => {
  const error: unknown = await attempt.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!isLicError(error)) throw new Error('Expected a refusal', { cause: error });
  return error;
};

describe('signLicense', () => {
  it('gives a text to be read by people, the same for the same input', async () => {
    expect(await sampleLicense()).toBe(text);
    expect(text).toBe(`${JSON.stringify(JSON.parse(text), null, 2)}\n`);
    expect(Object.keys(JSON.parse(text))).toEqual([
      'lic',
      'id',
      'vendor',
      'licensee',
      'issuedAt',
      'servers',
      'features',
      'signature',
    ]);
    const shuffled = Object.fromEntries(Object.entries(sampleTerms()).toReversed()) as typeof options.terms;
    expect(await signLicense({ ...options, terms: shuffled, privateKeyPem: sampleVendor.privateKeyPem })).toBe(text);
  });

  it('signs what it says: node:crypto and node-forge verify it without our code', () => {
    const signature = Buffer.from(license.signature.value, 'base64url');
    const message = Buffer.from(signedText(license), 'utf8');
    expect(verify(null, message, publicKeyToPem(sampleVendor.publicKey), signature)).toBe(true);
    const publicKey = Buffer.from(publicKeyToDer(sampleVendor.publicKey).slice(-32));
    expect(forge.pki.ed25519.verify({ message, signature, publicKey })).toBe(true);
    expect(license.signature).toMatchObject({ alg: 'Ed25519', keyId: keyIdOf(sampleVendor.publicKey) });
  });

  it('takes the scheme that the key is for, or the one it is told', async () => {
    const signed = await signLicense({ ...options, privateKeyPem: rsaVendor.privateKeyPem });
    expect((await verifyLicense(signed, rsaVendor.publicKey)).signature.alg).toBe('RSA-PSS');
    const byBrowser = { ...options, privateKeyPem: sampleVendor.privateKeyPem, scheme: web.ed25519Scheme };
    expect(await signLicense(byBrowser)).toBe(text);
    const wrong = { ...options, privateKeyPem: rsaVendor.privateKeyPem, scheme: node.ed25519Scheme };
    expect((await refusal(signLicense(wrong))).code).toBe('KEY_INVALID');
  });

  it('signs nothing that would be refused', async () => {
    const { privateKeyPem } = sampleVendor;
    const servers = options.terms.servers.slice(0, 2);
    const longName = 'x'.repeat(60);
    const features = Array.from({ length: 1000 }, (_, i) => ({
      name: `${longName}${i}`,
      version: '1.2.3.4.5.6.7.8',
      count: 1,
      startsAt: '2026-01-01T00:00:00Z',
      expiresAt: '2027-01-01T00:00:00Z',
      leaseSeconds: 60,
      reclaim: 'lease' as const,
    }));
    for (const [changes, path] of [
      [{ terms: sampleTerms({ servers }) }, 'servers'],
      [{ id: '' }, 'id'],
      [{ issuedAt: '2026-11-24' }, 'issuedAt'],
      // Each field is within its limits, but the text of all of them is not.
      [{ terms: sampleTerms({ features }) }, ''],
    ] as const) {
      const error = await refusal(signLicense({ ...options, privateKeyPem, ...changes }));
      expect(error).toMatchObject({ code: 'LICENSE_INVALID', details: { issues: [{ path }] } });
    }
  });

  it('does not give out a signature that a fault has spoilt', async () => {
    const scheme = {
      ...node.ed25519Scheme,
      sign: async () => new Uint8Array(64),
    };
    const error = await refusal(signLicense({ ...options, privateKeyPem: sampleVendor.privateKeyPem, scheme }));
    expect(error.code).toBe('LICENSE_SIGNATURE');
  });
});

describe('verifyLicense', () => {
  it('gives the license, from text, bytes or a license, with either implementation', async () => {
    for (const form of [text, new TextEncoder().encode(text), license]) {
      expect(await verifyLicense(form, sampleVendor.publicKey)).toEqual(license);
      expect(await verifyLicense(form, sampleVendor.publicKey, web.ed25519Scheme)).toEqual(license);
    }
  });

  it('refuses another key, naming both', async () => {
    const other = sampleIdentities[0]?.publicKey ?? '';
    const error = await refusal(verifyLicense(text, other));
    expect(error.code).toBe('LICENSE_SIGNATURE');
    expect(error.details.keyId).toEqual({ signed: keyIdOf(sampleVendor.publicKey), expected: keyIdOf(other) });
    expect(error.message).toContain(`expected one by the vendor's key ${keyIdOf(other)}`);
  });

  it("refuses a key id that is not the signer's, though it is the expected one", async () => {
    const other = sampleIdentities[0]?.publicKey ?? '';
    const claimed = { ...license, signature: { ...license.signature, keyId: keyIdOf(other) } };
    const error = await refusal(verifyLicense(claimed, other));
    expect(error.message).toContain('changed after it was signed');
  });

  it("refuses an algorithm that is not the key's", async () => {
    const signed = parseLicense(await signLicense({ ...options, privateKeyPem: rsaVendor.privateKeyPem }));
    const value = license.signature.value;
    const posing = { ...signed, signature: { ...signed.signature, alg: 'Ed25519' as const, value } };
    expect((await refusal(verifyLicense(posing, rsaVendor.publicKey))).message).toContain(
      'expected RSA-PSS, got Ed25519',
    );
    expect((await refusal(verifyLicense(signed, rsaVendor.publicKey, node.ed25519Scheme))).code).toBe(
      'LICENSE_SIGNATURE',
    );
  });

  it('refuses changed terms', async () => {
    const changed = { ...license, features: license.features.map((feature) => ({ ...feature, count: 9999 })) };
    const error = await refusal(verifyLicense(changed, sampleVendor.publicKey));
    expect(error).toMatchObject({ code: 'LICENSE_SIGNATURE', message: expect.stringContaining('ask the vendor') });
  });

  it('refuses a license that is broken in another way before it looks at the signature', async () => {
    const broken = { ...license, servers: license.servers.slice(0, 2) };
    expect((await refusal(verifyLicense(broken, sampleVendor.publicKey))).code).toBe('LICENSE_INVALID');
  });

  it('refuses a malformed vendor key as such', async () => {
    for (const key of ['', 'ed25519', 'dsa:AAAA']) {
      expect((await refusal(verifyLicense(text, key))).code).toBe('KEY_INVALID');
    }
    expect((await refusal(verifyLicense(text, 'ed25519:AAAA'))).code).toBe('KEY_INVALID');
  });

  it("does not take a vendor's signature over something else", async () => {
    // The same license, but its value included as empty text: what a signer with another reading of the rule would sign.
    const { signature, ...rest } = license;
    const message = canonicalize({ ...rest, signature: { ...signature, value: '' } });
    const value = sign(null, Buffer.from(message), sampleVendor.privateKeyPem).toString('base64url');
    const error = await refusal(verifyLicense({ ...rest, signature: { ...signature, value } }, sampleVendor.publicKey));
    expect(error.code).toBe('LICENSE_SIGNATURE');
  });
});

describe('licenseHash', () => {
  it('is SHA-256 over the canonical form with the signature, whatever the white space', () => {
    const hash = licenseHash(license);
    expect(hash).toBe(node.sha256Hex(canonicalize(JSON.parse(text))));
    expect(licenseHash(parseLicense(JSON.stringify(license)))).toBe(hash);
    const other = { ...license, signature: { ...license.signature, value: `B${license.signature.value.slice(1)}` } };
    expect(licenseHash(other)).not.toBe(hash);
  });
});
