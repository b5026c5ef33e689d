import { writeFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { TemporaryFolder } from '../testing/temporary-folder.ts';
import { parseServerConfig, readServerConfig, settingsOf, timingOf } from './server-config.ts';

const least = {
  license: 'acme.lic',
  vendorKey: 'vendor.pub',
  identity: 'identity.key',
  data: 'data',
  listen: ['tcp://0.0.0.0:7411'],
};
const parsed = (more: object) => parseServerConfig(JSON.stringify({ ...least, ...more }), 'lic.yaml');

it('fills in what is left out', () => {
  const config = parsed({});
  expect(config).toMatchObject({ profile: 'lan', failback: 'auto', logLevel: 'info' });
  expect(settingsOf(config)).toEqual({
    leaseMs: 60_000,
    drift: 0.01,
    marginMs: 1_000,
    borrowMarginMs: 600_000,
    allowShortLeases: false,
  });
  expect(timingOf(config.profile)).toEqual({ roundMs: 100, electionTimeoutMinMs: 500, electionTimeoutMaxMs: 1_000 });
});

it('makes `wan` four times slower, and takes numbers', () => {
  expect(timingOf('wan')).toEqual({ roundMs: 400, electionTimeoutMinMs: 2_000, electionTimeoutMaxMs: 4_000 });
  const { profile } = parsed({ profile: { round: '50ms', electionTimeoutMin: '250ms', electionTimeoutMax: '0.5s' } });
  expect(timingOf(profile)).toEqual({ roundMs: 50, electionTimeoutMinMs: 250, electionTimeoutMaxMs: 500 });
});

const address = 'expected tcp://host:port, tls://, ws:// or wss://, an IPv6 host in brackets';
const duration = 'expected a duration such as 250ms, 60s, 5m or 24h';

it.each([
  [{ data: undefined }, 'data: missing; expected string (the data folder)'],
  [{ license: 5 }, 'license: got 5; expected a path, or a list of paths (the signed license file, or several)'],
  [{ license: [] }, 'license: got []; expected array to have >=1 items'],
  [{ license: ['a.lic', 5] }, 'license[1]: got 5; expected string'],
  [{ license: ['a.lic', 'a.lic'] }, 'license: got ["a.lic","a.lic"]; expected each file once'],
  [{ dta: 1 }, 'dta: unknown key, got 1; expected one of license, vendorKey'],
  [{ listen: [] }, 'listen: got []; expected array to have >=1 items'],
  [{ listen: ['tcp://a:1', 'http://a:1'] }, `listen[1]: got "http://a:1"; ${address}`],
  [{ listen: ['tcp://a:65536'] }, `listen[0]: got "tcp://a:65536"; ${address}`],
  [{ listen: ['tcp://::1:7411'] }, `listen[0]: got "tcp://::1:7411"; ${address}`],
  [{ listen: ['tcp://a:1', 'tcp://a:1'] }, 'listen[1]: got "tcp://a:1"; expected each address once'],
  [{ listen: ['wss://a:1'] }, 'listen[0]: got "wss://a:1"; expected tcp:// or ws://, as `tls` is not set'],
  [{ servers: [{ name: 'a', addresses: ['tcp://a:0'] }] }, `servers[0].addresses[0]: got "tcp://a:0"; ${address}`],
  [
    { servers: [{ name: 'a', adresses: [] }] },
    'servers[0].adresses: unknown key, got []; expected one of name, addresses',
  ],
  [{ tls: { cert: 'a' } }, 'tls.key: missing; expected string'],
  [{ tls: { cert: 'a', key: 'b', cipher: 'x' } }, 'tls.cipher: unknown key, got "x"; expected one of cert, key, ca'],
  [{ profile: 'lann' }, 'profile: got "lann"; expected lan, wan, or an object'],
  [{ profile: { round: 5 } }, `profile.round: got 5; ${duration}`],
  [
    { profile: { round: '400ms', electionTimeoutMin: '500ms', electionTimeoutMax: '1s' } },
    'expected 2 × round ≤ electionTimeoutMin < electionTimeoutMax',
  ],
  [{ lease: 60 }, `lease: got 60; ${duration} (lease of features that name none)`],
  [{ lease: '25h' }, `lease: got "25h"; ${duration}, at most 86400s`],
  [{ drift: 2 }, 'drift: got 2; expected number to be <=0.5'],
  [{ failback: 'maybe' }, 'failback: got "maybe"; expected one of "auto"|"sticky"'],
])('of %j names the key, the value and what was expected', (more, text) => {
  expect(() => parsed(more)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  expect(() => parsed(more)).toThrow(text);
});

it('names everything that is wrong, not the first alone', () => {
  expect(() => parsed({ drift: 2, lease: 60 })).toThrow(/lease: got 60.*drift: got 2|drift: got 2.*lease: got 60/s);
});

it.each(['a: [', '- 1', 'hello', ''])('refuses %j as a whole', (text) => {
  expect(() => parseServerConfig(text, 'lic.yaml')).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
});

it.each(['tcp://[::1]:7411', 'ws://[fe80::1%eth0]:0', 'tcp://lic1.example.com:7411'])('binds %s', (listen) => {
  expect(parsed({ listen: [listen] }).listen).toEqual([listen]);
});

it('takes paths as relative to the file, and a key as what it is', async () => {
  await using folder = await TemporaryFolder.make();
  const tls = { cert: 'a.pem', key: '/etc/b.pem' };
  await writeFile(folder.at('lic.yaml'), JSON.stringify({ ...least, tls }));
  expect(await readServerConfig(folder.at('lic.yaml'))).toMatchObject({
    license: [folder.at('acme.lic')],
    vendorKey: folder.at('vendor.pub'),
    identity: folder.at('identity.key'),
    data: folder.at('data'),
    tls: { cert: folder.at('a.pem'), key: '/etc/b.pem' },
  });
  await writeFile(folder.at('lic.yaml'), JSON.stringify({ ...least, license: ['a.lic', '/etc/b.lic'] }));
  expect((await readServerConfig(folder.at('lic.yaml'))).license).toEqual([folder.at('a.lic'), '/etc/b.lic']);
  await writeFile(folder.at('lic.yaml'), JSON.stringify({ ...least, vendorKey: 'ed25519:abc' }));
  expect((await readServerConfig(folder.at('lic.yaml'))).vendorKey).toBe('ed25519:abc');
});
