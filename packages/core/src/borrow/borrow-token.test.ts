import { describe, expect, it } from 'vitest';
import { ed25519Scheme } from '#crypto';
import { sampleTerms } from '../license/sample-license.test.data.ts';
import { signLicense } from '../license/sign-license.ts';
import { type BorrowTokenFields, borrowTimeMs, signBorrowToken, verifyBorrowToken } from './borrow-token.ts';

const keysOf = (seed: number) => ed25519Scheme.generate(new Uint8Array(32).fill(seed));
const [vendor, server, stranger] = await Promise.all([keysOf(1), keysOf(2), keysOf(3)]);
const terms = sampleTerms();
const license = await signLicense({
  terms: { ...terms, servers: [{ ...terms.servers[0]!, rank: 1, key: server.publicKey }] },
  privateKeyPem: vendor.privateKeyPem,
  id: 'license-1',
  issuedAt: '2026-01-01T00:00:00Z',
});
const fields: BorrowTokenFields = {
  borrow: 'b'.repeat(22),
  feature: 'compare',
  version: '12.0',
  count: 1,
  user: 'ann',
  host: 'laptop',
  sinceMs: 1000,
  untilMs: 2000,
  vendorData: 'modules=3d',
  instance: 'triad-1',
  licenses: [license],
  server: server.publicKey,
};
const sign = (changes: Partial<BorrowTokenFields> = {}, by = server) =>
  signBorrowToken({ ...fields, ...changes }, by.privateKeyPem);
const verify = (text: string, vendorPublicKey = vendor.publicKey, host = 'laptop') =>
  verifyBorrowToken(text, { vendorPublicKey, host });
const refuses = (text: string, code: string, ...rest: readonly string[]) =>
  expect(verify(text, ...rest)).rejects.toMatchObject({ code });

describe('a borrow token', () => {
  it('is verified from the key of the vendor alone', async () => {
    await expect(verify(await sign())).resolves.toMatchObject(fields);
  });

  it('is worth nothing once a character of it is another', async () => {
    const text = await sign();
    for (const [from, to] of [
      ['"untilMs":2000', '"untilMs":9000'],
      ['"count":1', '"count":2'],
      ['"user":"ann"', '"user":"bob"'],
      ['modules=3d', 'modules=4d'],
    ] as const)
      await refuses(text.replace(from, to), 'BORROW_SIGNATURE');
    await refuses(text.replace('"host":"laptop"', '"host":"desktop"'), 'BORROW_SIGNATURE', vendor.publicKey, 'desktop');
  });

  it('is refused on another host', () =>
    sign().then((text) => refuses(text, 'BORROW_OTHER_HOST', vendor.publicKey, 'x')));

  it('is refused where a server signed it that no license of the vendor names', async () => {
    await refuses(await sign({ server: stranger.publicKey }, stranger), 'BORROW_SIGNATURE');
    await refuses(await sign({}, stranger), 'BORROW_SIGNATURE');
    await refuses(await sign(), 'LICENSE_SIGNATURE', stranger.publicKey);
    const forged = license.replace('"count": 25', '"count": 26');
    expect(forged).not.toBe(license);
    await refuses(await sign({ licenses: [forged] }), 'LICENSE_SIGNATURE');
  });

  it('that is none is told from one', async () => {
    for (const text of ['', '{}', 'null', '[]', JSON.stringify({ ...fields, licBorrow: 2, signature: '' })])
      await refuses(text, 'BORROW_INVALID');
    const text = await sign();
    await refuses(text.replace('{', '{"more":1,'), 'BORROW_INVALID');
  });
});

describe('the time of a borrow', () => {
  it('never runs back, whatever is done to the wall clock', () => {
    expect(borrowTimeMs({ wallMs: 500, markMs: 100, elapsedMs: 10 })).toBe(500);
    expect(borrowTimeMs({ wallMs: 50, markMs: 100, elapsedMs: 10 })).toBe(110);
    expect(borrowTimeMs({ wallMs: 50, markMs: 100, elapsedMs: -10 })).toBe(100);
  });
});
