import type { LogStore, Runtime } from '@lic/interfaces';
import { drawId, encodeFolder, readFolder } from '../forming/folder-record.ts';
import type { Rebirth } from './rebirth.ts';

/**
 * Empties a data folder that is to be refilled from the other servers: it stays one of its triad, under a fresh incarnation, and comes
 * back as a learner (triad.md, Disks lost). After a crash in between it is an empty folder, which a formed peer takes up all the same.
 */
export function refill(runtime: Runtime): Rebirth['prepare'] {
  return async (store: LogStore) => {
    await store.open();
    try {
      // One that can't be read is as good as none: formed peers take the empty folder up.
      const record = await readFolder(store).catch(() => undefined);
      await store.wipe();
      if (record !== undefined) await store.saveOwner(encodeFolder({ ...record, incarnation: drawId(runtime) }));
    } finally {
      await store.close();
    }
  };
}
