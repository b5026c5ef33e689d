import { writeFileSync } from 'node:fs';
import type { Reporter, SerializedError, TestCase, TestModule } from 'vitest/node';

/** A test that did not run, and why: its own note, or what its name says it needs; '' where neither says. */
export interface Skipped {
  readonly name: string;
  readonly reason: string;
}

/** What came of a whole run. */
export interface Outcome {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly Skipped[];
}

/** "etcd (needs etcd-server) > elects": the words in brackets are the reason. */
const needs = /\((needs [^)]+)\)/;

/** Whether a test was skipped since a hook around it threw: nobody chose to skip it. */
const hookFailed = (test: TestCase): boolean => {
  for (let parent: TestCase['parent'] = test.parent; ; parent = parent.parent) {
    if (parent.errors().length > 0) return true;
    if (parent.type === 'module') return false;
  }
};

/**
 * Counts a run's tests. Whatever keeps a test from being counted fails: a file that can't be loaded, a hook that throws,
 * an error outside of any test, a test that a stopped run never came to.
 */
export const outcomeOf = (modules: readonly TestModule[], errors: readonly SerializedError[]): Outcome => {
  let passed = 0;
  let failed = errors.length;
  const skipped: Skipped[] = [];
  for (const module of modules) {
    failed += module.errors().length;
    for (const suite of module.children.allSuites()) failed += suite.errors().length;
    for (const test of module.children.allTests()) {
      const result = test.result();
      if (result.state === 'passed') passed += 1;
      else if (result.state === 'skipped' && !hookFailed(test)) {
        const name = `${module.project.name}: ${test.fullName}`;
        skipped.push({ name, reason: result.note ?? needs.exec(test.fullName)?.[1] ?? '' });
      } else failed += 1;
    }
  }
  return { passed, failed, skipped };
};

/** Writes a run's outcome, as JSON, to the file that LIC_OUTCOME names. */
export default class OutcomeReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    const file = process.env.LIC_OUTCOME;
    if (file !== undefined) writeFileSync(file, JSON.stringify(outcomeOf(modules, errors)));
  }
}
