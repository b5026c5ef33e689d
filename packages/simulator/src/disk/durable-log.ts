import { basename } from 'node:path';
import { inspectSegment, type SegmentInspection } from '@lic/consensus';
import type { LogEntry } from '@lic/interfaces';
import type { SimulatedFile } from './simulated-file.ts';

const segmentPattern = /^log-(\d{10})\.seg$/;
const snapshotPattern = /^snapshot-(\d{16})-\d{16}\.snap$/;

/** Bytes of a file, `to` not included. */
export interface FileRange {
  readonly file: string;
  readonly from: number;
  readonly to: number;
}

/**
 * The log as it is on the platter, read from outside: what a store would find after a power cut now. Read on from where it was left, since it
 * is asked after every entry.
 */
export class DurableLog {
  readonly #files: () => ReadonlyMap<string, SimulatedFile>;
  #entries = new Map<number, LogEntry>();
  #lastIndex = 0;
  #segment: SegmentInspection | undefined;
  /** Of that segment. */
  #file: SimulatedFile | undefined;

  constructor(files: () => ReadonlyMap<string, SimulatedFile>) {
    this.#files = files;
  }

  /** Something else is on the platter than before. */
  forget(): void {
    this.#entries = new Map();
    this.#lastIndex = 0;
    this.#segment = undefined;
    this.#file = undefined;
  }

  entryAt(index: number): LogEntry | undefined {
    this.#readOn();
    return this.#entries.get(index);
  }

  get snapshotIndex(): number {
    let newest = 0;
    for (const path of this.#files().keys())
      newest = Math.max(newest, Number(snapshotPattern.exec(basename(path))?.[1] ?? 0));
    return newest;
  }

  /** Where a changed bit is surely found to be damage: in front of the last whole batch, whose footer proves all before it. */
  provenRanges(): FileRange[] {
    const segments = this.#segments();
    const read = segments.map(({ file }) => inspectSegment(file.durable));
    const last = read.findLastIndex(
      (each) => each !== undefined && each.batch > 0 && each.offset > each.lastBatchOffset,
    );
    return segments.slice(0, last + 1).flatMap(({ name }, position) => {
      const inspected = read[position];
      if (inspected === undefined) return [];
      const to = position === last ? inspected.lastBatchOffset : inspected.offset;
      const isProven = position < last || to > headerBytes;
      return isProven ? [{ file: name, from: 0, to }] : [];
    });
  }

  #readOn(): void {
    const segments = this.#segments();
    // A wipe begins with the same numbers again, and a settled tail is another file of the same name.
    if (this.#segment !== undefined && !segments.some(({ file }) => file === this.#file)) this.forget();
    for (const { number, file } of segments) {
      if (number < (this.#segment?.number ?? 0)) continue;
      const before = number === this.#segment?.number ? this.#segment : undefined;
      const read = inspectSegment(file.durable, before);
      // A header counts with its first batch.
      if (read === undefined || read.offset === headerBytes) return;
      if (before === undefined && (read.isReset || this.#segment === undefined)) {
        this.#entries.clear();
        this.#lastIndex = read.baseIndex;
      }
      for (const entry of read.entries) this.#take(entry);
      this.#segment = read;
      this.#file = file;
    }
  }

  #take(entry: LogEntry): void {
    for (let index = entry.index + 1; index <= this.#lastIndex; index++) this.#entries.delete(index);
    this.#entries.set(entry.index, entry);
    this.#lastIndex = entry.index;
  }

  /** Of the last run of numbers without a gap, in their order. */
  #segments(): { readonly number: number; readonly name: string; readonly file: SimulatedFile }[] {
    const found = [...this.#files()].flatMap(([path, file]) => {
      const match = segmentPattern.exec(basename(path));
      return match === null ? [] : [{ number: Number(match[1]), name: basename(path), file }];
    });
    found.sort((a, b) => a.number - b.number);
    const last = found.findLastIndex(({ number }, at) => at > 0 && found[at - 1]?.number !== number - 1);
    return found.slice(Math.max(0, last));
  }
}

const headerBytes = 4_096;
