import { ed25519Scheme, signBorrowToken, signLicense } from '@lic/core';
import { createVirtualWorld } from '@lic/testkit';
import { describe, expect, test } from 'vitest';
import { type BorrowStore, keepBorrow } from './kept-borrow.ts';
import { openBorrow } from './open-borrow.ts';

const hourMs = 3_600_000;
const keysOf = (seed: number) => ed25519Scheme.generate(new Uint8Array(32).fill(seed));
const [vendor, server] = await Promise.all([keysOf(1), keysOf(2)]);
const license = await signLicense({
  terms: {
    vendor: 'acme',
    licensee: 'Test',
    servers: [{ rank: 1, name: 's1', address: 'tcp://s1:7411', key: server.publicKey }],
    features: [{ name: 'compare', version: '12.0', count: 1, borrow: { longestSeconds: 3600, countMax: 1 } }],
  },
  privateKeyPem: vendor.privateKeyPem,
  id: 'license-1',
  issuedAt: '2026-01-01T00:00:00Z',
});

/** A store in memory that counts what it is asked. */
function memoryStore(): BorrowStore & { text: string | undefined } {
  const store = {
    text: undefined as string | undefined,
    load: () => Promise.resolve(store.text),
    save: (text: string) => {
      store.text = text;
      return Promise.resolve();
    },
    remove: () => {
      store.text = undefined;
      return Promise.resolve();
    },
  };
  return store;
}

async function borrowed() {
  const world = createVirtualWorld({ seed: 1 });
  const runtime = world.runtime('laptop');
  const store = memoryStore();
  const sinceMs = runtime.now();
  const token = await signBorrowToken(
    {
      borrow: 'b'.repeat(22),
      feature: 'compare',
      version: '12.0',
      count: 1,
      user: 'ann',
      host: 'laptop',
      sinceMs,
      untilMs: sinceMs + hourMs,
      instance: 'triad-1',
      licenses: [license],
      server: server.publicKey,
    },
    server.privateKeyPem,
  );
  await keepBorrow(store, { token, markMs: sinceMs });
  const open = (host = 'laptop') => openBorrow({ store, vendorKey: vendor.publicKey, host, runtime });
  /** Time goes on, whether or not anything happens. */
  const pass = async (ms: number): Promise<void> => {
    let isOver = false;
    world.schedule(ms, () => {
      isOver = true;
    });
    await world.run({ until: () => isOver });
  };
  return { pass, runtime, store, open };
}

describe('a borrow without any server', () => {
  test('holds until its end, and says so once', async () => {
    const { pass, open } = await borrowed();
    const borrow = await open();
    expect(borrow).toMatchObject({ holds: true, borrow: { feature: 'compare', count: 1 } });
    await pass(hourMs - 1000);
    expect([borrow.holds, borrow.signal.aborted]).toEqual([true, false]);
    await pass(1000);
    expect([borrow.holds, borrow.signal.aborted]).toEqual([false, true]);
    await expect(open()).rejects.toMatchObject({ code: 'BORROW_OVER' });
  });

  test('ends no later where the clock is set back', async () => {
    const { pass, runtime, open } = await borrowed();
    const borrow = await open();
    await pass(hourMs / 2);
    await borrow.close();
    runtime.stepWall(-hourMs);
    const again = await open();
    await pass(hourMs / 2 - 1000);
    expect(again.holds).toBe(true);
    await pass(1000);
    expect(again.holds).toBe(false);
    runtime.stepWall(-hourMs);
    await expect(open()).rejects.toMatchObject({ code: 'BORROW_OVER' });
  });

  test('is over at once where the clock is set beyond its end', async () => {
    const { runtime, open } = await borrowed();
    const borrow = await open();
    runtime.stepWall(hourMs);
    expect(borrow.holds).toBe(false);
    runtime.stepWall(-hourMs);
    expect(borrow.holds).toBe(false);
  });

  test('is refused on another host, where nothing is kept and where what is kept is damaged', async () => {
    const { store, open } = await borrowed();
    await expect(open('desktop')).rejects.toMatchObject({ code: 'BORROW_OTHER_HOST' });
    store.text = store.text!.replace('\\"count\\":1', '\\"count\\":2');
    await expect(open()).rejects.toMatchObject({ code: 'BORROW_SIGNATURE' });
    store.text = 'gone';
    await expect(open()).rejects.toMatchObject({ code: 'BORROW_INVALID' });
    store.text = undefined;
    await expect(open()).rejects.toMatchObject({ code: 'BORROW_UNKNOWN' });
  });
});
