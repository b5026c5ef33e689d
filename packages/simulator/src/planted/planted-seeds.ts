/** A seed that has found a planted bug. */
export interface RecordedSeed {
  readonly seed: number;
  /** Virtual seconds of the run. */
  readonly seconds: number;
  /** How many seeds a search needed. */
  readonly seeds: number;
  /** What was found broken. */
  readonly promise: string;
}

/** By the bug's name. Written by `npm run sim -- --planted-bugs --record`. */
export const plantedSeeds: Readonly<Record<string, RecordedSeed>> = {};
