import { describe, expect, it } from 'vitest';
import { createLedger } from './create-ledger.ts';
import { ledgerLimits } from './limits.ts';
import { LedgerRig } from './testing/ledger-rig.ts';

const features = [
  { name: 'compare', count: 2 },
  { name: 'merge', count: 1 },
  { name: 'build', count: 4 },
];
const merge = { feature: 'merge', count: 1 };
const build = { feature: 'build', count: 2 };

describe('a checkout of several features', () => {
  it('takes all of them under one request, each grant with a number of its own', () => {
    const rig = new LedgerRig(features);
    const ann = rig.client('ann');
    expect(ann.checkout('compare', { more: [merge, build] })).toMatchObject({
      kind: 'granted',
      grant: { feature: 'compare', checkoutSeq: 1 },
      more: [
        { feature: 'merge', checkoutSeq: 2 },
        { feature: 'build', count: 2, checkoutSeq: 3 },
      ],
    });
    // The next request comes behind all of them.
    expect(ann.checkout('compare')).toMatchObject({ kind: 'granted', grant: { checkoutSeq: 4 } });
  });

  it('takes none where one of them is denied, and says which', () => {
    const rig = new LedgerRig(features);
    rig.client('bob').take('merge');
    const ann = rig.client('ann');
    expect(ann.checkout('compare', { more: [build, merge] })).toMatchObject({
      kind: 'denied',
      denial: { code: 'NO_SEATS', feature: 'merge', count: 1, inUse: 1 },
    });
    expect(rig.pool('compare')).toMatchObject({ inUse: 0 });
    expect(rig.pool('build')).toMatchObject({ inUse: 0 });
    expect(ann.checkout('compare', { more: [build, merge] }, 1)).toMatchObject({
      kind: 'denied',
      denial: { feature: 'merge' },
    });
    expect(ann.checkout('compare')).toMatchObject({ kind: 'granted' });
  });

  it('answers a repeat with the same grants and takes nothing more (I5)', () => {
    const rig = new LedgerRig(features);
    const ann = rig.client('ann');
    const first = ann.checkout('compare', { more: [merge] });
    expect(ann.checkout('compare', { more: [merge] }, 1)).toEqual(first);
    expect(rig.pool('compare')).toMatchObject({ inUse: 1 });
  });

  it('answers a repeat with those that still stand, and `ENDED` where none does', () => {
    const rig = new LedgerRig(features);
    const ann = rig.client('ann');
    const compare = ann.take('compare', { more: [merge] });
    rig.run({ kind: 'revoke', grants: [compare], reason: 'needed elsewhere' });
    expect(ann.checkout('compare', { more: [merge] }, 1)).toMatchObject({
      kind: 'granted',
      grant: { feature: 'merge' },
      more: [],
    });
    rig.run({ kind: 'revoke', grants: [...rig.ledger.grants()].map(({ id }) => id), reason: 'needed elsewhere' });
    expect(ann.checkout('compare', { more: [merge] }, 1)).toMatchObject({
      kind: 'refused',
      code: 'ENDED',
      reason: 'revoked',
    });
  });

  it('lists all of them in a resume, also of a server that came by them from a snapshot', async () => {
    const rig = new LedgerRig(features);
    const ann = rig.client('ann');
    ann.take('compare', { more: [merge] });
    const copy = createLedger({ verifyLicense: () => undefined });
    await copy.restore(rig.ledger.snapshot());
    expect(copy.hash()).toBe(rig.ledger.hash());
    expect(ann.resume('r')).toMatchObject({ grants: [{ feature: 'compare' }, { feature: 'merge' }] });
  });

  it('takes fewer seats of each where they will do', () => {
    const rig = new LedgerRig(features);
    const reply = rig
      .client('ann')
      .checkout('compare', { count: 5, countMin: 1, more: [{ ...build, count: 9, countMin: 4 }] });
    expect(reply).toMatchObject({ grant: { count: 2 }, more: [{ count: 4 }] });
  });

  it('neither waits in a queue nor names a feature twice', () => {
    const rig = new LedgerRig(features);
    const ann = rig.client('ann');
    expect(ann.checkout('compare', { more: [merge], waitMs: 1000 })).toMatchObject({
      denial: { code: 'INVALID_REQUEST', message: expect.stringContaining('queue') },
    });
    expect(ann.checkout('compare', { more: [merge, { feature: 'compare', count: 1 }] })).toMatchObject({
      denial: { code: 'INVALID_REQUEST', message: expect.stringContaining('"compare" is named twice') },
    });
  });
});

describe('an end that is not a revoke', () => {
  it.each(['removed', 'idle'] as const)('makes grants ending as %s', (as) => {
    const rig = new LedgerRig(features);
    const ann = rig.client('ann');
    const grant = ann.take('compare');
    rig.run({ kind: 'revoke', grants: [grant], reason: 'the machine is gone', as });
    expect([...rig.ledger.endingGrants()]).toMatchObject([
      { id: grant, ending: { reason: as, note: 'the machine is gone' } },
    ]);
    ann.acknowledge(grant);
    expect(rig.pool('compare')).toMatchObject({ inUse: 0 });
  });

  it('is a revoke before ledger version 3, as servers of that time take it', () => {
    const rig = new LedgerRig(features, { ledgerVersion: 2 });
    const grant = rig.client('ann').take('compare');
    rig.run({ kind: 'revoke', grants: [grant], reason: 'gone', as: 'removed' });
    expect([...rig.ledger.endingGrants()]).toMatchObject([{ ending: { reason: 'revoked' } }]);
  });
});

it('names so many features, and no more', () => {
  const rig = new LedgerRig(features);
  const more = Array.from({ length: ledgerLimits.featuresPerCheckoutMax - 1 }, (_, at) => ({
    feature: `f${at}`,
    count: 1,
  }));
  expect(rig.client('ann').checkout('compare', { more })).toMatchObject({
    denial: { code: 'UNKNOWN_FEATURE', feature: 'f0' },
  });
  const tooMany = [...more, { feature: 'one-more', count: 1 }];
  expect(rig.client('bob').checkout('compare', { more: tooMany })).toMatchObject({
    kind: 'rejected',
    code: 'BAD_COMMAND',
  });
});
