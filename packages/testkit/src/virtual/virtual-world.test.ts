import { describe, expect, it } from 'vitest';
import { seededRandom } from './random.ts';
import { createVirtualWorld, virtualEpochMs } from './virtual-world.ts';

describe('virtual world', () => {
  it('runs timers in order of time, then of their making', async () => {
    const world = createVirtualWorld({ seed: 1 });
    const runtime = world.runtime('a');
    const seen: string[] = [];
    runtime.setTimer(20, () => seen.push('late'));
    runtime.setTimer(10, () => seen.push('first'));
    runtime.setTimer(10, () => seen.push('second'));
    runtime.setTimer(5, () => seen.push('never')).cancel();
    await world.run();
    expect(seen).toEqual(['first', 'second', 'late']);
    expect(world.nowMs).toBe(20);
  });

  it('lets promises settle before the next event', async () => {
    const world = createVirtualWorld({ seed: 1 });
    const runtime = world.runtime('a');
    const seen: string[] = [];
    runtime.setTimer(1, () => {
      void (async () => {
        for (let turn = 0; turn < 50; turn++) await Promise.resolve();
        seen.push('promises of the first');
      })();
    });
    runtime.setTimer(1, () => seen.push('second'));
    await world.run();
    expect(seen).toEqual(['promises of the first', 'second']);
  });

  it('gives each process clocks that drift and step on their own', async () => {
    const world = createVirtualWorld({ seed: 1 });
    const fast = world.runtime('fast', { drift: 0.01, wallOffsetMs: 500 });
    expect(fast.now()).toBe(virtualEpochMs + 500);
    await world.run({ forMs: 10_000 });
    expect(fast.monotonic()).toBeCloseTo(10_100);
    fast.stepWall(-3_600_000);
    expect(fast.now()).toBe(virtualEpochMs + 500 + 10_100 - 3_600_000);
    expect(fast.monotonic()).toBeCloseTo(10_100);
    fast.setDrift(0);
    await world.run({ forMs: 1_000 });
    expect(fast.monotonic()).toBeCloseTo(11_100);
  });

  it('fires a timer of a fast clock when that clock says so', async () => {
    const world = createVirtualWorld({ seed: 1 });
    const fast = world.runtime('fast', { drift: 0.25 });
    let firedAtMs = -1;
    fast.setTimer(1_000, () => {
      firedAtMs = world.nowMs;
    });
    await world.run();
    expect(firedAtMs).toBe(800);
    expect(fast.monotonic()).toBeCloseTo(1_000);
  });

  it('fires no timer before its clock says so, whatever rounding does, and when the clock slows down meanwhile', async () => {
    const world = createVirtualWorld({ seed: 1 });
    for (let at = 0; at < 500; at++) {
      const runtime = world.runtime(`clock ${at}`, { drift: (at - 250) * 3.7e-5 });
      const dueMs = runtime.monotonic() + at * 0.37;
      runtime.setTimer(at * 0.37, () => expect(runtime.monotonic()).toBeGreaterThanOrEqual(dueMs));
      await world.run({ forMs: 0.1 });
    }
    const slowing = world.runtime('slowing', { drift: 0.5 });
    let firedAtMs = 0;
    slowing.setTimer(300, () => {
      firedAtMs = slowing.monotonic();
    });
    slowing.setDrift(-0.5);
    await world.run();
    expect(firedAtMs).toBeGreaterThanOrEqual(300);
  });

  it('holds a paused process still, and a killed one for ever', async () => {
    const world = createVirtualWorld({ seed: 1 });
    const runtime = world.runtime('a');
    const seen: number[] = [];
    runtime.setTimer(10, () => seen.push(world.nowMs));
    runtime.pause();
    await world.run({ forMs: 100 });
    expect(seen).toEqual([]);
    runtime.resume();
    await world.run({ forMs: 1 });
    expect(seen).toEqual([100]);
    runtime.setTimer(10, () => seen.push(-1));
    runtime.kill();
    await world.run();
    expect(seen).toEqual([100]);
  });

  it('draws the same from the same seed, and another stream for another name', () => {
    const draw = (seed: number, name: string): Uint8Array => createVirtualWorld({ seed }).runtime(name).random(64);
    expect(draw(7, 'a')).toEqual(draw(7, 'a'));
    expect(draw(7, 'a')).not.toEqual(draw(7, 'b'));
    expect(draw(7, 'a')).not.toEqual(draw(8, 'a'));
    const random = seededRandom(3);
    const counts = [0, 0, 0, 0];
    for (let turn = 0; turn < 4_000; turn++) counts[random.between(0, 3)]! += 1;
    for (const count of counts) expect(count).toBeGreaterThan(800);
  });

  it('ends a run that never ends, and one whose checker objects', async () => {
    const world = createVirtualWorld({ seed: 1 });
    // Reschedules itself for ever.
    const again = (): void => void world.schedule(1, again);
    again();
    await expect(world.run({ eventsMax: 1_000 })).rejects.toThrow('still not done');
    world.onEvent(() => {
      throw new Error('I2 is broken');
    });
    await expect(world.run({ forMs: 5 })).rejects.toThrow('I2 is broken');
  });
});
