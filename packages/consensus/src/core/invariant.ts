import { LicError } from '@lic/interfaces';

/**
 * Throws `RAFT_INVARIANT` unless `holds`. A violated invariant means that going on could grant one seat twice, so the
 * driver stops taking part and says so; it never guesses.
 */
export function invariant(holds: boolean, what: string): asserts holds {
  if (!holds) violated(what);
}

/** What {@link invariant} does where one does not hold; for where even making its text would cost too much. */
export function violated(what: string): never {
  throw violation(what);
}

/** The error of an invariant that does not hold. */
export function violation(what: string): LicError {
  return new LicError('RAFT_INVARIANT', `consensus stopped: ${what}. Keep the data folder and report this.`);
}

/** Asserts that `value` is an index, term or round number: a safe integer, not negative. */
export function assertCounter(value: number, name: string): void {
  invariant(Number.isSafeInteger(value) && value >= 0, `${name} is ${value}, not a safe non-negative integer`);
}
