import { describe, expect, it } from 'vitest';
import { parseLicense } from './parse-license.ts';
import { sampleLicense, sampleTerms, sampleVendor } from './sample-license.test.data.ts';
import { checkServerIdentity } from './server-identity.ts';

const { servers } = sampleTerms();
const bound = servers.map((server) => (server.rank === 2 ? { ...server, hostId: 'machine:2' } : server));
const license = parseLicense(await sampleLicense({ servers: bound }));
const keyOf = (rank: number): string => servers[rank - 1]?.key ?? '';

describe('checkServerIdentity', () => {
  it('finds the server by its key, and compares the host id only where the license has one', () => {
    expect(checkServerIdentity(license, { publicKey: keyOf(1), hostId: 'whatever' }).name).toBe('primary');
    expect(checkServerIdentity(license, { publicKey: keyOf(3) }).rank).toBe(3);
    expect(checkServerIdentity(license, { publicKey: keyOf(2), hostId: 'machine:2' }).rank).toBe(2);
  });

  it('refuses a key that is not in the license, naming both sides', () => {
    const publicKey = sampleVendor.publicKey;
    expect(() => checkServerIdentity(license, { publicKey, hostId: 'machine:2' })).toThrow(
      expect.objectContaining({
        code: 'NOT_IN_LICENSE',
        message: expect.stringMatching(`${publicKey}.*${keyOf(1)}.*${keyOf(3)}`),
        details: { publicKey, keys: [1, 2, 3].map(keyOf) },
      }),
    );
  });

  it.each([['machine:3'], [undefined]])('refuses host %s where the license binds another', (hostId) => {
    expect(() => checkServerIdentity(license, { publicKey: keyOf(2), hostId })).toThrow(
      expect.objectContaining({
        code: 'HOST_ID_MISMATCH',
        message: expect.stringMatching(`secondary-1 to host machine:2, but this is host ${hostId ?? 'unknown'}`),
        details: { server: 'secondary-1', licensed: 'machine:2', hostId: hostId ?? null },
      }),
    );
  });
});
