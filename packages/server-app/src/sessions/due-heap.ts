/** A key that is looked at when its time has come. A key may stand in the heap more than once. */
export interface Due {
  readonly key: string;
  readonly atMs: number;
}

/** A binary heap of keys by the time at which they are due. */
export class DueHeap {
  readonly #heap: Due[] = [];

  /** When the earliest key is due, or undefined where there is none. */
  get nextMs(): number | undefined {
    return this.#heap[0]?.atMs;
  }

  push(key: string, atMs: number): void {
    const heap = this.#heap;
    const due = { key, atMs };
    let at = heap.push(due) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as Due;
      if (above.atMs <= atMs) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = due;
  }

  /** Takes the earliest key where it is due at `nowMs`. */
  popDue(nowMs: number): string | undefined {
    const heap = this.#heap;
    const first = heap[0];
    if (first === undefined || first.atMs > nowMs) return undefined;
    const last = heap.pop() as Due;
    if (heap.length === 0) return first.key;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && (heap[child + 1] as Due).atMs < (heap[child] as Due).atMs) child++;
      if ((heap[child] as Due).atMs >= last.atMs) break;
      heap[at] = heap[child] as Due;
      at = child;
    }
    heap[at] = last;
    return first.key;
  }
}
