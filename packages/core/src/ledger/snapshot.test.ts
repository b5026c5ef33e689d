import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLedger } from './create-ledger.ts';
import type { Ledger } from './ledger-contract.ts';
import { ledgerLimits, ledgerVersions } from './limits.ts';
import { LedgerRig } from './testing/ledger-rig.ts';
import { eventArbitrary, RandomLife } from './testing/random-life.ts';

const empty = () => createLedger({ verifyLicense: () => undefined });

async function taken(ledger: Ledger): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of ledger.snapshot()) chunks.push(chunk);
  return chunks;
}

async function* given(...chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

/** All that a ledger shows. */
function shown(ledger: Ledger) {
  return {
    hash: ledger.hash(),
    summary: ledger.summary(),
    license: ledger.licenseText(),
    pools: ledger.pools(),
    grants: [...ledger.grants()],
    ending: [...ledger.endingGrants()],
    sessions: [...ledger.sessionIds()].map((id) => [ledger.session(id), ledger.grantsOf(id), ledger.queueOf(id)]),
    heads: ledger.queueHeads(),
    deadline: ledger.nextDeadlineMs(),
    bounds: [ledger.shortestHoldMs(), ledger.longestHoldMs(), ledger.longestLeaseMs()],
  };
}

/** A rig with some sessions; each holds `grantsEach`. */
function crowd(sessions: number, grantsEach: number): LedgerRig {
  const rig = new LedgerRig([{ name: 'compare', count: 'uncounted' }]);
  for (let i = 0; i < sessions; i++) {
    const client = rig.client(`c${i}`);
    for (let n = 0; n < grantsEach; n++) {
      client.awaited = client.seq + 1;
      client.take('compare');
    }
  }
  return rig;
}

describe('a snapshot', () => {
  it('restores to the same state, and to the same answers from there on', async () => {
    const events = fc.array(eventArbitrary, { maxLength: 120, size: 'max' });
    await fc.assert(
      fc.asyncProperty(events, fc.nat(120), async (all, at) => {
        const life = new RandomLife();
        for (const event of all.slice(0, at)) life.live(event);
        const copy = empty();
        await copy.restore(life.rig.ledger.snapshot());
        expect(shown(copy)).toEqual(shown(life.rig.ledger));
        const { index } = life.rig;
        for (const event of all.slice(at)) life.live(event);
        for (let i = index; i < life.rig.index; i++) copy.apply(i + 1, life.rig.log[i]!);
        expect(shown(copy)).toEqual(shown(life.rig.ledger));
      }),
      { numRuns: 60 },
    );
  });

  it('is of the moment of the call, although commands are applied while it is taken', async () => {
    const rig = crowd(3000, 2);
    const frozen = shown(rig.ledger);
    const snapshot = rig.ledger.snapshot();
    const chunks: Uint8Array[] = [];
    let next = 0;
    // Every command between two chunks changes, ends or begins something on both sides of where the snapshot is.
    for await (const chunk of snapshot) {
      chunks.push(chunk);
      for (let i = 0; i < 300; i++, next++) {
        const [ended] = rig.ledger.grantsOf(rig.client(`c${(next * 7) % 3000}`).session);
        const client = rig.client(`c${(next * 7) % 3000}`);
        Object.assign(client, { epoch: 1, seq: 2 });
        if (ended !== undefined) client.checkin(ended.id);
        rig.client(`new${next}`).take('compare');
      }
    }
    expect(chunks.length).toBeGreaterThan(5);
    const copy = empty();
    await copy.restore(given(...chunks));
    expect(shown(copy)).toEqual(frozen);
    expect(shown(rig.ledger)).not.toEqual(frozen);
  });

  it('of an unopened ledger is one, too', async () => {
    const copy = empty();
    await copy.restore(empty().snapshot());
    expect(shown(copy)).toEqual(shown(empty()));
  });

  it('comes in chunks of at most 256 KiB, and takes at most 60 bytes per grant', async () => {
    const rig = crowd(2000, 5);
    const chunks = await taken(rig.ledger);
    const bytes = chunks.reduce((sum, { length }) => sum + length, 0);
    expect(Math.max(...chunks.map(({ length }) => length))).toBeLessThanOrEqual(256 * 1024);
    // Sessions included: the promise is without.
    expect(bytes / 10_000).toBeLessThan(60);
  });

  it('may be cut into chunks anew', async () => {
    const ledger = crowd(50, 2).ledger;
    const bytes = Buffer.concat(await taken(ledger));
    for (const size of [1, 7, 1000, bytes.length]) {
      const pieces: Uint8Array[] = [];
      for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
      const copy = empty();
      await copy.restore(given(...pieces));
      expect(copy.hash()).toBe(ledger.hash());
    }
  });

  it('that is left, or that too many are begun after, keeps nothing more', async () => {
    const rig = crowd(20, 1);
    const left = rig.ledger.snapshot();
    for await (const _chunk of left) break;
    const begun = Array.from({ length: ledgerLimits.snapshotsMax + 1 }, () => rig.ledger.snapshot());
    rig.client('c0').resume('r');
    const whole = async (snapshot: AsyncIterable<Uint8Array>) => {
      for await (const _chunk of snapshot);
    };
    await expect(whole(begun[0]!)).rejects.toMatchObject({ code: 'SNAPSHOT_BROKEN_OFF' });
    for (const snapshot of begun.slice(1)) await whole(snapshot);
  });
});

describe('restore', () => {
  const damaged = async (change: (bytes: Buffer) => Uint8Array) => {
    const source = new LedgerRig([{ name: 'compare', count: 2, version: '12.0' }]);
    const [a, b] = [source.client('a'), source.client('b')];
    a.take('compare', { count: 2 });
    b.checkout('compare', { waitMs: 60_000 });
    b.checkout('unknown');
    source.client('c').checkout('unknown');
    source.run({ kind: 'reclaim', session: source.client('c').session, silentMs: 1e9 });
    return change(Buffer.concat(await taken(source.ledger)));
  };
  const target = crowd(3, 1).ledger;
  const before = shown(target);
  const refuses = async (bytes: Uint8Array, code = 'SNAPSHOT_INVALID') => {
    await expect(target.restore(given(bytes))).rejects.toMatchObject({ code });
    expect(shown(target)).toEqual(before);
  };

  it('refuses a snapshot that is cut short at any place, and leaves the state as it was', async () => {
    const whole = await damaged((bytes) => bytes);
    for (let length = 0; length < whole.length; length += 13) await refuses(whole.subarray(0, length));
    await refuses(whole.subarray(0, whole.length - 1));
    await refuses(Buffer.concat([whole, Buffer.from([0])]));
    await refuses(Buffer.concat([whole, whole]));
  });

  it('refuses one with a bit wrong in any of its bytes', async () => {
    const whole = await damaged((bytes) => bytes);
    for (let at = 0; at < whole.length; at++) {
      const flipped = Buffer.from(whole);
      flipped[at]! ^= 1 << (at % 8);
      const refusal = await target.restore(given(flipped)).catch((error: { code: string }) => error.code);
      expect(['SNAPSHOT_INVALID', 'LEDGER_VERSION']).toContain(refusal ?? `accepted with byte ${at} wrong`);
    }
    expect(shown(target)).toEqual(before);
  });

  it('refuses what is something else', async () => {
    await refuses(new Uint8Array(0));
    await refuses(Buffer.from('PK\u0003\u0004 surely something else'));
    await refuses(new Uint8Array(300).fill(255));
  });

  it('says so where it is of a later format or later rules', async () => {
    // After the block's length and the magic: the format; after the hash and eight counts: the ledger version.
    const formatAt = 4 + 1 + 'lic ledger'.length;
    await refuses(await damaged((bytes) => bytes.fill(9, formatAt, formatAt + 1)), 'LEDGER_VERSION');
    const versionAt = formatAt + 1 + 33 + 8;
    await refuses(
      await damaged((bytes) => bytes.fill(ledgerVersions.max + 1, versionAt, versionAt + 1)),
      'LEDGER_VERSION',
    );
  });

  it('refuses one with a licensed pool that it calls removed', async () => {
    const whole = Buffer.from(await damaged((bytes) => bytes));
    // The second block has the one pool: its last byte says whether it is removed.
    const poolsAt = 4 + whole.readUInt32LE(0);
    whole[poolsAt + 3 + whole.readUInt32LE(poolsAt)] = 1;
    await refuses(whole);
  });

  it('passes on what the chunks fail with', async () => {
    const failing = (async function* () {
      yield new Uint8Array(1);
      throw new Error('the disk is gone');
    })();
    await expect(target.restore(failing)).rejects.toThrow('the disk is gone');
  });
});
