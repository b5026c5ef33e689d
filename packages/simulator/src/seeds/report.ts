import { rarePaths, seedsForAllPaths, unreached } from '../rare-paths/rare-paths.ts';
import type { SeedResult, SeedsOutcome } from './seeds.ts';

/** What a failed run says: the end of its trace, the broken promise, and how to see it again. */
export function failureLines(result: SeedResult, replay: string): readonly string[] {
  const what = `seed ${result.seed}, ${result.seconds} virtual seconds, broke ${result.violation?.message}`;
  return [...result.trace, '', what, `replay: ${replay}`];
}

/** What came of many runs, for people. */
export function summaryLines(outcome: SeedsOutcome, wallMs: number): readonly string[] {
  const { seeds, events, virtualMs, entries, grants, terms, judged, faults, deeds } = outcome;
  const rate = Math.round((events / wallMs) * 1_000);
  const hours = (virtualMs / 3_600_000).toFixed(2);
  return [
    `${seeds} seeds in ${Math.round(wallMs / 1_000)} s: ${events} events (${rate}/s), ${hours} virtual hours`,
    `${entries} entries of the log, ${grants} grants, ${terms} terms with somebody in control, ${judged} waits for control judged`,
    `faults: ${countsLine(faults)}`,
    `deeds of the operator: ${countsLine(deeds)}`,
    `sometimes: ${countsLine(outcome.rarePaths)}`,
  ];
}

/** What is wrong with the workload: rare paths that so many seeds should have reached. Empty: nothing, or too few seeds to tell. */
export function workloadLines(outcome: SeedsOutcome): readonly string[] {
  const missing = unreached(outcome.rarePaths);
  if (missing.length === 0) return [];
  if (outcome.seeds < seedsForAllPaths)
    return [`never reached, with ${outcome.seeds} of ${seedsForAllPaths} seeds that should: ${missing.join(', ')}`];
  const paths = missing.map((path) => `  ${path}: ${rarePaths[path]}`);
  return [`NEVER REACHED by ${outcome.seeds} seeds, which is a failure of the workload:`, ...paths];
}

/** Whether the workload has failed. */
export function isWorkloadTooWeak(outcome: SeedsOutcome): boolean {
  return outcome.failed === undefined && outcome.seeds >= seedsForAllPaths && unreached(outcome.rarePaths).length > 0;
}

function countsLine(counts: Readonly<Record<string, number>>): string {
  const sorted = Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1));
  return sorted.length === 0 ? 'none' : sorted.map(([what, count]) => `${what} ${count}`).join(', ');
}
