import type { RunReport, SimulationOptions } from '../simulation/run-report.ts';
import type { Schedule } from '../simulation/schedule.ts';
import { Simulation } from '../simulation/simulation.ts';

/** What came of one seed, for people and other processes. Survives `JSON.stringify`. */
export interface SeedResult {
  readonly seed: number;
  readonly seconds: number;
  readonly violation: { readonly promise: string; readonly message: string } | undefined;
  readonly events: number;
  readonly virtualMs: number;
  readonly entries: number;
  readonly grants: number;
  readonly terms: number;
  readonly judged: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly deeds: Readonly<Record<string, number>>;
  readonly rarePaths: Readonly<Record<string, number>>;
  readonly traceHash: string;
  /** The end of the trace, where a promise was broken. */
  readonly trace: readonly string[];
}

/** What came of many seeds. Survives `JSON.stringify`. */
export interface SeedsOutcome {
  /** Seeds run. */
  readonly seeds: number;
  readonly failed: { readonly seed: number; readonly message: string } | undefined;
  readonly events: number;
  readonly virtualMs: number;
  readonly entries: number;
  readonly grants: number;
  readonly terms: number;
  readonly judged: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly deeds: Readonly<Record<string, number>>;
  readonly rarePaths: Readonly<Record<string, number>>;
}

/** Before the first seed. */
export const noSeeds: SeedsOutcome = {
  seeds: 0,
  failed: undefined,
  events: 0,
  virtualMs: 0,
  entries: 0,
  grants: 0,
  terms: 0,
  judged: 0,
  faults: {},
  deeds: {},
  rarePaths: {},
};

/** Runs one schedule. `traceLines`: how much of its trace is kept where it fails. */
export async function runSchedule(
  schedule: Schedule,
  { traceLines = 0, ...options }: SimulationOptions & { readonly traceLines?: number } = {},
): Promise<SeedResult> {
  return resultOf(await new Simulation(schedule, options).run(), traceLines);
}

/** Adds what came of one more seed. */
export function addResult(sum: SeedsOutcome, { seed, violation, ...result }: SeedResult): SeedsOutcome {
  return {
    seeds: sum.seeds + 1,
    failed: sum.failed ?? (violation && { seed, message: violation.message }),
    events: sum.events + result.events,
    virtualMs: sum.virtualMs + result.virtualMs,
    entries: sum.entries + result.entries,
    grants: sum.grants + result.grants,
    terms: sum.terms + result.terms,
    judged: sum.judged + result.judged,
    faults: addCounts(sum.faults, result.faults),
    deeds: addCounts(sum.deeds, result.deeds),
    rarePaths: addCounts(sum.rarePaths, result.rarePaths),
  };
}

function resultOf(report: RunReport, traceLines: number): SeedResult {
  const { violation, schedule, trace, events, virtualMs, entries, grants, terms, judged } = report;
  return {
    seed: schedule.seed,
    seconds: schedule.seconds,
    violation: violation && { promise: violation.promise, message: violation.message },
    events,
    virtualMs,
    entries,
    grants,
    terms,
    judged,
    faults: Object.fromEntries(report.faults),
    deeds: Object.fromEntries(report.deeds),
    rarePaths: Object.fromEntries(report.rarePaths),
    traceHash: trace.hash(),
    trace: violation === undefined ? [] : trace.lines(traceLines),
  };
}

function addCounts(
  sum: Readonly<Record<string, number>>,
  more: Readonly<Record<string, number>>,
): Readonly<Record<string, number>> {
  const all = { ...sum };
  for (const [key, count] of Object.entries(more)) all[key] = (all[key] ?? 0) + count;
  return all;
}
