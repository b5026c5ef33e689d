import {
  errorMessage,
  type LogEntry,
  type LogStore,
  type Runtime,
  type SnapshotMeta,
  type StateMachine,
} from '@lic/interfaces';
import { violation } from '../core/invariant.ts';

/** How long commands are applied at a stretch before other work gets its turn. Milliseconds. */
const SLICE_MS = 10;
const ENTRIES_BETWEEN_CLOCK_READS = 64;

/** What an {@link Applier} tells. */
export interface ApplierEvents<Result> {
  /** A command was applied. */
  onResult(entry: LogEntry, result: Result): void;
  /** The machine is at `index` now. Told after a stretch of commands, and after each entry of consensus itself. */
  onApplied(index: number): void;
  /** The machine was replaced by the snapshot at `index`. Told before `onApplied`. */
  onRestored(index: number): void;
  /** The machine can't go on behind its index: a command that it can't prepare, or a snapshot that it refuses. */
  onRefused(why: string): void;
  /** It was told something that can't be: an invariant is broken. */
  onBroken(error: unknown): void;
}

/** Applies committed entries in log order. A command that needs no preparation costs no promise. */
export class Applier<Result> {
  readonly #machine: StateMachine<Result>;
  readonly #store: LogStore;
  readonly #runtime: Runtime;
  readonly #events: ApplierEvents<Result>;
  #queue: (readonly LogEntry[] | SnapshotMeta)[] = [];
  /** The next entry in the first batch. */
  #at = 0;
  #isWaiting = false;
  #isStopped = false;
  #isSuspended = false;
  /** The machine's index: everything up to here is in it. */
  index: number;

  constructor(
    parts: { readonly machine: StateMachine<Result>; readonly store: LogStore; readonly runtime: Runtime },
    index: number,
    events: ApplierEvents<Result>,
  ) {
    this.#machine = parts.machine;
    this.#store = parts.store;
    this.#runtime = parts.runtime;
    this.#events = events;
    this.index = index;
  }

  /** Whether the machine is about to be replaced. */
  get isRestoring(): boolean {
    return this.#queue.some((item) => !isEntries(item));
  }

  /** Takes entries, or a stored snapshot, behind what is waiting. */
  add(item: readonly LogEntry[] | SnapshotMeta): void {
    this.#queue.push(item);
  }

  /** Nothing is applied or told any more. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Nothing is applied until {@link Applier.resume}. */
  suspend(): void {
    this.#isSuspended = true;
  }

  /** Goes on where it was. */
  resume(): void {
    this.#isSuspended = false;
    this.run();
  }

  /** Applies what is waiting, as far as that goes without waiting itself. */
  run(): void {
    if (this.#isWaiting || this.#isSuspended || this.#isStopped || this.#queue.length === 0) return;
    const began = this.#runtime.monotonic();
    let untilClock = ENTRIES_BETWEEN_CLOCK_READS;
    const before = this.index;
    while (this.#queue.length > 0 && !this.#isStopped && !this.#isSuspended) {
      const item = this.#queue[0]!;
      if (!isEntries(item)) {
        this.#restore();
        break;
      }
      const entry = item[this.#at];
      if (entry === undefined) {
        this.#queue.shift();
        this.#at = 0;
        continue;
      }
      this.#at += 1;
      // A newer snapshot than the one that was asked for may have been restored.
      if (entry.index <= this.index) continue;
      if (!this.#follows(entry)) return;
      if (entry.kind !== 'command') {
        this.index = entry.index;
        this.#events.onApplied(entry.index);
        continue;
      }
      if (!this.#apply(entry)) break;
      untilClock -= 1;
      if (untilClock === 0) {
        untilClock = ENTRIES_BETWEEN_CLOCK_READS;
        if (this.#runtime.monotonic() - began > SLICE_MS) {
          this.#pause();
          break;
        }
      }
    }
    if (this.index > before && !this.#isStopped) this.#events.onApplied(this.index);
  }

  /** Whether it is the next one: none is left out (state machine safety; Raft paper, figure 3). */
  #follows(entry: LogEntry): boolean {
    if (entry.index === this.index + 1) return true;
    this.#isStopped = true;
    this.#events.onBroken(violation(`entry ${entry.index} is to be applied behind entry ${this.index}`));
    return false;
  }

  /** Answers false where the command has to be waited for. */
  #apply(entry: LogEntry): boolean {
    try {
      const preparing = this.#machine.prepare(entry.data);
      if (preparing === undefined) {
        this.#finish(entry);
        return true;
      }
      this.#isWaiting = true;
      preparing.then(
        () => {
          this.#isWaiting = false;
          if (this.#isStopped) return;
          if (this.#isSuspended) {
            // It is prepared again when its turn comes.
            this.#at -= 1;
            return;
          }
          try {
            this.#finish(entry);
          } catch (error) {
            this.#refuse(`entry ${entry.index} can't be applied`, error);
            return;
          }
          this.#events.onApplied(entry.index);
          this.run();
        },
        (error: unknown) => this.#refuse(`entry ${entry.index} can't be prepared`, error),
      );
    } catch (error) {
      this.#refuse(`entry ${entry.index} can't be applied`, error);
    }
    return false;
  }

  #finish(entry: LogEntry): void {
    const result = this.#machine.apply(entry.index, entry.data);
    this.index = entry.index;
    this.#events.onResult(entry, result);
  }

  #pause(): void {
    this.#isWaiting = true;
    this.#runtime.setTimer(0, () => {
      this.#isWaiting = false;
      this.run();
    });
  }

  #restore(): void {
    this.#isWaiting = true;
    restoreNewest(this.#machine, this.#store).then(
      (meta) => {
        this.#isWaiting = false;
        if (this.#isStopped) return;
        this.#queue.shift();
        if (meta !== undefined && meta.index > this.index) {
          this.index = meta.index;
          this.#events.onRestored(meta.index);
          this.#events.onApplied(meta.index);
        }
        this.run();
      },
      (error: unknown) => this.#refuse('the snapshot that was received can not be restored', error),
    );
  }

  #refuse(what: string, error: unknown): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#events.onRefused(`${what}: ${errorMessage(error)}`);
  }
}

/** Restores the machine from the newest stored snapshot, and says which that is. */
export async function restoreNewest<Result>(
  machine: StateMachine<Result>,
  store: LogStore,
): Promise<SnapshotMeta | undefined> {
  const snapshot = await store.readSnapshot();
  if (snapshot !== undefined) await machine.restore(snapshot.chunks);
  return snapshot?.meta;
}

function isEntries(item: readonly LogEntry[] | SnapshotMeta): item is readonly LogEntry[] {
  return Array.isArray(item);
}
