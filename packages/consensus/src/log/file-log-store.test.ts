import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { logStoreSuite, seededRandom } from '@lic/testkit';
import { describe, expect, it } from 'vitest';
import { fileLogStore } from './file-log-store.ts';
import { segmentHeaderBytes } from './segment-header.ts';
import type { DiskFault } from './testing/simulated-disk.ts';
import { SimulatedMachine } from './testing/simulated-machine.ts';

for (const death of ['kill', 'cutPower'] as const) {
  logStoreSuite(
    { describe, it, expect },
    {
      name: `files on a simulated disk, ${death}`,
      capabilities: { crash: true, faults: true, damage: true },
      makeSubject() {
        const machine = new SimulatedMachine();
        const { disk } = machine;
        const random = seededRandom(death);
        return Promise.resolve({
          makeStore: () => machine.makeStore(),
          async crash() {
            for (let turn = random.between(0, 40); turn > 0; turn--) await Promise.resolve();
            if (death === 'kill') machine.kill();
            else machine.cutPower(() => random.chance(0.5));
          },
          failNext(fault) {
            const answers: Record<typeof fault, DiskFault> = {
              STORE_FULL: { code: 'ENOSPC', written: 40 },
              STORE_BLOCKED: { code: 'EROFS', written: 40 },
              STORE_FAILED: { code: 'EIO' },
            };
            const answer = answers[fault];
            const wanted = fault === 'STORE_FAILED' ? 'sync' : 'write';
            disk.onCall = ({ kind, name }) => {
              if (kind !== wanted || name === 'log-next.tmp') return undefined;
              disk.onCall = () => undefined;
              return answer;
            };
          },
          async damageLog() {
            await Promise.resolve();
            disk.flip('log-0000000001.seg', segmentHeaderBytes + 50);
          },
          async damageSnapshot() {
            await Promise.resolve();
            disk.flip(disk.names().findLast((name) => name.startsWith('snapshot')) ?? '', 40);
          },
        });
      },
    },
  );
}

logStoreSuite(
  { describe, it, expect },
  {
    name: 'files',
    capabilities: { crash: false, faults: false, damage: false },
    async makeSubject() {
      const folder = await mkdtemp(join(tmpdir(), 'lic-log-'));
      return {
        makeStore: () => fileLogStore({ directory: join(folder, 'new', 'store'), segmentBytes: 65_536 }),
        dispose: () => rm(folder, { recursive: true }),
      };
    },
  },
);
