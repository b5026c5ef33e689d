import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { StatusReport } from '@lic/protocol';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { until } from '../../e2e/triad-under-test.ts';
import { isAlive, LicProcess } from '../testing/lic-process.ts';
import { lic } from '../testing/printed.ts';
import { TemporaryFolder } from '../testing/temporary-folder.ts';

// Each test goes on from where the one before left the triad: three processes are dear.

const basePort = 29_511;
const names = ['primary', 'secondary-1', 'secondary-2'];
const timeout = 60_000;

let folder: TemporaryFolder;
let triad: LicProcess;
let pids: readonly number[];

interface Ready {
  readonly vendorKey: string;
  readonly servers: readonly { readonly rank: number; readonly name: string; readonly pid: number }[];
}

async function start(port: number): Promise<Ready> {
  triad = new LicProcess(
    ...['triad', '--terms', folder.at('terms.json'), '--dir', folder.at('t'), '--base-port', String(port)],
    ...['--set', 'failbackAfter=1s', '--json'],
  );
  const ready = JSON.parse(await triad.line('"ready"')) as Ready;
  pids = ready.servers.map(({ pid }) => pid);
  return ready;
}

beforeAll(async () => {
  folder = await TemporaryFolder.make();
  const servers = names.map((name, index) => ({ rank: index + 1, name }));
  const features = [{ name: 'compare', version: '12.0', count: 2 }];
  await writeFile(folder.at('terms.json'), JSON.stringify({ vendor: 'acme', licensee: 'Test', servers, features }));
  expect(await start(basePort)).toMatchObject({
    vendorKey: expect.stringMatching(/^ed25519:/) as string,
    servers: [
      { rank: 1, name: 'primary', addresses: ['tcp://127.0.0.1:29511', 'ws://127.0.0.1:29512'] },
      { rank: 2, name: 'secondary-1', addresses: ['tcp://127.0.0.1:29521', 'ws://127.0.0.1:29522'] },
      { rank: 3, name: 'secondary-2', addresses: ['tcp://127.0.0.1:29531', 'ws://127.0.0.1:29532'] },
    ],
  });
}, timeout);

afterAll(async () => {
  await triad.stop('SIGINT');
  await folder[Symbol.asyncDispose]();
}, timeout);

const here = () => ['--dir', folder.at('t')];
const tokenOf = (name: string): string => folder.at('t', name, 'data', 'admin.token');
const asStranger = (scheme: 'tcp' | 'ws') => [
  ...['--vendor-key', folder.at('t', 'vendor', 'vendor.pub'), '--servers'],
  [1, 11, 21].map((offset) => `${scheme}://127.0.0.1:${29_510 + offset + (scheme === 'ws' ? 1 : 0)}`).join(),
];
const holding = (...args: readonly string[]) => new LicProcess('checkout', 'compare', '--json', ...here(), ...args);

async function status(...args: readonly string[]): Promise<StatusReport> {
  return JSON.parse((await lic('status', '--json', ...(args.length > 0 ? args : here()))).stdout) as StatusReport;
}

async function json(...args: readonly string[]): Promise<{ readonly code: number; readonly answer: unknown }> {
  const { code, stdout } = await lic(...args, '--json', ...here());
  return { code, answer: JSON.parse(stdout) };
}

/** Turns one bit over in the middle of what a log's first segment holds. */
async function flipBit(directory: string): Promise<{ readonly file: string; readonly offset: number }> {
  const [file = ''] = (await readdir(directory)).filter((name) => name.endsWith('.seg')).sort();
  const bytes = await readFile(join(directory, file));
  const offset = Math.floor(bytes.findLastIndex((byte) => byte !== 0) / 2);
  bytes[offset] = (bytes[offset] ?? 0) ^ 1;
  await writeFile(join(directory, file), bytes);
  return { file, offset };
}

const inControl = (rank: number) =>
  until(`rank ${rank} is in control`, async () => ((await status()).inControl === rank ? true : undefined));

it('reports who is in control and who holds what, with names for administrators only', { timeout }, async () => {
  await using holder = holding();
  const granted = JSON.parse(await holder.line('"granted"')) as { grant: { id: string } };
  expect(granted).toMatchObject({ granted: true, grant: { feature: 'compare', version: '12.0', count: 1 } });
  const report = await status();
  expect(report).toMatchObject({
    quorum: true,
    stale: false,
    degraded: false,
    servers: names.map((name, index) => ({ rank: index + 1, name, pid: pids[index] })),
    pools: [{ feature: 'compare', version: '12.0', count: 2, inUse: 1, free: 1, queued: 0 }],
    grants: [{ id: granted.grant.id, feature: 'compare', count: 1, state: 'active' }],
  });
  expect(report.grants[0]?.user).not.toBe('***');
  for (const scheme of ['tcp', 'ws'] as const)
    expect((await status(...asStranger(scheme))).grants).toMatchObject([{ user: '***', host: '***' }]);
  const one = await status(...asStranger('tcp'), '--token-file', tokenOf('secondary-1'));
  expect(one.grants[0]?.user, 'a token of one server is enough').not.toBe('***');
  const { code, stdout } = await lic('status', ...here());
  expect(code).toBe(0);
  expect(stdout).toMatch(/is in control, term \d+\.\n\nRANK {2}SERVER/);
  expect(await holder.stop('SIGINT')).toBe(0);
  expect(holder.lines.slice(1)).toEqual(['{"event":"ended","code":"checkedIn"}']);
});

it('denies with facts, waits in the queue, and gives back on a signal', { timeout }, async () => {
  await using holder = holding('--count', '2');
  await holder.line('"granted":true');
  const denied = await json('checkout', 'compare');
  expect(denied).toMatchObject({
    code: 1,
    answer: { granted: false, code: 'NO_SEATS', count: 2, inUse: 2, holders: [{ count: 2 }] },
  });
  const { code, stderr } = await lic('checkout', 'compare', ...here());
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /^Denied NO_SEATS: .*\n {2}decided by the license: features\[compare\]\.count = .*\n {2}\S+@\S+ has held 2 seats for \d+ s\n$/,
  );
  const explained = await lic('explain', 'compare', '--user', 'eve', '--host', 'ws-9', ...here());
  expect(explained).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/^Denied NO_SEATS: .*\n {2}decided by the/),
  });
  expect(await json('explain', 'compare', '--count', '3')).toMatchObject({
    code: 1,
    answer: { ok: true, granted: false, code: 'COUNT_TOO_HIGH', rule: { source: 'license' } },
  });
  const newer = await json('checkout', 'compare', '--version', '12.1');
  expect(newer).toMatchObject({ code: 1, answer: { code: 'VERSION_NOT_LICENSED' } });
  expect(await json('checkout', 'compare', '--wait', '0.1')).toMatchObject({ code: 1, answer: { code: 'WAIT_OVER' } });

  await using hasty = holding('--wait', '60');
  expect(JSON.parse(await hasty.line('queued'))).toEqual({ event: 'queued', position: 1 });
  expect(await hasty.stop('SIGINT')).toBe(1);
  expect(hasty.lines.at(-1)).toContain('"code":"INTERRUPTED"');
  await using patient = holding('--wait', '60');
  await patient.line('queued');
  expect(await holder.stop('SIGTERM')).toBe(0);
  await patient.line('"granted":true');
  expect(await patient.stop('SIGHUP')).toBe(0);
  expect((await status()).grants).toEqual([]);
});

it('moves control by transfer and drain, at whichever server the token fits', { timeout }, async () => {
  await using holder = holding();
  await holder.line('"granted":true');
  const moved = await json('transfer', 'secondary-1');
  expect(moved).toMatchObject({ code: 0, answer: { ok: true, inControl: 2, name: 'secondary-1' } });
  expect((await status()).inControl).toBe(2);
  const drained = await lic('drain', '2', '--token-file', tokenOf('secondary-2'), ...asStranger('tcp'));
  expect(drained).toMatchObject({ code: 0, stdout: expect.stringContaining('secondary-1 is drained') as string });
  await inControl(1);
  expect((await status()).servers[1]).toMatchObject({ state: 'standby', drained: true });
  expect((await lic('undrain', 'secondary-1', ...here())).code).toBe(0);
  expect(await json('drain', 'nobody')).toMatchObject({
    code: 1,
    answer: { ok: false, code: 'ADMIN_FAILED', details: { reason: 'UNKNOWN_SERVER' } },
  });
  await writeFile(folder.at('wrong.token'), 'wrong');
  const refused = await lic('drain', '2', '--token-file', folder.at('wrong.token'), ...asStranger('ws'));
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('(UNAUTHORIZED)') as string });
  expect(await holder.stop('SIGINT')).toBe(0);
});

it('reloads a license with more seats, and none that the vendor has not signed', { timeout }, async () => {
  const {
    lic: _,
    id: __,
    issuedAt: ___,
    signature: ____,
    ...terms
  } = JSON.parse(await readFile(folder.at('t', 'license.json'), 'utf8')) as Record<string, unknown>;
  await writeFile(
    folder.at('more.json'),
    JSON.stringify({
      ...terms,
      features: [
        { name: 'compare', version: '12.0', count: 5 },
        { name: 'merge', version: '12.0', count: 1 },
      ],
    }),
  );
  await lic('keygen', '-o', folder.at('stranger'));
  const sign = (key: string) => lic('sign', folder.at('more.json'), '-k', key, '-o', folder.at('more.lic'));
  await sign(folder.at('stranger', 'vendor.key'));
  const refused = await json('reload', folder.at('more.lic'));
  expect(refused).toMatchObject({ code: 1, answer: { ok: false, code: 'LICENSE_REFUSED' } });
  await sign(folder.at('t', 'vendor', 'vendor.key'));
  const loaded = await json('reload', folder.at('more.lic'));
  expect(loaded).toMatchObject({ code: 0, answer: { changed: true, verifiedBy: expect.arrayContaining(names) as [] } });
  expect((await status()).pools).toMatchObject([{ count: 5, free: 5 }, { count: 1 }]);
  await lic('sign', folder.at('more.json'), '-k', folder.at('t', 'vendor', 'vendor.key'), '-o', folder.at('other.lic'));
  const files = [folder.at('more.lic'), folder.at('other.lic')];
  const preview = { dryRun: true, changed: false, pools: [{ before: 5, after: 10 }, { before: 1, after: 2 }], holders: [] };
  expect(await json('reload', ...files, '--dry-run')).toMatchObject({ code: 0, answer: preview });
  const { stdout } = await lic('reload', ...files, '--dry-run', ...here());
  expect(stdout).toMatch(/nothing has changed.*\nLicenses added: .*\n\nFEATURE .*\ncompare +12\.0 +5 +10 +0/);
  expect((await status()).pools).toMatchObject([{ count: 5 }, { count: 1 }]);
  expect(await json('reload', ...files)).toMatchObject({ code: 0, answer: { changed: true } });
  expect((await status()).pools).toMatchObject([{ count: 10 }, { count: 2 }]);
  expect(await json('reload', folder.at('more.lic'))).toMatchObject({ code: 0, answer: { changed: true } });
});

it('tells a holder that its grant was revoked, and exits with 1', { timeout }, async () => {
  await using holder = holding();
  const { grant } = JSON.parse(await holder.line('"granted":true')) as { grant: { id: string } };
  expect((await lic('revoke', grant.id, '--reason', 'maintenance', ...here())).code).toBe(0);
  expect(await holder.ended()).toBe(1);
  expect(JSON.parse(holder.lines.at(-1) ?? '')).toEqual({ event: 'ended', code: 'revoked', note: 'maintenance' });
  const again = await json('revoke', grant.id);
  expect(again).toMatchObject({ code: 1, answer: { code: 'ADMIN_FAILED', details: { reason: 'UNKNOWN_GRANT' } } });
});

it('takes several features or none, and fewer seats where there are no more', { timeout }, async () => {
  await using both = new LicProcess('checkout', 'compare', 'merge', '--json', ...here());
  const { grant, grants } = JSON.parse(await both.line('"granted":true')) as { grant: object; grants: object[] };
  expect(grants).toMatchObject([{ feature: 'compare' }, { feature: 'merge' }]);
  expect(grants[0]).toEqual(grant);
  const denied = await json('checkout', 'compare', 'merge');
  expect(denied).toMatchObject({ code: 1, answer: { granted: false, code: 'NO_SEATS', feature: 'merge' } });
  expect((await status()).pools).toMatchObject([{ inUse: 1 }, { inUse: 1 }]);
  await using rest = new LicProcess('checkout', 'compare', '--count', '9', '--count-min', '2', '--json', ...here());
  expect(JSON.parse(await rest.line('"granted":true'))).toMatchObject({ grant: { count: 4 } });
  for (const wrong of [
    ['compare', 'merge', '--wait', '5'],
    ['compare', '--count-min', '2'],
  ])
    expect((await lic('checkout', ...wrong, ...here())).code).toBe(2);
  expect(await both.stop('SIGINT')).toBe(0);
  expect(await rest.stop('SIGINT')).toBe(0);
  expect((await status()).pools).toMatchObject([{ inUse: 0 }, { inUse: 0 }]);
});

it('removes a dead holder, by its session', { timeout }, async () => {
  await using holder = holding();
  await holder.line('"granted":true');
  const [{ session } = { session: undefined }] = (await status()).grants;
  expect(session).toMatch(/^[\w-]{22}$/);
  const removed = await json('remove', '--session', session ?? '', '--reason', 'its machine is gone');
  expect(removed).toMatchObject({ code: 0, answer: { ok: true, grants: [expect.any(String)] } });
  expect(await holder.ended()).toBe(1);
  expect(JSON.parse(holder.lines.at(-1) ?? '')).toEqual({
    event: 'ended',
    code: 'removed',
    note: 'its machine is gone',
  });
  expect(await json('remove', '--user', 'nobody')).toMatchObject({
    code: 1,
    answer: { code: 'ADMIN_FAILED', details: { reason: 'UNKNOWN_HOLDER' } },
  });
  expect((await lic('remove', ...here())).code).toBe(2);
});

it('shows license time and clocks, and accepts a leap', { timeout }, async () => {
  const shown = await lic('time', ...here());
  expect(shown.code).toBe(0);
  for (const name of names) expect(shown.stdout).toContain(name);
  expect(await json('time')).toMatchObject({ code: 0, answer: { ok: true, pendingLeapMs: null } });
  expect(await json('time', 'accept')).toMatchObject({ code: 0, answer: { ok: true, leapMs: null } });
});

it('does not start a killed child again, and says how; a second triad is refused', { timeout }, async () => {
  await inControl(1);
  await using holder = holding();
  await holder.line('"granted":true');
  process.kill(pids[0] ?? 0, 'SIGKILL');
  const told = await triad.line('primary (pid');
  const [, config = ''] = / was ended by SIGKILL\. To start it again: {2}npx --no lic serve -c (\S+)$/.exec(told) ?? [];
  await holder.line('"resumed"');
  const degraded = await lic('status', ...here());
  expect(degraded).toMatchObject({ code: 0, stdout: expect.stringContaining('Degraded') as string });
  expect(degraded.stdout).toContain('unreachable');
  await using primary = new LicProcess('serve', '-c', config, '--json');
  const ready = JSON.parse(await primary.line('"ready"')) as object;
  expect(ready).toMatchObject({ pid: primary.pid, addresses: ['tcp://127.0.0.1:29511', 'ws://127.0.0.1:29512'] });
  const second = await lic('triad', ...here(), '--base-port', '29611');
  expect(second).toMatchObject({ code: 1, stderr: expect.stringContaining('(ALREADY_RUNNING)') as string });
  await inControl(1);
  expect(await holder.stop('SIGINT')).toBe(0);
  expect(await primary.stop('SIGTERM'), 'SIGTERM hands control over first').toBe(0);
});

it('refills a server whose log has a wrong bit, in its process, at an operator’s word', { timeout }, async () => {
  const { file, offset } = await flipBit(folder.at('t', 'primary', 'data', 'log'));
  await using primary = new LicProcess('serve', '-c', folder.at('t', 'primary', 'config.yaml'), '--json');
  await primary.line('"ready"');
  const damaged = await until('the damage shows', async () => {
    const [first] = (await status()).servers;
    return first?.trouble === undefined ? undefined : first;
  });
  expect(damaged).toMatchObject({ state: 'learner', pid: primary.pid });
  const [, name, from] = /(\S+) is damaged at byte (\d+)/.exec(damaged.trouble ?? '') ?? [];
  expect(name).toBe(file);
  expect(offset - Number(from)).toBeGreaterThanOrEqual(0);
  expect(await json('recover', 'primary')).toMatchObject({ code: 2, answer: { ok: false, code: 'NOT_CONFIRMED' } });
  expect(await json('recover', 'primary', '--yes')).toMatchObject({ code: 1, answer: { code: 'RECOVER_NOT_NEEDED' } });
  // Nobody says which: only one is in trouble.
  expect(await json('repair')).toMatchObject({ code: 0, answer: { ok: true, server: 'primary', repair: 'refill' } });
  await inControl(1);
  const [mended] = (await status()).servers;
  expect(mended).toMatchObject({ state: 'in-control', pid: primary.pid });
  expect(mended?.trouble).toBeUndefined();
  expect(await json('repair', '1')).toMatchObject({ code: 1, answer: { code: 'REPAIR_NOT_NEEDED' } });
  expect(await primary.stop('SIGTERM')).toBe(0);
});

it('takes its children along where it is killed, and goes on from the disk at other ports', { timeout }, async () => {
  await using holder = holding();
  const { grant } = JSON.parse(await holder.line('"granted":true')) as { grant: { id: string } };
  // A crashed client: its seat stays taken until its hold has passed.
  await holder.stop('SIGKILL');
  await triad.stop('SIGKILL');
  await until('the servers have ended', async () => (pids.some(isAlive) ? undefined : true));
  const { stdout } = await lic('status', '--json', ...here());
  expect(JSON.parse(stdout)).toMatchObject({ quorum: false, stale: true });

  await start(basePort + 200);
  const report = await status();
  expect(report).toMatchObject({ quorum: true, grants: [{ id: grant.id }], pools: [{ count: 5 }, { count: 1 }] });
  expect(report.servers[2]?.addresses).toEqual(['tcp://127.0.0.1:29731', 'ws://127.0.0.1:29732']);
  expect(
    triad.lines.some((line) => line.includes('npx --no lic reload')),
    'the old terms differ now',
  ).toBe(true);
});

it('stops stand-bys first on Ctrl-C, and exits with 0', { timeout }, async () => {
  // Where failback is due, control does not move any more.
  await inControl(1);
  expect(await triad.stop('SIGINT')).toBe(0);
  expect(pids.filter(isAlive)).toEqual([]);
  const stoppedAt = await Promise.all(
    names.map(async (name) => {
      const log = await readFile(folder.at('t', name, 'server.log'), 'utf8');
      const entries = log
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as { msg: string; time: string });
      return entries.findLast(({ msg }) => msg === 'stopped')?.time ?? '';
    }),
  );
  expect(stoppedAt[0], 'the one in control was the last').toBe([...stoppedAt].sort().at(-1));
});
