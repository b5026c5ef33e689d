import { capture } from './process.mjs';

/**
 * What is checked without running our code, by name. Each needs the build only where it says so.
 *
 * @type {Record<string, readonly [command: string, ...args: string[]]>}
 */
const checks = {
  types: ['tsc', '-b'],
  format: ['biome', 'check', '--error-on-warnings', '--colors=off', '.'],
  lint: ['eslint', '.'],
  boundaries: ['depcruise', 'packages', 'apps', 'examples'],
  'dead-code': ['knip', '--no-config-hints'],
  // Reads what the build and `types` wrote.
  packaging: ['node', 'tooling/packaging.mjs'],
};

const parallel = 2;

/**
 * Runs checks, two at a time, and prints each as it ends: a line where it is fine, its whole output where it is not.
 *
 * @param {readonly string[]} names The checks to run, all where there is none.
 * @returns {Promise<string[]>} The names of those that failed.
 */
export const runChecks = async (names) => {
  const unknown = names.filter((name) => !(name in checks));
  if (unknown.length > 0)
    throw new Error(`No check ${unknown.join(', ')}: there are ${Object.keys(checks).join(', ')}`);
  const queue = names.length > 0 ? [...names] : Object.keys(checks);
  /** @type {string[]} */
  const failed = [];
  /** @param {string} name */
  const run = async (name) => {
    const [command, ...args] = checks[name] ?? [''];
    const { ok, output, seconds } = await capture(command, args);
    console.log(`${ok ? 'ok    ' : 'FAILED'} ${name} (${seconds.toFixed(1)} s)`);
    if (!ok) {
      console.log(output.trimEnd());
      failed.push(name);
    }
  };
  const last = queue.includes('packaging') ? ['packaging'] : [];
  const first = queue.filter((name) => name !== 'packaging');
  const worker = async () => {
    for (let name = first.shift(); name !== undefined; name = first.shift()) await run(name);
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  for (const name of last) await run(name);
  return failed;
};
