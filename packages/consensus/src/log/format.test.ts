import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StoreContents } from '@lic/interfaces';
import { describe, expect, it } from 'vitest';
import { fileLogStore } from './file-log-store.ts';
import { formatVersion } from './segment-header.ts';
import { fillFixture, fixtureContents, fixtureOwner, fixtureSnapshot } from './testing/fixture.ts';

const fixtures = join(import.meta.dirname, 'fixtures');
const names = await readdir(fixtures);

/** In front of the reserve entries may be there or not. */
function sinceReserve(contents: StoreContents): StoreContents {
  const first = fixtureContents.entries[0]?.index ?? 0;
  return { ...contents, entries: contents.entries.filter(({ index }) => index >= first) };
}

async function inTemporaryFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'lic-log-'));
  try {
    await body(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

describe('formats', () => {
  it('have a fixture each, from the first to the one that is written now', () => {
    expect(names.sort()).toEqual(Array.from({ length: formatVersion }, (_, at) => `format-${at + 1}`));
  });

  it('stand as a version at the same place in every file', async () => {
    for (const [at, name] of names.entries()) {
      const files = (await readdir(join(fixtures, name))).filter((file) => !file.startsWith('log-0000000004'));
      for (const file of files) {
        const version = (await readFile(join(fixtures, name, file))).readUInt32LE(8);
        expect(version, `${name}/${file}`).toBe(at + 1);
      }
    }
  });

  it.each(names)('%s is read, and gone on from', (name) =>
    inTemporaryFolder(async (folder) => {
      await cp(join(fixtures, name), folder, { recursive: true });
      const store = fileLogStore({ directory: folder, segmentBytes: 8_192 });
      expect(sinceReserve(await store.open())).toEqual(fixtureContents);
      expect(await store.readOwner()).toEqual(fixtureOwner);
      const parts: Uint8Array[] = [];
      for await (const part of (await store.readSnapshot())?.chunks ?? []) parts.push(part);
      expect(Buffer.concat(parts).equals(fixtureSnapshot(30))).toBe(true);
      for (let index = 62; index <= 100; index++)
        await store.write({ entries: [{ index, term: 4, kind: 'command', data: new Uint8Array(200) }] });
      await store.close();
      const { entries, damage } = await store.open();
      expect(damage).toBeUndefined();
      expect(entries.at(-1)).toMatchObject({ index: 100, term: 4 });
      await store.close();
    }),
  );

  it('that is written now is what its fixture has, byte for byte', () =>
    inTemporaryFolder(async (folder) => {
      const store = fileLogStore({ directory: folder, segmentBytes: 8_192 });
      await store.open();
      await fillFixture(store);
      await store.close();
      const fixture = join(fixtures, `format-${formatVersion}`);
      expect((await readdir(folder)).sort()).toEqual((await readdir(fixture)).sort());
      for (const file of await readdir(fixture))
        expect((await readFile(join(folder, file))).equals(await readFile(join(fixture, file))), file).toBe(true);
    }));
});
