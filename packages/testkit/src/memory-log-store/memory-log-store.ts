import type { LicError, LogStore, LogWrite, Runtime, SnapshotMeta, StoreContents } from '@lic/interfaces';
import type { DiskHolder, MemoryDisk } from './memory-disk.ts';
import {
  compactImage,
  emptyImage,
  type ImageStep,
  lastIndexOf,
  openImage,
  resetImage,
  type StoredSnapshot,
  salvageImage,
  stepsOfWrite,
} from './store-image.ts';
import {
  snapshotOld,
  storeBlocked,
  storeClosed,
  storeDamaged,
  storeFailed,
  storeFull,
  storeGap,
  storeInUse,
  storeMisuse,
} from './store-refusals.ts';

/** How long the disk takes. */
export interface MemoryLogStoreOptions {
  /** Drives the latency; without one a sync takes one turn of the microtask queue. The process's own: killing it stops the store. */
  readonly runtime?: Runtime;
  /** Milliseconds that a sync takes, or a function that draws them. Default 0, which with a runtime is a timer of 0 ms. */
  readonly syncMs?: number | (() => number);
}

/** A `LogStore` on a {@link MemoryDisk}: the executable reference of the contract, and what simulations run on. */
export function createMemoryLogStore(disk: MemoryDisk, options: MemoryLogStoreOptions = {}): LogStore {
  return new MemoryLogStore(disk, options);
}

const ownerBytesMax = 64 * 1_024;
const chunkBytesMax = 256 * 1_024;

interface Operation {
  /** Writes that wait together share a sync. */
  readonly isWrite: boolean;
  /** Whether a store that was found damaged does it too. */
  readonly despiteDamage: boolean;
  /** Snapshots whose saving was called before. */
  readonly after: Promise<unknown> | undefined;
  /** The steps to sync, asked for when its turn has come. Throws where it is refused. */
  begin(): ImageStep[];
  resolve(): void;
  reject(error: Error): void;
}

class MemoryLogStore implements LogStore {
  readonly #disk: MemoryDisk;
  readonly #options: MemoryLogStoreOptions;
  /** Of the disk when this store was made. */
  readonly #crashes: number;
  /** `dead`: the process crashed, so that nothing it waits for ever settles. */
  #state: 'closed' | 'open' | 'closing' | 'failed' | 'dead' = 'closed';
  #queue: Operation[] = [];
  #isPumping = false;
  /** Where the log begins and ends once all that has begun is done. */
  #baseIndex = 0;
  #lastIndex = 0;
  #inFlight: ImageStep[] = [];
  #renaming: ImageStep[] = [];
  /** Settles when all operations called so far, or all snapshots, are done. Never rejects. */
  #operations: Promise<unknown> = Promise.resolve();
  #snapshots: Promise<unknown> | undefined;

  constructor(disk: MemoryDisk, options: MemoryLogStoreOptions) {
    this.#disk = disk;
    this.#crashes = disk.crashes;
    this.#options = options;
  }

  async open(): Promise<StoreContents> {
    await Promise.resolve();
    // The process may have died before it came to open its store.
    if (this.#disk.crashes !== this.#crashes) return never();
    if (this.#state !== 'closed') throw storeMisuse('The store on the memory disk is open already.');
    if (this.#disk.holder !== undefined) throw storeInUse();
    this.#disk.holder = this.#asHolder();
    this.#state = 'open';
    return this.#load();
  }

  /** Reads what the disk holds, and brings it in order. */
  #load(): StoreContents {
    const { image } = this.#disk;
    const contents = openImage(image);
    this.#baseIndex = image.base.index;
    this.#lastIndex = lastIndexOf(image);
    return contents;
  }

  write(write: LogWrite): Promise<void> {
    return this.#enqueue({ isWrite: true, begin: () => this.#beginWrite(write) });
  }

  saveSnapshot(meta: SnapshotMeta, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    if (this.#state === 'dead') return never();
    if (this.#state === 'closing') return Promise.reject(storeClosed());
    const saved = Promise.all([this.#operations, this.#snapshots]).then(() => this.#saveSnapshot(meta, chunks));
    const done = saved
      .catch(() => {})
      .then(() => {
        if (this.#snapshots === done) this.#snapshots = undefined;
      });
    this.#snapshots = done;
    return saved;
  }

  async readSnapshot(): Promise<{ meta: SnapshotMeta; chunks: AsyncIterable<Uint8Array> } | undefined> {
    this.#assertReadable();
    await Promise.resolve();
    const newest = this.#disk.image.snapshots.find((snapshot) => !snapshot.isDamaged);
    return newest && { meta: newest.meta, chunks: replay(newest.chunks) };
  }

  compact(throughIndex: number): Promise<void> {
    return this.#enqueue({
      begin: () => {
        if (throughIndex > this.#newestIndex) throw misplaced(`compact(${throughIndex})`, this.#newestIndex);
        return [
          (image) => {
            compactImage(image, throughIndex);
            this.#baseIndex = image.base.index;
          },
        ];
      },
    });
  }

  resetTo(meta: SnapshotMeta): Promise<void> {
    return this.#enqueue({
      begin: () => {
        if (meta.index !== this.#newestIndex) throw misplaced(`resetTo(${meta.index})`, this.#newestIndex);
        this.#baseIndex = this.#lastIndex = meta.index;
        return [(image) => resetImage(image, meta)];
      },
    });
  }

  async readOwner(): Promise<Uint8Array | undefined> {
    this.#assertReadable();
    await Promise.resolve();
    return this.#disk.image.owner?.slice();
  }

  saveOwner(record: Uint8Array): Promise<void> {
    const kept = record.slice();
    return this.#enqueue({
      despiteDamage: true,
      begin() {
        if (kept.byteLength > ownerBytesMax)
          throw storeMisuse(`The owner's record has ${kept.byteLength} bytes; at most ${ownerBytesMax} are kept.`);
        return [
          (image) => {
            image.owner = kept;
          },
        ];
      },
    });
  }

  async salvage(): Promise<StoreContents> {
    await this.#enqueue({
      despiteDamage: true,
      begin: () => {
        if (this.#disk.image.damage === undefined)
          throw storeMisuse('The memory disk is not damaged: nothing to salvage.');
        return [salvageImage];
      },
    });
    return this.#load();
  }

  wipe(): Promise<void> {
    return this.#enqueue({
      despiteDamage: true,
      begin: () => {
        this.#baseIndex = this.#lastIndex = 0;
        return [(image) => void Object.assign(image, emptyImage())];
      },
    });
  }

  async close(): Promise<void> {
    if (this.#state === 'dead') return never();
    if (this.#state === 'open') this.#state = 'closing';
    await Promise.all([this.#operations, this.#snapshots]);
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#disk.holder = undefined;
  }

  get #newestIndex(): number {
    return this.#disk.image.snapshots[0]?.meta.index ?? 0;
  }

  /** Why an operation whose turn has come is refused. What was called before `close` is still done. */
  #refusal(despiteDamage = false): LicError | undefined {
    if (this.#state === 'failed') return storeFailed();
    if (this.#state === 'closed') return storeClosed();
    const { damage } = this.#disk.image;
    return damage === undefined || despiteDamage ? undefined : storeDamaged(damage.what);
  }

  #assertReadable(): void {
    if (this.#state === 'closed') throw storeClosed();
  }

  #enqueue(operation: Pick<Operation, 'begin'> & Partial<Operation>): Promise<void> {
    if (this.#state === 'dead') return never();
    const { isWrite = false, despiteDamage = false, begin } = operation;
    if (this.#state !== 'open') return Promise.reject(this.#refusal() ?? storeClosed());
    const done = new Promise<void>((resolve, reject) => {
      const after = isWrite ? undefined : this.#snapshots;
      this.#queue.push({ isWrite, despiteDamage, after, begin, resolve, reject });
    });
    this.#operations = Promise.allSettled([this.#operations, done]);
    if (!this.#isPumping) void this.#pump();
    return done;
  }

  async #pump(): Promise<void> {
    this.#isPumping = true;
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      if (next.after !== undefined) await next.after;
      await this.#turn(next.isWrite);
    }
    this.#isPumping = false;
  }

  /** Does all writes at the head of the queue, or one other operation, with one sync. */
  async #turn(areWrites: boolean): Promise<void> {
    const other = areWrites ? this.#queue.findIndex((operation) => !operation.isWrite) : 1;
    const taken = this.#queue.splice(0, other === -1 ? this.#queue.length : other);
    const [baseIndex, lastIndex] = [this.#baseIndex, this.#lastIndex];
    const begun = taken.filter((operation) => this.#begin(operation));
    if (begun.length === 0) return;
    try {
      await this.#sync(this.#inFlight);
      this.#inFlight = [];
      for (const operation of begun) operation.resolve();
    } catch (error) {
      this.#inFlight = [];
      this.#baseIndex = baseIndex;
      this.#lastIndex = lastIndex;
      // The writes that wait were called by someone who did not know of the failure: they share it.
      const waiting = this.#queue.filter((operation) => operation.isWrite);
      this.#queue = this.#queue.filter((operation) => !operation.isWrite);
      for (const operation of [...begun, ...waiting]) operation.reject(error as Error);
    }
  }

  #begin(operation: Operation): boolean {
    try {
      const refusal = this.#refusal(operation.despiteDamage);
      if (refusal !== undefined) throw refusal;
      this.#inFlight.push(...operation.begin());
      return true;
    } catch (error) {
      operation.reject(error as Error);
      return false;
    }
  }

  #beginWrite(write: LogWrite): ImageStep[] {
    const { entries = [] } = write;
    let [from, next] = [this.#baseIndex + 1, this.#lastIndex + 1];
    for (const { index } of entries) {
      if (!(index >= from && index <= next)) throw storeGap(index, from, next);
      from = next = index + 1;
    }
    if (entries.length > 0) this.#lastIndex = next - 1;
    return stepsOfWrite(write);
  }

  async #saveSnapshot(meta: SnapshotMeta, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const refusal = this.#refusal();
    if (refusal !== undefined) throw refusal;
    if (meta.index <= this.#newestIndex) throw snapshotOld(meta.index, this.#newestIndex);
    const kept: Uint8Array[] = [];
    for await (const chunk of chunks) {
      for (let at = 0; at < chunk.byteLength; at += chunkBytesMax) kept.push(chunk.slice(at, at + chunkBytesMax));
    }
    if (this.#state === 'failed') throw storeFailed();
    const { index, term, config } = meta;
    const stored: StoredSnapshot = { meta: { index, term, config: config.slice() }, chunks: kept, isDamaged: false };
    this.#renaming = [
      (image) => {
        image.snapshots = [stored, ...image.snapshots].slice(0, 2);
      },
    ];
    try {
      await this.#sync(this.#renaming);
    } finally {
      this.#renaming = [];
    }
  }

  /** Makes the steps durable, or throws what the disk answers instead. After a crash it never settles. */
  async #sync(steps: readonly ImageStep[]): Promise<void> {
    const { runtime, syncMs = 0 } = this.#options;
    if (runtime === undefined) await Promise.resolve();
    else {
      await new Promise<void>((resolve) => {
        runtime.setTimer(typeof syncMs === 'number' ? syncMs : syncMs(), resolve);
      });
    }
    await this.#disk.whileStalled();
    if (this.#state === 'dead') return never();
    const failure = this.#disk.takeFault();
    if (failure === undefined) {
      this.#disk.keep(steps, 'nothing');
      this.#disk.syncs++;
      return;
    }
    if (failure.fault === 'STORE_FULL') throw storeFull();
    if (failure.fault === 'STORE_BLOCKED') throw storeBlocked();
    this.#state = 'failed';
    this.#disk.keep(steps, failure.lose);
    throw storeFailed();
  }

  #asHolder(): DiskHolder {
    const isWriting = (): boolean => this.#inFlight.length > 0 || this.#renaming.length > 0;
    return {
      get isWriting() {
        return isWriting();
      },
      kill: () => this.#kill(),
    };
  }

  #kill(): readonly ImageStep[] {
    this.#state = 'dead';
    this.#queue = [];
    return [...this.#inFlight, ...this.#renaming];
  }
}

/** What a dead process waits for. */
function never(): Promise<never> {
  return new Promise(() => {});
}

function misplaced(call: string, newestIndex: number): LicError {
  return storeMisuse(`${call} does not fit the newest snapshot, which is at entry ${newestIndex}.`);
}

async function* replay(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) {
    await Promise.resolve();
    yield chunk.slice();
  }
}
