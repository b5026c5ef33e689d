import { execFile, execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { noBug } from '../planted/planted-bug.ts';
import { bundleWith } from '../planted/planted-bundle.ts';
import { drawSchedule } from '../simulation/schedule.ts';
import { regressions } from './regressions.ts';
import { runSchedule } from './seeds.ts';

/** Fresh seeds of each commit: where everything is tested there are more of them. */
const seeds = process.env.LIC_CI === '1' ? 200 : 40;
const seconds = 10;

let folder: string;
let program: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lic-sim-'));
  program = await bundleWith(noBug, folder);
});

afterAll(() => rm(folder, { recursive: true }));

/** Another first seed for each commit, so that what fails there fails again; any where there is no commit. */
function freshSeed(): number {
  try {
    const commit = execFileSync('git', ['rev-parse', 'HEAD'], { encoding: 'utf8', stdio: 'pipe' });
    return Number.parseInt(commit.slice(0, 7), 16);
  } catch {
    return Date.now() % 2 ** 28;
  }
}

/** Runs the simulator in processes of its own; answers what it prints. */
function simulate(...args: readonly (string | number)[]): Promise<{ readonly text: string; readonly code: unknown }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...args.map(String)], { cwd: folder }, (error, stdout) =>
      resolve({ text: stdout, code: error === null ? 0 : error.code }),
    );
  });
}

it('runs a seed again exactly, here and in another process', { timeout: 120_000 }, async () => {
  const first = await runSchedule(drawSchedule(7, 10));
  expect(await runSchedule(drawSchedule(7, 10))).toEqual(first);
  expect(first.events).toBeGreaterThan(1_000);
  const { text } = await simulate('--seed', 7, '--seconds', 10);
  expect(text).toContain(`trace ${first.traceHash}`);
  expect((await runSchedule(drawSchedule(8, 10))).traceHash).not.toBe(first.traceHash);
});

it.each(regressions)('does not fail again at seed $seed: $found', { timeout: 120_000 }, async (failed) => {
  const { violation } = await runSchedule(drawSchedule(failed.seed, failed.seconds));
  expect(violation).toBeUndefined();
});

it('keeps every promise over fresh seeds, after every event of random faults, and is well again once they are healed', {
  timeout: 600_000,
}, async () => {
  const { text, code } = await simulate('--seed', freshSeed(), '--seeds', seeds, '--seconds', seconds);
  process.stdout.write(text);
  expect(code, text).toBe(0);
  expect(text).toMatch(/^seeds from \d+ on/);
});
