const pageBits = 8;
const pageSize = 2 ** pageBits;

interface Page<R> {
  readonly number: number;
  readonly slots: (R | undefined)[];
  live: number;
}

/**
 * Records by their serial number, walked in its order. Pages instead of one hash map, because a map that grows past half a
 * million entries stops the event loop for longer than an election round. Lookups are O(log n); adding the highest serial
 * is O(1).
 */
export class RecordTable<R extends { readonly serial: number }> {
  readonly #pages: Page<R>[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(serial: number): R | undefined {
    const page = this.#pages[this.#find(Math.floor(serial / pageSize))];
    return page !== undefined && page.number === Math.floor(serial / pageSize)
      ? page.slots[serial % pageSize]
      : undefined;
  }

  /** Adds a record whose serial is not in the table. */
  add(record: R): void {
    const number = Math.floor(record.serial / pageSize);
    const at = this.#find(number);
    let page = this.#pages[at];
    if (page === undefined || page.number !== number) {
      page = { number, slots: new Array<R | undefined>(pageSize).fill(undefined), live: 0 };
      this.#pages.splice(at, 0, page);
    }
    page.slots[record.serial % pageSize] = record;
    page.live++;
    this.#size++;
  }

  delete(serial: number): void {
    const at = this.#find(Math.floor(serial / pageSize));
    const page = this.#pages[at];
    const slot = serial % pageSize;
    if (page === undefined || page.number !== Math.floor(serial / pageSize) || page.slots[slot] === undefined) return;
    page.slots[slot] = undefined;
    page.live--;
    this.#size--;
    if (page.live === 0) this.#pages.splice(at, 1);
  }

  /** The record with the lowest serial above `serial`. The table may change between two calls. */
  after(serial: number): R | undefined {
    const number = Math.floor(serial / pageSize);
    for (let at = this.#find(number); ; at++) {
      const page = this.#pages[at];
      if (page === undefined) return undefined;
      for (let slot = page.number === number ? (serial % pageSize) + 1 : 0; slot < pageSize; slot++) {
        const record = page.slots[slot];
        if (record !== undefined) return record;
      }
    }
  }

  first(): R | undefined {
    return this.after(-1);
  }

  /** All records in the order of their serials. Records added or deleted meanwhile may or may not be seen. */
  *walk(): IterableIterator<R> {
    for (let record = this.first(); record !== undefined; record = this.after(record.serial)) yield record;
  }

  /** Where the page with this number is, or belongs. New serials are the highest, so the end is looked at first. */
  #find(number: number): number {
    const last = this.#pages.at(-1);
    if (last === undefined || last.number < number) return this.#pages.length;
    let low = 0;
    let high = this.#pages.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#pages[middle]!.number < number) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
