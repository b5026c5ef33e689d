import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type SeedPool, seedPool } from '../seeds/seed-pool.ts';
import { focusedSchedule } from './focus.ts';
import { noBug, type PlantedBug } from './planted-bug.ts';
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
  /** Seeds that broke something that the bug does not break. */
  readonly others: readonly string[];
  /** Seeds that break a promise without the bug, too: the product or a check has a bug of its own. */
  readonly unclean: readonly string[];
}

/**
 * Runs the simulator with a bug planted, in a process of its own, until a seed breaks a promise that the bug breaks. `healthy` runs it without the
 * bug: where it is given, a seed counts only if it breaks nothing there.
 */
export async function searchFor(
  bug: PlantedBug,
  { firstSeed, seeds, seconds }: SearchRange,
  healthy?: SeedPool,
): Promise<SearchOutcome> {
  const folder = await mkdtemp(join(tmpdir(), 'lic-planted-'));
  const others: string[] = [];
  const unclean: string[] = [];
  let pool: SeedPool | undefined;
  try {
    pool = seedPool(1, await bundleWith(bug, folder));
    for (let tried = 1; tried <= seeds; tried++) {
      const seed = firstSeed + tried - 1;
      const task = { seed, seconds, traceLines: 0, schedule: focusedSchedule(seed, seconds, bug.focus ?? {}) };
      const { violation } = await pool.run(task);
      if (violation === undefined) continue;
      const without = (await healthy?.run(task))?.violation;
      if (without !== undefined) unclean.push(`seed ${seed}: ${without.message}`);
      else if (bug.breaks.some((promise) => promise === violation.promise))
        return { bug, foundAt: seed, seeds: tried, message: violation.message, others, unclean };
      else others.push(`seed ${seed}: ${violation.message}`);
    }
    return { bug, foundAt: undefined, seeds, message: undefined, others, unclean };
  } finally {
    pool?.close();
    await rm(folder, { recursive: true });
  }
}

/** Searches for several bugs, so many at once. `onOutcome` is called with each as it comes. */
export async function searchForAll(
  bugs: readonly PlantedBug[],
  jobs: number,
  range: SearchRange,
  onOutcome: (outcome: SearchOutcome) => void,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'lic-planted-'));
  const left = [...bugs];
  let healthy: SeedPool | undefined;
  const work = async (): Promise<void> => {
    for (let bug = left.shift(); bug !== undefined; bug = left.shift()) onOutcome(await searchFor(bug, range, healthy));
  };
  try {
    healthy = seedPool(jobs, await bundleWith(noBug, folder));
    await Promise.all(Array.from({ length: Math.min(jobs, bugs.length) }, work));
  } finally {
    healthy?.close();
    await rm(folder, { recursive: true });
  }
}
