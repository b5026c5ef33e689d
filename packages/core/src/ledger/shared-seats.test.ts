import { describe, expect, it } from 'vitest';
import { LedgerRig, licenseText, type TestFeature } from './testing/ledger-rig.ts';

const compare: TestFeature = { name: 'compare', count: 2, sharedBy: ['host', 'key'], sharersMax: 2 };

describe('a shared seat', () => {
  it('counts once, until the last who share it has gone', () => {
    const rig = new LedgerRig([compare]);
    const a = rig.client('a');
    const [one, two] = [a.take('compare', { shareKey: 'k' }), a.take('compare', { shareKey: 'k' })];
    expect(rig.pool('compare')).toMatchObject({ inUse: 1, free: 1 });
    expect([...rig.ledger.grants()].map(({ share }) => share)).toEqual([one, one]);
    a.checkin(one);
    expect(rig.pool('compare')).toMatchObject({ inUse: 1 });
    a.checkin(two);
    expect(rig.pool('compare')).toMatchObject({ inUse: 0 });
  });

  it('has a seat beside it where too many share, where others agree in less, and where something is not named', () => {
    const rig = new LedgerRig([{ ...compare, count: 9 }]);
    const a = rig.client('a');
    for (let i = 0; i < 3; i++) a.take('compare', { shareKey: 'k' });
    expect(rig.pool('compare')).toMatchObject({ inUse: 2 });
    a.take('compare', { shareKey: 'l' });
    rig.client('b').take('compare', { shareKey: 'k' });
    expect(rig.pool('compare')).toMatchObject({ inUse: 4 });
    expect(rig.ledger.grant(a.take('compare'))).not.toHaveProperty('share');
    expect(rig.pool('compare')).toMatchObject({ inUse: 5 });
  });

  it('is as large as the largest who shares it', () => {
    const rig = new LedgerRig([{ ...compare, count: 3 }]);
    const a = rig.client('a');
    a.take('compare', { shareKey: 'k' });
    const large = a.take('compare', { shareKey: 'k', count: 3 });
    expect(rig.pool('compare')).toMatchObject({ inUse: 3, free: 0 });
    a.checkin(large);
    expect(rig.pool('compare')).toMatchObject({ inUse: 1, free: 2 });
  });

  it('is joined past a queue, and by those who wait as soon as there is one', () => {
    const rig = new LedgerRig([{ ...compare, count: 1 }]);
    const [a, b] = [rig.client('a'), rig.client('b')];
    const first = a.take('compare', { shareKey: 'k' });
    for (let i = 0; i < 2; i++) b.checkout('compare', { shareKey: 'k', waitMs: 9000 });
    expect(a.checkout('compare', { shareKey: 'k' })).toMatchObject({ kind: 'granted', grant: { share: first } });
    a.goodbye();
    const [entry] = rig.ledger.assignable(() => true);
    const { reply, events } = rig.run({ kind: 'assign', entry: entry!.id, epoch: 1 });
    expect(reply).toMatchObject({ kind: 'granted' });
    // Two of the same command: the seat, and the one who waited to share it.
    expect(events).toMatchObject([{ kind: 'granted' }, { kind: 'granted', fromQueue: true }]);
    expect(rig.pool('compare')).toMatchObject({ inUse: 1, queued: 0 });
  });

  it('is joined by those who wait also where the one before it is shared by enough, or has ended', () => {
    for (const how of ['full', 'ended']) {
      const rig = new LedgerRig([{ ...compare, count: 5 }]);
      const [a, b] = [rig.client('a'), rig.client('a2', { host: 'host-a' })];
      const [small, other] = [a.take('compare', { shareKey: 'k' }), a.take('compare', { shareKey: 'k' })];
      const large = [1, 2].map(() => a.take('compare', { shareKey: 'k', count: 4 }));
      a.checkin(large[1]!);
      a.checkin(small);
      // The share with one seat has room again, and comes first.
      expect(b.checkout('compare', { shareKey: 'k', count: 4, waitMs: 9000 })).toMatchObject({ kind: 'queued' });
      if (how === 'full') a.take('compare', { shareKey: 'k' });
      else a.checkin(other);
      expect(b.checkout('compare', {}, 1)).toMatchObject({ kind: 'granted', grant: { share: large[0] } });
    }
  });

  it('stays what it was when the terms change; who comes later shares by the new ones', () => {
    const rig = new LedgerRig([compare]);
    const a = rig.client('a');
    a.take('compare', { shareKey: 'k' });
    const license = licenseText([{ ...compare, sharedBy: ['host'] }]);
    rig.run({ kind: 'install', license, licenseHash: '1'.repeat(64) });
    a.take('compare', { shareKey: 'k' });
    expect(rig.pool('compare')).toMatchObject({ inUse: 2 });
    a.take('compare', { shareKey: 'x' });
    expect(rig.pool('compare')).toMatchObject({ inUse: 2 });
  });
});

describe('a lingering seat', () => {
  const linger: TestFeature = { name: 'compare', count: 1, lingerSeconds: 30, minimumSeconds: 100 };

  it('stays taken for a while after the checkin, then is free', () => {
    const rig = new LedgerRig([linger]);
    const a = rig.client('a');
    const grant = a.take('compare');
    rig.atMs += 90_000;
    a.checkin(grant);
    expect(rig.pool('compare')).toMatchObject({ inUse: 1, free: 0 });
    expect([...rig.ledger.grants()]).toMatchObject([
      { id: grant, state: 'lingering', session: '', user: 'user-a', host: 'host-a', untilMs: rig.atMs + 30_000 },
    ]);
    expect(rig.ledger.nextDeadlineMs()).toBe(rig.atMs + 30_000);
    expect(rig.client('b').checkout('compare')).toMatchObject({ denial: { code: 'NO_SEATS' } });
    rig.atMs += 30_000;
    expect(rig.run({ kind: 'tick' }).events).toMatchObject([{ kind: 'lingered', grant: { id: grant } }]);
    expect(rig.pool('compare')).toMatchObject({ inUse: 0, free: 1 });
  });

  it('stays taken for the minimum time, counted from the checkout', () => {
    const rig = new LedgerRig([linger]);
    const a = rig.client('a');
    const sinceMs = rig.atMs;
    const grant = a.take('compare');
    rig.atMs += 5000;
    a.checkin(grant);
    expect(rig.ledger.nextDeadlineMs()).toBe(sinceMs + 100_000);
  });

  it('is used by its holder again, also by another process of it, and by one that waits', () => {
    const rig = new LedgerRig([{ ...linger, count: 1 }]);
    const a = rig.client('a');
    const grant = a.take('compare');
    a.checkin(grant);
    const again = a.checkout('compare');
    expect(again).toMatchObject({ kind: 'granted' });
    expect(rig.pool('compare')).toMatchObject({ inUse: 1 });
    a.checkout('compare', { waitMs: 5000 });
    expect(
      again.kind === 'granted' && rig.run({ kind: 'checkin', ...a.envelope(), grant: again.grant.id }).events,
    ).toMatchObject([
      { kind: 'ended' },
      { kind: 'lingering' },
      { kind: 'lingered' },
      { kind: 'granted', fromQueue: true },
    ]);
    expect([...rig.ledger.grants()]).toMatchObject([{ state: 'active' }]);
  });

  it('does not linger where it was taken back, or is over', () => {
    const rig = new LedgerRig([{ ...linger, count: 2 }]);
    const [a, b] = [rig.client('a'), rig.client('b')];
    const revoked = a.take('compare');
    rig.run({ kind: 'revoke', grants: [revoked], reason: 'x' });
    a.acknowledge(revoked);
    b.take('compare');
    rig.run({ kind: 'reclaim', session: b.session, silentMs: 1e9 });
    expect(rig.pool('compare')).toMatchObject({ inUse: 0 });
    const c = rig.client('c');
    c.checkin(c.take('compare'));
    expect(rig.pool('compare')).toMatchObject({ inUse: 1 });
    rig.run({ kind: 'install', license: licenseText([{ name: 'merge', count: 1 }]), licenseHash: '1'.repeat(64) });
    expect(rig.pool('compare')).toBeUndefined();
  });

  it('lingers when its client says goodbye', () => {
    const rig = new LedgerRig([linger]);
    const a = rig.client('a');
    a.take('compare');
    a.goodbye();
    expect([...rig.ledger.grants()]).toMatchObject([{ state: 'lingering' }]);
  });
});
