import fc from 'fast-check';
import { expect, it } from 'vitest';
import { NumberSet } from './number-set.ts';

it.each([0, 1, 32, 33, 1024, 1025, 20_000])('finds the next number of a set below %i', (bound) => {
  const number = fc.nat(Math.max(0, bound - 1));
  const step = fc.record({ isAdded: fc.boolean(), number });
  const property = fc.property(fc.array(step, { maxLength: 200, size: 'max' }), fc.array(number), (steps, asked) => {
    const set = new NumberSet(bound);
    const plain = new Set<number>();
    for (const { isAdded, number } of bound === 0 ? [] : steps) {
      if (isAdded) set.add(number);
      else set.delete(number);
      if (isAdded) plain.add(number);
      else plain.delete(number);
    }
    for (const from of [0, ...asked, bound, bound + 1]) {
      const next = [...plain].filter((one) => one >= from).sort((a, b) => a - b)[0];
      expect(set.next(from)).toBe(next);
    }
  });
  fc.assert(property, { numRuns: 30 });
});
