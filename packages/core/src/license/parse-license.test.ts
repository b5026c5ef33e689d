import { isLicError } from '@lic/interfaces';
import { describe, expect, it } from 'vitest';
import type { LicenseIssue } from './issues.ts';
import { type License, licenseLimits, type Terms } from './license.ts';
import { parseLicense, parseTerms } from './parse-license.ts';
import { sampleLicense, sampleTerms } from './sample-license.test.data.ts';

const license = JSON.parse(await sampleLicense()) as License;

const issuesOf = (parse: () => unknown): readonly LicenseIssue[] => {
  try {
    parse();
    return [];
  } catch (error) {
    if (!isLicError(error, 'LICENSE_INVALID')) throw error;
    return error.details.issues as readonly LicenseIssue[];
  }
};

/** A copy of the license in which what stands at a path is another value; undefined takes it out. */
const licenseWith = (path: readonly (string | number)[], value: unknown): string => {
  const copy = structuredClone(license) as unknown as Record<string | number, unknown>;
  const parent = path.slice(0, -1).reduce((outer, step) => outer[step] as typeof copy, copy);
  parent[path.at(-1) ?? ''] = value;
  return JSON.stringify(copy);
};

const termsWith = (changes: Partial<Terms>): readonly LicenseIssue[] =>
  issuesOf(() => parseTerms(sampleTerms(changes)));
const feature = sampleTerms().features[0]!;
const servers = sampleTerms().servers;

describe('parseLicense', () => {
  it('reads a license from text and from bytes', () => {
    const text = JSON.stringify(license);
    expect(parseLicense(text)).toEqual(license);
    expect(parseLicense(new TextEncoder().encode(text))).toEqual(license);
  });

  it.each<[(string | number)[], unknown, Partial<LicenseIssue>]>([
    [['lic'], undefined, { path: 'lic', problem: 'missing', expected: expect.stringContaining('1'), got: 'nothing' }],
    [['lic'], '1', { path: 'lic', problem: 'not acceptable', got: '"1"' }],
    [['id'], '', { path: 'id', problem: 'not acceptable', got: '""' }],
    [['id'], 7, { path: 'id', problem: 'wrong type', got: '7' }],
    [['vendor'], 'a b', { path: 'vendor', problem: 'not acceptable', got: '"a b"' }],
    [['vendor'], null, { path: 'vendor', problem: 'wrong type', got: 'null' }],
    [['licensee'], undefined, { path: 'licensee', problem: 'missing', got: 'nothing' }],
    [['licensee'], 'Example  GmbH', { path: 'licensee', expected: expect.stringContaining('single spaces') }],
    [['licensee'], ' Example', { path: 'licensee', problem: 'not acceptable' }],
    [['licensee'], 'Example\u00a0GmbH', { path: 'licensee', problem: 'not acceptable' }],
    [['licensee'], 'Example\u0007', { path: 'licensee', problem: 'not acceptable' }],
    [['issuedAt'], '2026-11-24', { path: 'issuedAt', expected: expect.stringContaining('2026-11-24T00:00:00Z') }],
    [['issuedAt'], '2026-02-29T00:00:00Z', { path: 'issuedAt', problem: 'not acceptable' }],
    [['issuedAt'], '2026-11-24T00:00:00+01:00', { path: 'issuedAt', problem: 'not acceptable' }],
    [['supersedes'], [], { path: 'supersedes', problem: 'too short', got: 'a list of 0' }],
    [['supersedes'], ['ACME-2026-0042'], { path: 'supersedes', problem: 'the license itself' }],
    [['servers'], {}, { path: 'servers', problem: 'wrong type', expected: '1 or 3 servers', got: 'an object' }],
    [['servers'], [], { path: 'servers', problem: 'too short', got: 'a list of 0' }],
    [['servers', 1], 'x', { path: 'servers[1]', problem: 'wrong type', expected: 'an object', got: '"x"' }],
    [['servers', 0, 'rank'], 0, { path: 'servers[0].rank', problem: 'too small', got: '0' }],
    [['servers', 0, 'rank'], 1.5, { path: 'servers[0].rank', problem: 'wrong type', got: '1.5' }],
    [
      ['servers', 2, 'address'],
      'lic3:7411',
      { path: 'servers[2].address', expected: expect.stringContaining('tcp://') },
    ],
    [['servers', 2, 'key'], 'rsa:AAAA', { path: 'servers[2].key', expected: expect.stringContaining('ed25519:') }],
    [['servers', 2, 'hostId'], '', { path: 'servers[2].hostId', problem: 'not acceptable' }],
    [
      ['servers', 2, 'color'],
      1,
      { path: 'servers[2].color', problem: 'unknown key', expected: expect.stringContaining('hostId') },
    ],
    [['features', 0, 'count'], 0, { path: 'features[0].count', got: '0' }],
    [['features', 0, 'count'], 2.5, { path: 'features[0].count', problem: 'not acceptable', got: '2.5' }],
    [
      ['features', 0, 'count'],
      'unlimited',
      { path: 'features[0].count', expected: expect.stringContaining('"uncounted"') },
    ],
    [['features', 0, 'version'], '12.x', { path: 'features[0].version', problem: 'not acceptable', got: '"12.x"' }],
    [['features', 0, 'version'], 12, { path: 'features[0].version', problem: 'wrong type', got: '12' }],
    [
      ['features', 0, 'startsAt'],
      'tomorrow',
      { path: 'features[0].startsAt', expected: expect.stringContaining('2026-12-31') },
    ],
    [['features', 0, 'expiresAt'], '2027-13-01', { path: 'features[0].expiresAt', problem: 'not acceptable' }],
    [['features', 0, 'expiresAt'], null, { path: 'features[0].expiresAt', got: 'null' }],
    [['features', 0, 'graceDays'], 0, { path: 'features[0].graceDays', problem: 'too small', got: '0' }],
    [['features', 0, 'graceDays'], 367, { path: 'features[0].graceDays', expected: expect.stringContaining('366') }],
    [['features', 1, 'graceDays'], 7, { path: 'features[1].graceDays', expected: 'expiresAt beside it', got: '7' }],
    [['features', 0, 'overdraft'], 0, { path: 'features[0].overdraft', problem: 'too small', got: '0' }],
    [['features', 1, 'overdraft'], 2, { path: 'features[1].overdraft', expected: 'a count that is a number' }],
    [['features', 0, 'sharedBy'], [], { path: 'features[0].sharedBy', problem: 'too short', got: 'a list of 0' }],
    [['features', 0, 'sharedBy'], 'user', { path: 'features[0].sharedBy', problem: 'wrong type', got: '"user"' }],
    [['features', 0, 'sharedBy'], ['pid'], { path: 'features[0].sharedBy[0]', got: '"pid"' }],
    [['features', 0, 'sharedBy'], ['user', 'user'], { path: 'features[0].sharedBy', problem: 'the same twice' }],
    [['features', 0, 'sharersMax'], 2, { path: 'features[0].sharersMax', expected: 'sharedBy beside it' }],
    [['features', 0, 'lingerSeconds'], 0.5, { path: 'features[0].lingerSeconds', problem: 'wrong type', got: '0.5' }],
    [['features', 0, 'minimumSeconds'], 0, { path: 'features[0].minimumSeconds', problem: 'too small', got: '0' }],
    [['features', 0, 'vendorData'], 'x'.repeat(4097), { path: 'features[0].vendorData', problem: 'too long' }],
    [['features', 0, 'vendorData'], { a: 1 }, { path: 'features[0].vendorData', problem: 'wrong type' }],
    [['features', 0, 'supportedUntil'], '2026', { path: 'features[0].supportedUntil', got: '"2026"' }],
    [['features', 0, 'leaseSeconds'], 0, { path: 'features[0].leaseSeconds', problem: 'too small', got: '0' }],
    [['features', 0, 'reclaim'], 'never', { path: 'features[0].reclaim', expected: '"lease" or "disconnect"' }],
    [['features', 0, 'colour'], 'red', { path: 'features[0].colour', problem: 'unknown key' }],
    [['extra'], 1, { path: 'extra', problem: 'unknown key' }],
    [['signature'], undefined, { path: 'signature', problem: 'missing', expected: 'an object' }],
    [['signature', 'alg'], 'none', { path: 'signature.alg', expected: '"Ed25519" or "RSA-PSS"', got: '"none"' }],
    [['signature', 'keyId'], 'ABCDEF0123456789', { path: 'signature.keyId', problem: 'not acceptable' }],
    [['signature', 'value'], 'a=', { path: 'signature.value', problem: 'not acceptable' }],
    [['signature', 'value'], 'AAAA', { path: 'signature.value', expected: 'the base64url of 64 bytes', got: '"AAAA"' }],
    [
      ['signature', 'value'],
      `${'A'.repeat(85)}B`,
      { path: 'signature.value', problem: 'not a signature of this algorithm' },
    ],
    [['signature', 'alg'], 'RSA-PSS', { path: 'signature.value', expected: 'the base64url of 256 to 1024 bytes' }],
    [
      ['signature', 'extra'],
      1,
      { path: 'signature.extra', problem: 'unknown key', expected: 'one of alg, keyId, value' },
    ],
  ])('refuses %j = %j', (path, value, issue) => {
    expect(issuesOf(() => parseLicense(licenseWith(path, value)))).toEqual([expect.objectContaining(issue)]);
  });

  it('names every field that is wrong, in the message too', () => {
    const text = JSON.stringify({ ...license, vendor: '', servers: [{ ...servers[0], rank: 9, x: 1 }] });
    expect(issuesOf(() => parseLicense(text)).map(({ path }) => path)).toEqual([
      'vendor',
      'servers[0].rank',
      'servers[0].x',
    ]);
    expect(() => parseLicense(text)).toThrow(
      /^The license can't be accepted:\n {2}vendor: .*expected .*, got ""\n {2}servers\[0\]\.rank: too large: .*got 9\n {2}servers\[0\]\.x: unknown key/,
    );
  });

  it('lists the first of many', () => {
    const features = Array.from({ length: 300 }, () => ({}));
    const text = JSON.stringify({ ...license, features });
    expect(issuesOf(() => parseLicense(text))).toHaveLength(100);
    expect(() => parseLicense(text)).toThrow(/features\[3\]\.name: missing.*\n {2}and 890 more$/s);
  });

  it('says of a later file format only that it is one', () => {
    const issues = issuesOf(() => parseLicense('{"lic":2,"products":[]}'));
    expect(issues).toEqual([
      { path: 'lic', problem: 'a file format that this version of lic does not know', expected: '1', got: '2' },
    ]);
  });

  it.each(['', 'null', '[]', '"x"', '1', '{}'])('refuses the document %j', (text) => {
    expect(issuesOf(() => parseLicense(text)).length).toBeGreaterThan(0);
  });

  it('refuses what is not JSON with the place', () => {
    const text = JSON.stringify(license, null, 2).replace(
      '"vendor": "acme",',
      '"vendor": "acme",\n  "vendor": "other",',
    );
    expect(issuesOf(() => parseLicense(text))).toEqual([
      {
        path: 'vendor',
        problem: 'not valid JSON at line 5, column 3',
        expected: 'each key once (it stands at line 4, column 3 already)',
        got: '"vendor"',
      },
    ]);
  });
});

describe('parseTerms', () => {
  it('reads terms from text and from values, where undefined counts as absent', () => {
    const terms = sampleTerms();
    expect(parseTerms(JSON.stringify(terms))).toEqual(terms);
    const parsed = parseTerms({ ...terms, servers: servers.map((server) => ({ ...server, hostId: undefined })) });
    expect(parsed).toStrictEqual(terms);
  });

  it('refuses what only a signed license has', () => {
    expect(issuesOf(() => parseTerms(license)).map(({ path, problem }) => `${path} ${problem}`)).toEqual([
      'lic unknown key',
      'id unknown key',
      'issuedAt unknown key',
      'signature unknown key',
    ]);
    expect(() => parseTerms({ ...sampleTerms(), id: '1' })).toThrow(/^The terms can't be accepted/);
  });

  it('wants one server or three', () => {
    expect(termsWith({ servers: servers.slice(0, 1) })).toEqual([]);
    expect(termsWith({ servers: servers.slice(0, 2) })).toEqual([
      expect.objectContaining({
        path: 'servers',
        problem: expect.stringContaining('quorum'),
        expected: '1 or 3 servers',
      }),
    ]);
  });

  it('wants each rank once, none left out, in any order', () => {
    expect(termsWith({ servers: servers.toReversed() })).toEqual([]);
    const ranked = (...ranks: number[]) =>
      termsWith({ servers: ranks.map((rank, i) => ({ ...servers[i]!, rank })) }).map(({ path, problem }) => [
        path,
        problem,
      ]);
    expect(ranked(1, 2, 2)).toEqual([['servers[2].rank', 'the same as servers[1].rank']]);
    expect(ranked(2)).toEqual([['servers[0].rank', 'a rank is left out']]);
  });

  it('wants names and keys of their own', () => {
    const again = (field: 'name' | 'key') =>
      termsWith({
        servers: servers.map((server, i) => (i === 2 ? { ...server, [field]: servers[0]?.[field] } : server)),
      });
    for (const field of ['name', 'key'] as const) {
      expect(again(field)).toEqual([
        {
          path: `servers[2].${field}`,
          problem: `the same as servers[0].${field}`,
          expected: `each server with a ${field} of its own`,
          got: JSON.stringify(servers[0]?.[field]),
        },
      ]);
    }
  });

  it('wants keys that can be keys', () => {
    const [first, ...others] = servers;
    // A point of small order: well formed, and no key.
    const key = `ed25519:AQ${'A'.repeat(41)}`;
    expect(termsWith({ servers: [{ ...first!, key }, ...others] })).toEqual([
      expect.objectContaining({
        path: 'servers[0].key',
        problem: 'not an Ed25519 public key',
        got: JSON.stringify(key),
      }),
    ]);
  });

  it('compares the versions of a feature as numbers', () => {
    const versions = (...texts: string[]) => termsWith({ features: texts.map((version) => ({ ...feature, version })) });
    expect(versions('12', '12.1', '13')).toEqual([]);
    expect(versions('12', '11', '12.0.0')).toEqual([
      expect.objectContaining({
        path: 'features[2].version',
        problem: expect.stringContaining('the same feature and version as features[0]'),
        got: '"compare" "12.0.0"',
      }),
    ]);
  });

  it('wants a feature to begin before it ends', () => {
    const runs = (startsAt: string, expiresAt: string) =>
      termsWith({ features: [{ ...feature, startsAt, expiresAt }] });
    expect(runs('2026-01-01', '2026-01-01')).toEqual([]);
    expect(runs('2026-01-01T23:59:59Z', '2026-01-01')).toEqual([]);
    expect(runs('2026-01-02', '2026-01-01')).toEqual([
      {
        path: 'features[0].expiresAt',
        problem: 'over before it begins',
        expected: 'later than startsAt, "2026-01-02"',
        got: '"2026-01-01"',
      },
    ]);
    expect(runs('2026-01-01T12:00:00Z', '2026-01-01T12:00:00Z')).toHaveLength(1);
  });

  it.each([
    ['tcp://a:1', true],
    ['tls://lic1.example.com:65535', true],
    ['ws://127.0.0.1:7412', true],
    ['wss://[2001:db8::1]:443', true],
    ['tcp://lic_1:7411', true],
    ['tcp://a:0', false],
    ['tcp://a:65536', false],
    ['tcp://a:07411', false],
    ['tcp://a', false],
    ['tcp://:7411', false],
    ['TCP://a:7411', false],
    ['tcp:/a:7411', false],
    ['tcp://a:7411/', false],
    ['tcp://a b:7411', false],
    ['tcp://user@a:7411', false],
    ['tcp://2001:db8::1:7411', false],
    ['a:7411', false],
    ['tcp://lic1:7411\n', false],
  ])('takes %j for an address: %s', (address, accepted) => {
    const [first, ...others] = servers;
    expect(termsWith({ servers: [{ ...first!, address }, ...others] })).toHaveLength(accepted ? 0 : 1);
  });

  it("takes short leases: whether they are honoured is the ledger's matter", () => {
    expect(termsWith({ features: [{ ...feature, leaseSeconds: 0.5 }] })).toEqual([]);
  });
});

describe('the limits of a license', () => {
  const fill = (characters: number) => 'x'.repeat(characters);
  const address = (characters: number) => `tcp://${fill(characters - 'tcp://:1'.length)}:1`;
  const manyFeatures = (features: number) =>
    Array.from({ length: features }, (_, i) => ({ name: `f${i}`, version: '1', count: 1 }));
  const { nameCharsMax, textCharsMax, addressCharsMax, featuresMax, countMax, leaseSecondsMax, versionPartsMax } =
    licenseLimits;

  it.each<[string, number, (n: number) => Partial<Terms>]>([
    ['vendor', nameCharsMax, (n) => ({ vendor: fill(n) })],
    ['licensee', textCharsMax, (n) => ({ licensee: fill(n) })],
    ['servers', 3, (n) => ({ servers: Array.from({ length: n }, (_, i) => servers[i] ?? servers[0]!) })],
    ['servers[0].rank', 3, (n) => ({ servers: servers.map((server, i) => ({ ...server, rank: [n, 1, 2][i] ?? 0 })) })],
    ['servers[0].name', nameCharsMax, (n) => ({ servers: [{ ...servers[0]!, name: fill(n) }] })],
    ['servers[0].address', addressCharsMax, (n) => ({ servers: [{ ...servers[0]!, address: address(n) }] })],
    ['servers[0].hostId', textCharsMax, (n) => ({ servers: [{ ...servers[0]!, hostId: fill(n) }] })],
    ['features', featuresMax, (n) => ({ features: manyFeatures(n) })],
    ['features[0].name', nameCharsMax, (n) => ({ features: [{ ...feature, name: fill(n) }] })],
    [
      'features[0].version',
      versionPartsMax,
      (n) => ({ features: [{ ...feature, version: Array(n).fill(1).join('.') }] }),
    ],
    ['features[0].version', 9, (n) => ({ features: [{ ...feature, version: '1'.repeat(n) }] })],
    ['features[0].count', countMax, (n) => ({ features: [{ ...feature, count: n }] })],
    ['features[0].leaseSeconds', leaseSecondsMax, (n) => ({ features: [{ ...feature, leaseSeconds: n }] })],
  ])('%s: %d, and not one more', (path, limit, terms) => {
    expect(termsWith(terms(limit))).toEqual([]);
    expect(termsWith(terms(limit + 1)).map((issue) => issue.path)).toEqual([path]);
  });

  it('id: as any text, and not one character more', () => {
    expect(issuesOf(() => parseLicense(licenseWith(['id'], fill(textCharsMax))))).toEqual([]);
    expect(issuesOf(() => parseLicense(licenseWith(['id'], fill(textCharsMax + 1))))).toEqual([
      {
        path: 'id',
        problem: 'too long',
        expected: `text of 1 to ${textCharsMax} characters, words parted by single spaces`,
        got: expect.stringMatching(/^"x{59}… \(257 characters\)$/),
      },
    ]);
  });

  it('signature.value: 8192 bits, and not one character more', () => {
    const signed = (characters: number) =>
      JSON.stringify({
        ...license,
        signature: { ...license.signature, alg: 'RSA-PSS', value: 'A'.repeat(characters) },
      });
    expect(issuesOf(() => parseLicense(signed(licenseLimits.signatureCharsMax)))).toEqual([]);
    expect(issuesOf(() => parseLicense(signed(licenseLimits.signatureCharsMax + 1)))).toEqual([
      expect.objectContaining({ path: 'signature.value', problem: 'too long' }),
    ]);
  });

  it('the file: 256 KiB, and not one byte more', () => {
    const text = JSON.stringify(license);
    const padded = text + ' '.repeat(licenseLimits.textBytesMax - new TextEncoder().encode(text).length);
    expect(parseLicense(padded)).toEqual(license);
    expect(issuesOf(() => parseLicense(`${padded} `))).toEqual([
      expect.objectContaining({ path: '', expected: 'at most 262144 bytes' }),
    ]);
  });

  it('nesting: 16 levels, refused before anything else is looked at', () => {
    const nested = (levels: number) => `{"x":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`;
    expect(issuesOf(() => parseLicense(nested(16))).some(({ path }) => path === 'x')).toBe(true);
    expect(issuesOf(() => parseLicense(nested(17)))).toEqual([
      expect.objectContaining({ expected: 'at most 16 levels of nesting' }),
    ]);
  });
});
