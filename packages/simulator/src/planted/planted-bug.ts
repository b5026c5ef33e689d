import type { BrokenPromise } from '../checks/violation.ts';
import type { Focus } from './focus.ts';

/** A change of one source file: `find` stands in it exactly once. */
export interface SourcePatch {
  /** From the repository's root. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** A bug that real systems had, or a rule of triad.md left out, put into the sources while they are bundled. The product has no hook for it. */
export interface PlantedBug {
  readonly name: string;
  /** What is broken, in one sentence. */
  readonly what: string;
  /** One of these promises must be found broken: anything else is not this bug. */
  readonly breaks: readonly BrokenPromise[];
  /** What must happen for it to show. Default: anything. */
  readonly focus?: Focus;
  readonly patches: readonly SourcePatch[];
}

/** The sources as they are. */
export const noBug: PlantedBug = { name: 'no-bug', what: 'Nothing is broken.', breaks: [], patches: [] };
