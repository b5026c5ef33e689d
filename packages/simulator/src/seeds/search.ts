import { runtime } from '@lic/runtime';
import type { SeedPool } from './seed-pool.ts';
import { addResult, noSeeds, type SeedResult, type SeedsOutcome } from './seeds.ts';

/** Which seeds to run. */
export interface SearchOptions {
  readonly firstSeed: number;
  /** May be Infinity, with `forMs`. */
  readonly seeds: number;
  readonly seconds: number;
  /** No other seed is begun after so much real time, ms. */
  readonly forMs: number | undefined;
  readonly jobs: number;
  readonly traceLines: number;
}

/** What came of it, with the result of the lowest seed that failed. */
export interface SearchResult {
  readonly outcome: SeedsOutcome;
  readonly failure: SeedResult | undefined;
}

/**
 * Runs seeds in order, several at once, until one fails. What it answers does not depend on which was faster: seeds after the
 * lowest one that failed don't count.
 */
export async function search(pool: SeedPool, options: SearchOptions): Promise<SearchResult> {
  const { firstSeed, seeds, seconds, forMs = Infinity, jobs, traceLines } = options;
  const beganMs = runtime.monotonic();
  const results = new Map<number, SeedResult>();
  let endSeed = firstSeed + seeds;
  let nextSeed = firstSeed;
  const work = async (): Promise<void> => {
    while (nextSeed < endSeed && runtime.monotonic() - beganMs < forMs) {
      const seed = nextSeed++;
      const result = await pool.run({ seed, seconds, traceLines });
      results.set(seed, result);
      if (result.violation !== undefined) endSeed = Math.min(endSeed, seed + 1);
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  let outcome = noSeeds;
  for (let seed = firstSeed; seed < Math.min(nextSeed, endSeed); seed++)
    outcome = addResult(outcome, results.get(seed) as SeedResult);
  return { outcome, failure: outcome.failed && results.get(outcome.failed.seed) };
}
