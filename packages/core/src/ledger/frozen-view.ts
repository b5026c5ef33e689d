import { IndexedHeap } from './indexed-heap.ts';
import type { LedgerState, StateObserver } from './ledger-state.ts';
import { kinds, type LedgerRecord } from './records.ts';

type Kind = LedgerRecord['kind'];

/** A record as it was at the freeze, because it has changed since. */
interface Kept {
  readonly record: LedgerRecord;
  heapIndex: number;
}

/**
 * All records as they were when the view was made, walked once: kind by kind, by serial. The state goes on meanwhile: a
 * record that changes before it was walked is kept as it was; one that began later has a serial above the freeze.
 */
export class FrozenView implements StateObserver {
  readonly #state: LedgerState;
  readonly #lastSerial: number;
  readonly #kept = new Map<number, Kept>();
  readonly #keptByKind = new Map<Kind, IndexedHeap<Kept>>();
  #kind: Kind = kinds.pool;
  #serial = 0;

  constructor(state: LedgerState) {
    this.#state = state;
    this.#lastSerial = state.serial;
    for (const kind of Object.values(kinds)) {
      this.#keptByKind.set(kind, new IndexedHeap((a, b) => a.record.serial < b.record.serial));
    }
    state.observe(this);
  }

  /** Stops watching the state. */
  close(): void {
    this.#state.unobserve(this);
  }

  beforeChange(record: LedgerRecord): void {
    const { serial, kind } = record;
    if (serial > this.#lastSerial || this.#kept.has(serial)) return;
    if (kind < this.#kind || (kind === this.#kind && serial <= this.#serial)) return;
    const kept: Kept = { record: { ...record }, heapIndex: -1 };
    this.#kept.set(serial, kept);
    this.#keptByKind.get(kind)!.add(kept);
  }

  /** The next record of a kind; kinds are asked for in the order of their numbers. */
  next(kind: Kind): LedgerRecord | undefined {
    if (kind !== this.#kind) {
      this.#kind = kind;
      this.#serial = 0;
    }
    const heap = this.#keptByKind.get(kind)!;
    const kept = heap.first();
    const found = this.#state.table(kind).after(this.#serial);
    const current = found !== undefined && found.serial <= this.#lastSerial ? found : undefined;
    if (kept !== undefined && (current === undefined || kept.record.serial <= current.serial)) {
      heap.delete(kept);
      this.#kept.delete(kept.record.serial);
      this.#serial = kept.record.serial;
      return kept.record;
    }
    this.#serial = current?.serial ?? Number.MAX_SAFE_INTEGER;
    return current;
  }
}
