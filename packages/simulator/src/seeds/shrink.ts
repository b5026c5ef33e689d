import type { Schedule, ScheduledDeed, ScheduledFault } from '../simulation/schedule.ts';
import { smallestSubset } from './delta-debugging.ts';
import type { SeedPool } from './seed-pool.ts';
import type { SeedResult } from './seeds.ts';

/** What shrinking is done with. */
export interface ShrinkOptions {
  readonly pool: SeedPool;
  readonly jobs: number;
  /** Told after each step. */
  readonly onStep: (schedule: Schedule) => void;
}

/** The smallest schedule that was found, and what came of it. */
export interface Shrunk {
  readonly schedule: Schedule;
  readonly result: SeedResult;
  readonly runs: number;
}

type Happening = { readonly fault: ScheduledFault } | { readonly deed: ScheduledDeed };

/** Runs are not begun for less than this, seconds. */
const secondsStep = 0.5;

/**
 * Leaves out of a schedule that breaks a promise whatever is not needed for that: what comes after it, faults and deeds, clients, and
 * time. `failed` is what came of the whole one.
 */
export async function shrink(
  whole: Schedule,
  failed: SeedResult,
  { pool, jobs, onStep }: ShrinkOptions,
): Promise<Shrunk> {
  let best: { schedule: Schedule; result: SeedResult } = { schedule: whole, result: failed };
  let runs = 0;
  const breaks = async (schedule: Schedule): Promise<boolean> => {
    runs++;
    const result = await pool.run({ seed: whole.seed, seconds: schedule.seconds, traceLines: 0, schedule });
    if (result.violation?.promise !== failed.violation?.promise) return false;
    if (sizeOf(schedule) < sizeOf(best.schedule)) {
      best = { schedule, result };
      onStep(schedule);
    }
    return true;
  };
  const cut = endingAt(whole, failed.virtualMs / 1_000);
  if (sizeOf(cut) < sizeOf(whole)) await breaks(cut);
  for (let before = Infinity; sizeOf(best.schedule) < before; ) {
    before = sizeOf(best.schedule);
    const from = best.schedule;
    await smallestSubset(happenings(from), (kept) => breaks(withHappenings(from, kept)), jobs);
    const fewer = best.schedule;
    await smallestSubset(fewer.clients, (clients) => breaks({ ...fewer, clients: [...clients] }), jobs);
    for (let shorter = true; shorter; ) {
      const { schedule } = best;
      const seconds = Math.max(secondsStep, Math.floor(schedule.seconds / 2 / secondsStep) * secondsStep);
      shorter = seconds < schedule.seconds && (await breaks(endingAt(schedule, seconds)));
    }
  }
  const { schedule } = best;
  const result = await pool.run({ seed: whole.seed, seconds: schedule.seconds, traceLines: 10_000, schedule });
  return { schedule, result, runs };
}

/** The schedule as far as it goes until then. */
function endingAt(schedule: Schedule, seconds: number): Schedule {
  if (seconds >= schedule.seconds) return schedule;
  const isBefore = ({ atMs }: { readonly atMs: number }): boolean => atMs <= seconds * 1_000;
  return {
    ...schedule,
    seconds: Math.ceil(seconds / secondsStep) * secondsStep,
    faults: schedule.faults.filter(isBefore),
    deeds: schedule.deeds.filter(isBefore),
  };
}

function happenings({ faults, deeds }: Schedule): readonly Happening[] {
  return [...faults.map((fault) => ({ fault })), ...deeds.map((deed) => ({ deed }))];
}

function withHappenings(schedule: Schedule, kept: readonly Happening[]): Schedule {
  return {
    ...schedule,
    faults: kept.flatMap((each) => ('fault' in each ? [each.fault] : [])),
    deeds: kept.flatMap((each) => ('deed' in each ? [each.deed] : [])),
  };
}

function sizeOf({ faults, deeds, clients, seconds }: Schedule): number {
  return faults.length + deeds.length + clients.length + seconds / 10;
}
