import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SeedsOutcome } from '../seeds/seeds.ts';
import type { PlantedBug } from './planted-bugs.ts';
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
  /** The broken promise. */
  readonly message: string | undefined;
}

/** What a child prints at most: one line. */
const outputBytesMax = 1_024 * 1_024;

/** Runs the simulator with a bug planted, in a process of its own, until a seed finds it. */
export async function searchFor(bug: PlantedBug, { firstSeed, seeds, seconds }: SearchRange): Promise<SearchOutcome> {
  const folder = await mkdtemp(join(tmpdir(), 'lic-planted-'));
  try {
    const program = await bundleWith(bug, folder);
    const args = ['--seed', firstSeed, '--seeds', seeds, '--seconds', seconds].map(String);
    const output = await runProgram([program, ...args, '--json']);
    const { failed, seeds: tried } = JSON.parse(output) as SeedsOutcome;
    return { bug, foundAt: failed?.seed, seeds: tried, message: failed?.message };
  } finally {
    await rm(folder, { recursive: true });
  }
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
