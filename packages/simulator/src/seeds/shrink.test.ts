import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { plantedBugs } from '../planted/planted-bugs.ts';
import { bundleWith } from '../planted/planted-bundle.ts';
import { drawSchedule, parseSchedule } from '../simulation/schedule.ts';

const bug = 'leader-counts-unsynced';
const seconds = 10;
let folder: string;
let program: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lic-shrink-'));
  program = await bundleWith(plantedBugs.find(({ name }) => name === bug) as (typeof plantedBugs)[number], folder);
});

afterAll(() => rm(folder, { recursive: true }));

/** What the simulator prints with the bug in it, and its exit code. */
function simulate(...args: readonly (string | number)[]): Promise<{ readonly text: string; readonly code: unknown }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [program, ...args.map(String)], { cwd: folder }, (error, stdout) =>
      resolve({ text: stdout, code: error === null ? 0 : error.code }),
    );
  });
}

it('shrinks a failed run to what the planted bug needs, in a file that breaks the same promise again', {
  timeout: 240_000,
}, async () => {
  const found = await simulate('--seed', 1, '--seeds', 20, '--seconds', seconds, '--json', '--jobs', 1);
  const { failed } = JSON.parse(found.text) as { failed: { seed: number } };
  const shrunk = await simulate('--seed', failed.seed, '--seconds', seconds, '--shrink', '--json', '--jobs', 1);
  const { file } = JSON.parse(shrunk.text) as { file: string };
  const schedule = parseSchedule(await readFile(join(folder, file), 'utf8'));
  const whole = drawSchedule(failed.seed, seconds);
  const sizeOf = ({ faults, deeds, clients }: typeof whole): number => faults.length + deeds.length + clients.length;
  expect(sizeOf(schedule)).toBeLessThan(sizeOf(whole));
  expect(schedule.seconds).toBeLessThanOrEqual(seconds);

  const again = await simulate('--schedule', file, '--trace', 5);
  expect(again.code).toBe(1);
  expect(again.text).toContain('broke I4');
  expect(again.text).toContain(`replay: npm run sim -- --schedule ${file}`);
});
