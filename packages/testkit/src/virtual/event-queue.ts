/** Something that happens at an instant of true (virtual) time. */
export interface VirtualEvent {
  readonly atMs: number;
  /** Order among events of one instant: that of their making. */
  readonly order: number;
  readonly run: () => void;
  cancelled: boolean;
}

/** A binary heap of events by time, then by order. */
export class EventQueue {
  readonly #heap: VirtualEvent[] = [];

  get size(): number {
    return this.#heap.length;
  }

  peek(): VirtualEvent | undefined {
    return this.#heap[0];
  }

  push(event: VirtualEvent): void {
    const heap = this.#heap;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(event, heap[parent] as VirtualEvent)) break;
      heap[at] = heap[parent] as VirtualEvent;
      at = parent;
    }
    heap[at] = event;
  }

  pop(): VirtualEvent | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as VirtualEvent, heap[child] as VirtualEvent)) child++;
      if (!isBefore(heap[child] as VirtualEvent, last)) break;
      heap[at] = heap[child] as VirtualEvent;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}

function isBefore(a: VirtualEvent, b: VirtualEvent): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
