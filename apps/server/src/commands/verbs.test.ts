import { readFile, writeFile } from 'node:fs/promises';
import type { StatusReport } from '@lic/protocol';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { until } from '../../e2e/triad-under-test.ts';
import { LicProcess } from '../testing/lic-process.ts';
import { lic } from '../testing/printed.ts';
import { TemporaryFolder } from '../testing/temporary-folder.ts';

// One server with two license files, as an administrator with a token sees it. Each test leaves it without a policy and with free seats.

const timeout = 60_000;
const compare = { name: 'compare', version: '12.0', count: 4, borrow: { longestSeconds: 604_800, countMax: 2 } };
const merge = { name: 'merge', version: '3.1', count: 1 };

let folder: TemporaryFolder;
let server: LicProcess;
let address: string;
let identity: string;

async function sign(id: string, features: readonly object[]): Promise<string> {
  const servers = [{ rank: 1, name: 'only', address: 'tcp://127.0.0.1:7411', key: identity }];
  await writeFile(folder.at('terms.json'), JSON.stringify({ vendor: 'acme', licensee: 'Test', servers, features }));
  const path = folder.at(`${id}.lic`);
  const signing = ['-k', folder.at('v', 'vendor.key'), '-o', path, '--id', id];
  expect(await lic('sign', folder.at('terms.json'), ...signing)).toMatchObject({ code: 0 });
  return path;
}

beforeAll(async () => {
  folder = await TemporaryFolder.make();
  await lic('keygen', '-o', folder.at('v'));
  ({ key: identity } = JSON.parse((await lic('identity', '-o', folder.at('s'), '--json')).stdout) as { key: string });
  await sign('a', [compare]);
  await sign('b', [merge]);
  const config = {
    license: ['a.lic', 'b.lic'],
    vendorKey: 'v/vendor.pub',
    identity: 's/identity.key',
    data: 'data',
    listen: ['tcp://127.0.0.1:0'],
  };
  await writeFile(folder.at('lic.yaml'), JSON.stringify(config));
  server = new LicProcess('serve', '-c', folder.at('lic.yaml'), '--new', '--json');
  [address = ''] = (JSON.parse(await server.line('"ready"')) as { addresses: string[] }).addresses;
  await until('checkouts are open', async () => ((await status()).open ? true : undefined));
}, timeout);

afterAll(async () => {
  await server.stop('SIGTERM');
  await folder[Symbol.asyncDispose]();
}, timeout);

const asStranger = () => ['--servers', address, '--vendor-key', folder.at('v', 'vendor.pub')];
const here = () => [...asStranger(), '--token-file', folder.at('data', 'admin.token')];

async function status(): Promise<StatusReport> {
  return JSON.parse((await lic('status', '--json', ...here())).stdout) as StatusReport;
}

async function json(...args: readonly string[]): Promise<{ readonly code: number; readonly answer: unknown }> {
  const { code, stdout } = await lic(...args, '--json', ...here());
  return { code, answer: JSON.parse(stdout) };
}

const holding = (...args: readonly string[]) => new LicProcess('checkout', ...args, '--json', ...asStranger());

async function written(...lines: readonly string[]): Promise<string> {
  await writeFile(folder.at('policy.yaml'), ['policy: 1', ...lines].join('\n'));
  return folder.at('policy.yaml');
}

it('serves what all configured files say, and loads them again from there', { timeout }, async () => {
  expect((await status()).pools).toMatchObject([
    { feature: 'compare', count: 4 },
    { feature: 'merge', count: 1 },
  ]);
  expect(await json('reload')).toMatchObject({ code: 0, answer: { ok: true, changed: false } });
  await sign('b', [{ ...merge, count: 3 }]);
  const shown = await lic('reload', '--dry-run', ...here());
  expect(shown).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^A dry run: nothing has changed.*\nLicenses replaced: b\n/) as string,
  });
  expect(shown.stdout).toMatch(/merge +3\.1 +1 +3 +0/);
  expect(shown.stdout).not.toMatch(/compare/);
  expect((await status()).pools).toMatchObject([{ count: 4 }, { count: 1 }]);
  expect(await json('reload')).toMatchObject({ code: 0, answer: { changed: true, verifiedBy: ['only'] } });
  expect((await status()).pools).toMatchObject([{ count: 4 }, { count: 3 }]);
});

it('says in a dry run whose seats shrink, and keeps each license in its file', { timeout }, async () => {
  await using holder = holding('merge', '--count', '3');
  await holder.line('"granted":true');
  const before = await readFile(folder.at('a.lic'), 'utf8');
  const smaller = await sign('c', [{ ...merge, count: 1 }]);
  const preview = await json('reload', folder.at('a.lic'), smaller, '--dry-run');
  expect(preview).toEqual({
    code: 0,
    answer: {
      ok: true,
      message: expect.any(String),
      licenseHash: expect.stringMatching(/^[0-9a-f]{64}$/),
      changed: false,
      dryRun: true,
      verifiedBy: ['only'],
      added: ['c'],
      replaced: [],
      removed: ['b'],
      pools: [{ feature: 'merge', version: '3.1', before: 3, after: 1, inUse: 3, over: 2 }],
      holders: [expect.objectContaining({ feature: 'merge', count: 3 })],
    },
  });
  const { stdout } = await lic('reload', folder.at('a.lic'), smaller, '--dry-run', ...here());
  expect(stdout).toMatch(/merge +3\.1 +3 +1 +3 +2 too many in use\n {2}\S+@\S+ holds 3 of merge 3\.1\n$/);
  await writeFile(folder.at('broken.lic'), '{');
  expect(await json('reload', folder.at('broken.lic'), '--dry-run')).toMatchObject({
    code: 1,
    answer: { ok: false, code: 'LICENSE_REFUSED', details: { server: 'only', reason: 'LICENSE_INVALID' } },
  });
  expect((await lic('reload', folder.at('none.lic'), '--dry-run', ...here())).code).toBe(2);

  expect(await json('reload', folder.at('a.lic'), smaller)).toMatchObject({ code: 0 });
  await until('the file has the new license', async () =>
    (await readFile(folder.at('b.lic'), 'utf8')).includes('"c"') ? true : undefined,
  );
  expect(await readFile(folder.at('a.lic'), 'utf8')).toBe(before);
  expect(await json('reload')).toMatchObject({ code: 0, answer: { changed: false } });
  expect(await holder.stop('SIGINT')).toBe(0);
});

it('explains what a checkout would come to, for somebody else, without taking anything', { timeout }, async () => {
  await using holder = holding('compare', '--count', '3');
  await holder.line('"granted":true');
  expect(await json('explain', 'compare', 'merge', '--count', '9', '--count-min', '1')).toEqual({
    code: 0,
    answer: {
      ok: true,
      message: expect.stringMatching(/would be granted 1 seat of "compare" 12\.0 and 1 seat of "merge" 3\.1 now\.$/),
      granted: true,
      ...{ feature: 'compare', version: '12.0', count: 1 },
      more: [{ feature: 'merge', version: '3.1', count: 1 }],
    },
  });
  const refused = await json('explain', 'merge', 'compare', '--count', '2');
  expect(refused).toMatchObject({
    code: 1,
    answer: { ok: true, granted: false, code: 'COUNT_TOO_HIGH', feature: 'merge' },
  });
  expect(await json('explain', 'compair', '--user', 'ann')).toMatchObject({
    code: 1,
    answer: { granted: false, code: 'UNKNOWN_FEATURE', rule: { source: 'license', text: 'compare, merge' } },
  });
  for (const wrong of [
    ['compare', '--count', '2', '--count-min', '3'],
    ['compare', '--address', '10.1.2'],
    ['compare', '--count', '0'],
  ])
    expect((await lic('explain', ...wrong, ...here())).code).toBe(2);
  expect((await status()).pools).toMatchObject([{ inUse: 3 }, { inUse: 0 }]);
  expect(await holder.stop('SIGINT')).toBe(0);

  const rules = [
    'features:',
    '  compare:',
    '    include: [{ project: bridge }, { product: cad }, { address: 10.1.0.0/16 }]',
  ];
  expect((await lic('policy', 'apply', await written(...rules), ...here())).code).toBe(0);
  for (const known of [
    ['--project', 'bridge'],
    ['--product', 'cad'],
    ['--address', '10.1.2.3'],
  ])
    expect(await json('explain', 'compare', ...known)).toMatchObject({ code: 0, answer: { granted: true } });
  expect(await json('explain', 'compare', '--address', '10.2.2.3')).toMatchObject({
    code: 1,
    answer: { code: 'NOT_INCLUDED', rule: { source: 'policy', where: 'line 4' } },
  });
  expect((await lic('policy', 'apply', await written(), ...here())).code).toBe(0);
});

it('explains a code without any server', async () => {
  expect(await lic('explain', 'RESERVED')).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^RESERVED: /) as string,
  });
  const { stdout } = await lic('explain', 'NO_SEATS', '--json');
  expect(JSON.parse(stdout)).toEqual({
    code: 'NO_SEATS',
    source: 'license',
    field: 'count',
    explanation: expect.any(String),
  });
});

it('checks a policy before it is applied, and names the lines that are wrong', { timeout }, async () => {
  await using holder = holding('compare', '--count', '3');
  const { grant } = JSON.parse(await holder.line('"granted":true')) as { grant: { id: string } };
  const good = await written('features:', '  compare:', "    max: [{ user: '*', count: 2 }]");
  const check = await json('policy', 'check', good);
  expect(check).toMatchObject({
    code: 0,
    answer: {
      ok: true,
      ...{ added: ['compare: max user * 2'], removed: [], areGroupsChanged: false },
      denied: [{ feature: 'compare', code: 'MAX_REACHED', rule: { line: 4, text: 'compare: max user * 2' }, has: 3 }],
      deniedCount: 1,
    },
  });
  expect(await json('policy', 'show')).toMatchObject({ code: 0, answer: { ok: true } });
  const applied = await lic('policy', 'apply', good, ...here());
  expect(applied).toMatchObject({ code: 0 });
  expect(applied.stdout).toMatch(/^The policy is in force on all servers, with 1 rules\./);
  expect(applied.stdout).toMatch(/ {2}\S+@\S+ compare: MAX_REACHED, line 4 \(compare: max user \* 2\), 3 held/);
  expect(await json('policy', 'show')).toMatchObject({
    code: 0,
    answer: { text: await readFile(good, 'utf8'), rules: [{ line: 4, text: 'compare: max user * 2' }] },
  });
  expect((await status()).grants).toMatchObject([{ id: grant.id, state: 'active' }]);

  const bad = await written('features:', '  compair: { idle: 1h }', '  compare: { borrow: { longest: 30d } }');
  for (const verb of ['check', 'apply']) {
    expect(await json('policy', verb, bad)).toMatchObject({
      code: 1,
      answer: {
        ...{ ok: false, code: 'ADMIN_FAILED' },
        details: { reason: 'POLICY_INVALID', issues: [{ line: 3 }, { line: 4 }] },
      },
    });
    const { code, stderr } = await lic('policy', verb, bad, ...here());
    expect(code).toBe(1);
    expect(stderr).toMatch(/line 3: compair.*line 4: compare.*ADMIN_FAILED/s);
  }
  expect(await json('policy', 'check', await written('features: ['))).toMatchObject({
    code: 1,
    answer: {
      details: {
        reason: 'POLICY_INVALID',
        issues: [{ line: 2, message: expect.stringMatching(/^no YAML/) as string }],
      },
    },
  });
  expect((await lic('policy', 'check', folder.at('none.yaml'), ...here())).code).toBe(2);
  expect(await json('policy', 'show'), 'what was refused changes nothing').toMatchObject({
    answer: { rules: [{ line: 4 }] },
  });

  expect(await json('policy', 'explain', 'nobody', 'compare')).toMatchObject({
    code: 0,
    answer: { ok: true, user: 'nobody', feature: 'compare', allowed: true, limits: [{ line: 4, has: 0, max: 2 }] },
  });
  expect(await json('policy', 'explain', 'ann', 'compair')).toMatchObject({
    code: 1,
    answer: { ok: false, code: 'ADMIN_FAILED', details: { reason: 'UNKNOWN_FEATURE', feature: 'compair' } },
  });
  expect((await lic('policy', 'apply', await written(), ...here())).code).toBe(0);
  expect(await json('policy', 'show')).toMatchObject({ answer: { rules: [] } });
  expect(await holder.stop('SIGINT')).toBe(0);
});

it('removes a dead holder by user and host, and says where there is none', { timeout }, async () => {
  await using holder = holding('compare');
  await holder.line('"granted":true');
  const [grant] = (await status()).grants;
  const who = ['--user', grant?.user ?? '', '--host', grant?.host ?? ''];
  expect(await json('remove', ...who.slice(0, 2), '--host', 'elsewhere')).toMatchObject({
    code: 1,
    answer: { ok: false, code: 'ADMIN_FAILED', details: { reason: 'UNKNOWN_HOLDER', host: 'elsewhere' } },
  });
  expect(await lic('remove', ...who, '--session', 'x', ...here())).toMatchObject({ code: 2 });
  expect(await json('remove', ...who)).toMatchObject({ code: 0, answer: { ok: true, grants: [grant?.id] } });
  expect(await holder.ended()).toBe(1);
  expect(holder.lines.at(-1)).toContain('"code":"removed"');
});

it('does nothing for who has no token, or a wrong one', { timeout }, async () => {
  await writeFile(folder.at('wrong.token'), 'wrong');
  const verbs = [
    ['explain', 'compare'],
    ['policy', 'check', await written()],
    ['policy', 'apply', await written()],
    ['policy', 'show'],
    ['policy', 'explain', 'ann', 'compare'],
    ['remove', '--user', 'ann'],
    ['reload', '--dry-run'],
  ];
  for (const verb of verbs)
    for (const token of [[], ['--token-file', folder.at('wrong.token')]]) {
      const { code, stdout } = await lic(...verb, '--json', ...asStranger(), ...token);
      expect([verb, code, JSON.parse(stdout)]).toEqual([
        verb,
        1,
        expect.objectContaining({ ok: false, code: 'UNAUTHORIZED' }),
      ]);
    }
});
