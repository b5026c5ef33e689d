import { chmod, readFile, writeFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { loadOrMakeAdminToken } from '../serve/admin-token.ts';
import { lic } from '../testing/printed.ts';
import { modeOf, TemporaryFolder } from '../testing/temporary-folder.ts';

it.each([
  [['--help'], 0, 'Usage: lic'],
  [['help', 'triad'], 0, 'Usage: lic triad'],
  [['--version'], 0, '.'],
])('answers %j', async (args, code, text) => {
  const printed = await lic(...args);
  expect(printed.code).toBe(code);
  expect(printed.stdout).toContain(text);
});

it.each([
  [[]],
  [['bogus']],
  [['checkout']],
  [['checkout', 'compare', '--count', '0']],
  [['checkout', 'compare', '--count', '1000001', '--servers', 'tcp://127.0.0.1:1', '--vendor-key', 'ed25519:x']],
  [['checkout', 'compare', '--wait', '-1']],
  [['checkout', 'compare', '--bogus']],
  [['time', 'refuse']],
  [['keygen']],
  [['sign', 'missing.json', '-k', 'missing.key', '-o', 'x.lic']],
  [['inspect', 'missing.lic']],
  [['serve', '-c', 'missing.yaml']],
  [['triad', '--base-port', 'x']],
  [['status', '--servers', 'nonsense']],
  [['drain', 'primary', '--token-file', 'missing']],
])('exits with 2 for %j', async (args) => {
  const printed = await lic(...args);
  expect(printed.stdout).toBe('');
  expect(printed.stderr).not.toBe('');
  expect(printed.code).toBe(2);
});

it('makes keys that only their owner reads, and overwrites none', async () => {
  await using folder = await TemporaryFolder.make();
  const made = await lic('keygen', '-o', folder.at('v'), '--json');
  expect(made.code).toBe(0);
  const { key, publicKeyFile } = JSON.parse(made.stdout) as { key: string; publicKeyFile: string };
  expect(await readFile(publicKeyFile, 'utf8')).toBe(`${key}\n`);
  expect(await modeOf(folder.at('v', 'vendor.key'))).toBe(0o600);
  expect(await lic('keygen', '-o', folder.at('v'))).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('never overwritten'),
  });
});

it('makes an identity once, and shows the same from then on', async () => {
  await using folder = await TemporaryFolder.make();
  const first = JSON.parse((await lic('identity', '-o', folder.at('s'), '--json')).stdout) as { key: string };
  const again = await lic('identity', '-o', folder.at('s'), '--json');
  expect(JSON.parse(again.stdout)).toEqual(first);
  expect(Object.keys(first)).toEqual(['key', 'hostId']);
  expect(first.key).toMatch(/^ed25519:[\w-]{43}$/);
  expect(await modeOf(folder.at('s', 'identity.key'))).toBe(0o600);
  await writeFile(folder.at('s', 'identity.key'), 'no key');
  expect(await lic('identity', '-o', folder.at('s'))).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('identity.key'),
  });
});

it('signs terms in JSON and YAML, and tells good licenses from changed and foreign ones', async () => {
  await using folder = await TemporaryFolder.make();
  await lic('keygen', '-o', folder.at('v'));
  await lic('keygen', '-o', folder.at('rsa'), '--alg', 'RSA-PSS');
  const { key } = JSON.parse((await lic('identity', '-o', folder.at('s'), '--json')).stdout) as { key: string };
  const yaml = `vendor: acme
licensee: Test
servers: [{ rank: 1, name: only, address: 'tcp://[::1]:7411', key: '${key}' }]
features: [{ name: compare, version: '12.0', count: 25 }]
`;
  await writeFile(folder.at('terms.yaml'), yaml);
  for (const vendor of ['v', 'rsa']) {
    const args = ['-k', folder.at(vendor, 'vendor.key'), '-o', folder.at('a.lic'), '--id', 'A-1', '--json'];
    const signed = await lic('sign', folder.at('terms.yaml'), ...args);
    expect(JSON.parse(signed.stdout)).toMatchObject({ id: 'A-1', file: folder.at('a.lic') });
    const good = await lic('inspect', folder.at('a.lic'), '--key', folder.at(vendor, 'vendor.pub'));
    expect(good).toMatchObject({ code: 0, stdout: expect.stringContaining('good') });
    expect(good.stdout).toContain('permanent');
  }
  expect((await lic('inspect', folder.at('a.lic'))).stdout).toContain('not checked');
  const foreign = await lic('inspect', folder.at('a.lic'), '--key', folder.at('v', 'vendor.pub'), '--json');
  expect(foreign.code).toBe(1);
  expect(JSON.parse(foreign.stdout)).toMatchObject({ valid: false, code: 'LICENSE_SIGNATURE' });
  await writeFile(
    folder.at('b.lic'),
    (await readFile(folder.at('a.lic'), 'utf8')).replace('"count": 25', '"count": 0'),
  );
  const broken = await lic('inspect', folder.at('b.lic'));
  expect(broken).toMatchObject({ code: 1, stdout: expect.stringContaining('features[0].count') });
});

it('says at which field terms are wrong', async () => {
  await using folder = await TemporaryFolder.make();
  await lic('keygen', '-o', folder.at('v'));
  const sign = () => lic('sign', folder.at('t.yaml'), '-k', folder.at('v', 'vendor.key'), '-o', folder.at('a.lic'));
  await writeFile(folder.at('t.yaml'), 'vendor: acme');
  expect(await sign()).toMatchObject({ code: 1, stderr: expect.stringContaining('licensee: missing') });
  await writeFile(folder.at('t.yaml'), 'vendor: [');
  expect(await sign()).toMatchObject({ code: 1, stderr: expect.stringContaining('not YAML') });
});

it('names the key of a configuration whose file is missing', async () => {
  await using folder = await TemporaryFolder.make();
  await lic('keygen', '-o', folder.at('v'));
  const config = {
    license: 'a.lic',
    vendorKey: 'v/vendor.pub',
    identity: 's/identity.key',
    data: 'data',
    listen: ['tcp://127.0.0.1:0'],
  };
  const serve = async (more: object) => {
    await writeFile(folder.at('lic.yaml'), JSON.stringify({ ...config, ...more }));
    return lic('serve', '-c', folder.at('lic.yaml'));
  };
  const cases: readonly (readonly [object, string])[] = [
    [
      { vendorKey: 'none.pub' },
      `vendorKey: got "${folder.at('none.pub')}"; expected the vendor's public key, or its file`,
    ],
    [{}, `identity: got "${folder.at('s', 'identity.key')}"; expected a key file made by lic identity`],
    [{ tls: { cert: 'c.pem', key: 'k.pem' } }, `tls.cert: got "${folder.at('c.pem')}"; expected a file in PEM`],
  ];
  for (const [more, text] of cases) {
    expect(await serve(more)).toMatchObject({ code: 2, stderr: expect.stringContaining(text) });
  }
});

it('draws an admin token once, for its owner alone', async () => {
  await using folder = await TemporaryFolder.make();
  const data = folder.at('data');
  const token = await loadOrMakeAdminToken(data);
  expect(token).toMatch(/^[\w-]{43}$/);
  expect([await modeOf(data), await modeOf(folder.at('data', 'admin.token'))]).toEqual([0o700, 0o600]);
  await chmod(folder.at('data', 'admin.token'), 0o644);
  expect(await loadOrMakeAdminToken(data)).toBe(token);
  expect(await modeOf(folder.at('data', 'admin.token'))).toBe(0o600);
});

it('reports that no server could be reached, and exits with 1', async () => {
  const args = ['--servers', 'tcp://127.0.0.1:1,ws://[::1]:1', '--vendor-key', 'ed25519:x'];
  const { code, stdout } = await lic('status', '--json', ...args);
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({
    quorum: false,
    stale: true,
    inControl: null,
    asOf: expect.any(String) as string,
    servers: [
      { rank: 1, state: 'unreachable', addresses: ['tcp://127.0.0.1:1'] },
      { rank: 2, state: 'unreachable', addresses: ['ws://[::1]:1'] },
    ],
  });
  expect((await lic('status', ...args)).stdout).toContain('No server could be reached');
  const drain = await lic('drain', 'primary', '--json', ...args);
  expect(drain.code).toBe(1);
  expect(JSON.parse(drain.stdout)).toMatchObject({ ok: false, code: 'UNAUTHORIZED' });
});
