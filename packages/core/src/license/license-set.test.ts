import { describe, expect, it } from 'vitest';
import { sha256Hex } from '#crypto';
import type { License, Terms } from './license.ts';
import { combineLicenses, licenseSetHash } from './license-set.ts';
import { sampleLicense, sampleTerms } from './sample-license.test.data.ts';

const file = async (id: string, changes: Partial<Terms> = {}): Promise<License> => ({
  ...(JSON.parse(await sampleLicense(changes)) as License),
  id,
});
const feature = sampleTerms().features[0]!;
const one = await file('one', { features: [feature] });

describe('several licenses', () => {
  it('are the features of all, with the servers of the first', async () => {
    const two = await file('two', { features: [{ ...feature, version: '12', count: 5, expiresAt: '2030-01-01' }] });
    const { id, features } = combineLicenses([one, two]);
    expect(id).toBe('one');
    expect(features.map(({ count }) => count)).toEqual([25, 5]);
    expect(combineLicenses([two])).toBe(two);
  });

  it('count no more where another one of them supersedes them', async () => {
    const two = await file('two', {
      supersedes: ['one', 'gone'],
      features: [{ ...feature, count: 30, leaseSeconds: 90 }],
    });
    expect(combineLicenses([one, two]).features.map(({ count }) => count)).toEqual([30]);
  });

  it.each<[string, string, Partial<Terms>]>([
    ['of two vendors', 'one and two differ in vendor: expected "acme", got "other"', { vendor: 'other' }],
    ['for other servers', 'one and two differ in servers[].key', { servers: sampleTerms().servers.slice(0, 1) }],
    [
      'with one lease and another',
      'differ in leaseSeconds of "compare" 12.0',
      { features: [{ ...feature, leaseSeconds: 30 }] },
    ],
    [
      'with one maintenance and another',
      'in supportedUntil',
      { features: [{ ...feature, supportedUntil: '2030-01-01' }] },
    ],
  ])('are refused where they are %s', async (_, message, changes) => {
    const two = await file('two', changes);
    expect(() => combineLicenses([one, two])).toThrow(
      expect.objectContaining({ code: 'LICENSE_SET', message: expect.stringContaining(message) }),
    );
  });

  it('are refused where two have one id, or each is superseded', async () => {
    const twin = await file('one');
    expect(() => combineLicenses([one, twin])).toThrow('two of them have one id');
    const [a, b] = [await file('a', { supersedes: ['b'] }), await file('b', { supersedes: ['a'] })];
    expect(() => combineLicenses([a, b])).toThrow('each is superseded by another');
  });

  it('have a hash that does not depend on their order', () => {
    const [a, b] = ['a'.repeat(64), 'b'.repeat(64)];
    expect(licenseSetHash([a])).toBe(a);
    expect(licenseSetHash([b, a])).toBe(licenseSetHash([a, b]));
    expect(licenseSetHash([a, b])).toBe(sha256Hex(`${a}\n${b}\n`));
  });
});
