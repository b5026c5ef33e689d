import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { afterEach, expect, it, vi } from 'vitest';
import { readServerConfig } from '../config/server-config.ts';
import { loadOrMakeIdentity } from '../keys/key-files.ts';
import { lic } from '../testing/printed.ts';
import { modeOf, TemporaryFolder } from '../testing/temporary-folder.ts';
import { prepareTriadFolder } from './triad-folder.ts';

afterEach(() => void vi.unstubAllEnvs());

const names = ['primary', 'secondary-1', 'secondary-2'];
const terms = (count: number) => ({
  vendor: 'acme',
  licensee: 'Test',
  servers: names.map((name, index) => ({ rank: index + 1, name })),
  features: [{ name: 'compare', version: '12.0', count }],
});

async function signedFolder(folder: TemporaryFolder, count = 2) {
  await writeFile(folder.at('terms.json'), JSON.stringify(terms(count)));
  return prepareTriadFolder({
    directory: folder.at('t'),
    terms: folder.at('terms.json'),
    basePort: 28_111,
    overrides: {},
  });
}

it('makes a vendor key and identities, signs, and shuts the folder to others', async () => {
  await using folder = await TemporaryFolder.make();
  const { isNew, license, servers, remarks } = await signedFolder(folder);
  expect(isNew).toBe(true);
  expect(remarks).toEqual([]);
  expect(license.servers.map(({ address }) => address)).toEqual([
    'tcp://127.0.0.1:28111',
    'tcp://127.0.0.1:28121',
    'tcp://127.0.0.1:28131',
  ]);
  expect(servers.map(({ name, addresses }) => [name, addresses[1]])).toEqual([
    ['primary', 'ws://127.0.0.1:28112'],
    ['secondary-1', 'ws://127.0.0.1:28122'],
    ['secondary-2', 'ws://127.0.0.1:28132'],
  ]);
  for (const inner of ['', 'vendor', ...names])
    expect([inner, await modeOf(folder.at('t', inner))]).toEqual([inner, 0o700]);
  for (const name of names) expect(await modeOf(folder.at('t', name, 'identity.key'))).toBe(0o600);
  expect(await modeOf(folder.at('t', 'vendor', 'vendor.key'))).toBe(0o600);
});

it('goes on with the license that is there, at other ports where that is said', async () => {
  await using folder = await TemporaryFolder.make();
  const first = await signedFolder(folder);
  const options = {
    directory: folder.at('t'),
    terms: folder.at('terms.json'),
    basePort: 28_211,
    overrides: { lease: '20s' },
  };
  const second = await prepareTriadFolder(options);
  expect(second).toMatchObject({ isNew: false, remarks: [], license: first.license, vendorKey: first.vendorKey });
  const config = await readServerConfig(folder.at('t', 'secondary-1', 'config.yaml'));
  expect(config.listen).toEqual(['tcp://127.0.0.1:28221', 'ws://127.0.0.1:28222']);
  expect(config.servers?.[2]?.addresses[0]).toBe('tcp://127.0.0.1:28231');
  expect(config.lease).toBe(20_000);
});

it('signs terms that differ for a reload, and is content once most servers have them', async () => {
  await using folder = await TemporaryFolder.make();
  const first = await signedFolder(folder, 2);
  const second = await signedFolder(folder, 3);
  expect(second.license).toEqual(first.license);
  const next = folder.at('t', 'next.license.json');
  expect(second.remarks).toHaveLength(1);
  expect(second.remarks[0]).toContain(`npx --no lic reload ${next} --dir ${folder.at('t')}`);
  const text = await readFile(next, 'utf8');
  expect(JSON.parse(text)).toMatchObject({ features: [{ count: 3 }], servers: first.license.servers });
  await writeFile(folder.at('t', 'primary', 'license.json'), text);
  expect((await signedFolder(folder, 3)).remarks).toHaveLength(1);
  await writeFile(folder.at('t', 'secondary-1', 'license.json'), text);
  const third = await signedFolder(folder, 3);
  expect(third).toMatchObject({ remarks: [], isNew: false, license: { features: [{ count: 3 }] } });
});

it('follows no file that the vendor has not signed', async () => {
  await using folder = await TemporaryFolder.make();
  const { license } = await signedFolder(folder);
  const forged = JSON.stringify({ ...license, features: [{ ...license.features[0], count: 500 }] });
  for (const name of names) await writeFile(folder.at('t', name, 'license.json'), forged);
  expect((await signedFolder(folder)).license).toEqual(license);
});

it('takes a license from elsewhere once all its identities are in place, and writes nothing before', async () => {
  await using folder = await TemporaryFolder.make();
  const { publicKey } = await loadOrMakeIdentity(folder.at('id'));
  const server = { rank: 1, name: 'only', address: 'tcp://127.0.0.1:7411', key: publicKey };
  await writeFile(folder.at('terms.json'), JSON.stringify({ ...terms(1), servers: [server] }));
  await lic('keygen', '-o', folder.at('v'));
  await lic('sign', folder.at('terms.json'), '-k', folder.at('v', 'vendor.key'), '-o', folder.at('a.lic'));
  const start = (...more: readonly string[]) =>
    lic('triad', '--license', folder.at('a.lic'), '--dir', folder.at('t'), ...more);

  expect(await start()).toMatchObject({ code: 2, stderr: expect.stringContaining('Say who signed') as string });
  vi.stubEnv('LIC_VENDOR_KEY', folder.at('v', 'vendor.pub'));
  expect(await start()).toMatchObject({ code: 2, stderr: expect.stringContaining(publicKey) as string });
  await expect(readFile(folder.at('t', 'license.json'))).rejects.toMatchObject({ code: 'ENOENT' });
  const { publicKey: other } = await loadOrMakeIdentity(folder.at('t', 'only'));
  expect(await start()).toMatchObject({ code: 2, stderr: expect.stringContaining(`is ${other}`) as string });
  await rm(folder.at('t', 'only', 'identity.key'));
  await writeFile(folder.at('t', 'only', 'identity.key'), await readFile(folder.at('id', 'identity.key')), {
    mode: 0o600,
  });
  const options = { directory: folder.at('t'), license: [folder.at('a.lic')], basePort: 28_311, overrides: {} };
  expect(await prepareTriadFolder(options)).toMatchObject({ isNew: false, license: { servers: [server] } });
});

it.each([
  ['no terms and no license', [], 'say --terms FILE'],
  ['both', ['--terms', 'a', '--license', 'b'], 'not both'],
  ['a key that is none', ['--terms', 'a', '--set', 'leese=1'], 'unknown key'],
  ['a file that is missing', ['--terms', 'missing.json'], "can't be read"],
])('with %s exits with 2', async (_, args, text) => {
  await using folder = await TemporaryFolder.make();
  const { code, stderr } = await lic('triad', '--dir', folder.at('t'), ...args);
  expect(stderr).toContain(text);
  expect(code).toBe(2);
});

it.each([
  ['{"servers":[]}', 'servers'],
  ['{"servers":[{"rank":1,"name":"../up"}]}', 'servers.0.name'],
  ['{', 'not JSON'],
  ['{"servers":[{"rank":1,"name":"a"}]}', 'vendor: missing'],
])('says of terms %j what is wrong', async (text, where) => {
  await using folder = await TemporaryFolder.make();
  await writeFile(folder.at('terms.json'), text);
  const { code, stderr } = await lic('triad', '--dir', folder.at('t'), '--terms', folder.at('terms.json'));
  expect(stderr).toContain(where);
  expect(code).toBe(1);
});

it('leaves the modes of folders that were there', async () => {
  await using folder = await TemporaryFolder.make();
  await mkdir(folder.at('t'), { mode: 0o750 });
  await signedFolder(folder);
  expect(await modeOf(folder.at('t'))).toBe(0o750);
});
