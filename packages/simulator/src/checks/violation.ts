/**
 * What a run may break: the invariants of triad.md, the order of a queue, what the administrator's policy says, an order of all that clients asked and were told (`history`), progress
 * after everything is healed, and plain bugs.
 */
export type BrokenPromise =
  | 'I1'
  | 'I2'
  | 'I3'
  | 'I4'
  | 'I5'
  | 'I6'
  | 'I7'
  | 'I8'
  | 'I9'
  | 'queue'
  | 'policy'
  | 'history'
  | 'progress'
  | 'bug';

/** A broken promise. */
export class Violation extends Error {
  readonly promise: BrokenPromise;

  constructor(promise: BrokenPromise, message: string) {
    super(`${promise}: ${message}`);
    this.name = 'Violation';
    this.promise = promise;
  }
}

/** Where checks report to. The first violation ends the run; those that it sets off say nothing more. */
export type Fail = (promise: BrokenPromise, message: string) => void;
