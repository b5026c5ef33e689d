import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PlantedBug } from './planted-bug.ts';
import { plantedBugs } from './planted-bugs.ts';
import { repositoryRoot } from './planted-bundle.ts';
import type { SearchOutcome } from './planted-search.ts';
import { plantedSeeds, type RecordedSeed } from './planted-seeds.ts';

/** Where the table is, in the repository. */
export const tableFile = join(repositoryRoot, 'docs/planted-bugs.md');
const seedsFile = join(repositoryRoot, 'packages/simulator/src/planted/planted-seeds.ts');

/** The lines of the table that docs/planted-bugs.md has, from the bugs and what has found them. */
export function tableLines(bugs: readonly PlantedBug[], seeds: Readonly<Record<string, RecordedSeed>>): string[] {
  const rows = bugs.map(({ name, what }) => {
    const found = seeds[name];
    return `| \`${name}\` | ${what} | ${found?.promise ?? ''} | ${found?.seeds ?? ''} |`;
  });
  return ['| Bug | What is broken | Found as | Seeds needed |', '|---|---|---|---|', ...rows];
}

/** The table as it stands in the text of docs/planted-bugs.md. */
export function tableIn(text: string): string[] {
  return text.split('\n').filter((line) => line.startsWith('|'));
}

/** Writes down which seeds have found which bugs, for the tests, and the table. Bugs that were not searched for keep what they had. */
export function record(outcomes: readonly SearchOutcome[], seconds: number): void {
  const found: Record<string, RecordedSeed> = { ...plantedSeeds };
  for (const { bug, foundAt, seeds, message } of outcomes)
    if (foundAt !== undefined)
      found[bug.name] = { seed: foundAt, seconds, seeds, promise: message?.split(':')[0] ?? '' };
  const lines = plantedBugs.flatMap(({ name }) => {
    const seed = found[name];
    if (seed === undefined) return [];
    const { seed: number, seconds: length, seeds, promise } = seed;
    return `  '${name}': { seed: ${number}, seconds: ${length}, seeds: ${seeds}, promise: '${promise}' },`;
  });
  const source = readFileSync(seedsFile, 'utf8');
  const head = source.slice(0, source.indexOf('= {') + '= {'.length);
  writeFileSync(seedsFile, `${head}\n${lines.join('\n')}\n};\n`);
  const text = readFileSync(tableFile, 'utf8');
  const table = tableIn(text).join('\n');
  writeFileSync(
    tableFile,
    text.replace(table, () => tableLines(plantedBugs, found).join('\n')),
  );
}
