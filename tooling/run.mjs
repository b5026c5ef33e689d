// Every command of the root package.json: `node tooling/run.mjs COMMAND [ARGS]`.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { bootstrap } from './bootstrap.mjs';

bootstrap();

// Only now are there dependencies to import.
const { attach, capture } = await import('./process.mjs');
const { packageFolders } = await import('./packages.mjs');

/** Bundles every package, in silence where that works: what runs afterwards may print for a script. */
const bundle = async () => {
  console.error('Building');
  const { ok, output } = await capture('turbo', ['run', 'build', '--output-logs=errors-only']);
  if (!ok) console.error(output.trimEnd());
  return ok ? 0 : 1;
};

/** Bundles, and writes the declarations, which is the type check. */
const build = async () => {
  const [code, types] = await Promise.all([bundle(), capture('tsc', ['-b'])]);
  if (!types.ok) console.error(types.output.trimEnd());
  return code !== 0 || !types.ok ? 1 : 0;
};

/** @param {string} script @param {readonly string[]} args */
const runBuilt = async (script, ...args) => (await bundle()) || attach(process.execPath, [script, ...args]);

/**
 * Everything that must hold before a commit: `check` runs it all, `check NAMES` only those checks.
 *
 * @param {readonly string[]} names
 */
const check = async (...names) => {
  const { runChecks } = await import('./checks.mjs');
  if ((await bundle()) !== 0) return 1;
  const failed = await runChecks(names);
  if (names.length > 0) return failed.length > 0 ? 1 : 0;
  return test([], failed);
};

/** @param {readonly string[]} args @param {readonly string[]} failedChecks */
const test = async (args, failedChecks) => {
  const { runTests } = await import('./tests.mjs');
  const { ok, lines } = await runTests(args);
  if (failedChecks.length > 0)
    console.log(`\nFailed checks (their output is above the tests): ${failedChecks.join(', ')}`);
  console.log(`\n${lines.join('\n')}`);
  return ok && failedChecks.length === 0 ? 0 : 1;
};

/** @type {Record<string, (...args: string[]) => Promise<number>>} */
const commands = {
  start: (...args) =>
    runBuilt('apps/server/bin/lic.js', 'triad', '--terms', 'examples/acme.terms.json', '--dir', '.lic-data', ...args),
  test: async (...args) => (args.length === 0 ? check() : (await bundle()) || test(args, [])),
  build,
  check,
  sim: (...args) => runBuilt('packages/simulator/dist/main.js', ...args),
  bench: (...args) => runBuilt('apps/server/dist/bench/main.js', ...args),
  model: async (...args) => (await import('./models.mjs')).checkModels(args),
  format: (...args) => attach('biome', ['check', '--write', ...(args.length > 0 ? args : ['.'])]),
  clean: async () => {
    for (const folder of packageFolders()) rmSync(join(folder, 'dist'), { recursive: true, force: true });
    return 0;
  },
};

const [name = '', ...args] = process.argv.slice(2);
const command = commands[name];
if (command === undefined) {
  console.error(`No command ${JSON.stringify(name)}: there are ${Object.keys(commands).join(', ')}`);
  process.exitCode = 2;
} else {
  process.exitCode = await command(...args);
}
