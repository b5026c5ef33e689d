import { runtime } from '@lic/runtime';
import { plantedBugs } from './planted/planted-bugs.ts';
import { type Command, parseCommand, usage } from './seeds/command-line.ts';
import { runSeeds, type SeedsOutcome } from './seeds/seeds.ts';
import type { RunReport } from './simulation/simulation.ts';

const print = (text: string): void => void process.stdout.write(`${text}\n`);

/** What a failed seed says: the end of its trace, the broken promise, and how to see it again. */
function printFailure({ seed, violation, trace }: RunReport, { seconds, traceLines }: Command): void {
  print(trace.lines(traceLines).join('\n'));
  print(`\nseed ${seed} broke ${violation?.message}`);
  print(`replay: npm run sim -- --seed ${seed} --seconds ${seconds} --trace ${traceLines}`);
}

function printSummary(outcome: SeedsOutcome, wallMs: number): void {
  const { seeds, events, virtualMs, entries, grants, terms, faults } = outcome;
  const rate = Math.round((events / wallMs) * 1_000);
  print(`${seeds} seeds, ${events} events (${rate}/s), ${Math.round(virtualMs / 1_000)} virtual seconds`);
  print(`${entries} entries of the log, ${grants} grants, ${terms} terms with somebody in control`);
  const counts = Object.entries(faults).map(([kind, count]) => `${kind} ${count}`);
  print(`faults: ${counts.length > 0 ? counts.join(', ') : 'none'}`);
}

async function simulate(command: Command): Promise<number> {
  const began = runtime.monotonic();
  const outcome = await runSeeds(command, (report) => {
    if (report.violation !== undefined && !command.json) printFailure(report, command);
  });
  if (command.json) print(JSON.stringify(outcome));
  else printSummary(outcome, runtime.monotonic() - began);
  return outcome.failed === undefined ? 0 : 1;
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
    const { foundAt, seeds, message } = await searchFor(bug, command);
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

process.exitCode = await main();
