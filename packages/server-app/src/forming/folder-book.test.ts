import { createMemoryLogStore, createVirtualWorld, MemoryDisk } from '@lic/testkit';
import { describe, expect, it } from 'vitest';
import { FolderBook } from './folder-book.ts';
import { decodeFolder, type FormedRecord } from './folder-record.ts';

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
    await expect(book.agree(beginning('other'), 'me')).rejects.toMatchObject({
      code: 'OFFER_OUTDATED',
      retryable: true,
    });
    await expect(book.agree(beginning(book.record.incarnation), 'stranger')).rejects.toMatchObject({
      code: 'OFFER_OUTDATED',
    });
    expect(book.record.offer).toBeUndefined();
    await book.agree(beginning(book.record.incarnation), 'me');
    expect(book.record.offer).toEqual(beginning(book.record.incarnation));
  });

  it('is formed by the very offer that it holds, and by that once', async () => {
    const { book, disk } = await openBook();
    const { incarnation } = book.record;
    await book.confirm(beginning(incarnation));
    await book.agree(beginning(incarnation), 'me');
    await book.confirm(beginning(incarnation, 'two'));
    expect(book.kind).toBe('empty');
    await book.confirm(beginning(incarnation));
    expect(decodeFolder(disk.image.owner as Uint8Array)).toEqual({
      format: 1,
      incarnation,
      formed: beginning(incarnation),
    });
    await book.join(beginning(incarnation, 'two'));
    expect(book.record.formed).toEqual(beginning(incarnation));
    await expect(book.agree(beginning(incarnation, 'two'), 'me')).rejects.toMatchObject({ code: 'ALREADY_FORMED' });
  });

  it('changes nothing in memory that did not come to the disk', async () => {
    const { book, disk } = await openBook();
    const before = book.record;
    disk.isFull = true;
    await expect(book.agree(beginning(before.incarnation), 'me')).rejects.toMatchObject({ code: 'STORE_FULL' });
    expect(book.record).toEqual(before);
    disk.isFull = false;
    await book.agree(beginning(before.incarnation), 'me');
  });

  it('refuses to agree for a folder of unknown origin', async () => {
    const disk = new MemoryDisk();
    disk.damage();
    const { book } = await openBook(disk);
    expect(book.kind).toBe('data');
    expect(disk.image.owner).toBeUndefined();
    await expect(book.agree(beginning(book.record.incarnation), 'me')).rejects.toMatchObject({
      code: 'FOLDER_NOT_EMPTY',
    });
  });
});
