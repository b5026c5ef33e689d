import { NumberSet } from './number-set.ts';
import type { AskerRule } from './rule-set.ts';
import { Tally } from './tally.ts';

/** A `max` or `reserve` rule, with the seats that those whom it is for have. */
export interface CountedRule {
  readonly rule: AskerRule;
  readonly count: number;
  readonly tally: Tally;
  /** Of a `reserve` rule: which one of the feature's it is, those of the feature itself first. */
  readonly at: number;
}

export function newCounted(rule: AskerRule, at: number): CountedRule {
  return { rule, count: rule.count!, tally: new Tally(), at };
}

/** The reservations of one feature, and what they keep. */
export class Reservations {
  readonly #all: readonly CountedRule[];
  /** Which ones those whom they are for have not taken all of. */
  readonly #unused: NumberSet;
  /** Reserved seats that are not taken by those whom they are for. */
  kept = 0;

  /** Each at its place. */
  constructor(all: readonly CountedRule[]) {
    this.#all = all;
    this.#unused = new NumberSet(all.length);
    for (const one of all) this.#note(one);
  }

  /** Changes who has taken seats of a reservation. */
  change(counted: CountedRule, change: (tally: Tally) => void): void {
    this.kept -= unusedOf(counted);
    change(counted.tally);
    this.#note(counted);
  }

  /** The first that keeps seats and is none of these. */
  firstBut(own: readonly { readonly counted: CountedRule }[]): CountedRule | undefined {
    let at = this.#unused.next(0);
    while (at !== undefined && own.some(({ counted }) => counted.at === at)) at = this.#unused.next(at + 1);
    return at === undefined ? undefined : this.#all[at];
  }

  #note(counted: CountedRule): void {
    const unused = unusedOf(counted);
    this.kept += unused;
    if (unused > 0) this.#unused.add(counted.at);
    else this.#unused.delete(counted.at);
  }
}

/** Seats of a reservation that those whom it is for have not taken. */
export function unusedOf({ count, tally }: CountedRule): number {
  return Math.max(0, count - tally.of(''));
}
