import { expect, it } from 'vitest';
import type { PolicyDocument } from '../policy/document.ts';
import { applyCommand } from './apply.ts';
import { LedgerState } from './ledger-state.ts';
import { type PolicyPreview, previewPolicy } from './policy-report.ts';
import { openCommand, secretHash, sessionId, startMs } from './testing/ledger-rig.ts';

const grants = 2_000;
const rule = { line: 3, feature: 'compare', kind: 'max', by: 'user', name: '*', count: 1 } as const;
const document: PolicyDocument = { groups: {}, hostGroups: {}, rules: [rule] };

function crowd(): LedgerState {
  const state = new LedgerState();
  applyCommand(state, openCommand([{ name: 'compare', count: 2 * grants }]));
  for (let i = 0; i < grants; i++) takeAs(state, `u${i}`, 1);
  takeAs(state, 'u0', 2);
  return state;
}

function takeAs(state: LedgerState, name: string, seq: number): void {
  const opening = { secretHash: secretHash(name), user: name, host: 'h' };
  const session = { at: startMs, session: sessionId(name), seq, awaited: seq, attempt: 1, epoch: seq === 1 ? 0 : 1 };
  applyCommand(state, {
    kind: 'checkout',
    ...session,
    ...(seq === 1 ? { opening } : {}),
    feature: 'compare',
    count: 1,
  });
}

/** Runs a preview, and `meanwhile` at each point at which others have their turn. */
function run(state: LedgerState, meanwhile: (step: number) => void): PolicyPreview {
  const work = previewPolicy(state, document);
  for (let step = 0; ; step++) {
    const { done, value } = work.next();
    if (done === true) return value;
    meanwhile(step);
  }
}

it('looks at a few grants a step, and at all of them as of its first one', () => {
  const state = crowd();
  let steps = 0;
  const preview = run(state, (step) => {
    steps++;
    // None of these was there when it began.
    takeAs(state, `u${grants - 1 - step}`, 2);
    takeAs(state, `late${step}`, 1);
  });
  expect(steps).toBeGreaterThan(grants / 128);
  expect(preview).toMatchObject({
    added: ['compare: max user * 1'],
    denied: [{ user: 'u0', code: 'MAX_REACHED', has: 2, rule: { line: 3 } }],
    deniedCount: 1,
  });
  // What stands by now is told by the next.
  expect(run(state, () => {}).deniedCount).toBe(1 + steps);
});

it('sees what ends while it looks as it was', () => {
  const state = crowd();
  const preview = run(state, (step) => {
    if (step === 0) applyCommand(state, { kind: 'reclaim', at: startMs, session: sessionId('u0'), silentMs: 1e9 });
  });
  expect(preview.denied).toMatchObject([{ user: 'u0', has: 2 }]);
});

it('changes nothing, and lets go of the state when it is left', () => {
  const state = crowd();
  const hash = state.hash();
  const work = previewPolicy(state, document);
  work.next();
  work.return({ added: [], removed: [], areGroupsChanged: false, denied: [], deniedCount: 0 });
  run(state, () => {});
  expect(state.hash()).toBe(hash);
});
