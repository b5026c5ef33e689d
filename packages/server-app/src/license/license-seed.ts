import { createLedger, decodeCommand, joinLicenses } from '@lic/core';
import type { LogEntry, LogStore, StoreContents } from '@lic/interfaces';
import type { LicenseDesk, VerifiedLicense } from './license-desk.ts';

/** Below this many bytes a command can't carry a license: the keys and the signature alone take more. */
const licenseBytesMin = 256;

/**
 * The license that a server begins with: the newest of its log, where it has one; the file only seeds a first start
 * (triad.md, S3). Throws what reading or verifying the file throws where there is none in the log either.
 */
export async function seedLicense(
  desk: LicenseDesk,
  store: LogStore,
  contents: StoreContents,
): Promise<VerifiedLicense> {
  const logged = licenseInEntries(contents.entries);
  if (logged !== null) {
    try {
      return await desk.verify(logged);
    } catch {
      // It will be looked at again before it is applied; who can't verify it then is fenced.
    }
  }
  try {
    const verified = await desk.read();
    // A server that has a log may be on its way out; one that begins with a license which is not for it has the wrong file, or key.
    if (contents.entries.length === 0 && contents.snapshot === undefined) desk.checkNamed(verified.license);
    return verified;
  } catch (error) {
    const restored = await licenseInSnapshot(store);
    if (restored === null) throw error;
    return desk.verify(restored);
  }
}

/** The text of the newest license among these log entries, or null. */
function licenseInEntries(entries: readonly LogEntry[]): string | null {
  for (let at = entries.length - 1; at >= 0; at--) {
    const text = licenseIn(entries[at] as LogEntry);
    if (text !== null) return text;
  }
  return null;
}

/** The text of the license in the newest snapshot, or null. Restores the whole of it: for the case that there is no other way. */
async function licenseInSnapshot(store: LogStore): Promise<string | null> {
  const snapshot = await store.readSnapshot();
  if (snapshot === undefined) return null;
  const ledger = createLedger({ verifyLicense: () => {} });
  await ledger.restore(snapshot.chunks);
  const texts = ledger.licenseTexts();
  return texts.length === 0 ? null : joinLicenses(texts);
}

function licenseIn({ kind, data }: LogEntry): string | null {
  if (kind !== 'command' || data.length < licenseBytesMin) return null;
  try {
    const command = decodeCommand(data);
    if (command.kind !== 'open' && command.kind !== 'install') return null;
    return joinLicenses([command.license, ...(command.others ?? [])]);
  } catch {
    // Of a later version, or none: whoever applies it will say.
    return null;
  }
}
