import { ed25519Scheme } from '#crypto';
import type { Terms } from './license.ts';
import { signLicense } from './sign-license.ts';

// What the tests of this folder start from. No product code imports this.

const keyPair = (fill: number) => ed25519Scheme.generate(new Uint8Array(32).fill(fill));

/** The vendor of the samples. */
export const sampleVendor = await keyPair(1);
/** The identities of the sample's three servers. */
export const sampleIdentities = await Promise.all([2, 3, 4].map(keyPair));

const servers: Terms['servers'] = sampleIdentities.map(({ publicKey }, i) => ({
  rank: i + 1,
  name: ['primary', 'secondary-1', 'secondary-2'][i] ?? '',
  address: `tcp://lic${i + 1}.example.com:7411`,
  key: publicKey,
}));

/** Terms that are in order. A fresh copy each time, with these fields instead of its own. */
export const sampleTerms = (changes: Partial<Terms> = {}): Terms =>
  structuredClone({
    vendor: 'acme',
    licensee: 'Example GmbH, Köln',
    servers,
    features: [
      { name: 'compare', version: '12.0', count: 25, expiresAt: '2027-11-24' },
      { name: 'merge', version: '12.0', count: 'uncounted', leaseSeconds: 90, reclaim: 'disconnect' },
    ],
    ...changes,
  });

/** A signed license of sample terms. */
export const sampleLicense = (changes: Partial<Terms> = {}): Promise<string> =>
  signLicense({
    terms: sampleTerms(changes),
    privateKeyPem: sampleVendor.privateKeyPem,
    id: 'ACME-2026-0042',
    issuedAt: '2026-11-24T00:00:00Z',
  });
