import type { LogStore } from '@lic/interfaces';

/** One disk or folder under test, new and empty. */
export interface LogStoreSubject {
  /** A store on it, not opened. Called again for each further store on the same data. */
  makeStore(): LogStore;
  /** Capability `crash`: the process that has the store open dies at once; what it had not synced may be lost. */
  crash?(): Promise<void>;
  /** Capability `faults`: the next write that reaches the disk fails so. */
  failNext?(fault: 'STORE_FULL' | 'STORE_BLOCKED' | 'STORE_FAILED'): void;
  /** Capability `damage`: bit rot in an entry that was synced, which is not the last write. Called while no store is open. */
  damageLog?(): Promise<void>;
  /** Capability `damage`: bit rot in the newest snapshot. Called while no store is open. */
  damageSnapshot?(): Promise<void>;
  dispose?(): Promise<void>;
}

/** What a subject can do: `true` without the function, or the other way round, fails the suite. */
export interface LogStoreCapabilities {
  readonly crash: boolean;
  readonly faults: boolean;
  readonly damage: boolean;
}

/** What {@link logStoreSuite} tests. */
export interface LogStoreSuiteOptions {
  readonly name: string;
  readonly capabilities: LogStoreCapabilities;
  makeSubject(): Promise<LogStoreSubject>;
}

/** Runs `body` with a new subject and disposes of it. */
export type WithSubject = (body: (subject: Required<LogStoreSubject>) => Promise<void>) => () => Promise<void>;
