import type { LogStore, PeerId, Runtime, StoreContents } from '@lic/interfaces';
import { FolderBook } from '../forming/folder-book.ts';
import type { Rebirth } from './rebirth.ts';

/** Leaves everything as it is on the disk: what failed in memory or in a file handle is tried anew. */
export function reopened(why: string): Rebirth {
  return { why, prepare: async () => {} };
}

/** What a recovery needs to know. */
export interface RecoveryOptions {
  readonly runtime: Runtime;
  readonly self: PeerId;
  /** Of the license that this server begins with. */
  readonly licenseHash: string;
  readonly why: string;
}

/**
 * Makes this server's folder the beginning of a triad instance of its own, and keeps of a damaged log what is sound. The record comes
 * first: stopped behind it, the next start does the rest.
 */
export function recovered({ runtime, self, licenseHash, why }: RecoveryOptions): Rebirth {
  return {
    why,
    prepare: (store) =>
      opened(store, async (contents) => {
        const book = await FolderBook.open(store, contents, runtime);
        await book.recover(self, licenseHash);
        if (contents.damage !== undefined) await store.salvage();
      }),
  };
}

/** Forgets the triad of a folder that has never held anything of it: its server looks for one anew. */
export function forgetting(why: string): Rebirth {
  return {
    why,
    prepare: (store) =>
      opened(store, async ({ entries, snapshot, damage }) => {
        if (entries.length > 0 || snapshot !== undefined || damage !== undefined) return;
        await store.wipe();
      }),
  };
}

async function opened(store: LogStore, work: (contents: StoreContents) => Promise<void>): Promise<void> {
  const contents = await store.open();
  try {
    await work(contents);
  } finally {
    await store.close();
  }
}
