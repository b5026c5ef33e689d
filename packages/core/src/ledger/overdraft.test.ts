import { describe, expect, it } from 'vitest';
import { LedgerRig, licenseText } from './testing/ledger-rig.ts';

describe('overdraft', () => {
  it('gives seats above the count, says so, and ends there', () => {
    const rig = new LedgerRig([{ name: 'compare', count: 2, overdraft: 1 }]);
    const within = rig.client('a').checkout('compare', { count: 2 });
    expect(within).toMatchObject({ kind: 'granted' });
    expect(within).not.toHaveProperty('grant.overdraft');
    expect(rig.pool('compare')).toMatchObject({ count: 2, overdraft: 1, inUse: 2, free: 0 });
    expect(rig.pool('compare')).not.toHaveProperty('overdrawn');
    expect(rig.client('b').checkout('compare')).toMatchObject({ kind: 'granted', grant: { overdraft: true } });
    expect(rig.pool('compare')).toMatchObject({ inUse: 3, free: 0, overdrawn: 1 });
    const c = rig.client('c');
    expect(c.checkout('compare')).toMatchObject({
      denial: {
        code: 'NO_SEATS',
        count: 2,
        overdraft: 1,
        inUse: 3,
        message: expect.stringContaining('3 of 2 (and 1 of overdraft) seats'),
      },
    });
    expect(c.checkout('compare', { count: 4 })).toMatchObject({ denial: { code: 'COUNT_TOO_HIGH', count: 3 } });
  });

  it('is used only where no sufficient version has the seats within its count', () => {
    const rig = new LedgerRig([
      { name: 'compare', version: '1.0', count: 1, overdraft: 1 },
      { name: 'compare', version: '2.0', count: 1 },
    ]);
    const replies = ['a', 'b', 'c'].map((name) => rig.client(name).checkout('compare'));
    expect(replies).toMatchObject([
      { grant: { version: '1.0' } },
      { grant: { version: '2.0' } },
      { grant: { version: '1.0', overdraft: true } },
    ]);
  });

  it('serves who waits, and keeps its mark on the grant through a snapshot', async () => {
    const rig = new LedgerRig([{ name: 'compare', count: 1, overdraft: 1 }]);
    const [a, b, c] = [rig.client('a'), rig.client('b'), rig.client('c')];
    a.take('compare');
    const second = b.take('compare');
    c.checkout('compare', { waitMs: 5000 });
    b.checkin(second);
    const [entry] = rig.ledger.assignable(() => true);
    expect(rig.reply({ kind: 'assign', entry: entry!.id, epoch: 1 })).toMatchObject({ grant: { overdraft: true } });
    await rig.ledger.restore(rig.ledger.snapshot());
    expect([...rig.ledger.grants()].map(({ overdraft }) => overdraft)).toEqual([undefined, true]);
  });

  it('that a license takes away evicts nobody', () => {
    const rig = new LedgerRig([{ name: 'compare', count: 1, overdraft: 1 }]);
    rig.client('a').take('compare');
    rig.client('b').take('compare');
    rig.run({ kind: 'install', license: licenseText([{ name: 'compare', count: 1 }]), licenseHash: '1'.repeat(64) });
    expect(rig.pool('compare')).toMatchObject({ count: 1, inUse: 2, free: 0 });
    expect(rig.client('c').checkout('compare')).toMatchObject({ denial: { code: 'NO_SEATS' } });
  });
});
