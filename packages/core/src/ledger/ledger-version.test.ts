import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createLedger } from './create-ledger.ts';
import type { Ledger } from './ledger-contract.ts';
import { recoverVersion, termsVersion } from './limits.ts';
import { anyHash, LedgerRig, licenseText, startMs } from './testing/ledger-rig.ts';

/** A log, and the snapshot and hash that the code of ledger version 1 came to with it. */
const first = JSON.parse(readFileSync(new URL('./testing/ledger-version-1.json', import.meta.url), 'utf8')) as {
  readonly log: readonly string[];
  readonly snapshot: string;
  readonly hash: string;
};
const log = first.log.map((text) => new TextEncoder().encode(text));

const empty = () => createLedger({ verifyLicense: () => undefined });

async function* chunk(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function bytesOf(ledger: Ledger): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const one of ledger.snapshot()) chunks.push(one);
  return Buffer.concat(chunks).toString('base64');
}

async function restored(): Promise<Ledger> {
  const ledger = empty();
  await ledger.restore(chunk(Buffer.from(first.snapshot, 'base64')));
  return ledger;
}

function run(ledger: Ledger, command: object) {
  return ledger.apply(1, new TextEncoder().encode(JSON.stringify({ at: startMs + 5000, ...command }))).reply;
}

describe('ledger version 1', () => {
  it('is applied as its own code applied it, and written as its own code reads it', async () => {
    const ledger = empty();
    for (const [at, bytes] of log.entries()) ledger.apply(at + 1, bytes);
    expect(ledger.summary()).toMatchObject({ ledgerVersion: 1, grants: 3, queued: 2 });
    expect(ledger.hash()).toBe(first.hash);
    expect(await bytesOf(ledger)).toBe(first.snapshot);
  });

  it('is read from a snapshot of that time', async () => {
    const ledger = await restored();
    expect(ledger.hash()).toBe(first.hash);
    expect(await bytesOf(ledger)).toBe(first.snapshot);
  });

  it('takes no terms of a later version before the version is raised', async () => {
    const ledger = await restored();
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

  it('goes on under the newest version with all that it held, the same whether it came from the log or a snapshot', async () => {
    const [one, other] = [empty(), await restored()];
    for (const [at, bytes] of log.entries()) one.apply(at + 1, bytes);
    for (const ledger of [one, other]) {
      run(ledger, { kind: 'raiseVersion', ledgerVersion: termsVersion });
      run(ledger, { kind: 'tick' });
    }
    expect(other.hash()).toBe(one.hash());
    expect([...other.grants()]).toEqual([...one.grants()]);
    const copy = empty();
    await copy.restore(one.snapshot());
    expect(copy.hash()).toBe(one.hash());
    expect(copy.summary()).toEqual(one.summary());
  });

  it('may be opened with, too, while other servers know no other', () => {
    const features = [{ name: 'compare', count: 1, expiresAt: '2027-01-01', graceDays: 5 }];
    expect(new LedgerRig(features, { ledgerVersion: 1 }).ledger.license()).toBeNull();
    expect(new LedgerRig([{ name: 'compare', count: 1 }], { ledgerVersion: 1 }).ledger.license()).not.toBeNull();
  });
});
