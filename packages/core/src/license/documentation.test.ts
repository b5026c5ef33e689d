import { execFileSync, spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { publicKeyFromPem } from '../crypto/public-key.ts';
import { keyIdOf } from '../crypto/signature.ts';
import { licenseErrorCodes } from './error-codes.ts';
import { licenseFeatureSchema, licenseLimits, licenseSchema, licenseServerSchema, signatureSchema } from './license.ts';
import { parseLicense } from './parse-license.ts';
import { sampleTerms, sampleVendor } from './sample-license.test.data.ts';
import { licenseHash, signLicense, verifyLicense } from './sign-license.ts';

// Other programs are started here: on a machine with other work to do that takes its time.
vi.setConfig({ testTimeout: 60_000 });

const page = readFileSync(new URL('../../../../docs/license-file.md', import.meta.url), 'utf8');

/** The contents of the page's blocks of code in a language. */
const blocks = (language: string): readonly string[] =>
  [...page.matchAll(new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 'gs'))].map(([, code = '']) => code);

const [example = ''] = blocks('json');
const [exampleKey = ''] = blocks('text');

describe('docs/license-file.md', () => {
  it('has an example that verifies under the key beside it', async () => {
    const { lic: _, id, issuedAt, signature: __, ...terms } = JSON.parse(example);
    // Also how to bring it up to date.
    expect(example).toBe(await signLicense({ terms, privateKeyPem: sampleVendor.privateKeyPem, id, issuedAt }));
    expect(exampleKey.trim()).toBe(sampleVendor.publicKey);
    expect(await verifyLicense(example, exampleKey.trim())).toEqual(JSON.parse(example));
  });

  it('has a row for each field, and no other', () => {
    const rows = [...page.matchAll(/^\| `(\w+)` \| /gm)].map(([, field]) => field);
    const fields = [licenseSchema, licenseServerSchema, licenseFeatureSchema, signatureSchema].flatMap(({ shape }) =>
      Object.keys(shape),
    );
    const codes = [...licenseErrorCodes];
    const others = ['Ed25519'];
    expect(new Set(rows)).toEqual(new Set([...fields, ...codes, ...others]));
    expect(rows).toHaveLength(fields.length + codes.length + others.length);
  });

  it('says the limits that are kept to', () => {
    const said = new Set(page.match(/\d+/g)?.map(Number));
    for (const [limit, value] of Object.entries(licenseLimits)) {
      // Said as a number of bits instead.
      if (limit !== 'signatureCharsMax') expect([limit, said.has(value)]).toEqual([limit, true]);
    }
  });
});

const tools = ['bash', 'jq', 'basenc', 'xxd', 'sha256sum', 'openssl'];
const missing = tools.filter((tool) => spawnSync(tool, ['--version']).error !== undefined);

describe.skipIf(missing.length > 0)(`the commands in docs/license-file.md (missing here: ${missing.join()})`, () => {
  const [extract = '', keyId = '', withEd25519 = '', withRsa = '', hash = ''] = blocks('sh');

  const run = async (license: string, key: string, ...commands: readonly string[]): Promise<string> => {
    const folder = mkdtempSync(join(tmpdir(), 'lic-docs-'));
    try {
      writeFileSync(join(folder, 'acme.lic'), license);
      const script = ['set -euo pipefail', ...commands].join('\n');
      return execFileSync('bash', ['-c', script], { cwd: folder, encoding: 'utf8', env: { ...process.env, KEY: key } });
    } finally {
      rmSync(folder, { recursive: true });
    }
  };

  it('verify the example, and refuse a changed one', async () => {
    const key = exampleKey.trim();
    expect(await run(example, key, extract, withEd25519)).toContain('Signature Verified Successfully');
    expect(await run(example, key, keyId)).toBe(`${JSON.parse(example).signature.keyId}\n`);
    expect(await run(example, key, hash)).toBe(`${licenseHash(parseLicense(example))}  -\n`);
    await expect(run(example.replace('"count": 25', '"count": 26'), key, extract, withEd25519)).rejects.toThrow();
  });

  it.each([2048, 3072])('verify a license signed with an RSA key of %d bits', async (modulusLength) => {
    const pair = generateKeyPairSync('rsa', { modulusLength });
    const privateKeyPem = pair.privateKey.export({ format: 'pem', type: 'pkcs8' }) as string;
    const key = publicKeyFromPem(pair.publicKey.export({ format: 'pem', type: 'spki' }) as string);
    const options = { terms: sampleTerms(), id: 'R-1', issuedAt: '2026-11-24T00:00:00Z' };
    const license = await signLicense({ ...options, privateKeyPem });
    expect(await run(license, key, extract, withRsa)).toContain('Verified OK');
    expect(await run(license, key, keyId)).toBe(`${keyIdOf(key)}\n`);
  });
});
