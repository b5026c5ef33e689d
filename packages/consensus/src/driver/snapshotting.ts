import {
  errorMessage,
  isLicError,
  type Logger,
  type LogStore,
  type SnapshotMeta,
  type StateMachine,
} from '@lic/interfaces';

/** Compaction waits for a snapshot that is being sent, until the log has grown to so many times `snapshotEntries`. */
const GROWTH_MAX = 8;

/** What {@link Snapshotting} works with. */
export interface SnapshottingParts<Result> {
  readonly machine: StateMachine<Result>;
  readonly store: LogStore;
  readonly logger: Logger;
  readonly snapshotEntries: number;
  readonly snapshotBytes: number;
  readonly keepEntries: number;
  /** What a snapshot at `index`, where the machine is now, stands for. */
  metaAt(index: number): SnapshotMeta;
  /** The lowest snapshot that is being sent to a peer; Infinity where none is. */
  lowestSent(): number;
  /** A snapshot is on disk. */
  onSaved(meta: SnapshotMeta): void;
  /** The log may be dropped through this index. */
  onCompact(through: number): void;
}

/** Takes snapshots of the machine now and then, so that the log stays short. Applying goes on meanwhile. */
export class Snapshotting<Result> {
  readonly #parts: SnapshottingParts<Result>;
  #isBusy = false;
  #lastIndex: number;
  #bytes = 0;

  constructor(parts: SnapshottingParts<Result>, lastIndex: number) {
    this.#parts = parts;
    this.#lastIndex = lastIndex;
  }

  /** Counts a command's bytes. */
  count(bytes: number): void {
    this.#bytes += bytes;
  }

  /** The machine was replaced by a snapshot at `index`. */
  restored(index: number): void {
    this.#lastIndex = index;
    this.#bytes = 0;
  }

  /** Begins a snapshot if one is due. The machine is at `index`. */
  maybe(index: number): void {
    const { snapshotEntries, snapshotBytes } = this.#parts;
    if (this.#isBusy || index <= this.#lastIndex) return;
    if (index - this.#lastIndex < snapshotEntries && this.#bytes < snapshotBytes) return;
    this.#isBusy = true;
    this.#lastIndex = index;
    this.#bytes = 0;
    this.#save(this.#parts.metaAt(index)).catch((error: unknown) => {
      this.#isBusy = false;
      // One that came from the leader meanwhile is as good.
      if (isLicError(error, 'SNAPSHOT_OLD') || isLicError(error, 'STORE_CLOSED')) return;
      this.#parts.logger.warn('a snapshot was not saved; the log goes on growing', { index, why: errorMessage(error) });
    });
  }

  async #save(meta: SnapshotMeta): Promise<void> {
    const { machine, store, snapshotEntries, keepEntries } = this.#parts;
    await store.saveSnapshot(meta, machine.snapshot());
    this.#isBusy = false;
    this.#parts.onSaved(meta);
    const grown = meta.index - GROWTH_MAX * snapshotEntries;
    const through = Math.max(Math.min(meta.index - keepEntries, this.#parts.lowestSent()), grown);
    if (through <= 0) return;
    this.#parts.onCompact(through);
    await store.compact(through);
  }
}
