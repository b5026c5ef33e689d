import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './process.mjs';

const folder = join(root, 'packages/consensus/model');

/**
 * What must come of each model and variant (docs/model.md): `verified` in every state, or `refuted` with a counterexample.
 *
 * @type {readonly { model: string; define: string; expected: 'verified' | 'refuted' }[]}
 */
export const modelRuns = [
  { model: 'lease-and-hold', define: '', expected: 'verified' },
  { model: 'lease-and-hold', define: 'LEASE=3', expected: 'verified' },
  { model: 'lease-and-hold', define: 'SOMETIMES', expected: 'refuted' },
  { model: 'lease-and-hold', define: 'NO_ROUND', expected: 'refuted' },
  { model: 'lease-and-hold', define: 'ROUND_BEFORE', expected: 'refuted' },
  { model: 'lease-and-hold', define: 'ANY_ACK', expected: 'refuted' },
  { model: 'lease-and-hold', define: 'ANSWER_IN_RECLAIM', expected: 'refuted' },
  { model: 'lease-and-hold', define: 'HOLD_NOT_RESTARTED', expected: 'refuted' },
  { model: 're-admission', define: '', expected: 'verified' },
  { model: 're-admission', define: 'TERMS=4', expected: 'verified' },
  { model: 're-admission', define: 'SOMETIMES', expected: 'refuted' },
  { model: 're-admission', define: 'NO_ROUND', expected: 'refuted' },
  { model: 're-admission', define: 'ROUND_BEFORE', expected: 'refuted' },
  { model: 're-admission', define: 'AMNESIAC_VOTES', expected: 'refuted' },
];

/** What is missing to check models; '' where nothing is. @returns {string} */
export const missingForModels = () => {
  const isThere = (/** @type {string} */ command, /** @type {string} */ option) =>
    spawnSync(command, [option], { stdio: 'ignore' }).status === 0;
  if (!isThere('spin', '-V')) return "needs spin, the model checker (Debian's package spin)";
  return isThere('cc', '--version') ? '' : 'needs a C compiler, which spin writes for (cc)';
};

/**
 * Runs a command that must not fail.
 *
 * @param {string} cwd
 * @param {string} command
 * @param {readonly string[]} args
 * @returns {string} What it printed.
 */
const run = (cwd, command, args) => {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8', timeout: 300_000 });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed: ${error?.message ?? `${stdout}${stderr}`}`);
  return stdout;
};

/**
 * Looks at every state that a model can be in. Breadth first, so that a counterexample is as short as can be.
 *
 * @param {string} model The name of its file, without `.pml`.
 * @param {string} define A variant, as `NAME` or `NAME=NUMBER`; '' for the model as it is.
 * @returns {{ outcome: 'verified' | 'refuted'; states: number; counterexample: string[] }}
 */
export const checkModel = (model, define) => {
  const cwd = mkdtempSync(join(tmpdir(), 'lic-model-'));
  const file = `${model}.pml`;
  const defines = define === '' ? [] : [`-D${define}`];
  try {
    copyFileSync(join(folder, file), join(cwd, file));
    run(cwd, 'spin', ['-a', ...defines, file]);
    run(cwd, 'cc', ['-O0', '-w', '-DSAFETY', '-DNOREDUCE', '-DBFS', '-o', 'pan', 'pan.c']);
    const output = run(cwd, './pan', ['-E']);
    const states = Number(/([0-9.e+]+) states, stored/.exec(output)?.[1]);
    const errors = /errors: (\d+)/.exec(output)?.[1];
    if (errors === undefined || !(states > 0) || /Search not completed|max search depth too small/.test(output)) {
      if (errors !== '1') throw new Error(`${model} ${define} was not looked at to its end:\n${output}`);
    }
    if (errors === '0') return { outcome: 'verified', states, counterexample: [] };
    // spin itself ends with a code other than 0 where the trail ends at a broken promise.
    const { stdout } = spawnSync('spin', ['-T', '-t', ...defines, file], { cwd, encoding: 'utf8' });
    const lines = stdout.split('\n');
    const end = lines.findIndex((line) => line.startsWith('spin: trail ends'));
    const steps = lines.slice(0, end < 0 ? lines.length : end).filter((line) => !line.startsWith('spin:'));
    return {
      outcome: 'refuted',
      states,
      counterexample: steps.map((line) => line.trim()).filter((line) => line !== ''),
    };
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
};

/**
 * Checks all models, or those whose name or variant is among `names`, and prints what came of each.
 *
 * @param {readonly string[]} names
 * @returns {number} An exit code: 1 where one is not as expected, 2 where something is missing.
 */
export const checkModels = (names) => {
  const missing = missingForModels();
  if (missing !== '') {
    console.error(`The models can't be checked here: ${missing}.`);
    return 2;
  }
  let code = 0;
  for (const { model, define, expected } of modelRuns) {
    if (names.length > 0 && !names.includes(model) && !names.includes(define)) continue;
    const { outcome, states, counterexample } = checkModel(model, define);
    const isRight = outcome === expected;
    if (!isRight) code = 1;
    console.log(`${isRight ? 'ok    ' : 'FAILED'} ${model} ${define || '(as it is)'}: ${outcome}, ${states} states`);
    for (const step of counterexample) console.log(`         ${step}`);
  }
  return code;
};
