/**
 * Records per second of the durable log beside the disk's own rate: a bare fdatasync after each 1 KiB written into a preallocated
 * file. Folders are made where the bench is run. From the repository's root:
 *
 *     npx esbuild packages/consensus/bench/log.ts --bundle --platform=node --format=esm --conditions=@lic/source \
 *       | node --input-type=module -
 *
 * Compare the lines of one run with each other; between machines and days they differ by half.
 */
import { mkdtemp, open, rm } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';
import { runtime } from '@lic/runtime';
import { fileLogStore } from '../src/index.ts';

const secondsPerLine = 3;
const recordBytes = 1_024;
const openedLogBytes = 100 * 1_024 * 1_024;

interface Line {
  readonly name: string;
  readonly perSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

function lineOf(name: string, latenciesMs: number[], seconds: number): Line {
  latenciesMs.sort((a, b) => a - b);
  const at = (share: number): number => Math.round((latenciesMs[Math.floor(latenciesMs.length * share)] ?? 0) * 1_000);
  return { name, perSecond: Math.round(latenciesMs.length / seconds), p50Us: at(0.5), p99Us: at(0.99) };
}

/** The floor: one write and one fdatasync at a time, with nothing around them. */
async function measureDisk(folder: string): Promise<Line> {
  const file = await open(`${folder}/bare`, 'w+');
  const bytes = Buffer.alloc(recordBytes, 'x');
  const sizeBytes = 16 * 1_024 * 1_024;
  await file.write(Buffer.alloc(sizeBytes), 0, sizeBytes, 0);
  await file.sync();
  const latencies: number[] = [];
  const began = performance.now();
  const until = began + secondsPerLine * 1_000;
  for (let at = began, offset = 0; at < until; offset = (offset + recordBytes) % sizeBytes) {
    await file.write(bytes, 0, recordBytes, offset);
    await file.datasync();
    const now = performance.now();
    latencies.push(now - at);
    at = now;
  }
  const seconds = (performance.now() - began) / 1_000;
  await file.close();
  return lineOf('bare fdatasync', latencies, seconds);
}

async function measureLog(folder: string, producers: number): Promise<Line> {
  const store = fileLogStore({ directory: `${folder}/log-${producers}`, runtime });
  await store.open();
  const data = Buffer.alloc(recordBytes, 'x');
  const latencies: number[] = [];
  let next = 1;
  const began = performance.now();
  const until = began + secondsPerLine * 1_000;
  await Promise.all(
    Array.from({ length: producers }, async () => {
      for (let at = performance.now(); at < until; ) {
        await store.write({ entries: [{ index: next++, term: 1, kind: 'command', data }] });
        const now = performance.now();
        latencies.push(now - at);
        at = now;
      }
    }),
  );
  const seconds = (performance.now() - began) / 1_000;
  await store.close();
  await rm(`${folder}/log-${producers}`, { recursive: true });
  return lineOf(`log, ${producers} producers`, latencies, seconds);
}

async function measureOpening(folder: string): Promise<string> {
  const directory = `${folder}/log-open`;
  const store = fileLogStore({ directory, runtime });
  await store.open();
  const data = Buffer.alloc(recordBytes, 'x');
  const perWrite = 1_000;
  for (let index = 1; index * recordBytes < openedLogBytes; index += perWrite) {
    const entries = Array.from({ length: perWrite }, (_, at) => ({
      index: index + at,
      term: 1,
      kind: 'command' as const,
      data,
    }));
    await store.write({ entries });
  }
  await store.close();
  const began = performance.now();
  const { entries } = await store.open();
  const ms = Math.round(performance.now() - began);
  await store.close();
  return `opening a log of ${entries.length} records, 1 KiB each: ${ms} ms`;
}

const folder = await mkdtemp('lic-bench-');
try {
  console.log(`fdatasync and log of ${recordBytes}-byte records, ${secondsPerLine} s each`);
  const bare = await measureDisk(folder);
  const lines = [bare];
  for (const producers of [1, 16, 64, 256]) lines.push(await measureLog(folder, producers));
  for (const { name, perSecond, p50Us, p99Us } of lines) {
    const ratio = (perSecond / bare.perSecond).toFixed(2);
    console.log(
      `${name.padEnd(20)} ${String(perSecond).padStart(8)}/s  ${ratio.padStart(7)} × bare  p50 ${p50Us} µs  p99 ${p99Us} µs`,
    );
  }
  console.log(await measureOpening(folder));
} finally {
  await rm(folder, { recursive: true });
}
