import type { LogStore } from '@lic/interfaces';

/** What a server is begun anew for, in its process and on its addresses. */
export interface Rebirth {
  /** A sentence for status and log. */
  readonly why: string;
  /**
   * What is done to the store between the two lives; it opens the store and closes it. Called until it has succeeded once: a crash,
   * or an error, anywhere within must leave a folder from which it, or a new process, can go on.
   */
  prepare(store: LogStore): Promise<void>;
}

/** What one life of a server is given by what outlives it. */
export interface LifeHost {
  /** Opens the doors, once in all lives; from now on connections are given to the life that called it. */
  open(): Promise<void>;
  /** Closes them for good. */
  close(): Promise<void>;
  /** Ends the life that calls it and begins another one. Returns at once; while one is under way already it does nothing. */
  replace(rebirth: Rebirth): void;
}
