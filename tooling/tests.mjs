import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { attach } from './process.mjs';

/** @typedef {import('./vitest/outcome-reporter.ts').Outcome} Outcome */

/**
 * Judges the skipped tests. A skip must give its reason; and where LIC_CI is set everything that a test may need is there,
 * so a test that was skipped for what it needs has failed.
 *
 * @param {Outcome} outcome
 * @param {{ ci: boolean; filtered: boolean }} run `filtered`: only some tests were asked for, so the others owe no reason.
 * @returns {{ lines: string[]; passed: number; failed: number; skipped: number }}
 */
export const judge = (outcome, { ci, filtered }) => {
  const lines = [];
  let failed = outcome.failed;
  let skipped = 0;
  for (const { name, reason } of outcome.skipped) {
    const wrong = (reason === '' && !filtered) || (ci && reason.startsWith('needs '));
    if (wrong) failed += 1;
    else skipped += 1;
    if (wrong || reason !== '')
      lines.push(`${wrong ? 'failed by skipping' : 'skipped'}: ${name}: ${reason || 'gives no reason'}`);
  }
  return { lines, passed: outcome.passed, failed, skipped };
};

/**
 * Runs the tests of all packages.
 *
 * @param {readonly string[]} args For vitest: filters and options.
 * @returns {Promise<{ ok: boolean; lines: string[] }>} The last lines to print: the skipped tests, then the count.
 */
export const runTests = async (args) => {
  const folder = mkdtempSync(join(tmpdir(), 'lic-tests-'));
  const file = join(folder, 'outcome.json');
  const reporters = ['--reporter=default', '--reporter=./tooling/vitest/outcome-reporter.ts'];
  try {
    const code = await attach('vitest', ['run', ...reporters, ...args], { LIC_OUTCOME: file });
    const judged = judge(JSON.parse(readFileSync(file, 'utf8')), {
      ci: process.env.LIC_CI === '1',
      filtered: args.length > 0,
    });
    const { passed, failed, skipped } = judged;
    const ok = code === 0 && failed === 0 && passed > 0;
    return { ok, lines: [...judged.lines, `${passed} passed, ${failed} failed, ${skipped} skipped`] };
  } catch (error) {
    return { ok: false, lines: [`The tests did not run to their end: ${error}`] };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
