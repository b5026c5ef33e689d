import { describe, expect, it } from 'vitest';
import { runtime as browser } from './browser.ts';
import { clampDelayMs } from './clocks.ts';
import { runtime as node } from './node.ts';

describe.each([
  ['node', node],
  ['browser', browser],
])('runtime for %s', (_name, runtime) => {
  it('fires a timer once, later, not before its delay', async () => {
    const startedAtMs = runtime.monotonic();
    let calls = 0;
    await new Promise<void>((resolve) => {
      runtime.setTimer(20, () => {
        calls++;
        resolve();
      });
      expect(calls).toBe(0);
    });
    // Timers of Node may fire up to a millisecond early by the monotonic clock's fractions.
    expect(runtime.monotonic() - startedAtMs).toBeGreaterThanOrEqual(19);
    expect(calls).toBe(1);
  });

  it('never fires a cancelled timer', async () => {
    let fired = false;
    const cancelled = runtime.setTimer(0, () => {
      fired = true;
    });
    cancelled.cancel();
    cancelled.cancel();
    await new Promise<void>((resolve) => void runtime.setTimer(5, resolve));
    expect(fired).toBe(false);
  });

  it('draws as many random bytes as asked, other ones each time', () => {
    expect(runtime.random(0)).toHaveLength(0);
    expect(runtime.random(65_536)).toHaveLength(65_536);
    expect(runtime.random(32)).not.toEqual(runtime.random(32));
  });

  it('has a wall clock in milliseconds since 1970', () => {
    expect(runtime.now()).toBeGreaterThan(Date.UTC(2024, 0, 1));
  });
});

it('takes any delay that a caller may compute', () => {
  expect(clampDelayMs(-1)).toBe(0);
  expect(clampDelayMs(Number.NaN)).toBe(0);
  expect(clampDelayMs(Infinity)).toBe(2 ** 31 - 1);
  expect(clampDelayMs(1.2)).toBe(2);
});
