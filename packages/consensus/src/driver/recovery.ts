import type { ConsensusContext, StoreContents } from '@lic/interfaces';
import { recoveryWrite } from '../core/recovery.ts';

/**
 * An operator's `lic recover`: brings this server's sole membership onto its disk, before it takes part, and answers what the disk holds
 * then. A start that was cut short is simply repeated. Rejects with the store's errors.
 */
export async function recover({ contents, formation, logger, self, store }: ConsensusContext): Promise<StoreContents> {
  // A damaged log has no sound end to go on from: it is muted, and says so.
  if (contents.damage !== undefined) return contents;
  const recovery = recoveryWrite(self, { ...contents, members: formation.members });
  if (recovery === null) return contents;
  const { reset, vote, entry } = recovery;
  if (reset !== null) await store.resetTo(reset);
  await store.write({ vote, entries: [entry] });
  logger.warn('this server is the only member from now on', { index: entry.index, term: entry.term });
  return { ...contents, vote, entries: reset === null ? [...contents.entries, entry] : [entry] };
}
