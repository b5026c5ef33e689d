import { logStoreSuite, seededRandom } from '@lic/testkit';
import { describe, expect, it } from 'vitest';
import { SimulatedDisk } from './simulated-disk.ts';
import { simulatedLogStore } from './simulated-log-store.ts';

/** Turns of the microtask queue that a crash waits for, at most. */
const turnsMax = 60;

for (const death of ['process dies', 'power is cut'] as const) {
  for (const trouble of ['no faults', 'short reads and writes'] as const) {
    logStoreSuite(
      { describe, it, expect },
      {
        name: `files on a simulated disk, ${death}, ${trouble}`,
        capabilities: { crash: true, faults: true, damage: true },
        makeSubject() {
          const random = seededRandom(death);
          const disk = new SimulatedDisk(random.fork('disk'));
          const shorten = (): void => {
            if (trouble === 'no faults') return;
            const meets = ({ kind, bytes }: { kind: string; bytes: number }): boolean =>
              (kind === 'write' || kind === 'read') && bytes > 1 && random.chance(0.3);
            disk.faults.inject({ meets, times: Number.POSITIVE_INFINITY });
          };
          return Promise.resolve({
            makeStore() {
              shorten();
              return simulatedLogStore(disk);
            },
            async crash() {
              for (let turn = random.between(0, turnsMax); turn > 0; turn--) await Promise.resolve();
              disk.crash({ lose: death === 'process dies' ? 'nothing' : () => random.chance(0.5) });
            },
            failNext(fault) {
              disk.faults.forget();
              disk.failNext(fault, () => random.chance(0.5));
            },
            async damageLog() {
              await Promise.resolve();
              expect(disk.damage()).toBeDefined();
            },
            async damageSnapshot() {
              await Promise.resolve();
              expect(disk.damageSnapshot()).toBe(true);
            },
          });
        },
      },
    );
  }
}
