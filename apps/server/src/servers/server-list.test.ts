import { mkdir, writeFile } from 'node:fs/promises';
import { afterEach, expect, it, vi } from 'vitest';
import { printedBy } from '../testing/printed.ts';
import { TemporaryFolder } from '../testing/temporary-folder.ts';
import { prepareTriadFolder } from '../triad/triad-folder.ts';
import { resolveAccess, resolveServers } from './server-list.ts';

afterEach(() => void vi.unstubAllEnvs());

const addresses = async (options: Parameters<typeof resolveServers>[0]) =>
  (await resolveServers(options)).map(({ address }) => address);

/** The folder of a triad that has been started: its servers have drawn their tokens. */
async function triadFolder(folder: TemporaryFolder): Promise<string> {
  const servers = [1, 2, 3].map((rank) => ({ rank, name: `s${rank}` }));
  const features = [{ name: 'compare', version: '1.0', count: 1 }];
  await writeFile(folder.at('terms.json'), JSON.stringify({ vendor: 'acme', licensee: 'Test', servers, features }));
  const directory = folder.at('triad');
  await prepareTriadFolder({ directory, terms: folder.at('terms.json'), basePort: 28_011, overrides: {} });
  for (const { name } of servers) {
    await mkdir(folder.at('triad', name, 'data'));
    await writeFile(folder.at('triad', name, 'data', 'admin.token'), `token-of-${name}\n`);
  }
  return directory;
}

it('asks the default ports on this machine where nothing is said', async () => {
  expect(await addresses({})).toEqual(['tcp://127.0.0.1:7411', 'tcp://127.0.0.1:7421', 'tcp://127.0.0.1:7431']);
});

it('takes --servers before LIC_SERVERS', async () => {
  vi.stubEnv('LIC_SERVERS', 'tcp://a:7411, wss://[2001:db8::1]:7412');
  expect(await addresses({})).toEqual(['tcp://a:7411', 'wss://[2001:db8::1]:7412']);
  expect(await addresses({ servers: 'tls://b:1' })).toEqual(['tls://b:1']);
});

it.each(['a:7411', 'http://a:1', 'tcp://a', 'tcp://a:0', 'tcp://a:7411,', 'tcp://a:99999'])(
  'refuses --servers %s',
  async (servers) => {
    await expect(resolveServers({ servers })).rejects.toMatchObject({ code: 'USAGE' });
  },
);

it('finds addresses, tokens and the vendor key in a folder, whatever the environment says', async () => {
  await using folder = await TemporaryFolder.make();
  const dir = await triadFolder(folder);
  vi.stubEnv('LIC_SERVERS', 'tcp://elsewhere:7411');
  vi.stubEnv('LIC_VENDOR_KEY', 'ed25519:another');
  vi.stubEnv('LIC_ADMIN_TOKEN', 'another');
  expect(await resolveServers({ dir })).toEqual([
    { address: 'tcp://127.0.0.1:28011', name: 's1', rank: 1, token: 'token-of-s1' },
    { address: 'tcp://127.0.0.1:28021', name: 's2', rank: 2, token: 'token-of-s2' },
    { address: 'tcp://127.0.0.1:28031', name: 's3', rank: 3, token: 'token-of-s3' },
  ]);
  expect((await resolveAccess({ dir })).vendorKey).toMatch(/^ed25519:/);
  expect((await resolveAccess({ dir })).vendorKey).not.toBe('ed25519:another');
  await writeFile(folder.at('token'), 'said\n');
  const said = await resolveServers({ dir, tokenFile: folder.at('token') });
  expect(said.map(({ token }) => token)).toEqual(['said', 'said', 'said']);
  const one = await resolveServers({ dir, servers: 'tcp://127.0.0.1:28021' });
  expect(one).toMatchObject([{ token: 'token-of-s2' }]);
});

it('says what is wrong with a folder, a token file, a certificate file', async () => {
  await using folder = await TemporaryFolder.make();
  await writeFile(folder.at('empty'), '\n');
  await expect(resolveServers({ dir: folder.path })).rejects.toThrow('no folder of a triad');
  await expect(resolveServers({ tokenFile: folder.at('none') })).rejects.toThrow("can't be read (ENOENT)");
  await expect(resolveServers({ tokenFile: folder.at('empty') })).rejects.toThrow('is empty');
  await expect(resolveAccess({ ca: folder.at('none') })).rejects.toThrow("can't be read (ENOENT)");
  await expect(resolveAccess({ vendorKey: folder.at('none') })).rejects.toMatchObject({ code: 'KEY_FILE_MISSING' });
});

it('takes LIC_ADMIN_TOKEN, and says where servers are not verified', async () => {
  vi.stubEnv('LIC_ADMIN_TOKEN', 'mine');
  expect((await resolveServers({})).map(({ token }) => token)).toEqual(['mine', 'mine', 'mine']);
  const { value, stderr } = await printedBy(() => resolveAccess({}));
  expect(value.insecure).toBe(true);
  expect(stderr).toContain('servers not verified');
  vi.stubEnv('LIC_VENDOR_KEY', 'ed25519:compiled-in');
  expect((await resolveAccess({})).vendorKey).toBe('ed25519:compiled-in');
});
