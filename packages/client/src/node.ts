/**
 * What a product under Node has besides: a file for a borrow.
 *
 * @packageDocumentation
 */
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { BorrowStore } from './kept-borrow.ts';

/** Only its owner may use a borrow, and give it back. */
const fileMode = 0o600;
const folderMode = 0o700;

/** One store for each file: whoever gives a borrow back must find those who have it open, though they name the file a second time. */
const stores = new Map<string, WeakRef<BorrowStore>>();
const forgotten = new FinalizationRegistry<string>((path) => {
  if (stores.get(path)?.deref() === undefined) stores.delete(path);
});

/**
 * Keeps a borrow in a file of its own, which is there whole or not at all, also after a power cut; missing folders are made. The same file
 * is the same store. Throws what the file system throws.
 */
export function fileBorrowStore(path: string): BorrowStore {
  const whole = resolve(path);
  const known = stores.get(whole)?.deref();
  if (known !== undefined) return known;
  const store = newStore(whole);
  stores.set(whole, new WeakRef(store));
  forgotten.register(store, whole);
  return store;
}

function newStore(path: string): BorrowStore {
  const folder = dirname(path);
  // Other processes write the same file: the product notes the time while `lic borrow` looks.
  const draft = join(folder, `.${basename(path)}.${process.pid}.draft`);
  // One write after the other: two drafts at once would be one file.
  let last: Promise<void> = Promise.resolve();
  const inOrder = (write: () => Promise<void>): Promise<void> => {
    last = last.then(write, write);
    return last;
  };
  return {
    async load() {
      await last.catch(() => undefined);
      return readFile(path, 'utf8').catch((error: unknown) => {
        if (isMissing(error)) return undefined;
        throw error;
      });
    },
    save: (text) =>
      inOrder(async () => {
        await mkdir(folder, { recursive: true, mode: folderMode });
        const file = await open(draft, 'w', fileMode);
        try {
          await file.writeFile(text);
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(draft, path);
        await syncFolder(folder);
      }),
    remove: () =>
      inOrder(async () => {
        await rm(path, { force: true });
        await syncFolder(folder).catch((error: unknown) => {
          if (!isMissing(error)) throw error;
        });
      }),
  };
}

/** A rename lasts once its folder is on disk. Windows has no such thing, and does not need it. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
