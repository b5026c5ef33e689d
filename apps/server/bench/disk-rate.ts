import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const recordBytes = 1024;
const preallocatedBytes = 16 * 1024 * 1024;

/** How many times a second this disk makes 1 KiB durable, one after the other: the bound of everything above it. */
export async function measureDisk(
  seconds: number,
): Promise<{ readonly perSecond: number; readonly latenciesMs: readonly number[] }> {
  const folder = await mkdtemp(join(tmpdir(), 'lic-disk-'));
  const file = await open(join(folder, 'log'), 'w');
  const latenciesMs: number[] = [];
  try {
    await file.writeFile(Buffer.alloc(preallocatedBytes));
    await file.sync();
    const record = Buffer.alloc(recordBytes, 1);
    const beganMs = performance.now();
    for (let at = 0; performance.now() - beganMs < seconds * 1_000; at = (at + recordBytes) % preallocatedBytes) {
      const startedMs = performance.now();
      await file.write(record, 0, recordBytes, at);
      await file.datasync();
      latenciesMs.push(performance.now() - startedMs);
    }
    return { perSecond: latenciesMs.length / ((performance.now() - beganMs) / 1_000), latenciesMs };
  } finally {
    await file.close();
    await rm(folder, { recursive: true });
  }
}
