import { createVirtualWorld } from '@lic/testkit';
import { expect, it } from 'vitest';
import { createActiveClock } from './active-clock.ts';

const marginMs = 1_000;

it('runs with monotonic time while the process does', async () => {
  const world = createVirtualWorld({ seed: 1 });
  const clock = createActiveClock(world.runtime('server'), marginMs);
  const beganMs = clock.now();
  await world.run({ forMs: 5_000 });
  expect(clock.now() - beganMs).toBe(5_000);
  clock.stop();
});

it('leaves a stall longer than the margin out, whoever reads first after it', async () => {
  const world = createVirtualWorld({ seed: 1 });
  const runtime = world.runtime('server');
  const clock = createActiveClock(runtime, marginMs);
  await world.run({ forMs: 5_000 });
  const beforeMs = clock.now();
  let firstReadMs = -1;
  runtime.setTimer(1, () => {
    firstReadMs = clock.now();
  });
  runtime.pause();
  await world.run({ forMs: 30_000 });
  runtime.resume();
  await world.run({ forMs: 1 });
  // What it may count of the stall is at most the pause between two looks.
  expect(firstReadMs - beforeMs).toBeLessThanOrEqual(251);
  await world.run({ forMs: 2_000 });
  expect(clock.now() - beforeMs).toBeLessThanOrEqual(2_251);
  expect(clock.now() - beforeMs).toBeGreaterThanOrEqual(2_000);
});

it('counts a stall within the margin as silence: that is what the margin is for', async () => {
  const world = createVirtualWorld({ seed: 1 });
  const runtime = world.runtime('server');
  const clock = createActiveClock(runtime, marginMs);
  const beforeMs = clock.now();
  runtime.pause();
  await world.run({ forMs: 900 });
  runtime.resume();
  await world.run({ forMs: 0 });
  expect(clock.now() - beforeMs).toBe(900);
});
