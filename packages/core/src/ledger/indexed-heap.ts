/** What can stand in an {@link IndexedHeap}. */
export interface HeapItem {
  /** Where it stands in the heap; kept by the heap. */
  heapIndex: number;
}

/**
 * A binary heap whose items know their places, so that any of them can be taken out. Each change is O(log n). The order must
 * be total, so that what comes first does not depend on how the heap came about.
 */
export class IndexedHeap<R extends HeapItem> {
  readonly #items: R[] = [];
  readonly #isBefore: (a: R, b: R) => boolean;

  constructor(isBefore: (a: R, b: R) => boolean) {
    this.#isBefore = isBefore;
  }

  first(): R | undefined {
    return this.#items[0];
  }

  add(item: R): void {
    item.heapIndex = this.#items.push(item) - 1;
    this.#rise(item);
  }

  delete(item: R): void {
    const last = this.#items.pop()!;
    if (last === item) return;
    this.#place(last, item.heapIndex);
    this.#rise(last);
    this.#sink(last);
  }

  #rise(item: R): void {
    while (item.heapIndex > 0) {
      const at = item.heapIndex;
      const parent = this.#items[(at - 1) >>> 1]!;
      if (!this.#isBefore(item, parent)) return;
      this.#place(item, parent.heapIndex);
      this.#place(parent, at);
    }
  }

  #sink(item: R): void {
    for (;;) {
      const at = item.heapIndex;
      const left = this.#items[2 * at + 1];
      const right = this.#items[2 * at + 2];
      const child = right !== undefined && this.#isBefore(right, left!) ? right : left;
      if (child === undefined || !this.#isBefore(child, item)) return;
      this.#place(item, child.heapIndex);
      this.#place(child, at);
    }
  }

  #place(item: R, at: number): void {
    this.#items[at] = item;
    item.heapIndex = at;
  }
}
