import type { SeededRandom } from '@lic/testkit';

/** What a disk writes at once. */
export const sectorBytes = 512;
/** Older contents of a sector that are kept while none of them is synced: any of them may be what a crash leaves. */
const versionsMax = 8;

/** A sector that was written and is not synced yet. */
interface UnsyncedSector {
  /** Number of the write that it was changed by last. */
  write: number;
  /** What it held between earlier writes, oldest first. */
  readonly older: { readonly write: number; readonly bytes: Uint8Array }[];
}

/** Decides, sector by sector, whether one that was not synced is lost. */
export type SectorLoss = () => boolean;

/** What had been written when a sync began. */
export interface SyncPoint {
  readonly write: number;
  readonly sizeBytes: number;
}

/**
 * A file as processes see it, as it is on the platter, and the sectors in between. A sync carries over what was written before
 * it began; a crash keeps any subset of the rest.
 */
export class SimulatedFile {
  /** Where processes find it: it may be renamed while it is open. */
  path: string;
  #seen = new Uint8Array(0);
  #durable = new Uint8Array(0);
  #sizeBytes = 0;
  #durableSizeBytes = 0;
  #writes = 0;
  readonly #unsynced = new Map<number, UnsyncedSector>();
  /** Sectors that a failed sync took for clean: processes see what was written, the platter has it not. */
  readonly #phantoms = new Set<number>();

  constructor(path: string) {
    this.path = path;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** What is on the platter: a view that later syncs change. */
  get durable(): Uint8Array {
    return this.#durable.subarray(0, this.#durableSizeBytes);
  }

  /** What processes see: a view that later writes change. */
  get seen(): Uint8Array {
    return this.#seen.subarray(0, this.#sizeBytes);
  }

  /** Whether anything that processes see is not on the platter. */
  get isUnsynced(): boolean {
    return this.#unsynced.size > 0 || this.#phantoms.size > 0;
  }

  read(into: Uint8Array, lengthBytes: number, position: number): number {
    const part = this.seen.subarray(position, position + lengthBytes);
    into.set(part);
    return part.byteLength;
  }

  write(bytes: Uint8Array, position: number): void {
    const end = position + bytes.byteLength;
    if (bytes.byteLength === 0) return;
    this.#seen = withRoom(this.#seen, end);
    this.#writes++;
    for (let sector = sectorOf(position); sector <= sectorOf(end - 1); sector++) this.#touch(sector);
    this.#seen.set(bytes, position);
    this.#sizeBytes = Math.max(this.#sizeBytes, end);
  }

  beginSync(): SyncPoint {
    return { write: this.#writes, sizeBytes: this.#sizeBytes };
  }

  /** Everything up to `point` is on the platter from now on. */
  endSync(point: SyncPoint): void {
    this.#endSync(point, () => false);
  }

  /** The system reports an error once, and takes for clean what it could not write. */
  failSync(point: SyncPoint, isLost: SectorLoss): void {
    this.#endSync(point, isLost);
  }

  /** Power is cut: what is on the platter is all there is. A sector that is not lost may be an older version of itself, or torn. */
  cutPower(isLost: SectorLoss, random: SeededRandom): void {
    for (const [sector, unsynced] of this.#unsynced) {
      if (isLost()) continue;
      const [from, to] = this.#rangeOf(sector);
      const older = unsynced.older.length > 0 && random.chance(0.3) ? random.pick(unsynced.older).bytes : undefined;
      const bytes = older ?? this.#seen.subarray(from, to);
      // Byte by byte in order: nothing that was synced before changes under it.
      const torn = random.chance(0.2) ? random.between(0, bytes.byteLength) : bytes.byteLength;
      this.#keep(from, bytes.subarray(0, torn));
    }
    this.#unsynced.clear();
    this.#phantoms.clear();
    this.#seen = this.#durable.slice();
    this.#sizeBytes = this.#durableSizeBytes;
  }

  /** Bit rot on the platter. */
  flip(offset: number, bit: number): void {
    for (const bytes of [this.#durable, this.#seen])
      if (offset < bytes.byteLength) bytes[offset] = (bytes[offset] ?? 0) ^ (1 << bit);
  }

  /** A copy of what is on the platter. */
  clone(): SimulatedFile {
    const copy = new SimulatedFile(this.path);
    copy.#durable = this.durable.slice();
    copy.#seen = copy.#durable.slice();
    copy.#durableSizeBytes = copy.#sizeBytes = this.#durableSizeBytes;
    return copy;
  }

  #touch(sector: number): void {
    const unsynced = this.#unsynced.get(sector);
    if (unsynced === undefined) {
      this.#unsynced.set(sector, { write: this.#writes, older: [] });
      return;
    }
    const [from, to] = this.#rangeOf(sector);
    unsynced.older.push({ write: unsynced.write, bytes: this.#seen.slice(from, to) });
    if (unsynced.older.length > versionsMax) unsynced.older.shift();
    unsynced.write = this.#writes;
  }

  #endSync({ write, sizeBytes }: SyncPoint, isLost: SectorLoss): void {
    for (const [sector, unsynced] of this.#unsynced) {
      const [from, to] = this.#rangeOf(sector);
      if (unsynced.write <= write) {
        this.#unsynced.delete(sector);
        if (isLost()) {
          this.#phantoms.add(sector);
          continue;
        }
        this.#keep(from, this.#seen.subarray(from, to));
      } else {
        // Written again while the sync was in progress.
        const synced = unsynced.older.findLast((version) => version.write <= write);
        if (synced === undefined || isLost()) continue;
        this.#keep(from, synced.bytes);
        unsynced.older.splice(0, unsynced.older.indexOf(synced) + 1);
      }
      this.#phantoms.delete(sector);
    }
    if (this.#phantoms.size > 0) return;
    this.#durable = withRoom(this.#durable, sizeBytes);
    this.#durableSizeBytes = Math.max(this.#durableSizeBytes, sizeBytes);
  }

  #keep(from: number, bytes: Uint8Array): void {
    const end = from + bytes.byteLength;
    this.#durable = withRoom(this.#durable, end);
    this.#durable.set(bytes, from);
    this.#durableSizeBytes = Math.max(this.#durableSizeBytes, end);
  }

  #rangeOf(sector: number): [number, number] {
    const from = sector * sectorBytes;
    return [from, Math.max(from, Math.min(from + sectorBytes, this.#sizeBytes))];
  }
}

function sectorOf(offset: number): number {
  return Math.floor(offset / sectorBytes);
}

/** `bytes`, or a larger copy: at least twice as large, so that a file that grows is not copied again and again. */
function withRoom(bytes: Uint8Array<ArrayBuffer>, neededBytes: number): Uint8Array<ArrayBuffer> {
  if (neededBytes <= bytes.byteLength) return bytes;
  const larger = new Uint8Array(Math.max(neededBytes, 2 * bytes.byteLength, 4_096));
  larger.set(bytes);
  return larger;
}
