import { createLedger, decodeCommand } from '@lic/core';
import type { LogEntry, LogStore } from '@lic/interfaces';

/** Below this many bytes a command can't carry a license: the keys and the signature alone take more. */
const licenseBytesMin = 256;

/** The text of the newest license among these log entries, or null. */
export function licenseInEntries(entries: readonly LogEntry[]): string | null {
  for (let at = entries.length - 1; at >= 0; at--) {
    const text = licenseIn(entries[at] as LogEntry);
    if (text !== null) return text;
  }
  return null;
}

/** The text of the license in the newest snapshot, or null. Restores the whole of it: for the case that there is no other way. */
export async function licenseInSnapshot(store: LogStore): Promise<string | null> {
  const snapshot = await store.readSnapshot();
  if (snapshot === undefined) return null;
  const ledger = createLedger({ verifyLicense: () => {} });
  await ledger.restore(snapshot.chunks);
  return ledger.licenseText();
}

function licenseIn({ kind, data }: LogEntry): string | null {
  if (kind !== 'command' || data.length < licenseBytesMin) return null;
  try {
    const command = decodeCommand(data);
    return command.kind === 'open' || command.kind === 'install' ? command.license : null;
  } catch {
    // Of a later version, or none: whoever applies it will say.
    return null;
  }
}
