import { describe, expect, it } from 'vitest';
import { licenseSetHash } from '../license/license-set.ts';
import { parseLicense } from '../license/parse-license.ts';
import { licenseHash } from '../license/sign-license.ts';
import { encodeCommand } from './command-codec.ts';
import { createLedger } from './create-ledger.ts';
import { anyHash, LedgerRig, licenseText, openCommand, type TestFeature } from './testing/ledger-rig.ts';

const compare: TestFeature = { name: 'compare', count: 2 };
const second = (features: readonly TestFeature[], changes = {}) =>
  licenseText(features, { id: 'license-2', ...changes });

function install(rig: LedgerRig, others: readonly string[]) {
  return rig.run({ kind: 'install', license: licenseText([compare]), others, licenseHash: anyHash });
}

describe('several license files', () => {
  it('add up by feature and version, each for its own time', () => {
    const rig = new LedgerRig([compare]);
    const year = { count: 3, startsAt: '2026-06-02', expiresAt: '2026-06-10' };
    expect(
      install(rig, [
        second([
          { ...compare, version: '1', ...year },
          { name: 'merge', count: 1 },
        ]),
      ]).reply,
    ).toEqual({
      kind: 'ok',
    });
    expect(rig.ledger.pools()).toMatchObject([
      { feature: 'compare', count: 2 },
      { feature: 'merge', count: 1 },
    ]);
    rig.atMs = rig.ledger.nextDeadlineMs()!;
    const a = rig.client('a');
    const grant = a.take('compare', { count: 5 });
    expect(rig.pool('compare')).toMatchObject({ count: 5, inUse: 5, expiresAtMs: null });
    // The period of one file is over: nobody is evicted, and nobody new is served.
    rig.atMs = Date.UTC(2026, 5, 11);
    expect(rig.run({ kind: 'tick' }).events).toEqual([]);
    expect(rig.pool('compare')).toMatchObject({ count: 2, inUse: 5, free: 0 });
    a.checkin(grant);
    expect(a.checkout('compare', { count: 3 })).toMatchObject({ denial: { code: 'COUNT_TOO_HIGH', count: 2 } });
  });

  it('are all in the snapshot, in the hash and in the views', async () => {
    const rig = new LedgerRig([compare]);
    const before = rig.ledger.hash();
    const others = [second([{ name: 'merge', count: 1 }])];
    install(rig, others);
    expect(rig.ledger.hash()).not.toBe(before);
    expect(rig.ledger.licenseTexts()).toEqual([licenseText([compare]), ...others]);
    expect(rig.ledger.license()?.features).toHaveLength(2);
    const copy = createLedger({ verifyLicense: () => undefined });
    await copy.restore(rig.ledger.snapshot());
    expect([copy.hash(), copy.licenseTexts(), copy.pools()]).toEqual([
      rig.ledger.hash(),
      rig.ledger.licenseTexts(),
      rig.ledger.pools(),
    ]);
  });

  it('that do not go together are rejected, and change nothing', () => {
    const rig = new LedgerRig([compare]);
    expect(install(rig, [second([{ ...compare, leaseSeconds: 20 }])]).reply).toMatchObject({
      kind: 'rejected',
      code: 'LICENSE_SET',
    });
    expect(install(rig, [second([compare], { vendor: 'other' })]).reply).toMatchObject({ code: 'LICENSE_SET' });
    expect(rig.pool('compare')).toMatchObject({ count: 2 });
    const old = new LedgerRig([compare], { ledgerVersion: 1 });
    expect(install(old, [second([compare])]).reply).toMatchObject({ code: 'LEDGER_VERSION' });
  });

  it.each([
    ['another set', 3, [compare], {}],
    ['another vendor', 3, [compare], { vendor: 'other' }],
    ['terms that are not known yet', 1, [{ ...compare, overdraft: 1 }], {}],
    ['terms that are known', 3, [{ ...compare, overdraft: 1 }], {}],
    ['several files too early', 2, [compare], { id: 'license-2' }],
  ])('are foretold as a reload of them would be answered: %s', (_what, ledgerVersion, features, changes) => {
    const rig = new LedgerRig([compare], { ledgerVersion });
    const isSet = 'id' in changes;
    const texts = isSet
      ? { license: licenseText([compare]), others: [second(features)] }
      : { license: licenseText(features, changes) };
    const before = rig.ledger.hash();
    const refusal = rig.ledger.installRefusal(texts);
    expect(rig.ledger.hash()).toBe(before);
    const reply = rig.reply({ kind: 'install', ...texts, licenseHash: anyHash });
    expect(refusal === null ? { kind: 'ok' } : { kind: 'rejected', ...refusal }).toEqual(reply);
  });

  it('are verified one by one, and by the hash of the set', async () => {
    const seen: string[] = [];
    const ledger = createLedger({
      verifyLicense: (text) => void seen.push(text),
      licenseHashOf: (text) => licenseHash(parseLicense(text)),
    });
    const texts = [licenseText([compare]), second([compare])];
    const hashes = texts.map((text) => licenseHash(parseLicense(text)));
    const command = { ...openCommand([compare]), others: texts.slice(1), licenseHash: licenseSetHash(hashes) };
    await ledger.prepare(encodeCommand(command));
    expect(seen).toEqual(texts);
    await expect(ledger.prepare(encodeCommand({ ...command, licenseHash: hashes[0]! }))).rejects.toMatchObject({
      code: 'LICENSE_HASH',
    });
  });
});
