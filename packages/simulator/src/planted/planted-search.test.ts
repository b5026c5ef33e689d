import { expect, it } from 'vitest';
import { plantedBugs } from './planted-bugs.ts';
import { searchFor } from './planted-search.ts';

/** Bugs that few seeds find. `npm run sim -- --planted-bugs` searches for all. */
const quick = ['ack-before-sync', 'leader-counts-unsynced', 'old-term-commit'];

it.each(quick)('the simulator finds %s', { timeout: 240_000 }, async (name) => {
  const bug = plantedBugs.find((one) => one.name === name);
  if (bug === undefined) throw new Error(`no planted bug is called ${name}`);
  const { foundAt } = await searchFor(bug, { firstSeed: 1, seeds: 20, seconds: 20 });
  expect(foundAt, 'found within 20 seeds').toBeDefined();
});
