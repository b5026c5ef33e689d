import { describe, expect, it } from 'vitest';
import { logStoreSuite } from '../log-store-suite/log-store-suite.ts';
import { entries, entry, outcome, shape } from '../log-store-suite/samples.ts';
import { createVirtualWorld } from '../virtual/virtual-world.ts';
import { MemoryDisk } from './memory-disk.ts';
import { createMemoryLogStore } from './memory-log-store.ts';

for (const [name, lose] of [
  ['memory, a crash loses all', 'all-unsynced'],
  ['memory, a crash loses nothing', 'nothing'],
  ['memory, a crash loses every third record', (record: number) => record % 3 === 2],
] as const) {
  logStoreSuite(
    { describe, it, expect },
    {
      name,
      capabilities: { crash: true, faults: true, damage: true },
      makeSubject() {
        const disk = new MemoryDisk();
        return Promise.resolve({
          makeStore: () => createMemoryLogStore(disk),
          async crash() {
            await Promise.resolve();
            disk.crash({ lose });
          },
          failNext: (fault) => disk.failNext(fault),
          async damageLog() {
            await Promise.resolve();
            disk.damage();
          },
          async damageSnapshot() {
            await Promise.resolve();
            disk.damageSnapshot();
          },
        });
      },
    },
  );
}

describe('memory disk', () => {
  it('syncs in virtual time, what waits with one sync', async () => {
    const world = createVirtualWorld({ seed: 1 });
    const disk = new MemoryDisk();
    const store = createMemoryLogStore(disk, { runtime: world.runtime('a'), syncMs: 5 });
    await store.open();
    const acknowledged: number[] = [];
    for (let index = 1; index <= 10; index++)
      void store.write({ entries: [entry(index)] }).then(() => acknowledged.push(world.nowMs));
    await world.run();
    expect(acknowledged).toEqual([5, ...Array.from({ length: 9 }, () => 10)]);
    expect(disk.syncs).toBe(2);
  });

  it('never settles anything for a process that crashed, and cuts at the first record lost', async () => {
    const world = createVirtualWorld({ seed: 1 });
    const disk = new MemoryDisk();
    const runtime = world.runtime('a');
    const store = createMemoryLogStore(disk, { runtime, syncMs: 5 });
    await store.open();
    const settled: string[] = [];
    const note = (call: Promise<unknown>): void => void outcome(call).then((result) => settled.push(result));
    note(store.write({ vote: { term: 2, votedFor: null }, entries: entries(1, 4) }));
    note(store.write({ entries: [entry(5)] }));
    await world.run({ forMs: 2 });
    disk.crash({ lose: (record) => record === 3 });
    note(store.write({ entries: [entry(6)] }));
    note(store.close());
    await world.run();
    expect(settled).toEqual([]);
    const contents = await createMemoryLogStore(disk).open();
    expect(contents.vote.term).toBe(2);
    expect(shape(contents.entries)).toEqual(shape(entries(1, 2)));
  });

  it('is not opened by a process that died before it came to that', async () => {
    const disk = new MemoryDisk();
    const dead = createMemoryLogStore(disk);
    let isOpened = false;
    void dead.open().then(() => {
      isOpened = true;
    });
    disk.crash();
    const next = createMemoryLogStore(disk);
    await next.open();
    expect(isOpened).toBe(false);
    await next.close();
  });

  it('hangs while it stalls, is full while it is full, and goes on afterwards', async () => {
    const disk = new MemoryDisk();
    const store = createMemoryLogStore(disk);
    await store.open();
    let acknowledged = 0;
    const endStall = disk.stall();
    const write = store.write({ entries: [entry(1)] }).then(() => acknowledged++);
    await createVirtualWorld({ seed: 1 }).settle();
    expect(acknowledged).toBe(0);
    endStall();
    await write;
    disk.isFull = true;
    expect(await outcome(store.write({ entries: [entry(2)] }))).toBe('STORE_FULL');
    disk.isFull = false;
    await store.write({ entries: [entry(2)] });
    await store.close();
  });

  it('can be copied, rolled back and replaced, but not under an open store', async () => {
    const disk = new MemoryDisk();
    const store = createMemoryLogStore(disk);
    await store.open();
    await store.write({ entries: entries(1, 2) });
    const backup = disk.clone();
    await store.write({ entries: [entry(2, 5), entry(3, 5)] });
    expect(() => disk.rollback(backup)).toThrow('roll back');
    expect(() => disk.wipe()).toThrow('wipe');
    await store.close();
    disk.rollback(backup);
    const older = createMemoryLogStore(disk);
    expect(shape((await older.open()).entries)).toEqual(shape(entries(1, 2)));
    await older.close();
    disk.wipe();
    expect((await createMemoryLogStore(disk).open()).entries).toEqual([]);
    expect((await createMemoryLogStore(backup).open()).entries.length).toBe(2);
  });
});
