import { createHash } from 'node:crypto';

/** So many of the newest lines are kept for the reader; the hash covers all. */
const linesMax = 4_000;

/** What happened in a run, for people and for comparing two runs byte for byte. */
export class Trace {
  readonly #hash = createHash('sha256');
  readonly #nowMs: () => number;
  #lines: string[] = [];

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** One line: true time, who, what. */
  add(who: string, what: string): void {
    const line = `${this.#nowMs().toFixed(3).padStart(11)}  ${who.padEnd(12)} ${what}`;
    this.#hash.update(line).update('\n');
    this.#lines.push(line);
    if (this.#lines.length > 2 * linesMax) this.#lines = this.#lines.slice(-linesMax);
  }

  /** The newest lines, oldest first. */
  lines(count: number): readonly string[] {
    return this.#lines.slice(-count);
  }

  /** The same for two runs exactly if the same happened in them. */
  hash(): string {
    return this.#hash.copy().digest('hex');
  }
}
