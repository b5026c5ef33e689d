import { resolve as resolvePath } from 'node:path';
import {
  isLicError,
  type LicError,
  type LogStore,
  type LogWrite,
  type Runtime,
  type SnapshotMeta,
  type StoreContents,
  type StoreDamage,
  type Timer,
} from '@lic/interfaces';
import { type FileSystem, nodeFileSystem, type OpenFile } from './file-system.ts';
import { currentProcess, lockFolder, type ProcessIdentity } from './folder-lock.ts';
import { bytesOfWrite, type LogWriter } from './log-writer.ts';
import { ownerBytesMax } from './owner-file.ts';
import { readParts } from './snapshot-files.ts';
import {
  FinalFailure,
  isOutOfSpace,
  isPassing,
  storeBlocked,
  storeClosed,
  storeDamaged,
  storeFailed,
  storeFull,
  storeMisuse,
} from './store-errors.ts';
import { StoreFolder } from './store-folder.ts';

/** What {@link fileLogStore} takes. */
export interface FileLogStoreOptions {
  /** The folder; made where it is missing. One server's alone. */
  readonly directory: string;
  /** With it a log that is idle for a moment notes that its last batch was synced, so that later damage to it can be told from a torn tail. */
  readonly runtime?: Runtime;
  /** Size of a segment file. Default 16 MiB; at least 8 KiB. */
  readonly segmentBytes?: number;
  /** What it lies on. Default: Node's. */
  readonly fileSystem?: FileSystem;
  /** Who takes the folder. Default: this process. */
  readonly process?: ProcessIdentity;
}

/**
 * The durable `LogStore`: append-only segments of checksummed batches in a folder, one write and one fdatasync for all
 * that waits. `docs/storage.md` has the formats and what is promised.
 */
export function fileLogStore(options: FileLogStoreOptions): LogStore {
  return new FileLogStore(options);
}

const segmentBytesDefault = 16 * 1_024 * 1_024;
const segmentBytesMin = 8 * 1_024;
/** What is gathered for one sync; a single larger write goes alone. */
const batchBytesMax = 8 * 1_024 * 1_024;
/** How long a log is idle before its last batch is sealed. Milliseconds. */
const sealAfterMs = 50;

interface Operation {
  /** The write, where it is one: those that wait together share a sync. */
  readonly write: LogWrite | undefined;
  /** Whether a store that was found damaged does it too. */
  readonly despiteDamage: boolean;
  /** Snapshots whose saving was called before. */
  readonly after: Promise<unknown> | undefined;
  /** Does it, where it is no write. */
  run(): Promise<void>;
  resolve(): void;
  reject(error: Error): void;
}

class FileLogStore implements LogStore {
  readonly #directory: string;
  readonly #runtime: Runtime | undefined;
  readonly #segmentBytes: number;
  readonly #fileSystem: FileSystem;
  readonly #process: ProcessIdentity | undefined;
  #state: 'closed' | 'opening' | 'open' | 'closing' = 'closed';
  /** Settles when what {@link open} began is done. Never rejects. */
  #opening: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined;
  #failure: Error | undefined;
  #damage: StoreDamage | undefined;
  #unlock: (() => Promise<void>) | undefined;
  #folder: StoreFolder | undefined;
  /** Undefined while the store is damaged. */
  #writer: LogWriter | undefined;
  #queue: Operation[] = [];
  #isPumping = false;
  #pumping: Promise<void> = Promise.resolve();
  /** Settles when all snapshots called so far are saved or refused. Never rejects. */
  #snapshots: Promise<unknown> | undefined;
  #sealTimer: Timer | undefined;
  readonly #reading = new Set<OpenFile>();

  constructor(options: FileLogStoreOptions) {
    const { directory, runtime, segmentBytes = segmentBytesDefault, fileSystem = nodeFileSystem, process } = options;
    this.#directory = resolvePath(directory);
    this.#runtime = runtime;
    this.#segmentBytes = Math.max(segmentBytesMin, segmentBytes);
    this.#fileSystem = fileSystem;
    this.#process = process;
  }

  open(): Promise<StoreContents> {
    const opening = this.#open();
    this.#opening = opening.catch(() => {});
    return opening;
  }

  async #open(): Promise<StoreContents> {
    if (this.#state !== 'closed') throw storeMisuse(`The log in ${this.#directory} is open already.`);
    this.#state = 'opening';
    const directory = this.#directory;
    try {
      await this.#fileSystem.makeFolder(directory);
      this.#unlock = await lockFolder(this.#fileSystem, directory, this.#process ?? (await currentProcess()));
      const { folder, writer, contents } = await StoreFolder.open(this.#fileSystem, directory, this.#segmentBytes);
      this.#folder = folder;
      this.#writer = writer;
      this.#damage = contents.damage;
      this.#failure = undefined;
      this.#state = 'open';
      return contents;
    } catch (error) {
      await this.#unlock?.().catch(() => {});
      this.#unlock = undefined;
      this.#state = 'closed';
      throw describe(directory, error);
    }
  }

  write(write: LogWrite): Promise<void> {
    return this.#enqueue({ write });
  }

  saveSnapshot(meta: SnapshotMeta, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    if (this.#state !== 'open') return Promise.reject(storeClosed(this.#directory));
    let isOfCaller = false;
    const guarded = async function* (): AsyncGenerator<Uint8Array> {
      try {
        yield* chunks;
      } catch (error) {
        isOfCaller = true;
        throw error;
      }
    };
    // Begins when everything that was called before is done; from then on writes overtake it.
    const turn = this.#enqueue({ after: undefined, run: () => Promise.resolve() });
    const saved = Promise.all([turn, this.#snapshots]).then(() =>
      this.#attempt(
        () => this.#openFolder.saveSnapshot(meta, guarded()),
        () => isOfCaller,
      ),
    );
    const done = saved
      .catch(() => {})
      .then(() => {
        if (this.#snapshots === done) this.#snapshots = undefined;
      });
    this.#snapshots = done;
    return saved;
  }

  async readSnapshot(): Promise<{ meta: SnapshotMeta; chunks: AsyncIterable<Uint8Array> } | undefined> {
    const found = await this.#openFolder.readSnapshot();
    if (found === undefined) return undefined;
    const { meta, file, bodyOffset, bodyBytes } = found;
    this.#reading.add(file);
    const chunks = async function* (this: FileLogStore): AsyncGenerator<Uint8Array> {
      try {
        yield* readParts(file, bodyOffset, bodyBytes);
      } finally {
        await this.#endReading(file);
      }
    };
    return { meta, chunks: chunks.call(this) };
  }

  compact(throughIndex: number): Promise<void> {
    return this.#enqueue({
      run: async () => {
        const { newestIndex, reserveIndex } = this.#openFolder;
        if (throughIndex > newestIndex) throw misplaced(`compact(${throughIndex})`, newestIndex);
        await this.#openWriter.compact(Math.min(throughIndex, reserveIndex ?? throughIndex));
      },
    });
  }

  resetTo(meta: SnapshotMeta): Promise<void> {
    return this.#enqueue({
      run: async () => {
        const { newestIndex } = this.#openFolder;
        if (meta.index !== newestIndex) throw misplaced(`resetTo(${meta.index})`, newestIndex);
        await this.#openWriter.reset(meta.index, meta.term);
        await this.#openFolder.dropReserve();
      },
    });
  }

  async readOwner(): Promise<Uint8Array | undefined> {
    const { owner } = this.#openFolder;
    return Promise.resolve(owner);
  }

  saveOwner(record: Uint8Array): Promise<void> {
    const kept = record.slice();
    return this.#enqueue({
      despiteDamage: true,
      run: async () => {
        if (kept.byteLength > ownerBytesMax)
          throw storeMisuse(`The owner's record has ${kept.byteLength} bytes; at most ${ownerBytesMax} are kept.`);
        await this.#openFolder.saveOwner(kept);
      },
    });
  }

  async salvage(): Promise<StoreContents> {
    let salvaged: StoreContents | undefined;
    await this.#enqueue({
      despiteDamage: true,
      run: async () => {
        const { folder, writer, contents } = await this.#openFolder.salvage();
        this.#folder = folder;
        this.#writer = writer;
        this.#damage = contents.damage;
        salvaged = contents;
      },
    });
    return salvaged as StoreContents;
  }

  wipe(): Promise<void> {
    return this.#enqueue({
      despiteDamage: true,
      run: async () => {
        await this.#openFolder.beginWipe();
        try {
          await this.#writer?.close();
          const { folder, writer } = await this.#openFolder.wipe();
          this.#folder = folder;
          this.#writer = writer;
          this.#damage = undefined;
        } catch (error) {
          // Nothing may be written that the next opening would wipe.
          throw new FinalFailure(error);
        }
      },
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close().finally(() => {
      this.#closing = undefined;
    });
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#state === 'opening') await this.#opening;
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    await this.#pumping;
    await this.#snapshots;
    this.#sealTimer?.cancel();
    this.#sealTimer = undefined;
    for (const file of this.#reading) await this.#endReading(file).catch(() => {});
    try {
      if (this.#failure === undefined) await this.#writer?.seal(true);
    } catch {
      // The seal is a help for telling damage from a torn tail; nothing that was acknowledged depends on it.
    }
    await this.#writer?.close().catch(() => {});
    await this.#unlock?.().catch(() => {});
    this.#writer = undefined;
    this.#folder = undefined;
    this.#state = 'closed';
  }

  get #openFolder(): StoreFolder {
    if (this.#folder === undefined) throw storeClosed(this.#directory);
    return this.#folder;
  }

  get #openWriter(): LogWriter {
    if (this.#writer === undefined) throw storeClosed(this.#directory);
    return this.#writer;
  }

  /** Why an operation whose turn has come is refused. What was called before `close` is still done. */
  #refusal(despiteDamage: boolean): Error | undefined {
    if (this.#failure !== undefined) return this.#failure;
    return this.#damage === undefined || despiteDamage ? undefined : storeDamaged(this.#damage);
  }

  #enqueue(operation: Partial<Operation>): Promise<void> {
    if (this.#state !== 'open') return Promise.reject(storeClosed(this.#directory));
    return new Promise((resolve, reject) => {
      const { write, despiteDamage = false, run = nothing } = operation;
      const after = write !== undefined || 'after' in operation ? undefined : this.#snapshots;
      this.#queue.push({ write, despiteDamage, after, run, resolve, reject });
      if (this.#isPumping) return;
      this.#isPumping = true;
      this.#pumping = this.#pump();
    });
  }

  async #pump(): Promise<void> {
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      if (next.after !== undefined) await next.after;
      if (next.write === undefined) await this.#runNext();
      else await this.#writeNext();
    }
    this.#isPumping = false;
    this.#sealWhenIdle();
  }

  async #runNext(): Promise<void> {
    const operation = this.#queue.shift() as Operation;
    try {
      const refusal = this.#refusal(operation.despiteDamage);
      if (refusal !== undefined) throw refusal;
      await this.#attempt(() => operation.run());
      operation.resolve();
    } catch (error) {
      operation.reject(error as Error);
    }
  }

  /** All writes at the head of the queue, with one sync. */
  async #writeNext(): Promise<void> {
    const begun: Operation[] = [];
    const writes: LogWrite[] = [];
    const refusal = this.#refusal(false);
    let after = this.#writer?.state;
    let taken = 0;
    let bytes = 0;
    for (const operation of this.#queue) {
      if (operation.write === undefined) break;
      bytes += bytesOfWrite(operation.write);
      if (taken > 0 && bytes > batchBytesMax) break;
      taken++;
      try {
        if (refusal !== undefined || after === undefined) throw refusal ?? storeClosed(this.#directory);
        after = this.#openWriter.plan(after, operation.write);
        begun.push(operation);
        writes.push(operation.write);
      } catch (error) {
        operation.reject(error as Error);
      }
    }
    this.#queue.splice(0, taken);
    if (begun.length === 0 || after === undefined) return;
    const then = after;
    try {
      await this.#attempt(() => this.#openWriter.append(writes, then));
      for (const operation of begun) operation.resolve();
    } catch (error) {
      // The writes that wait were called by someone who did not know of the failure: they share it.
      const waiting = this.#queue.filter(({ write }) => write !== undefined);
      this.#queue = this.#queue.filter(({ write }) => write === undefined);
      for (const operation of [...begun, ...waiting]) operation.reject(error as Error);
    }
  }

  /** Does something on the disk; what goes wrong there comes out as the contract's errors. */
  async #attempt(deed: () => Promise<void>, isOfCaller: () => boolean = () => false): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      await deed();
    } catch (error) {
      if (isOfCaller()) throw error;
      const described = describe(this.#directory, error);
      if (described.code === 'STORE_FAILED') this.#failure ??= described;
      throw this.#failure ?? described;
    }
  }

  #sealWhenIdle(): void {
    if (this.#runtime === undefined || this.#sealTimer !== undefined || this.#writer?.isUnsealed !== true) return;
    const seal = (): void => {
      this.#sealTimer = undefined;
      // Under load it is set again when the queue is empty.
      if (this.#isPumping || this.#state !== 'open') return;
      // Without space it stays unsealed, which costs nothing but a judgement.
      this.#enqueue({ run: async () => this.#writer?.seal(false) }).catch(() => {});
    };
    this.#sealTimer = this.#runtime.setTimer(sealAfterMs, seal, { keepAlive: false });
  }

  async #endReading(file: OpenFile): Promise<void> {
    if (this.#reading.delete(file)) await file.close();
  }
}

const nothing = (): Promise<void> => Promise.resolve();

/** What went wrong, as the contract's errors say it. */
function describe(directory: string, error: unknown): LicError {
  if (isLicError(error)) return error;
  if (isOutOfSpace(error)) return storeFull(directory, error);
  if (isPassing(error)) return storeBlocked(directory, error);
  return storeFailed(directory, error instanceof FinalFailure ? error.cause : error);
}

function misplaced(call: string, newestIndex: number): Error {
  return storeMisuse(`${call} does not fit the newest snapshot, which is at entry ${newestIndex}.`);
}
