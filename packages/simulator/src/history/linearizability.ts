import type { PoolOperation } from './pool-operation.ts';

/** What a search for an order of operations has found. */
export type Verdict =
  | { readonly kind: 'linearizable' }
  /** Given up: there are too many orders. */
  | { readonly kind: 'undecided' }
  /**
   * There is none. Without what ends after `stuck` the history is illegal all the same; without `stuck` as well it is not. `open` are those
   * that may have happened around it, itself among them.
   */
  | { readonly kind: 'illegal'; readonly stuck: PoolOperation; readonly open: readonly PoolOperation[] };

/** How much is searched. */
export interface SearchBounds {
  /** Operations that are tried, over all orders. */
  readonly stepsMax: number;
}

/**
 * Whether there is an order of the operations in which each happens at one moment between its two places, and the pool allows it (Wing and
 * Gong, 1993, with dead ends remembered as Lowe, 2017, has it). The same operations give the same verdict in the same steps.
 *
 * Two things are not tried, since they can't help. A denial that is explained now is not put off: it changes nothing. And of seats of equal
 * number that may come free now, of the same share or of none, those come free first that must have come free first.
 */
export function linearize(operations: readonly PoolOperation[], { stepsMax }: SearchBounds): Verdict {
  return new Search(operations).run(stepsMax);
}

/** A point of the search from which several operations may come next. */
interface Fork {
  /** So many operations were done when it was reached. */
  readonly length: number;
  readonly candidates: readonly Node[];
  next: number;
}

/** An operation as the search sees it. */
interface Node {
  readonly operation: PoolOperation;
  /** Its place by `until`. */
  readonly number: number;
  of: Node | undefined;
  isDone: boolean;
}

/** An operation that was done, and what was first before it was. */
interface Done {
  readonly node: Node;
  readonly first: number;
  readonly firstFrom: number;
}

class Search {
  /** Those that must happen, by `until`, and by `from`. */
  readonly #nodes: readonly Node[];
  readonly #byFrom: readonly Node[];
  /** Those that need not. */
  readonly #optional: readonly Node[];
  /** What was done, in order, each with the places that were first before it. */
  readonly #done: Done[] = [];
  /** In {@link #nodes}: all before it are done; in {@link #byFrom}: all before it are among those. */
  #first = 0;
  #firstFrom = 0;
  /** By the first that was not done: what was done beyond it, where that leads nowhere. */
  readonly #deadEnds = new Map<number, Set<string>>();
  readonly #seats: number[] = [0];
  #taken = 0;
  /** By share: the counts of those that have its seats. */
  readonly #shares = new Map<string, number[]>();
  #queued = 0;
  #farthest = -1;
  #openAtFarthest: readonly PoolOperation[] = [];

  constructor(operations: readonly PoolOperation[]) {
    const byOperation = new Map<PoolOperation, Node>();
    const nodes = operations
      .toSorted((a, b) => (a.until === b.until ? a.from - b.from : a.until - b.until))
      .map((operation, number): Node => ({ operation, number, of: undefined, isDone: false }));
    for (const node of nodes) byOperation.set(node.operation, node);
    for (const node of nodes) if (node.operation.of !== undefined) node.of = byOperation.get(node.operation.of);
    this.#nodes = nodes.filter(({ operation }) => operation.until < Infinity);
    this.#optional = nodes.filter(({ operation }) => operation.until === Infinity);
    this.#byFrom = this.#nodes.toSorted((a, b) => a.operation.from - b.operation.from || a.number - b.number);
  }

  run(stepsMax: number): Verdict {
    const forks: Fork[] = [];
    let steps = 0;
    let isDeadEnd = this.#advance(forks);
    while (this.#first < this.#nodes.length) {
      const fork = forks.at(-1);
      if (fork === undefined) return this.#illegal();
      if (isDeadEnd) this.#undoTo(fork.length);
      const candidate = fork.candidates[fork.next++];
      if (candidate === undefined) {
        this.#rememberDeadEnd();
        forks.pop();
        isDeadEnd = true;
        continue;
      }
      if (++steps > stepsMax) return { kind: 'undecided' };
      this.#do(candidate);
      isDeadEnd = this.#advance(forks);
    }
    return { kind: 'linearizable' };
  }

  #illegal(): Verdict {
    const stuck = this.#nodes[this.#farthest] as Node;
    return { kind: 'illegal', stuck: stuck.operation, open: this.#openAtFarthest };
  }

  /** Does what need not be chosen, and opens a fork. Answers whether it is known that nothing leads on from here. */
  #advance(forks: Fork[]): boolean {
    for (let denied = this.#firstDenied(); denied !== undefined; denied = this.#firstDenied()) this.#do(denied);
    if (this.#first === this.#nodes.length) return false;
    if (this.#first > this.#farthest) {
      this.#farthest = this.#first;
      this.#openAtFarthest = this.#open().map(({ operation }) => operation);
    }
    if (this.#deadEnds.get(this.#first)?.has(this.#doneBeyond()) === true) return true;
    forks.push({ length: this.#done.length, candidates: this.#candidates(), next: 0 });
    return false;
  }

  /** What may come next by its places: before the first that must have happened by then has. */
  #open(): Node[] {
    const limit = (this.#nodes[this.#first] as Node).operation.until;
    const open: Node[] = [];
    for (let at = this.#firstFrom; at < this.#byFrom.length; at++) {
      const node = this.#byFrom[at] as Node;
      if (node.operation.from > limit) break;
      if (!node.isDone) open.push(node);
    }
    for (const node of this.#optional) if (!node.isDone && node.operation.from <= limit) open.push(node);
    return open;
  }

  #firstDenied(): Node | undefined {
    if (this.#first === this.#nodes.length) return undefined;
    const open = this.#open();
    const isQueued = this.#queued > 0 || open.some(({ operation }) => operation.mayWait === true);
    return open.find((node) => isDenial(node) && this.#isAllowed(node, isQueued));
  }

  #candidates(): Node[] {
    const ends = new Map<string, Node>();
    const candidates: Node[] = [];
    for (const node of this.#open()) {
      const { kind, count } = node.operation;
      // A denial is done as soon as it may be.
      if (isDenial(node) || !this.#isAllowed(node, false)) continue;
      const alike = `${count} ${node.of?.operation.share ?? ''}`;
      if (kind !== 'end') candidates.push(node);
      else if (node.number < (ends.get(alike)?.number ?? Infinity)) ends.set(alike, node);
    }
    candidates.push(...ends.values());
    const hintOf = ({ operation: { hint, until } }: Node): number => Math.min(hint ?? until, until);
    return candidates.sort((a, b) => (hintOf(a) === hintOf(b) ? a.number - b.number : hintOf(a) - hintOf(b)));
  }

  #isAllowed({ operation: { kind, count, share, isKept }, of }: Node, isQueued: boolean): boolean {
    const seats = this.#seats.at(-1) as number;
    switch (kind) {
      case 'take':
        return isKept === true || this.#taken + Math.max(0, count - this.#seatsOf(share)) <= seats;
      case 'end':
        return of?.isDone === true;
      case 'deny':
        return this.#taken + count > seats || isQueued;
      case 'tooMany':
        return count > seats;
      case 'queue':
      case 'unqueue':
      case 'license':
        return true;
    }
  }

  #do(node: Node): void {
    node.isDone = true;
    this.#done.push({ node, first: this.#first, firstFrom: this.#firstFrom });
    this.#change(node, 1);
    while (this.#nodes[this.#first]?.isDone === true) this.#first++;
    while ((this.#byFrom[this.#firstFrom]?.number ?? Infinity) < this.#first) this.#firstFrom++;
  }

  #undoTo(length: number): void {
    while (this.#done.length > length) {
      const { node, first, firstFrom } = this.#done.pop() as Done;
      node.isDone = false;
      this.#change(node, -1);
      this.#first = first;
      this.#firstFrom = firstFrom;
    }
  }

  #seatsOf(share: string | undefined): number {
    return share === undefined ? 0 : Math.max(0, ...(this.#shares.get(share) ?? []));
  }

  #take(count: number, share: string | undefined, sign: 1 | -1): void {
    if (share === undefined) {
      this.#taken += sign * count;
      return;
    }
    const before = this.#seatsOf(share);
    const counts = this.#shares.get(share) ?? [];
    this.#shares.set(share, sign === 1 ? [...counts, count] : counts.toSpliced(counts.indexOf(count), 1));
    this.#taken += this.#seatsOf(share) - before;
  }

  #change({ operation: { kind, count, share }, of }: Node, sign: 1 | -1): void {
    if (kind === 'take') this.#take(count, share, sign);
    else if (kind === 'end') this.#take(count, of?.operation.share, sign === 1 ? -1 : 1);
    else if (kind === 'queue') this.#queued += sign;
    else if (kind === 'unqueue') this.#queued -= sign;
    else if (kind === 'license') {
      if (sign === 1) this.#seats.push(count);
      else this.#seats.pop();
    }
  }

  #rememberDeadEnd(): void {
    const known = this.#deadEnds.get(this.#first);
    if (known === undefined) this.#deadEnds.set(this.#first, new Set([this.#doneBeyond()]));
    else known.add(this.#doneBeyond());
  }

  /** All before the first that is not done are done: with what is done beyond it, this is the whole state. */
  #doneBeyond(): string {
    const limit = (this.#nodes[this.#first] as Node).operation.until;
    let beyond = `${this.#seats.at(-1)}: `;
    for (let at = this.#firstFrom; at < this.#byFrom.length; at++) {
      const { operation, isDone, number } = this.#byFrom[at] as Node;
      if (operation.from > limit) break;
      if (isDone && number > this.#first) beyond += `${number} `;
    }
    for (const { isDone, number } of this.#optional) if (isDone) beyond += `${number} `;
    return beyond;
  }
}

function isDenial({ operation: { kind } }: Node): boolean {
  return kind === 'deny' || kind === 'tooMany';
}
