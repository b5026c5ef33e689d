import { expect, test } from 'vitest';
import { judge } from './tests.mjs';

const everything = { ci: false, filtered: false };
const outcome = (...reasons: string[]) => ({
  passed: 5,
  failed: 1,
  skipped: reasons.map((reason, index) => ({ name: `test ${index}`, reason })),
});

test('a skipped test is listed with its reason', () => {
  expect(judge(outcome('the memory store has no disk'), everything)).toEqual({
    lines: ['skipped: test 0: the memory store has no disk'],
    passed: 5,
    failed: 1,
    skipped: 1,
  });
});

test('a skip without a reason is a failure, unless only some tests were asked for', () => {
  expect(judge(outcome(''), everything)).toMatchObject({ failed: 2, skipped: 0 });
  expect(judge(outcome(''), { ...everything, filtered: true })).toMatchObject({ lines: [], failed: 1, skipped: 1 });
});

test('in CI everything that a test may need is there, so skipping for it is a failure', () => {
  expect(judge(outcome('needs etcd-server'), everything)).toMatchObject({ failed: 1, skipped: 1 });
  expect(judge(outcome('needs etcd-server'), { ...everything, ci: true })).toMatchObject({ failed: 2, skipped: 0 });
});
