import { describe, expect, it } from 'vitest';
import { encodeCommand } from './command-codec.ts';
import { createLedger } from './create-ledger.ts';
import { ledgerLimits, ledgerVersions } from './limits.ts';
import type { LedgerEvent } from './results.ts';
import { anyHash, LedgerRig, licenseText, serverKeys, startMs, type TestFeature } from './testing/ledger-rig.ts';

const otherHash = '1'.repeat(64);

function install(rig: LedgerRig, features: readonly TestFeature[], changes: Record<string, unknown> = {}) {
  return rig.run({ kind: 'install', license: licenseText(features, changes), licenseHash: otherHash });
}

describe('install', () => {
  it('puts another license in force', () => {
    const rig = new LedgerRig([{ name: 'compare', count: 1 }]);
    const { reply, events } = install(rig, [{ name: 'merge', count: 2 }], { licensee: 'Somebody' });
    expect(reply).toEqual({ kind: 'ok' });
    expect(events).toEqual([{ kind: 'licenseInstalled', licenseHash: otherHash }]);
    expect(rig.ledger.summary().licenseHash).toBe(otherHash);
    expect(rig.ledger.license()).toMatchObject({ licensee: 'Somebody' });
    expect(rig.ledger.licenseText()).toContain('Somebody');
    expect(rig.ledger.pools().map(({ feature }) => feature)).toEqual(['merge']);
  });

  it('evicts nobody from a pool that shrank, and denies until it fits (I2)', () => {
    const rig = new LedgerRig([{ name: 'compare', count: 3 }]);
    const a = rig.client('a');
    const grants = [a.take('compare'), a.take('compare'), a.take('compare')];
    expect(install(rig, [{ name: 'compare', count: 2 }]).events).toHaveLength(1);
    expect(rig.pool('compare')).toMatchObject({ count: 2, inUse: 3, free: 0 });
    a.checkin(grants[0]!);
    expect(a.checkout('compare')).toMatchObject({ denial: { code: 'NO_SEATS', count: 2, inUse: 2 } });
    a.checkin(grants[1]!);
    expect(a.checkout('compare')).toMatchObject({ kind: 'granted' });
  });

  it('makes grants of what it no longer names ending; the pool goes with the last', () => {
    const rig = new LedgerRig([
      { name: 'compare', count: 2 },
      { name: 'merge', count: 1 },
    ]);
    const a = rig.client('a');
    const grants = [a.take('compare'), a.take('compare')];
    rig.run({ kind: 'revoke', grants: [grants[0]!], reason: 'x' });
    const { events } = install(rig, [{ name: 'merge', count: 1 }]);
    expect(events).toMatchObject([
      { kind: 'ending', grant: { id: grants[1], ending: { reason: 'removed' } } },
      { kind: 'licenseInstalled' },
    ]);
    expect(rig.pool('compare')).toMatchObject({ count: 0, inUse: 2, free: 0 });
    expect(a.checkout('compare')).toMatchObject({ denial: { code: 'UNKNOWN_FEATURE' } });
    a.acknowledge(...grants);
    expect(rig.pool('compare')).toBeUndefined();
  });

  it('works a large pool off in bounded steps, whatever ends in between', () => {
    const rig = new LedgerRig([
      { name: 'compare', count: 'uncounted' },
      { name: 'merge', count: 1 },
    ]);
    const a = rig.client('a');
    const step = ledgerLimits.endsPerCommandMax;
    const grants = Array.from({ length: 2 * step + 5 }, () => a.take('compare'));
    const endings = (events: readonly LedgerEvent[]) => events.filter(({ kind }) => kind === 'ending').length;
    expect(endings(install(rig, [{ name: 'merge', count: 1 }]).events)).toBe(step);
    expect(rig.ledger.nextDeadlineMs()).toBe(rig.atMs);
    // The next step comes before the command's own work, which ends the very grant that the one after would begin with.
    const { reply, events } = rig.run({ kind: 'checkin', ...a.envelope(), grant: grants[2 * step]! });
    expect([reply.kind, endings(events)]).toEqual(['done', step]);
    expect(endings(rig.run({ kind: 'tick' }).events)).toBe(4);
    expect(rig.ledger.nextDeadlineMs()).toBeNull();
    expect(rig.pool('compare')).toMatchObject({ inUse: 2 * step + 4 });
    expect([...rig.ledger.endingGrants()]).toHaveLength(2 * step + 4);
  });

  it('takes a removed pool up again where a later license names it, in any spelling of its version', () => {
    const rig = new LedgerRig([{ name: 'compare', count: 2, version: '12.0' }]);
    const a = rig.client('a');
    const ending = a.take('compare');
    install(rig, [{ name: 'merge', count: 1 }]);
    install(rig, [{ name: 'compare', count: 2, version: '12' }]);
    expect(rig.ledger.pools()).toMatchObject([{ feature: 'compare', version: '12', count: 2, inUse: 1 }]);
    expect(rig.ledger.grant(ending)).toMatchObject({ state: 'ending', version: '12' });
    a.take('compare');
  });

  it('ends queue places that nothing can serve any more', () => {
    const rig = new LedgerRig([{ name: 'compare', count: 3 }]);
    const holder = rig.client('holder');
    holder.take('compare', { count: 3 });
    const [large, small] = [rig.client('large'), rig.client('small')];
    large.checkout('compare', { count: 3, waitMs: 60_000 });
    small.checkout('compare', { waitMs: 60_000 });
    const { events } = install(rig, [{ name: 'compare', count: 2 }]);
    expect(events).toMatchObject([{ kind: 'unqueued', why: 'removed', entry: { session: large.session } }, {}]);
    expect(large.checkout('compare', {}, 1)).toMatchObject({ denial: { code: 'COUNT_TOO_HIGH', requested: 3 } });
    expect(small.checkout('compare', {}, 1)).toMatchObject({ kind: 'queued', entry: { position: 1 } });
    install(rig, [{ name: 'merge', count: 1 }]);
    expect(small.checkout('compare', {}, 1)).toMatchObject({ denial: { code: 'UNKNOWN_FEATURE' } });
  });

  it('changes neither lease nor hold of grants that stand', () => {
    const rig = new LedgerRig([{ name: 'compare', count: 2, leaseSeconds: 30, reclaim: 'disconnect' }]);
    const a = rig.client('a');
    const grant = a.take('compare');
    install(rig, [{ name: 'compare', count: 2, leaseSeconds: 90 }]);
    expect(rig.ledger.grant(grant)).toMatchObject({ leaseMs: 30_000, holdMs: 31_300, reclaim: 'disconnect' });
    expect(rig.ledger.grant(a.take('compare'))).toMatchObject({ leaseMs: 90_000, reclaim: 'lease' });
  });

  it.each([
    ['another vendor', { vendor: 'other' }, 'OTHER_VENDOR'],
    [
      'two other servers',
      { servers: [server(0, serverKeys[1]), server(1, serverKeys[2]), server(2, serverKeys[0])] },
      'ONE_SERVER_AT_A_TIME',
    ],
    ['nonsense', { features: [] }, 'LICENSE_INVALID'],
  ])('refuses %s and leaves the license in force', (_what, changes, code) => {
    const rig = new LedgerRig([{ name: 'compare', count: 1 }], {
      license: licenseText([{ name: 'compare', count: 1 }], { servers: [server(0, serverKeys[0])] }),
    });
    const before = rig.ledger.hash();
    const servers = { servers: [server(0, serverKeys[0])] };
    expect(install(rig, [{ name: 'merge', count: 1 }], { ...servers, ...changes }).reply).toMatchObject({ code });
    expect(rig.ledger.hash()).toBe(before);
  });

  it('accepts new names, addresses and ranks of the same servers', () => {
    const rig = new LedgerRig([{ name: 'compare', count: 1 }]);
    const servers = [server(0, serverKeys[2]), server(1, serverKeys[0]), server(2, serverKeys[1])];
    expect(install(rig, [{ name: 'compare', count: 1 }], { servers }).reply).toEqual({ kind: 'ok' });
  });
});

describe('install with another server', () => {
  it('takes one for one, and lets go of a drain of the one that is gone', () => {
    const license = (keys: readonly string[]) => ({ servers: keys.map((key, at) => server(at, key)) });
    const rig = new LedgerRig([{ name: 'compare', count: 1 }]);
    const [first, second, third] = serverKeys;
    rig.run({ kind: 'drain', server: third, on: true });
    const [fourth, fifth] = ['D', 'E'].map((letter) => `ed25519:${letter.repeat(42)}A`) as [string, string];
    expect(install(rig, [{ name: 'compare', count: 1 }], license([first, fourth, fifth])).reply).toMatchObject({
      code: 'ONE_SERVER_AT_A_TIME',
    });
    expect(rig.ledger.summary().drained).toEqual([third]);
    expect(install(rig, [{ name: 'compare', count: 1 }], license([first, fourth, second])).reply).toEqual({
      kind: 'ok',
    });
    expect(rig.ledger.summary().drained).toEqual([]);
  });
});

it('a license exchanges no server under ledger version 1, which had no rule for it', () => {
  const rig = new LedgerRig([{ name: 'compare', count: 1 }], { ledgerVersion: 1 });
  const [first, second, third] = serverKeys;
  const next = { servers: [first, second, `ed25519:${'D'.repeat(42)}A`].map((key, at) => server(at, key)) };
  rig.run({ kind: 'drain', server: third, on: true });
  expect(install(rig, [{ name: 'compare', count: 1 }], next).reply).toMatchObject({ code: 'ONE_SERVER_AT_A_TIME' });
  rig.run({ kind: 'raiseVersion', ledgerVersion: 2 });
  expect(install(rig, [{ name: 'compare', count: 1 }], next).reply).toEqual({ kind: 'ok' });
});

describe('drain', () => {
  it('is kept until it is taken back', () => {
    const rig = new LedgerRig([{ name: 'compare', count: 1 }]);
    const drain = { kind: 'drain', server: serverKeys[1], on: true } as const;
    expect(rig.run(drain).events).toEqual([{ kind: 'drainChanged', server: serverKeys[1], on: true }]);
    expect(rig.run(drain)).toEqual({ reply: { kind: 'ok' }, events: [] });
    expect(rig.ledger.summary().drained).toEqual([serverKeys[1]]);
    rig.run({ ...drain, on: false });
    expect(rig.ledger.summary().drained).toEqual([]);
    expect(rig.reply({ ...drain, server: 'ed25519:x' })).toMatchObject({ code: 'UNKNOWN_SERVER' });
  });
});

describe('the ledger version', () => {
  it('is refused where it is not known: before the command, and in a snapshot', async () => {
    const old = { min: 1, max: 1 };
    const rig = new LedgerRig([{ name: 'compare', count: 1 }], { ledgerVersion: 1 });
    const ledger = createLedger({ verifyLicense: () => undefined, versions: old });
    await ledger.restore(rig.ledger.snapshot());
    const raise = encodeCommand({ kind: 'raiseVersion', at: startMs, ledgerVersion: 2 });
    await expect(ledger.prepare(raise)).rejects.toMatchObject({
      code: 'LEDGER_VERSION',
      details: { version: 2, ...old },
    });
    expect(ledger.summary().ledgerVersion).toBe(1);
    rig.run({ kind: 'raiseVersion', ledgerVersion: 2 });
    await expect(ledger.restore(rig.ledger.snapshot())).rejects.toMatchObject({ code: 'LEDGER_VERSION' });
    // Nor is one that this code has left behind.
    const newer = createLedger({ verifyLicense: () => undefined, versions: { min: 3, max: 4 } });
    await expect(newer.restore(rig.ledger.snapshot())).rejects.toMatchObject({ code: 'LEDGER_VERSION' });
  });

  it('only ever rises, to what is known', () => {
    const rig = new LedgerRig([{ name: 'compare', count: 1 }]);
    const { current, max } = ledgerVersions;
    expect(rig.reply({ kind: 'raiseVersion', ledgerVersion: current })).toMatchObject({ code: 'VERSION_IN_FORCE' });
    expect(rig.reply({ kind: 'raiseVersion', ledgerVersion: max + 1 })).toMatchObject({ code: 'LEDGER_VERSION' });
    expect(rig.ledger.summary()).toMatchObject({ ledgerVersion: current, licenseHash: anyHash });
  });
});

function server(i: number, key: string) {
  return { rank: i + 1, name: `n${i + 1}`, address: `tcp://n${i + 1}:7411`, key };
}
