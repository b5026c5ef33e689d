import type { Applied, LicError, PeerId } from '@lic/interfaces';
import { notInControl, unknownOutcome } from './errors.ts';

/** A caller that waits for its command. */
interface Waiting<Result> {
  readonly bytes: number;
  readonly resolve: (applied: Applied<Result>) => void;
  readonly reject: (error: LicError) => void;
  readonly settled: (() => void) | undefined;
}

interface Held<Result> extends Waiting<Result> {
  readonly command: Uint8Array;
}

/** The commands that callers wait for: in the log under an index, or held back while control is being handed over. */
export class Proposals<Result> {
  readonly #waiting = new Map<number, Waiting<Result>>();
  #held: Held<Result>[] = [];
  /** Bytes of all of them. */
  bytes = 0;

  /** How many they are. */
  get count(): number {
    return this.#waiting.size + this.#held.length;
  }

  /** Waits for the command at `index`. */
  add(index: number, waiting: Waiting<Result>): void {
    this.#waiting.set(index, waiting);
    this.bytes += waiting.bytes;
  }

  /** Keeps a command until it is decided who is in control. */
  hold(held: Held<Result>): void {
    this.#held.push(held);
    this.bytes += held.bytes;
  }

  /** Answers who waits for `index`. */
  applied(index: number, result: Result): void {
    const waiting = this.#waiting.get(index);
    if (waiting === undefined) return;
    this.#waiting.delete(index);
    this.bytes -= waiting.bytes;
    waiting.settled?.();
    waiting.resolve({ index, result });
  }

  /** The handover came to nothing: what was held goes on. */
  takeHeld(): readonly Held<Result>[] {
    const held = this.#held;
    this.#held = [];
    for (const each of held) this.bytes -= each.bytes;
    return held;
  }

  /** Control is gone: what is in the log may yet be applied, what was held surely is not. */
  fail(why: string, leader: PeerId | null): void {
    const held = this.takeHeld();
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    this.bytes = 0;
    for (const each of waiting) {
      each.settled?.();
      each.reject(unknownOutcome(why));
    }
    for (const each of held) {
      each.settled?.();
      each.reject(notInControl(leader));
    }
  }
}
