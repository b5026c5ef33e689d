import { errorMessage, isLicError, type LogStore, type Runtime } from '@lic/interfaces';
import type { WriteRequest } from '../core/inputs.ts';
import { invariant } from '../core/invariant.ts';

/** How long a disk that is full, or can't be written for now, is left alone before the same write is tried again. */
export const FULL_DISK_RETRY_MS = 1_000;

/** What a {@link DiskWriter} tells. */
export interface DiskWriterEvents {
  /** The write is on disk. */
  onStored(id: number): void;
  /** `full`, or not writable for now: the same write is tried again. `failed`: no write will succeed until the store is opened anew. */
  onTrouble(state: 'full' | 'failed', text: string): void;
}

/** Carries out the core's writes, one at a time, and is patient with a disk that is full or can't be written for now. */
export class DiskWriter {
  readonly #store: LogStore;
  readonly #runtime: Runtime;
  readonly #events: DiskWriterEvents;
  #stopped = false;
  /** The write that is under way, again and again on a full disk; 0: none. */
  #underWay = 0;

  constructor(store: LogStore, runtime: Runtime, events: DiskWriterEvents) {
    this.#store = store;
    this.#runtime = runtime;
    this.#events = events;
  }

  /** Begins a write. Never throws: what comes of it is told by an event. */
  write(request: WriteRequest): void {
    const { id, reset, vote, entries } = request;
    invariant(this.#underWay === 0 || this.#underWay === id, `write ${id} overtakes write ${this.#underWay}`);
    this.#underWay = id;
    let done: Promise<unknown>;
    // Both calls are made at once: the store takes them in this order, with one sync.
    const resetting = reset === null ? undefined : this.#store.resetTo(reset);
    if (vote === null && entries.length === 0) done = resetting ?? Promise.resolve();
    else {
      const writing = this.#store.write({ ...(vote && { vote }), ...(entries.length > 0 && { entries }) });
      done = resetting === undefined ? writing : Promise.all([resetting, writing]);
    }
    done.then(
      () => {
        this.#underWay = 0;
        if (!this.#stopped) this.#events.onStored(id);
      },
      (error: unknown) => {
        if (!this.#stopped) this.#fail(request, error);
      },
    );
  }

  /** Nothing is told any more. */
  stop(): void {
    this.#stopped = true;
  }

  #fail(request: WriteRequest, error: unknown): void {
    if (!isLicError(error) || !error.retryable) {
      this.#events.onTrouble('failed', errorMessage(error));
      return;
    }
    this.#events.onTrouble('full', errorMessage(error));
    this.#runtime.setTimer(FULL_DISK_RETRY_MS, () => {
      if (!this.#stopped) this.write(request);
    });
  }
}
