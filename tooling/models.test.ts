import { describe, expect, it } from 'vitest';
import { checkModel, missingForModels, modelRuns } from './models.mjs';

const missing = missingForModels();

describe.skipIf(missing !== '')(`models of docs/model.md${missing === '' ? '' : ` (${missing})`}`, () => {
  it.each(modelRuns)(
    '$model $define is $expected',
    ({ model, define, expected }) => {
      const { outcome, counterexample } = checkModel(model, define);
      expect(outcome, counterexample.join('\n')).toBe(expected);
      if (expected === 'refuted') expect(counterexample.length).toBeGreaterThan(2);
    },
    300_000,
  );
});
