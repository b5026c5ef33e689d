/** Something that is looked at when its time has come. */
export interface Due {
  /** Set by {@link DueHeap.put}. */
  atMs: number;
  /** Its place in the heap, kept by the heap; below 0: it is in none. */
  place: number;
}

/** A binary heap by the time at which its items are due. Each item is in it once; every call is O(log n). */
export class DueHeap<Item extends Due> {
  readonly #heap: Item[] = [];

  get size(): number {
    return this.#heap.length;
  }

  /** When the earliest item is due, or undefined where there is none. */
  get nextMs(): number | undefined {
    return this.#heap[0]?.atMs;
  }

  /** Puts an item in, or moves it. */
  put(item: Item, atMs: number): void {
    if (item.place < 0) item.place = this.#heap.push(item) - 1;
    const isLater = atMs > item.atMs;
    item.atMs = atMs;
    this.#rise(item);
    if (isLater) this.#sink(item);
  }

  /** Takes an item out; harmless where it is not in. */
  remove(item: Item): void {
    const { place } = item;
    if (place < 0) return;
    item.place = -1;
    const last = this.#heap.pop();
    if (last === undefined || last === item) return;
    this.#set(last, place);
    this.#rise(last);
    this.#sink(last);
  }

  /** Takes the earliest item out where it is due at `nowMs`. */
  popDue(nowMs: number): Item | undefined {
    const first = this.#heap[0];
    if (first === undefined || first.atMs > nowMs) return undefined;
    this.remove(first);
    return first;
  }

  #rise(item: Item): void {
    let { place } = item;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const above = this.#heap[parent] as Item;
      if (above.atMs <= item.atMs) break;
      this.#set(above, place);
      place = parent;
    }
    this.#set(item, place);
  }

  #sink(item: Item): void {
    let { place } = item;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= this.#heap.length) break;
      if (child + 1 < this.#heap.length && (this.#heap[child + 1] as Item).atMs < (this.#heap[child] as Item).atMs)
        child++;
      const below = this.#heap[child] as Item;
      if (below.atMs >= item.atMs) break;
      this.#set(below, place);
      place = child;
    }
    this.#set(item, place);
  }

  #set(item: Item, place: number): void {
    this.#heap[place] = item;
    item.place = place;
  }
}
