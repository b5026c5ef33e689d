import { describe, expect, it } from 'vitest';
import { createLedger } from './create-ledger.ts';
import { ledgerVersions, recoverVersion } from './limits.ts';
import { defaultHoldMs, LedgerRig, sessionId } from './testing/ledger-rig.ts';

const features = [{ name: 'compare', count: 2 }] as const;

describe('recover', () => {
  it('closes checkouts for one longest hold, and takes nothing away', () => {
    const rig = new LedgerRig(features);
    const ada = rig.client('ada');
    const grant = ada.take('compare');
    rig.atMs += 1_000;
    expect(rig.run({ kind: 'recover' })).toEqual({ reply: { kind: 'ok' }, events: [{ kind: 'recovered' }] });
    expect(rig.ledger.summary()).toMatchObject({ isOpen: false, recoveredAtMs: rig.atMs, grants: 1 });
    rig.atMs += 600;
    expect(rig.client('bob').checkout('compare')).toMatchObject({
      kind: 'denied',
      denial: { code: 'NOT_OPEN_YET', leftMs: defaultHoldMs - 600 },
    });
    expect(ada.resume('r1')).toMatchObject({ kind: 'resumed', grants: [{ id: grant }] });
    expect(rig.run({ kind: 'opened' }).events).toEqual([{ kind: 'opened' }]);
    expect(rig.client('carol').checkout('compare')).toMatchObject({ kind: 'granted' });
  });

  it('gives no seat to a queue until checkouts are open; its places are kept', () => {
    const rig = new LedgerRig(features);
    const [ada, bob] = [rig.client('ada'), rig.client('bob')];
    const grant = ada.take('compare', { count: 2 });
    const queued = bob.checkout('compare', { waitMs: 600_000 });
    if (queued.kind !== 'queued') throw new Error('expected a place in the queue');
    rig.run({ kind: 'recover' });
    ada.checkin(grant);
    const assign = { kind: 'assign', entry: queued.entry.id, epoch: bob.epoch } as const;
    expect(rig.ledger.assignable(() => true)).toEqual([]);
    expect(rig.reply(assign)).toMatchObject({ kind: 'rejected', code: 'NOT_OPEN_YET' });
    rig.run({ kind: 'opened' });
    expect(rig.ledger.assignable(() => true)).toMatchObject([{ id: queued.entry.id }]);
    expect(rig.reply(assign)).toMatchObject({ kind: 'granted' });
  });

  it('serves nobody by what another holds or has lingering until checkouts are open', () => {
    const rig = new LedgerRig([{ name: 'compare', count: 1, lingerSeconds: 600 }]);
    const ada = rig.client('ada');
    const grant = ada.take('compare');
    ada.checkout('compare', { waitMs: 600_000 });
    rig.run({ kind: 'recover' });
    expect(ada.checkin(grant)).toMatchObject({ kind: 'done' });
    expect(rig.ledger.summary()).toMatchObject({ grants: 1, queued: 1 });
    expect(rig.run({ kind: 'opened' }).events).toMatchObject([
      { kind: 'opened' },
      { kind: 'lingered' },
      { kind: 'granted', fromQueue: true },
    ]);
    expect(rig.ledger.summary()).toMatchObject({ grants: 1, queued: 0 });
  });

  it('answers sessions that are not known any more ENDED with the reason, and lets new ones begin', () => {
    const rig = new LedgerRig(features);
    const stranger = rig.client('stranger');
    stranger.seq = 4;
    stranger.epoch = 2;
    expect(stranger.resume('r1')).toMatchObject({ kind: 'refused', code: 'UNKNOWN_SESSION' });
    rig.run({ kind: 'recover' });
    expect(stranger.resume('r1')).toMatchObject({ kind: 'refused', code: 'ENDED', reason: 'recovered' });
    expect(stranger.checkin('g77')).toMatchObject({ kind: 'refused', code: 'ENDED', reason: 'recovered' });
    expect(stranger.goodbye()).toMatchObject({ kind: 'done' });
    const known = rig.client('known');
    known.checkout('compare');
    known.goodbye();
    expect(known.resume('r1')).toMatchObject({ code: 'ENDED', reason: 'sessionEnded' });
    rig.run({ kind: 'opened' });
    expect(rig.client('new').checkout('compare')).toMatchObject({ kind: 'granted' });
  });

  it('is in the hash and in the snapshot', async () => {
    const rig = new LedgerRig(features);
    const before = rig.ledger.hash();
    rig.run({ kind: 'recover' });
    rig.run({ kind: 'opened' });
    expect(rig.ledger.hash()).not.toBe(before);
    const copy = createLedger({ verifyLicense: () => undefined });
    await copy.restore(rig.ledger.snapshot());
    expect(copy.hash()).toBe(rig.ledger.hash());
    expect(copy.summary()).toEqual(rig.ledger.summary());
  });
});

describe('a ledger of version 1', () => {
  const older = { ledgerVersion: 1 } as const;
  /** What the code that knew version 1 alone made of these commands. */
  const hashThen = '690a5b1f78d7a6d97c024878ee1d7141';

  it('has the hash that it had, and restores from a snapshot of then', async () => {
    const rig = new LedgerRig(features, older);
    rig.client('ada').take('compare');
    expect(rig.ledger.hash()).toBe(hashThen);
    const copy = createLedger({ verifyLicense: () => undefined });
    await copy.restore(rig.ledger.snapshot());
    expect(copy.summary()).toMatchObject({ ledgerVersion: 1, recoveredAtMs: null });
    expect(copy.hash()).toBe(hashThen);
  });

  it('does not recover before it is raised, and then does', () => {
    const rig = new LedgerRig(features, older);
    rig.client('ada').take('compare');
    const hash = rig.ledger.hash();
    expect(rig.reply({ kind: 'recover' })).toMatchObject({ kind: 'rejected', code: 'LEDGER_VERSION' });
    expect(rig.ledger.hash()).toBe(hash);
    expect(rig.reply({ kind: 'raiseVersion', ledgerVersion: recoverVersion })).toEqual({ kind: 'ok' });
    expect(rig.reply({ kind: 'recover' })).toEqual({ kind: 'ok' });
    expect(ledgerVersions.current).toBeGreaterThanOrEqual(recoverVersion);
    expect(rig.client(sessionId('x')).resume('r')).toMatchObject({ code: 'ENDED' });
  });
});
