import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { build } from 'tsup';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fileLogStore } from './file-log-store.ts';

let folder: string;
let program: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lic-log-'));
  await build({
    entry: [join(import.meta.dirname, 'testing/endless-writer.ts')],
    outDir: join(folder, 'program'),
    outExtension: () => ({ js: '.mjs' }),
    format: 'esm',
    platform: 'node',
    noExternal: [/^@lic/],
    config: false,
    silent: true,
    esbuildOptions: (options) => {
      options.conditions = ['@lic/source'];
    },
  });
  program = join(folder, 'program/endless-writer.mjs');
});

afterAll(() => rm(folder, { recursive: true }));

type Writer = ChildProcessByStdio<null, Readable, null>;

/** Starts a writer and answers it with its first line and an iterator over the others. */
async function startWriter(
  directory: string,
): Promise<{ writer: Writer; opened: number; lines: AsyncIterator<string> }> {
  const writer = spawn(process.execPath, [program, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: writer.stdout })[Symbol.asyncIterator]();
  const first = await lines.next();
  return { writer, opened: Number(/^opened (\d+)$/.exec(String(first.value))?.[1]), lines };
}

/** Kills it and answers the highest index that it printed. */
async function kill(writer: Writer, lines: AsyncIterator<string>, after: number): Promise<number> {
  let highest = after;
  writer.kill('SIGKILL');
  for (let line = await lines.next(); !line.done; line = await lines.next()) {
    // The last line may be cut.
    if (/^\d+$/.test(line.value)) highest = Math.max(highest, Number(line.value));
  }
  return highest;
}

describe('processes', () => {
  it('killed while they write leave everything that they acknowledged', async () => {
    const directory = join(folder, 'killed');
    let acknowledged = 0;
    for (let life = 0; life < 8; life++) {
      const { writer, opened, lines } = await startWriter(directory);
      expect(opened).toBeGreaterThanOrEqual(acknowledged);
      for (let count = 0; count < 20 + life * 60; count++) await lines.next();
      acknowledged = await kill(writer, lines, opened);
    }
    const store = fileLogStore({ directory });
    const { entries, snapshot, damage } = await store.open();
    expect(damage).toBeUndefined();
    expect(entries.at(-1)?.index).toBeGreaterThanOrEqual(acknowledged);
    expect(entries[0]?.index).toBeLessThanOrEqual((snapshot?.index ?? 0) + 1);
    await store.close();
    expect(acknowledged).toBeGreaterThan(500);
  });

  it('keep others out while they live, and do not once they are dead', async () => {
    const directory = join(folder, 'locked');
    const { writer, lines } = await startWriter(directory);
    const store = fileLogStore({ directory });
    await expect(store.open()).rejects.toMatchObject({
      code: 'STORE_IN_USE',
      message: expect.stringContaining(`${writer.pid}`),
    });
    const exit = once(writer, 'exit');
    await kill(writer, lines, 0);
    await exit;
    await store.open();
    await store.close();
    expect((await readdir(directory)).filter((name) => name.startsWith('lock'))).toEqual([]);
  });

  it('that come at once are not let in together', async () => {
    for (let round = 0; round < 10; round++) {
      const directory = join(folder, `race-${round}`);
      const stores = [1, 2, 3].map(() => fileLogStore({ directory, segmentBytes: 65_536 }));
      const outcomes = await Promise.allSettled(stores.map((store) => store.open()));
      expect(outcomes.filter(({ status }) => status === 'fulfilled').length).toBeLessThanOrEqual(1);
      for (const outcome of outcomes)
        if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'STORE_IN_USE' });
      for (const store of stores) await store.close();
    }
  });

  it('are told when the folder cannot be used', async () => {
    await expect(fileLogStore({ directory: join(program, 'below-a-file') }).open()).rejects.toMatchObject({
      code: 'STORE_FAILED',
    });
  });
});
