import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { expect, it } from 'vitest';
import { benchOptions } from '../bench/options.ts';
import { parseServerConfig, type ServerConfig, serverConfigSchema } from './config/server-config.ts';
import { buildProgram } from './program.ts';
import { usageErrorCodes } from './usage-error.ts';

const page = (name: string): string => readFileSync(new URL(`../../../docs/${name}`, import.meta.url), 'utf8');
const configuration = page('configuration.md');
const cli = page('cli.md');

const examples = [...configuration.matchAll(/```yaml\n(.*?)```/gs)].map(([, text = '']) => text);
/** Key and default of each row of the table of keys. */
const rows = new Map(
  [...configuration.matchAll(/^\| `(\w+)` \| [^|]+ \| ([^|]+) \|/gm)].map(([, key = '', written = '']) => [
    key,
    written,
  ]),
);

it('docs/configuration.md has examples that can be used', () => {
  expect(examples).toHaveLength(2);
  for (const example of examples) expect(parseServerConfig(example, 'example').listen).toHaveLength(2);
  expect(parseServerConfig(examples[0] ?? '', 'example')).toMatchObject({ profile: 'wan', lease: 120_000 });
});

it('docs/configuration.md has a row for each key, in the same order, with its default', () => {
  expect([...rows.keys()]).toEqual(Object.keys(serverConfigSchema.shape));
  const least = 'license: a\nvendorKey: b\nidentity: c\ndata: d\nlisten: [tcp://a:1]';
  const config = parseServerConfig(least, 'least');
  const defaults: Partial<Record<keyof ServerConfig, string>> = {
    profile: '`lan`',
    lease: '`60s`',
    drift: '`0.01`',
    margin: '`1s`',
    allowShortLeases: '`false`',
    failback: '`auto`',
    logLevel: '`info`',
  };
  expect(config).toMatchObject({ profile: 'lan', lease: 60_000, drift: 0.01, margin: 1_000, allowShortLeases: false });
  expect(config).toMatchObject({ failback: 'auto', logLevel: 'info' });
  for (const [key, text] of Object.entries(defaults)) expect([key, rows.get(key)]).toEqual([key, text]);
});

/** What stands between a verb's heading and the next. */
const sectionOf = (verb: string): string =>
  new RegExp(`^### lic ${verb}\\b.*?(?=^##|(?![^]))`, 'ms').exec(cli)?.[0] ?? '';
const reaching = /^## Reaching servers\n.*?(?=^## )/ms.exec(cli)?.[0] ?? '';
/** What all administrative verbs have in common, and the verbs themselves. */
const [, administration = '', administrative = ''] = /^## Administration\n(.*?)^(###.*?)(?=^## )/ms.exec(cli) ?? [];

it.each(buildProgram(() => {}).commands.map((command) => [command.name(), command] as const))(
  'docs/cli.md describes lic %s with each of its options',
  (name, { options }) => {
    const section = sectionOf(name);
    expect(section).not.toBe('');
    const isReaching = options.some(({ long }) => long === '--servers');
    const isAdministrative = administrative.includes(`### lic ${name}\n`);
    const text = [section, isReaching ? reaching : '', isAdministrative ? administration : ''].join('\n');
    for (const { long, hidden } of options) if (!hidden) expect(text).toMatch(new RegExp(`[\`\\s]${long}\\b`));
  },
);

it('docs/cli.md names the codes that end with 2', () => {
  for (const code of usageErrorCodes) if (code !== 'USAGE') expect(cli).toContain(`\`${code}\``);
});

it('docs/measurements.md asks the benchmarks for what they can do, and for all of it', () => {
  const asked = [...page('measurements.md').matchAll(/^npm run bench(?: -- (\S+(?: \S+)*))?/gm)].map(
    ([, args = '']) => parseArgs({ args: args.split(' ').filter((arg) => arg !== ''), options: benchOptions }).values,
  );
  const defaults = parseArgs({ args: [], options: benchOptions }).values;
  const changed = asked.flatMap((values) =>
    Object.entries(values).flatMap(([name, value]) =>
      value === defaults[name as keyof typeof defaults] ? [] : [name],
    ),
  );
  expect(asked[0]).toEqual(defaults);
  expect(changed.sort()).toEqual(Object.keys(benchOptions).sort());
});
