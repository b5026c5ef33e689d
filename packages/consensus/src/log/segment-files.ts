import { join } from 'node:path';
import { type FileSystem, type OpenFile, removeIfThere, syncFile, syncFolder, writeFully } from './file-system.ts';

/** A segment that is ready to be written: full of zeros, and durably so. */
export interface ReadySegment {
  readonly number: number;
  readonly file: OpenFile;
  readonly sizeBytes: number;
}

const zeros = new Uint8Array(1_024 * 1_024);
const namePattern = /^log-(\d{10})\.seg$/;
/** A segment that is not complete yet. */
export const preparingName = 'log-next.tmp';

/** The file name of a segment. */
export function segmentName(number: number): string {
  return `log-${String(number).padStart(10, '0')}.seg`;
}

/** The number that a file name stands for; undefined for other files. */
export function segmentNumber(name: string): number | undefined {
  const match = namePattern.exec(name);
  return match === null ? undefined : Number(match[1]);
}

/** Overwrites `from` to `to` with zeros. */
export async function writeZeros(file: OpenFile, from: number, to: number): Promise<void> {
  for (let at = from; at < to; at += zeros.byteLength)
    await writeFully(file, zeros, Math.min(zeros.byteLength, to - at), at);
}

/**
 * Makes segments ahead of their use: a sync into blocks that exist costs a third less than one that also grows the
 * file, and a full disk is met before it is written to.
 */
export class SegmentFiles {
  readonly #fileSystem: FileSystem;
  readonly #directory: string;
  readonly #segmentBytes: number;
  #number = 0;
  #preparing: Promise<ReadySegment | { readonly error: unknown }> | undefined;
  #isStopping = false;
  /** Segments that are to be removed. */
  readonly #obsolete = new Set<number>();

  constructor(fileSystem: FileSystem, directory: string, segmentBytes: number) {
    this.#fileSystem = fileSystem;
    this.#directory = directory;
    this.#segmentBytes = segmentBytes;
  }

  /** Begins to prepare segment `number` in the background, or takes over the file that exists. */
  prepare(number: number, exists = false): void {
    this.#number = number;
    this.#preparing = (exists ? this.#reuse() : this.#make()).catch((error: unknown) => ({ error }));
  }

  /** The prepared segment, of at least `bytesMin`. Throws what the file system said; then it may be asked for again. */
  async take(bytesMin: number): Promise<ReadySegment> {
    let ready = await this.#preparing;
    // What failed while nobody needed it may succeed now.
    if (ready === undefined || 'error' in ready) ready = await this.#make();
    this.#preparing = Promise.resolve(ready);
    const large = await this.extend(ready, bytesMin);
    this.#preparing = undefined;
    return large;
  }

  /** Makes a segment that is not in use yet larger where it must be. */
  async extend(segment: ReadySegment, bytesMin: number): Promise<ReadySegment> {
    if (segment.sizeBytes >= bytesMin) return segment;
    await writeZeros(segment.file, segment.sizeBytes, bytesMin);
    await syncFile(segment.file);
    return { ...segment, sizeBytes: bytesMin };
  }

  /** Removes segments, oldest first, and makes that durable. What could not be removed goes with the next ones. */
  async remove(numbers: readonly number[]): Promise<void> {
    for (const number of numbers) this.#obsolete.add(number);
    if (this.#obsolete.size === 0) return;
    for (const number of this.#obsolete) {
      await removeIfThere(this.#fileSystem, join(this.#directory, segmentName(number)));
      this.#obsolete.delete(number);
    }
    await syncFolder(this.#fileSystem, this.#directory);
  }

  /** Ends the preparation, keeping a segment that is ready for the next start. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    const ready = await this.#preparing;
    this.#preparing = undefined;
    if (ready !== undefined && 'file' in ready) await ready.file.close();
  }

  /** One of another size may have been made larger by a process that died before it knew that to be durable. */
  async #reuse(): Promise<ReadySegment> {
    const file = await this.#fileSystem.open(join(this.#directory, segmentName(this.#number)), 'update');
    const sizeBytes = await file.sizeBytes();
    if (sizeBytes === this.#segmentBytes) return { number: this.#number, file, sizeBytes };
    await file.close();
    return this.#make();
  }

  /** Only a complete segment gets its name, so that one that is too short later on has been cut off. */
  async #make(): Promise<ReadySegment> {
    const temporary = join(this.#directory, preparingName);
    // One of which a sync failed is not used again.
    await removeIfThere(this.#fileSystem, temporary);
    const file = await this.#fileSystem.open(temporary, 'create');
    try {
      for (let at = 0; at < this.#segmentBytes; at += zeros.byteLength) {
        if (this.#isStopping) throw new Error('The store was closed.');
        await writeZeros(file, at, Math.min(at + zeros.byteLength, this.#segmentBytes));
      }
      await file.sync();
      await this.#fileSystem.rename(temporary, join(this.#directory, segmentName(this.#number)));
      await syncFolder(this.#fileSystem, this.#directory);
    } catch (error) {
      await file.close();
      throw error;
    }
    return { number: this.#number, file, sizeBytes: this.#segmentBytes };
  }
}
