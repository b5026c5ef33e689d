import { expect, test } from 'vitest';
import { negotiate } from './negotiate.ts';

test.each([
  [{ min: 1, max: 1 }, { min: 1, max: 1 }, 1],
  [{ min: 1, max: 4 }, { min: 2, max: 3 }, 3],
  [{ min: 2, max: 3 }, { min: 1, max: 9 }, 3],
])('the highest version in common of %j and %j is %i', (theirs, ours, version) => {
  expect(negotiate(theirs, ours)).toBe(version);
});

test.each([
  [{ min: 1, max: 1 }, { min: 2, max: 3 }, 'Upgrade the other side.'],
  [{ min: 4, max: 5 }, { min: 2, max: 3 }, 'Upgrade this side.'],
  [{ min: 3, max: 2 }, { min: 1, max: 9 }, 'side'],
])('without one, %j and %j part', (theirs, ours, advice) => {
  expect(() => negotiate(theirs, ours)).toThrow(
    expect.objectContaining({
      code: 'PROTOCOL_UNSUPPORTED',
      details: { theirs, ours },
      message: expect.stringContaining(advice) as string,
    }) as Error,
  );
});
