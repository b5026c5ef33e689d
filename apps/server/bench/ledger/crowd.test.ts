import { checkPolicy, parsePolicy } from '@lic/core/policy-text';
import { expect, it } from 'vitest';
import { Crowd } from './crowd.ts';
import { policyOfManyRules } from './rules.ts';

it('has a policy of ten thousand rules that is right, and bars none of its crowd', () => {
  const text = policyOfManyRules();
  const document = parsePolicy(text);
  const crowd = new Crowd(1_000);
  expect(document.rules.length).toBeGreaterThanOrEqual(10_000);
  expect(checkPolicy(document, crowd.ledger.license()?.features ?? [])).toEqual([]);
  crowd.loadPolicy(text, document);
  for (let i = 0; i < 1_000; i++) crowd.take(i);
  crowd.takeAndGiveBack(0);
  crowd.beDenied(0);
  expect(crowd.ledger.summary().grants).toBe(1_001);
});
