import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { joinLicenses, splitLicenses } from '@lic/core';
import { expect, it } from 'vitest';
import { TemporaryFolder } from '../testing/temporary-folder.ts';
import { licenseFiles } from './license-file.ts';

/** A license that can be read; nobody looks at its signature here. */
const license = (id: string, count: number, supersedes: readonly string[] = []) =>
  JSON.stringify({
    lic: 1,
    id,
    issuedAt: '2026-01-01T00:00:00Z',
    vendor: 'acme',
    licensee: 'Test',
    ...(supersedes.length === 0 ? {} : { supersedes }),
    servers: [
      { rank: 1, name: 'only', address: 'tcp://a:1', key: 'ed25519:9jjZsEmTHyasQpn93so6J7Tr3ZKTr3CVjn8MxfzBLMQ' },
    ],
    features: [{ name: 'compare', version: '1.0', count }],
    signature: { alg: 'Ed25519', keyId: '0123456789abcdef', value: 'A'.repeat(86) },
  });
const join = (...texts: readonly string[]) => joinLicenses(texts);

/** Files of a server that has two licenses. */
async function twoFiles(folder: TemporaryFolder) {
  const paths = [folder.at('a.lic'), folder.at('b.lic')];
  await writeFile(folder.at('a.lic'), license('a', 1));
  await writeFile(folder.at('b.lic'), license('b', 1));
  const shown = () => Promise.all(paths.map(async (path) => (await readFile(path, 'utf8')).trim()));
  return { paths, files: licenseFiles(paths), shown };
}

it('reads and writes one file as it is', async () => {
  await using folder = await TemporaryFolder.make();
  const files = licenseFiles([folder.at('a.lic')]);
  await expect(files.readLicense()).rejects.toMatchObject({ code: 'ENOENT' });
  await files.writeLicense('anything');
  expect(await files.readLicense()).toBe('anything');
});

it('reads several as one', async () => {
  await using folder = await TemporaryFolder.make();
  const { files } = await twoFiles(folder);
  expect(splitLicenses(await files.readLicense())).toEqual([license('a', 1), license('b', 1)]);
});

it.each([
  ['where it was', [license('b', 2), license('a', 1)], [license('a', 1), license('b', 2)]],
  [
    'where one was that it supersedes',
    [license('c', 3, ['b']), license('a', 1)],
    [license('a', 1), license('c', 3, ['b'])],
  ],
  ['where there is none', [license('c', 3), license('b', 1)], [license('c', 3), license('b', 1)]],
  [
    'in the last where each has one',
    [license('a', 1), license('b', 1), license('c', 1)],
    [license('a', 1), join(license('b', 1), license('c', 1)).trim()],
  ],
  ['and leaves a file empty that has none', [license('b', 2)], ['', license('b', 2)]],
])('writes each license %s', async (_, texts, expected) => {
  await using folder = await TemporaryFolder.make();
  const { files, shown } = await twoFiles(folder);
  await files.writeLicense(join(...texts));
  expect(await shown()).toEqual(expected);
  expect(
    splitLicenses(await files.readLicense())
      .map((text) => text.trim())
      .sort(),
  ).toEqual([...texts].sort());
  expect(await readdir(folder.path)).toEqual(['a.lic', 'b.lic']);
});

it('writes files anew that are all gone, and says which of them is missing where some are there', async () => {
  await using folder = await TemporaryFolder.make();
  const { files, paths, shown } = await twoFiles(folder);
  await rm(paths[1]!);
  await expect(files.readLicense()).rejects.toThrow(`there is no ${paths[1]}`);
  await rm(paths[0]!);
  await expect(files.readLicense()).rejects.toMatchObject({ code: 'ENOENT' });
  await files.writeLicense(join(license('a', 1), license('b', 1)));
  expect(await shown()).toEqual([license('a', 1), license('b', 1)]);
});

it('goes on with what a crash broke off, before anybody reads some of both', async () => {
  await using folder = await TemporaryFolder.make();
  const { files, paths, shown } = await twoFiles(folder);
  // The second can't be written: its place is taken by a folder.
  await rm(paths[1]!);
  await mkdir(paths[1]!);
  const wanted = join(license('a', 2), license('b', 2));
  await expect(files.writeLicense(wanted)).rejects.toThrow();
  await rm(paths[1]!, { recursive: true });
  await writeFile(paths[1]!, license('b', 1));
  const again = licenseFiles(paths);
  const [one, other] = await Promise.all([again.readLicense(), again.readLicense()]);
  expect(one).toBe(wanted);
  expect(other).toBe(wanted);
  expect(await shown()).toEqual([license('a', 2), license('b', 2)]);
  expect(await readdir(folder.path)).toEqual(['a.lic', 'b.lic']);
});
