import { plantedBugs } from './planted-bugs.ts';
import { record } from './planted-record.ts';
import { type SearchOutcome, searchForAll } from './planted-search.ts';

/** What is searched for, and how. */
export interface PlantedRunOptions {
  readonly firstSeed: number;
  /** Tried for each bug at most. */
  readonly seeds: number;
  readonly seconds: number;
  readonly jobs: number;
  /** Only this one. */
  readonly bug: string | undefined;
  /** Whether what is found is written down for the tests and the docs. */
  readonly record: boolean;
  readonly print: (line: string) => void;
}

/** Searches for each planted bug and prints one line for it. Answers the exit code: 1 if one was missed. */
export async function runPlanted(options: PlantedRunOptions): Promise<number> {
  const { firstSeed, seeds, seconds, jobs, print } = options;
  const wanted = plantedBugs.filter(({ name }) => options.bug === undefined || options.bug === name);
  if (wanted.length === 0) {
    print(`No planted bug ${options.bug}: there are ${plantedBugs.map(({ name }) => name).join(', ')}`);
    return 2;
  }
  const outcomes: SearchOutcome[] = [];
  await searchForAll(wanted, jobs, { firstSeed, seeds, seconds }, (outcome) => {
    outcomes.push(outcome);
    print(outcomeLine(outcome));
    for (const other of outcome.others) print(`  besides, ${firstLine(other)}`);
    for (const one of outcome.unclean) print(`  WITHOUT THE BUG, ${firstLine(one)}`);
    // At once, so that a search that is broken off has not been in vain.
    if (options.record) record(outcomes, seconds);
  });
  return outcomes.some(({ foundAt, unclean }) => foundAt === undefined || unclean.length > 0) ? 1 : 0;
}

function outcomeLine({ bug, foundAt, seeds, message }: SearchOutcome): string {
  if (foundAt === undefined) return `MISSED ${bug.name}`;
  return `found ${bug.name} after ${seeds} seeds (seed ${foundAt}: ${message && firstLine(message)})`;
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] as string;
}
