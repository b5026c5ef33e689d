import { createVirtualWorld, seededRandom } from '@lic/testkit';
import { describe, expect, it } from 'vitest';
import { SimulatedDisk } from './simulated-disk.ts';
import { sectorBytes } from './simulated-file.ts';
import { simulatedLogStore } from './simulated-log-store.ts';

const path = '/store/file';

async function readAll(disk: SimulatedDisk): Promise<Uint8Array> {
  const file = await disk.fileSystem().open(path, 'read');
  const bytes = new Uint8Array(await file.sizeBytes());
  await file.read(bytes, bytes.byteLength, 0);
  return bytes;
}

/** A disk with a file of `sectors` sectors full of 1, all durable. */
async function diskWithFile(seed: number, sectors: number): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk(seededRandom(seed));
  const fileSystem = disk.fileSystem();
  const file = await fileSystem.open(path, 'create');
  await file.write(new Uint8Array(sectors * sectorBytes).fill(1), 0, sectors * sectorBytes, 0);
  await file.sync();
  await file.close();
  await fileSystem.syncFolder('/store');
  return disk;
}

async function overwrite(disk: SimulatedDisk, value: number, sectors: number): Promise<void> {
  const file = await disk.fileSystem().open(path, 'update');
  await file.write(new Uint8Array(sectors * sectorBytes).fill(value), 0, sectors * sectorBytes, 0);
}

describe('a simulated disk', () => {
  it('loses any subset of the sectors that were not synced, and tears some, when power is cut', async () => {
    const kept = new Set<string>();
    let torn = 0;
    for (let seed = 0; seed < 60; seed++) {
      const disk = await diskWithFile(seed, 3);
      await overwrite(disk, 2, 3);
      const random = seededRandom(seed);
      disk.crash({ lose: () => random.chance(0.5) });
      const bytes = await readAll(disk);
      const sectors = [0, 1, 2].map((at) => bytes.subarray(at * sectorBytes, (at + 1) * sectorBytes));
      kept.add(sectors.map((sector) => sector[0]).join());
      for (const sector of sectors) {
        // New in front, old behind.
        const cut = sector.indexOf(1);
        if (cut > 0) torn++;
        expect(sector.every((byte, at) => byte === (cut === -1 || at < cut ? 2 : 1))).toBe(true);
      }
    }
    expect(kept.size).toBe(8);
    expect(torn).toBeGreaterThan(5);
  });

  it('keeps everything when only the process dies, and loses it when power is cut afterwards', async () => {
    const disk = await diskWithFile(1, 1);
    await overwrite(disk, 2, 1);
    disk.crash({ lose: 'nothing' });
    expect((await readAll(disk))[0]).toBe(2);
    disk.crash();
    expect((await readAll(disk))[0]).toBe(1);
  });

  it('syncs what was written before the sync began, and nothing of what came later', async () => {
    const world = createVirtualWorld({ seed: 1 });
    const disk = await diskWithFile(1, 2);
    const file = await disk.fileSystem().open(path, 'update');
    await file.write(new Uint8Array(sectorBytes).fill(2), 0, sectorBytes, 0);
    const slow = disk.fileSystem({ runtime: world.runtime('slow'), syncMs: 10 });
    const opening = slow.open(path, 'update');
    await world.run();
    const syncing = (await opening).sync();
    await file.write(new Uint8Array(2 * sectorBytes).fill(3), 0, 2 * sectorBytes, 0);
    await world.run();
    await syncing;
    disk.crash();
    const bytes = await readAll(disk);
    expect([bytes[0], bytes[sectorBytes]]).toEqual([2, 1]);
  });

  it('shows after a failed sync what it has not, and forgets that it owes it', async () => {
    const disk = await diskWithFile(1, 2);
    await overwrite(disk, 2, 2);
    const file = await disk.fileSystem().open(path, 'update');
    disk.faults.inject({ meets: ({ kind }) => kind === 'sync', code: 'EIO' });
    await expect(file.sync()).rejects.toMatchObject({ code: 'EIO' });
    await file.sync();
    expect((await readAll(disk))[0]).toBe(2);
    await file.write(new Uint8Array(sectorBytes).fill(3), 0, sectorBytes, sectorBytes);
    await file.sync();
    disk.crash();
    const bytes = await readAll(disk);
    expect([bytes[0], bytes[sectorBytes]]).toEqual([1, 3]);
  });

  it('loses comings, goings and new names of files that no sync of the folder covers', async () => {
    const found = new Set<string>();
    for (let seed = 0; seed < 40; seed++) {
      const disk = await diskWithFile(seed, 1);
      const fileSystem = disk.fileSystem();
      await (await fileSystem.open('/store/new', 'create')).close();
      await fileSystem.rename(path, '/store/renamed');
      const random = seededRandom(`loss ${seed}`);
      disk.crash({ lose: () => random.chance(0.5) });
      found.add(disk.names().join());
    }
    // The last one only where changes need not stay in their order.
    expect(found).toEqual(new Set(['file', 'file,new', 'new,renamed', 'renamed']));
  });

  it('answers no process that is dead, also where it stalled', async () => {
    const disk = await diskWithFile(1, 1);
    const fileSystem = disk.fileSystem();
    const endStall = disk.stall();
    let settled = 0;
    void fileSystem.list('/store').then(() => settled++);
    disk.crash();
    void fileSystem.list('/store').then(() => settled++);
    endStall();
    expect(await disk.fileSystem().list('/store')).toEqual(['file']);
    expect(settled).toBe(0);
  });

  it('has room for what its capacity says, and for what was allocated before', async () => {
    const disk = await diskWithFile(1, 2);
    disk.capacityBytes = disk.usedBytes + 100;
    const file = await disk.fileSystem().open(path, 'update');
    const bytes = new Uint8Array(3 * sectorBytes);
    expect(await file.write(bytes, 0, bytes.byteLength, 0)).toBe(2 * sectorBytes + 100);
    await expect(file.write(bytes, 0, 10, 2 * sectorBytes + 100)).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(await file.write(bytes, 0, 2 * sectorBytes, 0)).toBe(2 * sectorBytes);
  });

  it('is copied and rolled back as it is on the platter, without locks, and never under an open store', async () => {
    const disk = new SimulatedDisk(seededRandom(1));
    const store = simulatedLogStore(disk);
    await store.open();
    await store.write({ entries: [{ index: 1, term: 1, kind: 'noop', data: new Uint8Array(0) }] });
    const copy = disk.clone();
    await store.write({ entries: [{ index: 2, term: 1, kind: 'noop', data: new Uint8Array(0) }] });
    expect(() => disk.rollback(copy)).toThrow('roll back');
    expect([disk.entryAt(2)?.index, copy.entryAt(2)]).toEqual([2, undefined]);
    await store.close();
    disk.rollback(copy);
    expect(disk.names().filter((name) => name.startsWith('lock'))).toEqual([]);
    expect((await simulatedLogStore(disk).open()).entries.length).toBe(1);
  });

  it('tells which entries are on the platter: not what is under way', async () => {
    const world = createVirtualWorld({ seed: 1 });
    const disk = new SimulatedDisk(seededRandom(1));
    const store = simulatedLogStore(disk, { runtime: world.runtime('a'), syncMs: 5 });
    void store.open();
    await world.run({ forMs: 1_000 });
    const data = Uint8Array.of(7);
    void store.write({ entries: [{ index: 1, term: 1, kind: 'command', data }] });
    await world.run({ forMs: 500 });
    expect(disk.entryAt(1)?.data).toEqual(data);
    const written = store.write({
      entries: [
        { index: 1, term: 2, kind: 'command', data: Uint8Array.of(8) },
        { index: 2, term: 2, kind: 'command', data },
      ],
    });
    await world.run({ forMs: 3 });
    expect(disk.isWriting).toBe(true);
    expect(disk.entryAt(1)?.term).toBe(1);
    await world.run({ forMs: 500 });
    await written;
    expect([disk.entryAt(1)?.term, disk.entryAt(2)?.term, disk.isWriting]).toEqual([2, 2, false]);
  });

  it('tells them also after the store was wiped, or opened anew', async () => {
    const disk = new SimulatedDisk(seededRandom(1));
    const store = simulatedLogStore(disk);
    await store.open();
    for (let index = 1; index <= 3; index++)
      await store.write({ entries: [{ index, term: 1, kind: 'noop', data: new Uint8Array(0) }] });
    expect(disk.entryAt(3)?.term).toBe(1);
    disk.crash({ lose: 'nothing' });
    const next = simulatedLogStore(disk);
    await next.open();
    await next.write({ entries: [{ index: 3, term: 2, kind: 'noop', data: new Uint8Array(0) }] });
    expect(disk.entryAt(3)?.term).toBe(2);
    await next.wipe();
    expect(disk.entryAt(1)).toBeUndefined();
    await next.write({ entries: [{ index: 1, term: 7, kind: 'noop', data: new Uint8Array(0) }] });
    expect([disk.entryAt(1)?.term, disk.entryAt(2)]).toEqual([7, undefined]);
  });

  it('rots only where that is surely damage', async () => {
    for (let seed = 0; seed < 40; seed++) {
      const disk = new SimulatedDisk(seededRandom(seed));
      const store = simulatedLogStore(disk, { segmentBytes: 8_192 });
      await store.open();
      const random = seededRandom(seed);
      for (let index = 1; index <= random.between(2, 30); index++)
        await store.write({ entries: [{ index, term: 1, kind: 'command', data: new Uint8Array(300) }] });
      disk.crash({ lose: random.pick(['nothing', 'all-unsynced'] as const) });
      const where = disk.damage();
      expect(where, `seed ${seed}`).toBeDefined();
      const { damage } = await simulatedLogStore(disk, { segmentBytes: 8_192 }).open();
      expect(damage?.file, `seed ${seed}`).toBe(where?.file);
      expect(damage?.offset).toBeLessThanOrEqual(where?.offset ?? 0);
    }
  });
});
