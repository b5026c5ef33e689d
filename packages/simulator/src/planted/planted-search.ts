import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SeedsOutcome } from '../seeds/seeds.ts';
import { focusedSchedule } from './focus.ts';
import type { PlantedBug } from './planted-bug.ts';
import { bundleWith } from './planted-bundle.ts';

/** Which seeds to try. */
export interface SearchRange {
  readonly firstSeed: number;
  readonly seeds: number;
  readonly seconds: number;
}

/** What came of the search for one bug. */
export interface SearchOutcome {
  readonly bug: PlantedBug;
  /** Undefined: missed. */
  readonly foundAt: number | undefined;
  /** Seeds tried. */
  readonly seeds: number;
  /** The broken promise and how it was broken. */
  readonly message: string | undefined;
  /** Seeds that broke something else. */
  readonly others: readonly string[];
}

/** What a child prints at most: one line. */
const outputBytesMax = 4 * 1_024 * 1_024;

/** Runs the simulator with a bug planted, in a process of its own, until a seed breaks a promise that the bug breaks. */
export async function searchFor(bug: PlantedBug, { firstSeed, seeds, seconds }: SearchRange): Promise<SearchOutcome> {
  const folder = await mkdtemp(join(tmpdir(), 'lic-planted-'));
  const others: string[] = [];
  let tried = 0;
  try {
    const program = await bundleWith(bug, folder);
    while (tried < seeds) {
      const schedule = focusedSchedule(firstSeed + tried, seconds, bug.focus ?? {});
      const file = join(folder, 'schedule.json');
      await writeFile(file, JSON.stringify(schedule));
      const { failed } = JSON.parse(await runProgram([program, '--schedule', file, '--json'])) as SeedsOutcome;
      tried++;
      if (failed === undefined) continue;
      if (bug.breaks.some((promise) => failed.message.startsWith(`${promise}: `)))
        return { bug, foundAt: failed.seed, seeds: tried, message: failed.message, others };
      others.push(`seed ${failed.seed}: ${failed.message}`);
    }
    return { bug, foundAt: undefined, seeds: tried, message: undefined, others };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Searches for several bugs, so many at once. `onOutcome` is called with each as it comes. */
export async function searchForAll(
  bugs: readonly PlantedBug[],
  jobs: number,
  rangeOf: (bug: PlantedBug) => SearchRange,
  onOutcome: (outcome: SearchOutcome) => void,
): Promise<void> {
  const left = [...bugs];
  const work = async (): Promise<void> => {
    for (let bug = left.shift(); bug !== undefined; bug = left.shift()) onOutcome(await searchFor(bug, rangeOf(bug)));
  };
  await Promise.all(Array.from({ length: Math.min(jobs, bugs.length) }, work));
}

/** Answers what it printed. A failed seed is what is looked for, so the exit code says nothing. */
function runProgram(args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, { maxBuffer: outputBytesMax }, (error, stdout) => {
      if (stdout === '') reject(error ?? new Error('The simulator printed nothing.'));
      else resolve(stdout);
    });
  });
}
