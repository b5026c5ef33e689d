import { expect, it } from 'vitest';
import { inSlices, sliceMs } from './slices.ts';

/** Time goes by only as the work says, and timers fire when the test lets them. */
function scriptedRuntime() {
  let nowMs = 0;
  const timers: (() => void)[] = [];
  return {
    timers,
    pass: (ms: number) => {
      nowMs += ms;
    },
    monotonic: () => nowMs,
    setTimer: (delayMs: number, callback: () => void) => {
      expect(delayMs).toBe(0);
      timers.push(callback);
      return { cancel: () => {} };
    },
  };
}

it('does as many steps as a slice has time for, then waits for its next turn', async () => {
  const runtime = scriptedRuntime();
  let steps = 0;
  function* work() {
    for (; steps < 12; steps++) {
      runtime.pass(sliceMs / 4);
      yield;
    }
    return 'done';
  }
  const result = inSlices(runtime, work());
  const seen: number[] = [];
  while (runtime.timers.length > 0) {
    seen.push(steps);
    runtime.timers.shift()!();
    await Promise.resolve();
    await Promise.resolve();
  }
  expect(await result).toBe('done');
  // The step that a slice ends with is counted once the next one begins.
  expect(seen).toEqual([3, 7, 11]);
});

it('gives up its turn after a step that is longer than a slice', async () => {
  const runtime = scriptedRuntime();
  function* work() {
    runtime.pass(10 * sliceMs);
    yield;
    return 1;
  }
  const result = inSlices(runtime, work());
  expect(runtime.timers).toHaveLength(1);
  runtime.timers[0]!();
  expect(await result).toBe(1);
});

it('throws what the work throws', async () => {
  // biome-ignore lint/correctness/useYield: it fails before it could.
  function* work(): Generator<void, never> {
    throw new Error('broken');
  }
  await expect(inSlices(scriptedRuntime(), work())).rejects.toThrow('broken');
});
