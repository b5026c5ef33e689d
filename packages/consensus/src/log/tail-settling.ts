import { join } from 'node:path';
import {
  type FileSystem,
  type OpenFile,
  readFully,
  removeIfThere,
  syncFile,
  syncFolder,
  writeFully,
} from './file-system.ts';
import { preparingName, segmentName, writeZeros } from './segment-files.ts';

/** The last segment, whose last batch may not be durable. */
export interface UnsettledTail {
  readonly number: number;
  /** Its file. */
  readonly source: OpenFile;
  readonly sizeBytes: number;
  /** Behind its last valid batch. */
  readonly offset: number;
  /** The last segment file, full of zeros, that may be used up. */
  readonly spareSegment: number | undefined;
}

const partBytes = 1_024 * 1_024;

/**
 * Makes the last segment durable, up to its last valid batch, by writing it into another file, which then takes its name. What processes see of a file of
 * which a sync failed need not be on the disk, and no later sync of that file can be believed; nobody knows after a restart whether one failed.
 * Answers the new file's size. Throws what the file system says; then the old file is in its place.
 */
export async function settleTail(fileSystem: FileSystem, directory: string, tail: UnsettledTail): Promise<number> {
  const { number, source, offset, spareSegment } = tail;
  const temporary = join(directory, preparingName);
  if (spareSegment !== undefined) {
    // Its blocks are there already: no space is needed on a disk that may be full.
    await fileSystem.rename(join(directory, segmentName(spareSegment)), temporary);
    await syncFolder(fileSystem, directory);
  } else await removeIfThere(fileSystem, temporary);
  const file = await fileSystem.open(temporary, spareSegment === undefined ? 'create' : 'update');
  try {
    const part = new Uint8Array(Math.min(partBytes, offset));
    for (let at = 0; at < offset; at += part.byteLength) {
      const count = Math.min(part.byteLength, offset - at);
      await readFully(source, part, count, at);
      await writeFully(file, part, count, at);
    }
    await writeZeros(file, Math.max(offset, await file.sizeBytes()), tail.sizeBytes);
    await syncFile(file);
    const sizeBytes = await file.sizeBytes();
    await fileSystem.rename(temporary, join(directory, segmentName(number)));
    await syncFolder(fileSystem, directory);
    return sizeBytes;
  } finally {
    await file.close();
  }
}
