/**
 * Work that many ask for at once: one runs at a time, and all who ask meanwhile share the next one. So whoever asks gets
 * what was begun after asking.
 */
export class SharedWork<Result> {
  readonly #work: () => Promise<Result>;
  #current: Promise<Result> | undefined;
  #next: Promise<Result> | undefined;

  constructor(work: () => Promise<Result>) {
    this.#work = work;
  }

  /** The result of a run that begins now or later. */
  next(): Promise<Result> {
    if (this.#next !== undefined) return this.#next;
    if (this.#current === undefined) return this.#begin();
    const begin = (): Promise<Result> => this.#begin();
    this.#next = this.#current.then(begin, begin);
    return this.#next;
  }

  #begin(): Promise<Result> {
    this.#next = undefined;
    const current = this.#work().finally(() => {
      if (this.#current === current) this.#current = undefined;
    });
    this.#current = current;
    return current;
  }
}
