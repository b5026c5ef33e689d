import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { plantedBugs } from './planted-bugs.ts';
import { patched, repositoryRoot } from './planted-bundle.ts';

it('has names of its own for at least 27 bugs', () => {
  const names = new Set(plantedBugs.map(({ name }) => name));
  expect(names.size).toBe(plantedBugs.length);
  expect(names.size).toBeGreaterThanOrEqual(27);
});

it.each(plantedBugs)('$name fits the sources', ({ patches }) => {
  const sources = new Map<string, string>();
  for (const patch of patches) {
    const source = sources.get(patch.file) ?? readFileSync(join(repositoryRoot, patch.file), 'utf8');
    sources.set(patch.file, patched(source, patch));
    expect(sources.get(patch.file)).not.toBe(source);
  }
});
