import { join } from 'node:path';
import type { LogEntry, SnapshotMeta, Vote } from '@lic/interfaces';
import { type FileSystem, removeIfThere, syncFile, syncFolder, writeFully } from './file-system.ts';
import type { RecoveredLog } from './log-recovery.ts';
import { bytesOfWrite } from './log-writer.ts';
import { RecordEncoder, recordHeaderBytes } from './record-format.ts';
import { segmentName, writeZeros } from './segment-files.ts';
import { encodeSegmentHeader, segmentHeaderBytes } from './segment-header.ts';

/** The part of a damaged log that still counts. */
export interface SoundLog {
  readonly vote: Vote;
  /** The entry before the first. */
  readonly base: { readonly index: number; readonly term: number };
  readonly entries: readonly LogEntry[];
}

const temporaryName = 'log-salvaged.tmp';

/** What of a damaged log leads on from the newest valid snapshot, without a gap. The newest vote that was found stays. */
export function soundLog({ vote, base, entries }: RecoveredLog, newest: SnapshotMeta | undefined): SoundLog {
  const { index, term } = newest ?? { index: 0, term: 0 };
  if (base.index < index && entries[index - base.index - 1]?.term === term)
    return { vote, base: { index: base.index, term: base.term ?? 0 }, entries };
  if (base.index === index && (base.term ?? term) === term) return { vote, base: { index, term }, entries };
  return { vote, base: { index, term }, entries: [] };
}

/**
 * Writes a sound log as one segment behind all others, with a gap before its number, so that the others count no more from the moment at which
 * it has its name: a crash leaves the damaged log or the salvaged one. Throws what the file system says.
 */
export async function writeSalvagedSegment(
  fileSystem: FileSystem,
  directory: string,
  { vote, base, entries }: SoundLog,
  target: { readonly number: number; readonly segmentBytes: number },
): Promise<void> {
  const { number } = target;
  const roomBytes = segmentHeaderBytes + bytesOfWrite({ vote, entries }) + 2 * recordHeaderBytes;
  const sizeBytes = Math.max(target.segmentBytes, roomBytes);
  const encoder = new RecordEncoder();
  encoder.begin(roomBytes, segmentHeaderBytes);
  const header = { segment: number, sizeBytes, batch: 0, chain: 0, isReset: true, vote };
  encoder.chainTo(encodeSegmentHeader(encoder.bytes, { ...header, lastIndex: base.index, lastTerm: base.term }));
  for (const entry of entries) encoder.entry(entry);
  encoder.footer(1, number);
  const temporary = join(directory, temporaryName);
  await removeIfThere(fileSystem, temporary);
  const file = await fileSystem.open(temporary, 'create');
  try {
    await writeFully(file, encoder.bytes, encoder.lengthBytes, 0);
    await writeZeros(file, encoder.lengthBytes, sizeBytes);
    await syncFile(file);
  } finally {
    await file.close();
  }
  await fileSystem.rename(temporary, join(directory, segmentName(number)));
  await syncFolder(fileSystem, directory);
}
