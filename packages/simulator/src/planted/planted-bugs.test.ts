import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { plantedBugs } from './planted-bugs.ts';
import { patched, repositoryRoot } from './planted-bundle.ts';
import { tableFile, tableIn, tableLines } from './planted-record.ts';
import { plantedSeeds } from './planted-seeds.ts';

it('has names of its own for at least 49 bugs', () => {
  const names = new Set(plantedBugs.map(({ name }) => name));
  expect(names.size).toBe(plantedBugs.length);
  expect(names.size).toBeGreaterThanOrEqual(49);
});

it.each(plantedBugs)('$name fits the sources', ({ patches }) => {
  const sources = new Map<string, string>();
  for (const patch of patches) {
    const source = sources.get(patch.file) ?? readFileSync(join(repositoryRoot, patch.file), 'utf8');
    sources.set(patch.file, patched(source, patch));
    expect(sources.get(patch.file)).not.toBe(source);
  }
});

it('the table in the docs has every bug, and the seed that found it', () => {
  expect(plantedBugs.filter(({ name }) => plantedSeeds[name] === undefined)).toEqual([]);
  expect(tableIn(readFileSync(tableFile, 'utf8'))).toEqual(tableLines(plantedBugs, plantedSeeds));
});
