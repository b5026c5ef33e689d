import type { Applied, LicError, LogEntry, PeerId } from '@lic/interfaces';
import { invariant } from '../core/invariant.ts';
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
  readonly #waiting = new Map<number, { readonly term: number; readonly caller: Waiting<Result> }>();
  #held: Held<Result>[] = [];
  /** Bytes of all of them. */
  bytes = 0;

  /** How many they are. */
  get count(): number {
    return this.#waiting.size + this.#held.length;
  }

  /** Waits for the command at `index`, which was appended in `term`. */
  add(index: number, term: number, caller: Waiting<Result>): void {
    invariant(!this.#waiting.has(index), `two commands wait for entry ${index}`);
    this.#waiting.set(index, { term, caller });
    this.bytes += caller.bytes;
  }

  /** Keeps a command until it is decided who is in control. */
  hold(held: Held<Result>): void {
    this.#held.push(held);
    this.bytes += held.bytes;
  }

  /** Answers who waits for this entry. */
  applied({ index, term }: LogEntry, result: Result): void {
    const waiting = this.#waiting.get(index);
    if (waiting === undefined) return;
    invariant(
      waiting.term === term,
      `entry ${index} of term ${term} is not the one of ${waiting.term} that is waited for`,
    );
    this.#waiting.delete(index);
    const { caller } = waiting;
    this.bytes -= caller.bytes;
    caller.settled?.();
    caller.resolve({ index, result });
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
    for (const { caller } of waiting) {
      caller.settled?.();
      caller.reject(unknownOutcome(why));
    }
    for (const each of held) {
      each.settled?.();
      each.reject(notInControl(leader));
    }
  }
}
