import { describe, expect, it } from 'vitest';
import { LedgerRig } from './testing/ledger-rig.ts';

describe('a checkout that takes fewer seats where there are no more', () => {
  it('gets all of its count where so many are free', () => {
    const rig = new LedgerRig([{ name: 'build', count: 8 }]);
    expect(rig.client('ann').checkout('build', { count: 8, countMin: 2 })).toMatchObject({ grant: { count: 8 } });
  });

  it('gets what is free, and nothing where that is less than will do', () => {
    const rig = new LedgerRig([{ name: 'build', count: 8 }]);
    rig.client('ann').take('build', { count: 5 });
    expect(rig.client('bob').checkout('build', { count: 8, countMin: 2 })).toMatchObject({ grant: { count: 3 } });
    expect(rig.pool('build')).toMatchObject({ inUse: 8, free: 0 });
    expect(rig.client('cyd').checkout('build', { count: 8, countMin: 1 })).toMatchObject({
      kind: 'denied',
      denial: { code: 'NO_SEATS' },
    });
  });

  it('may ask for more than is licensed, as long as what will do is licensed', () => {
    const rig = new LedgerRig([{ name: 'build', count: 4 }]);
    expect(rig.client('ann').checkout('build', { count: 9, countMin: 4 })).toMatchObject({ grant: { count: 4 } });
    expect(rig.client('bob').checkout('build', { count: 9, countMin: 5 })).toMatchObject({
      denial: { code: 'COUNT_TOO_HIGH', requested: 9, count: 4 },
    });
  });

  it('would rather overdraw for all of its count than take part of it', () => {
    const rig = new LedgerRig([{ name: 'build', count: 4, overdraft: 2 }]);
    expect(rig.client('ann').checkout('build', { count: 6, countMin: 1 })).toMatchObject({
      grant: { count: 6, overdraft: true },
    });
  });

  it('takes part within the count before part of the overdraft', () => {
    const rig = new LedgerRig([{ name: 'build', count: 4, overdraft: 2 }]);
    const reply = rig.client('ann').checkout('build', { count: 9, countMin: 3 });
    expect(reply).toMatchObject({ grant: { count: 4 } });
    expect(rig.client('bob').checkout('build', { count: 3, countMin: 2 })).toMatchObject({
      grant: { count: 2, overdraft: true },
    });
  });

  it('is served from the queue as soon as so many are free as will do', () => {
    const rig = new LedgerRig([{ name: 'build', count: 4 }]);
    const ann = rig.client('ann');
    const [first, second] = [ann.take('build', { count: 1 }), ann.take('build', { count: 3 })];
    const bob = rig.client('bob');
    expect(bob.checkout('build', { count: 4, countMin: 2, waitMs: 60_000 })).toMatchObject({ kind: 'queued' });
    ann.checkin(first);
    expect(rig.ledger.assignable(() => true)).toEqual([]);
    ann.checkin(second);
    const [next] = rig.ledger.assignable(() => true);
    rig.run({ kind: 'assign', entry: next!.id, epoch: bob.epoch });
    expect(bob.checkout('build', {}, 1)).toMatchObject({ kind: 'granted', grant: { count: 4 } });
  });

  it('gets what it can share past a queue: that takes a seat from nobody', () => {
    const rig = new LedgerRig([{ name: 'build', count: 3, sharedBy: ['key'] }]);
    const share = rig.client('ann').take('build', { count: 2, shareKey: 'k' });
    expect(rig.client('bob').checkout('build', { count: 2, waitMs: 60_000 })).toMatchObject({ kind: 'queued' });
    expect(rig.client('cyd').checkout('build', { count: 3, countMin: 2, shareKey: 'k' })).toMatchObject({
      grant: { count: 2, share },
    });
  });

  it('is served from the queue with what its holder has come by, where that will do', () => {
    const rig = new LedgerRig([{ name: 'build', count: 4, lingerSeconds: 60 }]);
    const [ann, bob] = [rig.client('ann'), rig.client('bob')];
    const grant = ann.take('build', { count: 3 });
    bob.take('build');
    const again = rig.client('again', { user: 'user-ann', host: 'host-ann' });
    expect(again.checkout('build', { count: 4, countMin: 3, waitMs: 60_000 })).toMatchObject({ kind: 'queued' });
    ann.checkin(grant);
    expect(again.checkout('build', {}, 1)).toMatchObject({ kind: 'granted', grant: { count: 3 } });
    expect(rig.pool('build')).toMatchObject({ inUse: 4, queued: 0 });
  });

  it('a repeat gets the same count, however many are free by then', () => {
    const rig = new LedgerRig([{ name: 'build', count: 4 }]);
    const other = rig.client('ann');
    const grant = other.take('build', { count: 3 });
    const bob = rig.client('bob');
    bob.take('build', { count: 4, countMin: 1 });
    other.checkin(grant);
    expect(bob.checkout('build', { count: 4, countMin: 1 }, 1)).toMatchObject({ grant: { count: 1 } });
  });

  it('refuses a least count above the count, or of none', () => {
    const rig = new LedgerRig([{ name: 'build', count: 4 }]);
    for (const countMin of [0, 1.5, 3])
      expect(rig.client(`c${countMin * 2}`).checkout('build', { count: 2, countMin })).toMatchObject({
        denial: { code: 'INVALID_REQUEST' },
      });
  });

  it('is not in force before ledger version 3: servers of that time would take all or nothing', () => {
    const rig = new LedgerRig([{ name: 'build', count: 4 }], { ledgerVersion: 2 });
    expect(rig.client('ann').checkout('build', { count: 9, countMin: 1 })).toMatchObject({
      denial: { code: 'COUNT_TOO_HIGH' },
    });
  });
});
