import { describe, expect, it } from 'vitest';
import { encodeCommand } from './command-codec.ts';
import { createLedger } from './create-ledger.ts';
import { ledgerVersions } from './limits.ts';
import {
  anyHash,
  defaultHoldMs,
  LedgerRig,
  licenseText,
  openCommand,
  startMs,
  testSettings,
} from './testing/ledger-rig.ts';

describe('an opened ledger', () => {
  it('grants, gives back and shows what stands', () => {
    const rig = new LedgerRig([{ name: 'compare', count: 2, version: '12.0' }]);
    const a = rig.client('a');
    const reply = a.checkout('compare');
    expect(reply).toEqual({
      kind: 'granted',
      epoch: 1,
      grant: {
        id: expect.any(String),
        session: a.session,
        feature: 'compare',
        version: '12.0',
        count: 1,
        user: 'user-a',
        host: 'host-a',
        sinceMs: startMs,
        state: 'active',
        leaseMs: 60_000,
        holdMs: defaultHoldMs,
        reclaim: 'lease',
        checkoutSeq: 1,
      },
    });
    expect(rig.pool('compare')).toMatchObject({ inUse: 1, free: 1, queued: 0 });
    const grant = reply.kind === 'granted' ? reply.grant.id : '';
    expect(a.checkin(grant)).toEqual({ kind: 'done', epoch: 1 });
    expect(rig.pool('compare')).toMatchObject({ inUse: 0, free: 2 });
    expect(rig.ledger.summary()).toMatchObject({
      sessions: 1,
      grants: 0,
      queued: 0,
      isOpen: true,
      ledgerVersion: ledgerVersions.current,
    });
  });

  it('resumes a session with all that stands', () => {
    const rig = new LedgerRig([{ name: 'compare', count: 1 }]);
    const [a, b] = [rig.client('a'), rig.client('b')];
    const grant = a.take('compare');
    expect(b.checkout('compare', { waitMs: 5000 })).toMatchObject({ kind: 'queued', entry: { position: 1 } });
    expect(a.resume('r1')).toMatchObject({ kind: 'resumed', epoch: 2, grants: [{ id: grant }], queue: [], ended: [] });
    expect(b.resume('r2')).toMatchObject({ kind: 'resumed', epoch: 2, grants: [], queue: [{ position: 1 }] });
  });
});

describe('prepare', () => {
  const open = openCommand([{ name: 'compare', count: 1 }]);

  it('has the license verified, and its hash compared', async () => {
    const verified: string[] = [];
    const ledger = createLedger({ verifyLicense: (text) => void verified.push(text), licenseHashOf: () => anyHash });
    await ledger.prepare(encodeCommand(open));
    expect(verified).toEqual([open.license]);
    const other = encodeCommand({ ...open, licenseHash: 'f'.repeat(64) });
    await expect(ledger.prepare(other)).rejects.toMatchObject({ code: 'LICENSE_HASH' });
  });

  it('rejects what can not be verified, which fences the server', async () => {
    const ledger = createLedger({ verifyLicense: () => Promise.reject(new Error('signed by somebody else')) });
    const install = { kind: 'install' as const, at: 0, license: open.license, licenseHash: anyHash };
    await expect(ledger.prepare(encodeCommand(open))).rejects.toThrow('somebody else');
    await expect(ledger.prepare(encodeCommand(install))).rejects.toThrow('somebody else');
  });

  it('rejects ledger versions that it does not know, and changes nothing', async () => {
    const rig = new LedgerRig([{ name: 'compare', count: 1 }]);
    const before = rig.ledger.hash();
    for (const command of [
      { ...open, ledgerVersion: ledgerVersions.max + 1 },
      { kind: 'raiseVersion', at: startMs, ledgerVersion: ledgerVersions.max + 1 } as const,
    ])
      await expect(rig.ledger.prepare(encodeCommand(command))).rejects.toMatchObject({ code: 'LEDGER_VERSION' });
    expect(rig.ledger.hash()).toBe(before);
  });

  it('passes everything else at once, also what is no command', () => {
    const rig = new LedgerRig([{ name: 'compare', count: 1 }]);
    expect(rig.ledger.prepare(encodeCommand({ kind: 'tick', at: 0 }))).toBeUndefined();
    expect(rig.ledger.prepare(new Uint8Array([1, 2, 3]))).toBeUndefined();
  });
});

describe('before open', () => {
  it('rejects commands and has nothing to show', () => {
    const ledger = createLedger({ verifyLicense: () => undefined });
    expect(ledger.apply(1, encodeCommand({ kind: 'tick', at: 5 })).reply).toMatchObject({ code: 'NOT_FORMED' });
    expect(ledger.summary()).toMatchObject({ licenseTimeMs: 0, licenseHash: null, settings: null, isOpen: false });
    expect([ledger.license(), ledger.licenseText(), ledger.nextDeadlineMs()]).toEqual([null, null, null]);
    expect(ledger.pools()).toEqual([]);
  });

  it('rejects a license that is none, and stays unopened', () => {
    const ledger = createLedger({ verifyLicense: () => undefined });
    const hash = ledger.hash();
    const reply = ledger.apply(1, encodeCommand(openCommand([], { license: '{' }))).reply;
    expect(reply).toMatchObject({ kind: 'rejected', code: 'LICENSE_INVALID' });
    expect(ledger.hash()).toBe(hash);
  });

  it('opens once', () => {
    const rig = new LedgerRig([{ name: 'compare', count: 1 }]);
    const again = { kind: 'open' as const, license: licenseText([{ name: 'x', count: 9 }]), licenseHash: anyHash };
    const reply = rig.reply({ ...again, settings: testSettings, isNew: true, ledgerVersion: 1 });
    expect(reply).toMatchObject({ kind: 'rejected', code: 'FORMED_ALREADY' });
    expect(rig.pool('x')).toBeUndefined();
  });
});
