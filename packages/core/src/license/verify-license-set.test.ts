import { describe, expect, it } from 'vitest';
import { licenseSetHash } from './license-set.ts';
import { sampleLicense, sampleTerms, sampleVendor } from './sample-license.test.data.ts';
import { licenseHash, signLicense } from './sign-license.ts';
import { joinLicenses, licenseFilesMax, splitLicenses, verifyLicenses } from './verify-license-set.ts';

const { publicKey, privateKeyPem } = sampleVendor;
const first = await sampleLicense();
const sign = (id: string, licensee: string) =>
  signLicense({ terms: sampleTerms({ licensee }), privateKeyPem, id, issuedAt: '2026-11-24T00:00:00Z' });
const second = await sign('second', 'A "licensee" with } and { and \\ in its name');

describe('a file of several licenses', () => {
  it('has them one behind the other, whatever stands in their texts', () => {
    expect(splitLicenses(`\n${first}${second}\n\n`)).toEqual([first.trim(), second.trim()]);
    expect(splitLicenses(joinLicenses([first, second, first]))).toEqual(
      [first, second, first].map((one) => one.trim()),
    );
  });

  it('that has one is that one as it is written, also where it is none', () => {
    for (const text of [first, `${first}\n\n`, '', 'no license', '{"lic": 1', '}{'])
      expect(joinLicenses(splitLicenses(text))).toBe(text);
  });

  it('is verified as a set, whose hash does not depend on the order', async () => {
    const found = await verifyLicenses(joinLicenses([first, second]), publicKey);
    expect(found.licenses.map(({ id }) => id)).toEqual([JSON.parse(first).id, 'second']);
    expect(found.hash).toBe(licenseSetHash(found.licenses.map(licenseHash)));
    expect((await verifyLicenses(second + first, publicKey)).hash).toBe(found.hash);
    expect((await verifyLicenses(first, publicKey)).hash).toBe(licenseHash(JSON.parse(first)));
  });

  it('is refused for any that the vendor has not signed, for what stands behind, and for too many', async () => {
    const forged = second.replace('"count": 25', '"count": 26');
    expect(forged).not.toBe(second);
    await expect(verifyLicenses(first + forged, publicKey)).rejects.toMatchObject({ code: 'LICENSE_SIGNATURE' });
    await expect(verifyLicenses(`${first} and more`, publicKey)).rejects.toMatchObject({ code: 'LICENSE_INVALID' });
    await expect(verifyLicenses(first + first, publicKey)).rejects.toMatchObject({ code: 'LICENSE_SET' });
    const many = first.repeat(licenseFilesMax + 1);
    await expect(verifyLicenses(many, publicKey)).rejects.toMatchObject({ code: 'LICENSE_SET' });
  });
});
