import { expect, it } from 'vitest';
import { runSchedule } from '../seeds/seeds.ts';
import { drawSchedule } from './schedule.ts';

it('runs a seed again exactly', { timeout: 120_000 }, async () => {
  const run = () => runSchedule(drawSchedule(7, 10));
  expect(await run()).toEqual(await run());
});
