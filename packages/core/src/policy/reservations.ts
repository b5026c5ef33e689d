import { IndexedHeap } from '../ledger/indexed-heap.ts';
import type { AskerRule } from './rule-set.ts';
import { Tally } from './tally.ts';

/** A `max` or `reserve` rule, with the seats that those whom it is for have. */
export interface CountedRule {
  readonly rule: AskerRule;
  readonly count: number;
  readonly tally: Tally;
  /** Of a reservation: where it stands among those that keep seats; -1: it keeps none. */
  heapIndex: number;
}

export function newCounted(rule: AskerRule): CountedRule {
  return { rule, count: rule.count!, tally: new Tally(), heapIndex: -1 };
}

/** The reservations of one feature, and what they keep. */
export class Reservations {
  /** Those that keep seats now, by where they stand in the policy: the same on all servers however they came about. */
  readonly #keepers: IndexedHeap<CountedRule>;
  /** Reserved seats that are not taken by those whom they are for. */
  kept = 0;

  /** In the order in which they are named by denials. */
  constructor(reserves: readonly CountedRule[]) {
    const order = new Map(reserves.map((one, at) => [one, at]));
    this.#keepers = new IndexedHeap((a, b) => order.get(a)! < order.get(b)!);
    for (const one of reserves) this.#weigh(one, 0);
  }

  /** `change` changes the seats that count for the reservation. */
  change(counted: CountedRule, change: () => void): void {
    const before = unusedOf(counted);
    change();
    this.#weigh(counted, before);
  }

  /** The first that keeps seats and is none of these. O(their number · log reservations). */
  firstBut(own: readonly CountedRule[]): CountedRule | undefined {
    const passed = own.filter(({ heapIndex }) => heapIndex >= 0);
    for (const one of passed) this.#remove(one);
    const first = this.#keepers.first();
    for (const one of passed) this.#keepers.add(one);
    return first;
  }

  #weigh(counted: CountedRule, before: number): void {
    const unused = unusedOf(counted);
    this.kept += unused - before;
    if (unused > 0 && counted.heapIndex < 0) this.#keepers.add(counted);
    if (unused === 0 && counted.heapIndex >= 0) this.#remove(counted);
  }

  #remove(counted: CountedRule): void {
    this.#keepers.delete(counted);
    counted.heapIndex = -1;
  }
}

/** Seats of a reservation that those whom it is for have not taken. */
export function unusedOf({ count, tally }: CountedRule): number {
  return Math.max(0, count - tally.of(''));
}
