import type { LogStore } from '@lic/interfaces';
import type { SuiteRunner } from '../suite-runner.ts';
import { crashCases, damageCases, faultCases } from './fault-cases.ts';
import { lifeCases } from './life-cases.ts';
import { logCases } from './log-cases.ts';
import { snapshotCases } from './snapshot-cases.ts';

/** One disk or folder under test, new and empty. */
export interface LogStoreSubject {
  /** A store on it, not opened. Called again for each further store on the same data. */
  makeStore(): LogStore;
  /** Capability `crash`: the process that has the store open dies at once; what it had not synced may be lost. */
  crash?(): Promise<void>;
  /** Capability `faults`: the next write that reaches the disk fails so. */
  failNext?(fault: 'STORE_FULL' | 'STORE_FAILED'): void;
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

/** Proves the contract of `LogStore`, sentence by sentence. Every implementation passes it. */
export function logStoreSuite(runner: SuiteRunner, options: LogStoreSuiteOptions): void {
  const { describe, it, expect } = runner;
  const { capabilities } = options;
  const withSubject: WithSubject = (body) => async () => {
    const subject = await options.makeSubject();
    try {
      await body(subject as Required<LogStoreSubject>);
    } finally {
      await subject.dispose?.();
    }
  };
  describe(`log store: ${options.name}`, () => {
    it('does what its capabilities say', async () => {
      const subject = await options.makeSubject();
      expect(subject.crash !== undefined).toBe(capabilities.crash);
      expect(subject.failNext !== undefined).toBe(capabilities.faults);
      expect(subject.damageLog !== undefined && subject.damageSnapshot !== undefined).toBe(capabilities.damage);
      await subject.dispose?.();
    });
    logCases(runner, withSubject);
    snapshotCases(runner, withSubject);
    lifeCases(runner, withSubject);
    if (capabilities.crash) crashCases(runner, withSubject);
    if (capabilities.faults) faultCases(runner, withSubject);
    if (capabilities.damage) damageCases(runner, withSubject);
  });
}
