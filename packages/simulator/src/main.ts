import { availableParallelism } from 'node:os';
import { runtime } from '@lic/runtime';
import { plantedBugs } from './planted/planted-bugs.ts';
import { type Command, parseCommand, usage } from './seeds/command-line.ts';
import { failureLines, isWorkloadTooWeak, summaryLines, workloadLines } from './seeds/report.ts';
import { search } from './seeds/search.ts';
import { seedPool } from './seeds/seed-pool.ts';
import { work, workerArgument } from './seeds/seed-worker.ts';

const print = (...lines: readonly string[]): void => void process.stdout.write(`${lines.join('\n')}\n`);

/** A seed that nobody has chosen. */
function drawSeed(): number {
  return new DataView(runtime.random(4).buffer).getUint32(0);
}

async function simulate(command: Command): Promise<number> {
  const { seconds, traceLines, json, seeds } = command;
  const firstSeed = command.firstSeed ?? drawSeed();
  const jobs = Math.min(command.jobs ?? availableParallelism(), seeds);
  if (!json) print(`seeds from ${firstSeed} on, ${jobs === 1 ? 'one process' : `${jobs} processes`}`);
  const pool = seedPool(jobs);
  const beganMs = runtime.monotonic();
  try {
    const { outcome, failure } = await search(pool, { ...command, firstSeed, jobs });
    if (json) print(JSON.stringify({ firstSeed, ...outcome }));
    else {
      if (failure !== undefined) {
        const replay = `npm run sim -- --seed ${failure.seed} --seconds ${seconds} --trace ${traceLines}`;
        print(...failureLines(failure, replay), '');
      }
      print(...summaryLines(outcome, runtime.monotonic() - beganMs), ...workloadLines(outcome));
    }
    return failure !== undefined || isWorkloadTooWeak(outcome) ? 1 : 0;
  } finally {
    pool.close();
  }
}

async function plant(command: Command): Promise<number> {
  // Only here, since it needs the sources and what bundles them.
  const { searchFor } = await import('./planted/planted-search.ts');
  const wanted = plantedBugs.filter(({ name }) => command.bug === undefined || command.bug === name);
  if (wanted.length === 0) {
    print(`No planted bug ${command.bug}: there are ${plantedBugs.map(({ name }) => name).join(', ')}`);
    return 2;
  }
  let missed = 0;
  for (const bug of wanted) {
    const { foundAt, seeds, message } = await searchFor(bug, { ...command, firstSeed: command.firstSeed ?? 1 });
    if (foundAt === undefined) missed++;
    print(foundAt === undefined ? `MISSED ${bug.name}` : `found ${bug.name} after ${seeds} seeds (${message})`);
  }
  return missed === 0 ? 0 : 1;
}

async function main(): Promise<number> {
  let command: Command;
  try {
    command = parseCommand(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}\n`);
    return 2;
  }
  return command.plantedBugs ? plant(command) : simulate(command);
}

if (process.argv[2] === workerArgument) work();
else process.exitCode = await main();
