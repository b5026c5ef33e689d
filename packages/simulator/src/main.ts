import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { runtime } from '@lic/runtime';
import { historyText } from './history/history-record.ts';
import { type Command, parseCommand, usage } from './seeds/command-line.ts';
import { failureLines, isWorkloadTooWeak, summaryLines, workloadLines } from './seeds/report.ts';
import { search } from './seeds/search.ts';
import { seedPool } from './seeds/seed-pool.ts';
import { work, workerArgument } from './seeds/seed-worker.ts';
import { addResult, noSeeds, runSchedule, type SeedResult } from './seeds/seeds.ts';
import { shrink } from './seeds/shrink.ts';
import { drawSchedule, parseSchedule, type Schedule } from './simulation/schedule.ts';

/** Where shrunk schedules go, from the working directory. */
const failuresFolder = 'sim-failures';

const print = (...lines: readonly string[]): void => void process.stdout.write(`${lines.join('\n')}\n`);

/** A seed that nobody has chosen. */
function drawSeed(): number {
  return new DataView(runtime.random(4).buffer).getUint32(0);
}

const jobsOf = ({ jobs }: Command): number => jobs ?? availableParallelism();

/** Runs seeds until one fails. */
async function simulate(command: Command): Promise<number> {
  const { seconds, json, seeds } = command;
  const firstSeed = command.firstSeed ?? drawSeed();
  const jobs = Math.min(jobsOf(command), seeds);
  if (!json) print(`seeds from ${firstSeed} on, ${jobs === 1 ? 'one process' : `${jobs} processes`}`);
  const pool = seedPool(jobs);
  const beganMs = runtime.monotonic();
  try {
    const { outcome, failure } = await search(pool, { ...command, firstSeed, jobs });
    if (json) print(JSON.stringify({ firstSeed, ...outcome }));
    else {
      if (failure !== undefined) {
        const replay = `npm run sim -- --seed ${failure.seed} --seconds ${seconds}`;
        print(...failureLines(failure, replay), `shrink: ${replay} --shrink`, '');
      }
      print(...summaryLines(outcome, runtime.monotonic() - beganMs), ...workloadLines(outcome));
    }
    return failure !== undefined || isWorkloadTooWeak(outcome) ? 1 : 0;
  } finally {
    pool.close();
  }
}

/** Runs one schedule, and shrinks it where that is wanted. */
async function simulateOne(command: Command, schedule: Schedule): Promise<number> {
  const { json, traceLines, history } = command;
  const beganMs = runtime.monotonic();
  const result = await runSchedule(schedule, {
    traceLines,
    ...(history && { onHistory: (records) => writeFileSync(history, historyText(records)) }),
  });
  const wallMs = runtime.monotonic() - beganMs;
  const outcome = addResult(noSeeds, result);
  if (result.violation === undefined || !command.shrink) {
    if (json) print(JSON.stringify(outcome));
    else {
      if (result.violation !== undefined)
        print(...failureLines(result, `npm run sim -- ${process.argv.slice(2).join(' ')}`), '');
      print(...summaryLines(outcome, wallMs), `trace ${result.traceHash}`);
    }
    return result.violation === undefined ? 0 : 1;
  }
  return shrinkOne(command, schedule, result);
}

async function shrinkOne(command: Command, whole: Schedule, failed: SeedResult): Promise<number> {
  const { json, traceLines } = command;
  const jobs = jobsOf(command);
  const pool = seedPool(jobs);
  const say = json ? () => {} : print;
  try {
    say(`${sizeLine(whole)} broke ${failed.violation?.message}`);
    const shrunk = await shrink(whole, failed, { pool, jobs, onStep: (smaller) => say(sizeLine(smaller)) });
    const { schedule, result, runs } = shrunk;
    const file = join(failuresFolder, `seed-${schedule.seed}.json`);
    mkdirSync(failuresFolder, { recursive: true });
    writeFileSync(file, `${JSON.stringify(schedule, null, 2)}\n`);
    if (json) print(JSON.stringify({ file, schedule, violation: result.violation, runs }));
    else
      print(
        ...failureLines({ ...result, trace: result.trace.slice(-traceLines) }, `npm run sim -- --schedule ${file}`),
      );
    return 1;
  } finally {
    pool.close();
  }
}

function sizeLine({ seconds, faults, deeds, clients }: Schedule): string {
  return `${seconds} s, ${faults.length} faults, ${deeds.length} deeds of the operator, ${clients.length} clients`;
}

async function plant(command: Command): Promise<number> {
  // Only here, since it needs the sources and what bundles them.
  const { runPlanted } = await import('./planted/planted-run.ts');
  const firstSeed = command.firstSeed ?? drawSeed();
  return runPlanted({ ...command, firstSeed, jobs: jobsOf(command), print });
}

async function main(): Promise<number> {
  let command: Command;
  try {
    command = parseCommand(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}\n`);
    return 2;
  }
  if (command.plantedBugs) return plant(command);
  if (command.schedule !== undefined)
    return simulateOne(command, parseSchedule(readFileSync(command.schedule, 'utf8')));
  if (command.firstSeed !== undefined && command.seeds === 1)
    return simulateOne(command, drawSchedule(command.firstSeed, command.seconds));
  return simulate(command);
}

if (process.argv[2] === workerArgument) work();
else process.exitCode = await main();
