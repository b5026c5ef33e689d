import { crc32 } from 'node:zlib';
import type { LogEntry, StoreContents } from '@lic/interfaces';
import { describe, expect, it } from 'vitest';
import { segmentHeaderBytes } from './segment-header.ts';
import { SimulatedMachine } from './testing/simulated-machine.ts';

const segment = 'log-0000000001.seg';
const segmentBytes = 12_288;

function entry(index: number, term = 1): LogEntry {
  return { index, term, kind: 'command', data: new Uint8Array(index * 3).fill(index) };
}

function indexes({ entries }: StoreContents): number[] {
  return entries.map(({ index }) => index);
}

async function* chunks(...bytes: number[]): AsyncGenerator<Uint8Array> {
  await Promise.resolve();
  yield Uint8Array.from(bytes);
}

/** Six batches: a vote, then entries 1, 2, 3, 4, 5 one by one; the file of their segment. */
async function smallLog(end: 'closed' | 'killed', segments = segmentBytes): Promise<SimulatedMachine> {
  const machine = new SimulatedMachine(segments);
  const store = machine.makeStore();
  await store.open();
  await store.write({ vote: { term: 1, votedFor: 'ed25519:a' } });
  for (let index = 1; index <= 5; index++) await store.write({ entries: [entry(index)] });
  if (end === 'closed') await store.close();
  else machine.kill();
  return machine;
}

/** Opens the log with a file's bytes replaced; then puts all files back as they were. */
async function openWith(machine: SimulatedMachine, name: string, bytes: Uint8Array): Promise<StoreContents> {
  const names = machine.disk.names().filter((each) => !each.startsWith('lock.'));
  const files = names.map((each) => [each, machine.disk.read(each)] as const);
  machine.disk.restore(name, bytes);
  const contents = await machine.makeStore().open();
  machine.kill();
  for (const [each, original] of files) machine.disk.restore(each, original);
  return contents;
}

function changed(bytes: Uint8Array, change: (copy: Uint8Array) => void): Uint8Array {
  const copy = bytes.slice();
  change(copy);
  return copy;
}

/** Behind the last record; in these logs the seal stands in a later page. */
function endOfLastBatch(bytes: Uint8Array): number {
  return bytes.subarray(0, 2 * segmentHeaderBytes - 256).findLastIndex((byte) => byte !== 0) + 1;
}

/** What has become of {@link smallLog}. */
function verdict(contents: StoreContents): 'whole' | 'damage' | 'last batch cut' | 'LOST' {
  if (contents.damage !== undefined) return 'damage';
  const found = indexes(contents).join();
  if (contents.vote.term === 1 && found === '1,2,3,4,5') return 'whole';
  return contents.vote.term === 1 && found === '1,2,3,4' ? 'last batch cut' : 'LOST';
}

describe('damage', () => {
  it.each(['closed', 'killed'] as const)(
    'is told from a torn tail at every byte of a log whose process was %s',
    async (end) => {
      const machine = await smallLog(end);
      const bytes = machine.disk.read(segment);
      const used = endOfLastBatch(bytes);
      const counts = new Map<string, number>();
      for (let offset = 0; offset < bytes.byteLength; offset++) {
        const isPlain = (offset > 128 && offset < segmentHeaderBytes) || offset > used + 64;
        if (isPlain && offset % 31 !== 0) continue;
        const contents = await openWith(
          machine,
          segment,
          changed(bytes, (copy) => (copy[offset] = (copy[offset] ?? 0) ^ 0x04)),
        );
        const result = verdict(contents);
        counts.set(result, (counts.get(result) ?? 0) + 1);
        expect(result, `byte ${offset}`).not.toBe('LOST');
        if (end === 'closed') expect(result, `byte ${offset}`).not.toBe('last batch cut');
        // The header and every batch but the last are proved by what follows them.
        const lastBatch = used - (32 + 16 + 32);
        if (offset < lastBatch) expect(result, `byte ${offset}`).toBe('damage');
        if (result === 'damage') {
          expect(contents.damage?.file).toBe(segment);
          // Named is the record that the byte is in, or the file's header.
          expect(contents.damage?.offset).toBeLessThanOrEqual(offset);
        }
      }
      expect(counts.get('damage')).toBeGreaterThan(500);
      if (end === 'killed') expect(counts.get('last batch cut')).toBeGreaterThan(0);
    },
  );

  it.each(['closed', 'killed'] as const)('is any length that a file was cut to (%s)', async (end) => {
    const machine = await smallLog(end);
    const bytes = machine.disk.read(segment);
    for (let length = 0; length < bytes.byteLength; length += length < 4_000 || length > 4_900 ? 61 : 3) {
      const { damage } = await openWith(machine, segment, bytes.slice(0, length));
      expect(damage?.what, `length ${length}`).toContain('cut off');
      expect(damage?.offset).toBe(length);
    }
  });

  it('is every lost sector', async () => {
    const machine = await smallLog('closed');
    const bytes = machine.disk.read(segment);
    for (let sector = 0; sector < bytes.byteLength; sector += 512) {
      const contents = await openWith(
        machine,
        segment,
        changed(bytes, (copy) => copy.fill(0, sector, sector + 512)),
      );
      expect(['whole', 'damage']).toContain(verdict(contents));
    }
  });

  it('is a segment that is gone, whichever', async () => {
    const machine = new SimulatedMachine(segmentBytes);
    const store = machine.makeStore();
    await store.open();
    for (let index = 1; index <= 40; index++)
      await store.write({ entries: [{ index, term: 1, kind: 'command', data: new Uint8Array(900) }] });
    await store.close();
    const names = machine.disk.names().filter((name) => name.startsWith('log-'));
    expect(names.length).toBeGreaterThan(5);
    // The last is only prepared, and nothing tells that there was one more.
    for (const name of names.slice(0, -2)) {
      const bytes = machine.disk.read(name);
      machine.disk.lose(name);
      const contents = await machine.makeStore().open();
      expect(contents.damage, name).toBeDefined();
      machine.kill();
      machine.disk.restore(name, bytes);
    }
    expect((await machine.makeStore().open()).entries.length).toBe(40);
  });

  it('is a swapped or an older segment', async () => {
    const machine = new SimulatedMachine(segmentBytes);
    const store = machine.makeStore();
    await store.open();
    for (let index = 1; index <= 4; index++)
      await store.write({ entries: [{ index, term: 1, kind: 'command', data: new Uint8Array(900) }] });
    const older = machine.disk.read('log-0000000002.seg');
    for (let index = 5; index <= 20; index++)
      await store.write({ entries: [{ index, term: 1, kind: 'command', data: new Uint8Array(900) }] });
    await store.close();
    expect(
      (await openWith(machine, 'log-0000000003.seg', machine.disk.read('log-0000000002.seg'))).damage,
    ).toBeDefined();
    expect((await openWith(machine, 'log-0000000002.seg', older)).damage).toBeDefined();
    expect((await openWith(machine, 'log-0000000002.seg', new Uint8Array(segmentBytes))).damage).toBeDefined();
  });

  it('keeps the newest vote that can be read for certain', async () => {
    const machine = new SimulatedMachine(segmentBytes);
    const store = machine.makeStore();
    await store.open();
    for (let index = 1; index <= 20; index++) {
      const entries: LogEntry[] = [{ index, term: 1, kind: 'command', data: new Uint8Array(900) }];
      await store.write({ vote: { term: index, votedFor: null }, entries });
    }
    await store.close();
    machine.disk.flip(segment, segmentHeaderBytes + 40);
    expect((await machine.makeStore().open()).vote.term).toBeGreaterThanOrEqual(16);
  });

  it('never gives a snapshot with a changed byte', async () => {
    const machine = await smallLog('closed');
    const store = machine.makeStore();
    await store.open();
    await store.saveSnapshot({ index: 2, term: 1, config: Uint8Array.of(1) }, chunks(1, 2, 3));
    await store.saveSnapshot({ index: 4, term: 1, config: Uint8Array.of(2) }, chunks(4, 5, 6, 7));
    await store.close();
    const name = machine.disk.names().findLast((each) => each.startsWith('snapshot')) ?? '';
    const bytes = machine.disk.read(name);
    for (let offset = 0; offset < bytes.byteLength; offset++) {
      const copy = changed(bytes, (each) => (each[offset] = (each[offset] ?? 0) ^ 1));
      const { snapshot, damage, entries } = await openWith(machine, name, copy);
      expect(damage).toBeUndefined();
      expect(snapshot?.index).toBe(2);
      expect(entries.at(-1)?.index).toBe(5);
    }
    for (let length = 0; length < bytes.byteLength; length++)
      expect((await openWith(machine, name, bytes.slice(0, length))).snapshot?.index).toBe(2);
  });

  it('costs nothing behind a reserve whose last entry was replaced, compacted and salvaged: its term is not known', async () => {
    const machine = new SimulatedMachine(8_192);
    const store = machine.makeStore();
    await store.open();
    const large = (index: number, term: number): LogEntry => ({ ...entry(index, term), data: new Uint8Array(900) });
    for (let index = 1; index <= 4; index++) await store.write({ entries: [large(index, 1)] });
    for (let index = 4; index <= 6; index++) await store.write({ entries: [large(index, 2)] });
    await store.saveSnapshot({ index: 3, term: 1, config: Uint8Array.of(1) }, chunks(1));
    await store.compact(3);
    await store.saveSnapshot({ index: 5, term: 2, config: Uint8Array.of(1) }, chunks(2));
    await store.saveOwner(Uint8Array.of(1, 2, 3));
    await store.close();
    machine.disk.flip('owner.rec', 20);
    expect((await store.open()).damage?.file).toBe('owner.rec');
    expect(indexes(await store.salvage())).toEqual([4, 5, 6]);
    await store.close();
    machine.disk.flip(machine.disk.names().findLast((each) => each.startsWith('snapshot')) ?? '', 40);
    const contents = await store.open();
    expect(contents.snapshot?.index).toBe(3);
    expect(indexes(contents)).toEqual([4, 5, 6]);
  });

  it("is a changed byte of the owner's record", async () => {
    const machine = await smallLog('closed');
    const store = machine.makeStore();
    await store.open();
    await store.saveOwner(Uint8Array.of(1, 2, 3, 4));
    await store.close();
    const bytes = machine.disk.read('owner.rec');
    for (let offset = 0; offset < bytes.byteLength; offset++) {
      // Bytes 8 to 11 are the version, tested below.
      if (offset >= 8 && offset < 12) continue;
      const { damage } = await openWith(
        machine,
        'owner.rec',
        changed(bytes, (copy) => (copy[offset] = (copy[offset] ?? 0) ^ 1)),
      );
      expect(damage?.file, `byte ${offset}`).toBe('owner.rec');
    }
  });
});

describe('format version', () => {
  it('is refused where it is not known, naming file and version', async () => {
    const machine = await smallLog('closed');
    const bytes = machine.disk.read(segment);
    const view = new DataView(bytes.buffer);
    view.setUint32(8, 2, true);
    view.setUint32(12, 0, true);
    view.setUint32(12, crc32(bytes.subarray(0, segmentHeaderBytes)), true);
    machine.disk.restore(segment, bytes);
    await expect(machine.makeStore().open()).rejects.toMatchObject({
      code: 'STORE_VERSION',
      message: expect.stringContaining('version 2'),
      details: { found: 2, known: 1 },
    });
    // The lock is free again: the version that knows it may come.
    await expect(machine.makeStore().open()).rejects.toMatchObject({ code: 'STORE_VERSION' });
  });
});
