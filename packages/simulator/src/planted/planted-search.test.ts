import { availableParallelism } from 'node:os';
import { expect, it } from 'vitest';
import type { PlantedBug } from './planted-bug.ts';
import { plantedBugs } from './planted-bugs.ts';
import { searchFor } from './planted-search.ts';
import { plantedSeeds } from './planted-seeds.ts';

/** The seed that found it last, and so many after it: where the product has changed, that seed may do other things. */
const seeds = 15;

async function findAgain(bug: PlantedBug): Promise<string> {
  const recorded = plantedSeeds[bug.name];
  if (recorded === undefined)
    return `NO SEED for ${bug.name}: npm run sim -- --planted-bugs --record --bug ${bug.name}`;
  const { seed, seconds } = recorded;
  const { foundAt } = await searchFor(bug, { firstSeed: seed, seeds, seconds });
  return foundAt === undefined ? `MISSED ${bug.name}` : `found ${bug.name} with seed ${foundAt}`;
}

it('the simulator finds every planted bug again', { timeout: 1_200_000 }, async () => {
  const left = [...plantedBugs];
  const lines: string[] = [];
  const work = async (): Promise<void> => {
    for (let bug = left.shift(); bug !== undefined; bug = left.shift()) lines.push(await findAgain(bug));
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  process.stdout.write(`${lines.join('\n')}\n`);
  expect(lines.filter((line) => !line.startsWith('found '))).toEqual([]);
});
