import { createMemoryLogStore, createVirtualWorld, MemoryDisk } from '@lic/testkit';
import { describe, expect, it } from 'vitest';
import { FolderBook } from './folder-book.ts';
import { decodeFolder, encodeFolder, type FormedRecord } from './folder-record.ts';

async function openBook(disk = new MemoryDisk()) {
  const runtime = createVirtualWorld({ seed: disk.syncs }).runtime('x');
  const store = createMemoryLogStore(disk);
  const book = await FolderBook.open(store, await store.open(), runtime);
  const reopen = async () => {
    await store.close();
    return openBook(disk);
  };
  return { book, disk, reopen };
}
const beginning = (incarnation: string, instance = 'one'): FormedRecord => ({
  formation: { instance, members: [{ id: 'me', incarnation }] },
  licenseHash: 'hash',
  isNew: true,
});

describe("a folder's book", () => {
  it('keeps its incarnation from the first start on', async () => {
    const { book, disk, reopen } = await openBook();
    expect(book.kind).toBe('empty');
    expect(decodeFolder(disk.image.owner as Uint8Array)).toEqual(book.record);
    expect((await reopen()).book.record).toEqual(book.record);
  });

  it('makes the same offer again while it says the same, and a new one with a new instance otherwise', async () => {
    const { book, reopen } = await openBook();
    const members = beginning(book.record.incarnation).formation.members;
    const offer = await book.offer(members, 'hash', true);
    const again = (await reopen()).book;
    expect(await again.offer(members, 'hash', true)).toEqual(offer);
    const instances = new Set([offer.formation.instance]);
    for (const changed of [
      () => again.offer([{ id: 'me', incarnation: 'other' }], 'hash', true),
      () => again.offer(members, 'other', true),
      () => again.offer(members, 'hash', false),
    ]) {
      instances.add((await changed()).formation.instance);
    }
    expect(instances.size).toBe(4);
  });

  it('agrees to an offer only where it names this very folder', async () => {
    const { book } = await openBook();
    await expect(book.agree(beginning('other'), 'me', 'first')).rejects.toMatchObject({
      code: 'OFFER_OUTDATED',
      retryable: true,
    });
    await expect(book.agree(beginning(book.record.incarnation), 'stranger', 'first')).rejects.toMatchObject({
      code: 'OFFER_OUTDATED',
    });
    expect(book.record.offer).toBeUndefined();
    await book.agree(beginning(book.record.incarnation), 'me', 'first');
    expect(book.record.offer).toEqual(beginning(book.record.incarnation));
  });

  it('is formed by the very offer that it holds, and by that once', async () => {
    const { book, disk } = await openBook();
    const { incarnation } = book.record;
    await book.confirm(beginning(incarnation));
    await book.agree(beginning(incarnation), 'me', 'first');
    await book.confirm(beginning(incarnation, 'two'));
    expect(book.kind).toBe('empty');
    await book.confirm(beginning(incarnation));
    expect(decodeFolder(disk.image.owner as Uint8Array)).toEqual({
      incarnation,
      formed: beginning(incarnation),
    });
    await book.join(beginning(incarnation, 'two'));
    expect(book.record.formed).toEqual(beginning(incarnation));
    await expect(book.agree(beginning(incarnation, 'two'), 'me', 'first')).rejects.toMatchObject({
      code: 'ALREADY_FORMED',
    });
  });

  it('changes nothing in memory that did not come to the disk', async () => {
    const { book, disk } = await openBook();
    const before = book.record;
    disk.isFull = true;
    await expect(book.agree(beginning(before.incarnation), 'me', 'first')).rejects.toMatchObject({
      code: 'STORE_FULL',
    });
    expect(book.record).toEqual(before);
    disk.isFull = false;
    await book.agree(beginning(before.incarnation), 'me', 'first');
  });

  it('refuses to agree for a folder of unknown origin', async () => {
    const disk = new MemoryDisk();
    disk.damage();
    const { book } = await openBook(disk);
    expect(book.kind).toBe('data');
    expect(disk.image.owner).toBeUndefined();
    await expect(book.agree(beginning(book.record.incarnation), 'me', 'first')).rejects.toMatchObject({
      code: 'FOLDER_NOT_EMPTY',
    });
  });
});

describe('a folder’s record', () => {
  const text = (record: Parameters<typeof encodeFolder>[0]) => new TextDecoder().decode(encodeFolder(record));
  const formed = beginning('x');

  it('of format 1 is read as it was written, and written so while it says nothing new', () => {
    const old = JSON.stringify({ format: 1, incarnation: 'x', formed });
    const record = decodeFolder(new TextEncoder().encode(old));
    expect(record).toEqual({ incarnation: 'x', formed });
    expect(text(record)).toBe(old);
  });

  it('of format 2 says what format 1 could not', () => {
    for (const record of [
      { incarnation: 'x', formed, recovering: true },
      { incarnation: 'x', offer: formed, offeredBy: 'me' },
    ] as const) {
      expect(text(record)).toMatch(/^{"format":2,/);
      expect(decodeFolder(encodeFolder(record))).toEqual(record);
    }
    const mixed = new TextEncoder().encode(JSON.stringify({ format: 1, incarnation: 'x', formed, recovering: true }));
    expect(() => decodeFolder(mixed)).toThrow(expect.objectContaining({ code: 'FOLDER_RECORD_INVALID' }));
  });
});

describe('a recovery', () => {
  it('makes a triad of one with its own instance, once, until it is through', async () => {
    const { book, reopen } = await openBook();
    const { incarnation } = book.record;
    await book.agree(beginning(incarnation), 'me', 'first');
    await book.confirm(beginning(incarnation));
    await book.recover('me', 'other');
    const { formed, recovering } = book.record;
    expect(recovering).toBe(true);
    expect(formed).toMatchObject({
      licenseHash: 'hash',
      isNew: false,
      formation: { members: [{ id: 'me', incarnation }] },
    });
    expect(formed?.formation.instance).not.toBe('one');
    const again = (await reopen()).book;
    await again.recover('me', 'other');
    expect(again.record).toEqual(book.record);
    await again.recovered();
    expect(again.record).toEqual({ incarnation, formed });
  });

  it('goes on under its incarnation although its log is damaged: nobody else counts on it', async () => {
    const { book, disk, reopen } = await openBook();
    await book.recover('me', 'hash');
    disk.damage();
    expect((await reopen()).book.record).toEqual(book.record);
    await book.recovered().catch(() => {});
  });
});
