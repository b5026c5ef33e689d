import type { RunReport } from '../simulation/simulation.ts';
import { Simulation } from '../simulation/simulation.ts';

/** Which seeds to run, and for how long each. */
export interface SeedsRange {
  readonly firstSeed: number;
  readonly seeds: number;
  /** Virtual time before everything is healed. */
  readonly seconds: number;
}

/** What came of a range of seeds. Survives `JSON.stringify`. */
export interface SeedsOutcome {
  /** Seeds run; the last one is the one that failed, if any did. */
  readonly seeds: number;
  readonly failed: { readonly seed: number; readonly message: string } | undefined;
  readonly events: number;
  readonly virtualMs: number;
  readonly entries: number;
  readonly grants: number;
  readonly terms: number;
  readonly faults: Readonly<Record<string, number>>;
}

/** Runs one seed after the other until one fails. `onRun` is called with each. */
export async function runSeeds(range: SeedsRange, onRun: (report: RunReport) => void): Promise<SeedsOutcome> {
  const sum = { seeds: 0, events: 0, virtualMs: 0, entries: 0, grants: 0, terms: 0 };
  const faults: Record<string, number> = {};
  for (let seed = range.firstSeed; seed < range.firstSeed + range.seeds; seed++) {
    const report = await new Simulation(seed).run(range.seconds * 1_000);
    onRun(report);
    sum.seeds++;
    for (const key of ['events', 'virtualMs', 'entries', 'grants', 'terms'] as const) sum[key] += report[key];
    for (const [kind, count] of report.faults) faults[kind] = (faults[kind] ?? 0) + count;
    if (report.violation !== undefined) return { ...sum, faults, failed: { seed, message: report.violation.message } };
  }
  return { ...sum, faults, failed: undefined };
}
