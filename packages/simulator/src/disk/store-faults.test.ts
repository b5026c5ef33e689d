import type { LogEntry, LogStore, StoreContents } from '@lic/interfaces';
import { seededRandom } from '@lic/testkit';
import { describe, expect, it } from 'vitest';
import type { CallKind, DiskCall } from './disk-faults.ts';
import { SimulatedDisk } from './simulated-disk.ts';
import { simulatedLogStore } from './simulated-log-store.ts';

function entry(index: number, dataBytes = 100): LogEntry {
  return { index, term: 1, kind: 'command', data: new Uint8Array(dataBytes).fill(index) };
}

const config = new Uint8Array(0);

async function* chunks(...parts: Uint8Array[]): AsyncGenerator<Uint8Array> {
  await Promise.resolve();
  yield* parts;
}

function indexes({ entries }: StoreContents): number[] {
  return entries.map(({ index }) => index);
}

function calls(kind: CallKind, name: RegExp): (call: DiskCall) => boolean {
  return (call) => call.kind === kind && name.test(call.name);
}

/** An open store with entries 1 to 3 on a disk of its own. */
async function smallStore(): Promise<{ readonly disk: SimulatedDisk; readonly store: LogStore }> {
  const disk = new SimulatedDisk(seededRandom('faults'));
  const store = simulatedLogStore(disk);
  await store.open();
  await store.write({ vote: { term: 1, votedFor: 'ed25519:a' }, entries: [entry(1), entry(2), entry(3)] });
  // The next segment is prepared meanwhile.
  await settle();
  return { disk, store };
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 200; turn++) await Promise.resolve();
}

/** What the platter has, as a process finds it after a power cut now. */
async function afterPowerCut(disk: SimulatedDisk): Promise<StoreContents> {
  disk.crash();
  return simulatedLogStore(disk).open();
}

const refused = (code: string, retryable: boolean) => expect.objectContaining({ code, retryable });

describe('a full disk', () => {
  it('refuses what needs space and nothing else, and is written again once there is some', async () => {
    const { disk, store } = await smallStore();
    disk.isFull = true;
    let next = 4;
    let failure: unknown;
    // What is left of this segment and the next one is there already.
    while (failure === undefined && next < 1_000) {
      failure = await store.write({ entries: [entry(next)] }).then(
        () => undefined,
        (error: unknown) => error,
      );
      if (failure === undefined) next++;
    }
    expect(failure).toEqual(refused('STORE_FULL', true));
    expect(next).toBeGreaterThan(100);
    await expect(store.saveSnapshot({ index: 3, term: 1, config }, chunks(new Uint8Array(1_000)))).rejects.toEqual(
      refused('STORE_FULL', true),
    );
    disk.isFull = false;
    await store.write({ entries: [entry(next)] });
    await store.saveSnapshot({ index: 3, term: 1, config }, chunks(new Uint8Array(1_000)));
    expect(indexes(await afterPowerCut(disk)).at(-1)).toBe(next);
  });

  it('can be opened: nothing that was acknowledged needs new space', async () => {
    const { disk } = await smallStore();
    disk.isFull = true;
    expect(indexes(await afterPowerCut(disk))).toEqual([1, 2, 3]);
  });
});

describe('a disk that is read-only for a while', () => {
  it('refuses writes, is read, and is written again without being opened anew', async () => {
    const { disk, store } = await smallStore();
    await store.saveSnapshot({ index: 2, term: 1, config }, chunks(Uint8Array.of(1)));
    disk.faults.isReadOnly = true;
    for (const call of [
      () => store.write({ entries: [entry(4)] }),
      () => store.saveSnapshot({ index: 3, term: 1, config }, chunks()),
      () => store.saveOwner(Uint8Array.of(1)),
      () => store.wipe(),
    ])
      await expect(call()).rejects.toEqual(refused('STORE_BLOCKED', true));
    expect((await store.readSnapshot())?.meta.index).toBe(2);
    disk.faults.isReadOnly = false;
    await store.write({ entries: [entry(4)] });
    await store.saveOwner(Uint8Array.of(1));
    expect(indexes(await afterPowerCut(disk))).toEqual([1, 2, 3, 4]);
  });

  it('is not opened, and says so; then it is', async () => {
    const { disk, store } = await smallStore();
    await store.close();
    disk.faults.isReadOnly = true;
    await expect(store.open()).rejects.toEqual(refused('STORE_BLOCKED', true));
    disk.faults.isReadOnly = false;
    expect(indexes(await store.open())).toEqual([1, 2, 3]);
  });
});

describe('a process with too many open files', () => {
  it('writes what needs none, refuses the rest, and goes on once it may open more', async () => {
    const { disk, store } = await smallStore();
    disk.faults.hasNoHandles = true;
    await store.write({ entries: [entry(4)] });
    await expect(store.saveSnapshot({ index: 3, term: 1, config }, chunks())).rejects.toEqual(
      refused('STORE_BLOCKED', true),
    );
    // Larger than what is prepared.
    await store.write({ entries: [entry(5, 20_000)] });
    await expect(store.write({ entries: [entry(6, 40_000)] })).rejects.toEqual(refused('STORE_BLOCKED', true));
    disk.faults.hasNoHandles = false;
    await store.write({ entries: [entry(6, 40_000)] });
    await store.saveSnapshot({ index: 3, term: 1, config }, chunks());
    await store.close();
    expect(disk.handles).toBe(0);
    expect(indexes(await afterPowerCut(disk)).at(-1)).toBe(6);
  });
});

describe('an I/O error', () => {
  it('of a write is final until the store is opened anew, and acknowledges nothing', async () => {
    const { disk, store } = await smallStore();
    disk.faults.inject({ meets: calls('write', /^log-.*seg$/), code: 'EIO', writtenBytes: 50 });
    await expect(store.write({ entries: [entry(4)] })).rejects.toEqual(refused('STORE_FAILED', false));
    await expect(store.write({ entries: [entry(4)] })).rejects.toEqual(refused('STORE_FAILED', false));
    await store.close();
    expect(indexes(await store.open())).toEqual([1, 2, 3]);
    await store.write({ entries: [entry(4)] });
    expect(indexes(await afterPowerCut(disk))).toEqual([1, 2, 3, 4]);
  });

  it('of reading the log is damage, with file and offset, and so the process stays up', async () => {
    const { disk, store } = await smallStore();
    await store.close();
    const undo = disk.faults.inject({
      meets: ({ kind, name, bytes }) => kind === 'read' && name === 'log-0000000001.seg' && bytes > 4_096,
      code: 'EIO',
      times: Number.POSITIVE_INFINITY,
    });
    const { damage } = await store.open();
    expect(damage).toEqual({ file: 'log-0000000001.seg', offset: 4_096, what: expect.stringContaining('EIO') });
    await expect(store.write({ entries: [entry(4)] })).rejects.toEqual(refused('STORE_FAILED', false));
    undo();
    await store.close();
    // Nothing was changed by that.
    expect(indexes(await store.open())).toEqual([1, 2, 3]);
  });

  it('of reading the newest snapshot leaves the one before it', async () => {
    const { disk, store } = await smallStore();
    await store.saveSnapshot({ index: 1, term: 1, config }, chunks(Uint8Array.of(1)));
    await store.saveSnapshot({ index: 3, term: 1, config }, chunks(Uint8Array.of(3)));
    await store.compact(3);
    await store.close();
    disk.faults.inject({ meets: calls('read', /^snapshot-0*3-/), code: 'EIO' });
    const contents = await store.open();
    expect(contents).toMatchObject({ damage: undefined, snapshot: { index: 1 } });
    expect(indexes(contents)).toContain(2);
  });

  it('of reading the record of the owner is damage', async () => {
    const { disk, store } = await smallStore();
    await store.saveOwner(Uint8Array.of(1));
    await store.close();
    disk.faults.inject({ meets: calls('read', /^owner/), code: 'EIO' });
    expect((await store.open()).damage).toMatchObject({ file: 'owner.rec', offset: 0 });
  });
});

describe('a failed sync', () => {
  /** Processes see entry 4, which the platter has not; the system has forgotten that it owes it. */
  async function afterFailedSync(): Promise<{ readonly disk: SimulatedDisk; readonly store: LogStore }> {
    const { disk, store } = await smallStore();
    disk.faults.inject({ meets: calls('sync', /^log-.*seg$/), code: 'EIO' });
    await expect(store.write({ entries: [entry(4)] })).rejects.toEqual(refused('STORE_FAILED', false));
    return { disk, store };
  }

  it('is final for that store, whatever the disk says afterwards', async () => {
    const { store } = await afterFailedSync();
    for (let time = 0; time < 3; time++)
      await expect(store.write({ entries: [entry(4)] })).rejects.toEqual(refused('STORE_FAILED', false));
  });

  it('lost what it was to save', async () => {
    const { disk } = await afterFailedSync();
    expect(indexes(await afterPowerCut(disk))).toEqual([1, 2, 3]);
  });

  it.each(['same process', 'next process'])('counts for the %s only what it has written once more', async (who) => {
    const { disk, store } = await afterFailedSync();
    if (who === 'same process') await store.close();
    else disk.crash({ lose: 'nothing' });
    const next = who === 'same process' ? store : simulatedLogStore(disk);
    const seen = indexes(await next.open());
    expect(seen).toEqual([1, 2, 3, 4]);
    expect(indexes(await afterPowerCut(disk))).toEqual(seen);
  });

  it('is final for its file: the log goes on in another one', async () => {
    const { disk, store } = await afterFailedSync();
    await store.close();
    const written: string[] = [];
    disk.faults.inject({
      meets: ({ kind, name }) => {
        if (kind === 'write') written.push(name);
        return false;
      },
    });
    await store.open();
    expect(written[0]).toBe('log-next.tmp');
    await store.write({ entries: [entry(5)] });
    expect(indexes(await afterPowerCut(disk))).toEqual([1, 2, 3, 4, 5]);
  });

  it('of a segment in preparation is not used, and not waited for', async () => {
    const disk = new SimulatedDisk(seededRandom('preparation'));
    disk.faults.inject({ meets: calls('sync', /^log-next/), code: 'EIO', times: 2 });
    const store = simulatedLogStore(disk);
    await store.open();
    await expect(store.write({ entries: [entry(1)] })).rejects.toEqual(refused('STORE_FAILED', false));
    await store.close();
    await store.open();
    await store.write({ entries: [entry(1)] });
    expect(indexes(await afterPowerCut(disk))).toEqual([1]);
  });

  it('of the folder is final, too', async () => {
    const { disk, store } = await smallStore();
    disk.faults.inject({ meets: calls('syncFolder', /./), code: 'EIO' });
    await expect(store.saveOwner(Uint8Array.of(1))).rejects.toEqual(refused('STORE_FAILED', false));
    await expect(store.write({ entries: [entry(4)] })).rejects.toEqual(refused('STORE_FAILED', false));
  });
});

describe('short reads and writes', () => {
  it('are gone on with', async () => {
    const disk = new SimulatedDisk(seededRandom('short'));
    const meets = ({ kind, bytes }: DiskCall): boolean => (kind === 'write' || kind === 'read') && bytes > 1;
    disk.faults.inject({ meets, times: Number.POSITIVE_INFINITY });
    const store = simulatedLogStore(disk);
    await store.open();
    for (let index = 1; index <= 20; index++) await store.write({ entries: [entry(index, index * 50)] });
    await store.saveSnapshot({ index: 9, term: 1, config }, chunks(new Uint8Array(3_000).fill(9)));
    disk.crash();
    disk.faults.inject({ meets, times: Number.POSITIVE_INFINITY });
    const contents = await simulatedLogStore(disk).open();
    expect(contents).toMatchObject({ damage: undefined, snapshot: { index: 9 } });
    expect(indexes(contents)).toEqual(Array.from({ length: 20 }, (_, at) => at + 1));
  });
});

describe('a salvage for which there is no space', () => {
  it('leaves the log as damaged as before, and succeeds later', async () => {
    const { disk, store } = await smallStore();
    await store.write({ entries: [entry(4)] });
    await store.close();
    expect(disk.damage()).toBeDefined();
    const { damage } = await store.open();
    expect(damage).toBeDefined();
    disk.isFull = true;
    await expect(store.salvage()).rejects.toEqual(refused('STORE_FULL', true));
    await expect(store.write({ entries: [entry(1)] })).rejects.toEqual(refused('STORE_FAILED', false));
    disk.isFull = false;
    expect((await store.salvage()).damage).toBeUndefined();
    expect((await afterPowerCut(disk)).damage).toBeUndefined();
  });
});
