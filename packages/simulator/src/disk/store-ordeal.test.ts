import { runtime } from '@lic/runtime';
import { describe, expect, it } from 'vitest';
import { type OrdealCounts, StoreOrdeal } from './store-ordeal.ts';

/** Seeds that found something once: what, see the history of this line. */
const recordedSeeds: readonly number[] = [574, 2609, 2925, 4839];
/** How long fresh seeds are tried, ms. */
const freshMs = Number(process.env.LIC_STORE_ORDEAL_MS ?? 3_000);

async function runSeed(seed: number): Promise<OrdealCounts> {
  try {
    return await new StoreOrdeal(seed).run();
  } catch (error) {
    throw new Error(`seed ${seed}`, { cause: error });
  }
}

describe('the log through crashes, faults and rot', () => {
  it('does not break where it broke once', async () => {
    for (const seed of recordedSeeds) await runSeed(seed);
  });

  it('has everything that it acknowledged, or says that it is damaged', async () => {
    const sum: OrdealCounts = { lives: 0, acknowledged: 0, faults: 0, damaged: 0, salvaged: 0 };
    const beganMs = runtime.monotonic();
    const base = new DataView(runtime.random(4).buffer).getUint32(0);
    // At least so many that all kinds of things have happened.
    for (let count = 0; count < 40 || runtime.monotonic() - beganMs < freshMs; count++) {
      const counts = await runSeed(base + count);
      for (const key of Object.keys(sum) as (keyof OrdealCounts)[]) sum[key] += counts[key];
    }
    for (const [what, count] of Object.entries(sum)) expect(count, what).toBeGreaterThan(0);
  }, 60_000);
});
