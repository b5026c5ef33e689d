import { expect, it } from 'vitest';
import { runSeeds } from '../seeds/seeds.ts';
import type { RunReport } from './simulation.ts';
import { Simulation } from './simulation.ts';

const virtualSeconds = 10;

it('keeps every promise after every event of random faults, and is well again once they are healed', {
  timeout: 240_000,
}, async () => {
  const { failed, grants, terms } = await runSeeds({ firstSeed: 1, seeds: 40, seconds: virtualSeconds }, () => {});
  expect(failed).toBeUndefined();
  expect(grants, 'something was granted').toBeGreaterThan(0);
  expect(terms, 'control was somewhere').toBeGreaterThan(0);
});

it('runs a seed again exactly', { timeout: 120_000 }, async () => {
  const run = async (): Promise<object> => {
    const report: RunReport = await new Simulation(7).run(virtualSeconds * 1_000);
    return { events: report.events, entries: report.entries, grants: report.grants, trace: report.trace.lines(10_000) };
  };
  expect(await run()).toEqual(await run());
});
