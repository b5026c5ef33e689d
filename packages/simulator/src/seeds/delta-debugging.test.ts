import { expect, it } from 'vitest';
import { smallestSubset } from './delta-debugging.ts';

const needs =
  (...needed: readonly number[]) =>
  async (subset: readonly number[]): Promise<boolean> =>
    needed.every((one) => subset.includes(one));
const hundred = Array.from({ length: 100 }, (_, at) => at);

it.each([
  { needed: [], atOnce: 1 },
  { needed: [42], atOnce: 1 },
  { needed: [0, 99], atOnce: 2 },
  { needed: [3, 50, 51, 97], atOnce: 4 },
])('finds the items $needed that are needed, asking $atOnce at once', async ({ needed, atOnce }) => {
  expect(await smallestSubset(hundred, needs(...needed), atOnce)).toEqual(needed);
});

it('leaves out no part of what is needed as a whole, and asks seldom', async () => {
  let asked = 0;
  const isEven = async (subset: readonly number[]): Promise<boolean> => {
    asked++;
    return subset.length > 0 && subset.length % 2 === 0;
  };
  expect(await smallestSubset(hundred, isEven, 1)).toHaveLength(2);
  expect(asked).toBeLessThan(50);
});
