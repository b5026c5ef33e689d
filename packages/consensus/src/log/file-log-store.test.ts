import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { logStoreSuite, seededRandom } from '@lic/testkit';
import { describe, expect, it } from 'vitest';
import { FileLogStore, fileLogStore } from './file-log-store.ts';
import { nodeFileSystem } from './file-system.ts';
import type { ProcessIdentity } from './folder-lock.ts';
import { segmentHeaderBytes } from './segment-header.ts';
import { type DiskFault, SimulatedDisk } from './simulated-disk.ts';

const directory = '/store';
const segmentBytes = 16_384;

/** A process that lives until another one is asked for. */
function processes(): { current(): ProcessIdentity; next(): void } {
  let pid = 1;
  return {
    next: () => {
      pid++;
    },
    current: () => ({ pid, startedAt: '1', bootId: 'boot', isAlive: (other) => Promise.resolve(other.pid === pid) }),
  };
}

for (const death of ['kill', 'cutPower'] as const) {
  logStoreSuite(
    { describe, it, expect },
    {
      name: `files on a simulated disk, ${death}`,
      capabilities: { crash: true, faults: true, damage: true },
      makeSubject() {
        const disk = new SimulatedDisk();
        const random = seededRandom(death);
        const lives = processes();
        return Promise.resolve({
          makeStore: () => new FileLogStore({ directory, segmentBytes }, disk.fileSystem(), lives.current()),
          async crash() {
            for (let turn = random.between(0, 40); turn > 0; turn--) await Promise.resolve();
            if (death === 'kill') disk.kill();
            else disk.cutPower(() => random.chance(0.5));
            lives.next();
          },
          failNext(fault) {
            const wanted = fault === 'STORE_FULL' ? 'write' : 'sync';
            const answer: DiskFault = fault === 'STORE_FULL' ? { code: 'ENOSPC', written: 40 } : { code: 'EIO' };
            disk.onCall = ({ kind, name }) => {
              if (kind !== wanted || name === 'log-next.tmp') return undefined;
              disk.onCall = () => undefined;
              return answer;
            };
          },
          async damageLog() {
            await Promise.resolve();
            const name = 'log-0000000001.seg';
            const bytes = disk.read(name);
            bytes[segmentHeaderBytes + 50] = 0xff;
            disk.rot(name, bytes);
          },
          async damageSnapshot() {
            await Promise.resolve();
            const name = disk.names().findLast((each) => each.startsWith('snapshot')) ?? '';
            const bytes = disk.read(name);
            bytes[40] = (bytes[40] ?? 0) ^ 1;
            disk.rot(name, bytes);
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

it('takes the file system of Node as it is', () => {
  expect(new FileLogStore({ directory }, nodeFileSystem)).toBeDefined();
});
