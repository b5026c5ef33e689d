import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createLedger } from './create-ledger.ts';
import type { Ledger } from './ledger-contract.ts';
import { ledgerVersions, recoverVersion, termsVersion } from './limits.ts';
import { anyHash, LedgerRig, licenseText, startMs, type Wish } from './testing/ledger-rig.ts';

/** A log, and the snapshot and hash that the code which knew no higher version came to with it. */
interface Known {
  readonly log: readonly Uint8Array[];
  readonly snapshot: string;
  readonly hash: string;
}

function knownOf(version: number): Known {
  const file = new URL(`./testing/ledger-version-${version}.json`, import.meta.url);
  const known = JSON.parse(readFileSync(file, 'utf8')) as Omit<Known, 'log'> & { readonly log: readonly string[] };
  return { ...known, log: known.log.map((text) => new TextEncoder().encode(text)) };
}

const empty = () => createLedger({ verifyLicense: () => undefined });

async function* chunk(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function bytesOf(ledger: Ledger): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const one of ledger.snapshot()) chunks.push(one);
  return Buffer.concat(chunks).toString('base64');
}

async function restored({ snapshot }: Known): Promise<Ledger> {
  const ledger = empty();
  await ledger.restore(chunk(Buffer.from(snapshot, 'base64')));
  return ledger;
}

function run(ledger: Ledger, command: object) {
  return ledger.apply(1, new TextEncoder().encode(JSON.stringify({ at: startMs + 5000, ...command }))).reply;
}

const [first, second] = [knownOf(1), knownOf(2)];

describe.each([
  [1, first, { grants: 3, queued: 2, recoveredAtMs: null }],
  [2, second, { grants: 3, queued: 1, recoveredAtMs: startMs + 2000 }],
])('ledger version %d', (version, known, summary) => {
  it('is applied as its own code applied it, and written as its own code reads it', async () => {
    const ledger = empty();
    for (const [at, bytes] of known.log.entries()) ledger.apply(at + 1, bytes);
    expect(ledger.summary()).toMatchObject({ ledgerVersion: version, ...summary });
    expect(ledger.hash()).toBe(known.hash);
    expect(await bytesOf(ledger)).toBe(known.snapshot);
  });

  it('is read from a snapshot of that time', async () => {
    const ledger = await restored(known);
    expect(ledger.hash()).toBe(known.hash);
    expect(await bytesOf(ledger)).toBe(known.snapshot);
  });

  it('goes on under the newest version with all that it held, the same whether it came from the log or a snapshot', async () => {
    const [one, other] = [empty(), await restored(known)];
    for (const [at, bytes] of known.log.entries()) one.apply(at + 1, bytes);
    for (const ledger of [one, other]) {
      for (let next = version + 1; next <= ledgerVersions.max; next++)
        expect(run(ledger, { kind: 'raiseVersion', ledgerVersion: next })).toEqual({ kind: 'ok' });
      run(ledger, { kind: 'tick' });
    }
    expect(other.hash()).toBe(one.hash());
    expect([...other.grants()]).toEqual([...one.grants()]);
    const copy = empty();
    await copy.restore(one.snapshot());
    expect(copy.hash()).toBe(one.hash());
    expect(copy.summary()).toEqual(one.summary());
  });

  it('passes over what a checkout says for later terms, as its own code does', () => {
    const checkedOut = (wish: Wish) => {
      const rig = new LedgerRig([{ name: 'compare', count: 1 }], { ledgerVersion: version });
      rig.client('a').take('compare', wish);
      rig.client('b').checkout('compare', { waitMs: 60_000, ...wish });
      rig.run({ kind: 'raiseVersion', ledgerVersion: termsVersion });
      return rig.ledger.hash();
    };
    expect(checkedOut({ releasedAt: 'no date', display: ':0', shareKey: 'k' })).toBe(checkedOut({}));
  });
});

describe('ledger version 1', () => {
  it('takes no terms of a later version before the version is raised', async () => {
    const ledger = await restored(first);
    const features = [{ name: 'compare', count: 3, version: '12.0', expiresAt: '2027-01-01', graceDays: 5 }];
    const install = { kind: 'install', license: licenseText(features), licenseHash: anyHash };
    expect(run(ledger, install)).toMatchObject({ kind: 'rejected', code: 'LEDGER_VERSION' });
    expect(ledger.license()?.features).toHaveLength(3);
    expect(run(ledger, { kind: 'raiseVersion', ledgerVersion: recoverVersion })).toEqual({ kind: 'ok' });
    expect(run(ledger, install)).toMatchObject({ kind: 'rejected', code: 'LEDGER_VERSION' });

    expect(run(ledger, { kind: 'raiseVersion', ledgerVersion: termsVersion })).toEqual({ kind: 'ok' });
    expect(run(ledger, install)).toEqual({ kind: 'ok' });
    expect(ledger.license()?.features).toHaveLength(1);
  });

  it('may be opened with, too, while other servers know no other', () => {
    const features = [{ name: 'compare', count: 1, expiresAt: '2027-01-01', graceDays: 5 }];
    expect(new LedgerRig(features, { ledgerVersion: 1 }).ledger.license()).toBeNull();
    expect(new LedgerRig([{ name: 'compare', count: 1 }], { ledgerVersion: 1 }).ledger.license()).not.toBeNull();
  });
});
