import type { SuiteRunner } from '../suite-runner.ts';
import { crashCases, damageCases, faultCases, salvageCrashCases } from './fault-cases.ts';
import { lifeCases } from './life-cases.ts';
import { logCases } from './log-cases.ts';
import type { LogStoreSubject, LogStoreSuiteOptions, WithSubject } from './log-store-subject.ts';
import { snapshotCases } from './snapshot-cases.ts';

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
    if (capabilities.crash && capabilities.damage) salvageCrashCases(runner, withSubject);
  });
}
