import { readFileSync } from 'node:fs';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { type Client, createClient } from './client.ts';
import { DenialError } from './errors.ts';
import type { BorrowStore } from './kept-borrow.ts';
import { fileBorrowStore } from './node.ts';
import { type OpenBorrowOptions, openBorrow as openBorrowWith } from './open-borrow.ts';
import { memoryStore } from './testing/borrow-stores.ts';
import { type ServedTriad, serveTriad } from './testing/served-triad.ts';

const hourMs = 3_600_000;
const feature = { name: 'compare', count: 2, borrow: { longestSeconds: 7200, countMax: 2 } };

async function serving(features = [feature, { ...feature, name: 'merge' }]): Promise<ServedTriad> {
  const served = await serveTriad(features);
  served.triad.giveControl(1);
  return served;
}

const host = 'laptop';
let processes = 0;
/** A process on the laptop: its client has sockets of its own. */
function clientOf({ network, world, addresses, vendorKey }: ServedTriad, on = host): Client {
  const runtime = world.runtime(`process-${++processes}`);
  return createClient({
    servers: addresses,
    transports: [network.transport(`process-${processes}`)],
    vendorKey,
    identity: { user: 'ann', host: on },
    runtime,
  });
}

/** The borrowed seats that the servers count. */
const seatsOf = ({ triad }: ServedTriad): number =>
  [...triad.ledger.grants()].filter(({ state }) => state === 'borrowed').reduce((sum, { count }) => sum + count, 0);
const openOf = ({ world, vendorKey }: ServedTriad, store: BorrowStore) =>
  openBorrowWith({ store, vendorKey, host, runtime: world.runtime('off line') });

describe('a client that borrows', () => {
  test('keeps a token that opens with no server, and gives it back', async () => {
    const served = await serving();
    const store = memoryStore();
    const client = clientOf(served);
    const borrowed = await served.run(client.borrow('compare', { store, for: hourMs, count: 2 }));
    expect(borrowed).toMatchObject({ feature: 'compare', version: '12.0', count: 2, user: 'ann', host });
    // By the servers' time, a moment of which goes by until it is decided.
    expect(borrowed.untilMs - borrowed.sinceMs).toBeGreaterThan(hourMs - 1000);
    await served.run(client.close());
    expect(served.triad.ledger.summary().sessions).toBe(0);
    const open = await openOf(served, store);
    expect([open.holds, seatsOf(served)]).toEqual([true, 2]);
    const later = clientOf(served);
    await served.run(later.returnBorrow(store));
    // What was open here is over before the servers hear of it.
    expect([open.holds, open.signal.aborted, seatsOf(served), store.text]).toEqual([false, true, 0, undefined]);
    await open.close();
    expect(store.text).toBeUndefined();
    await served.run(later.returnBorrow(store));
  });

  test('says until when, where it does not say for how long', async () => {
    const served = await serving();
    const store = memoryStore();
    const until = new Date(Date.UTC(2026, 5, 1) + hourMs);
    const borrowed = await served.run(clientOf(served).borrow('compare', { store, until }));
    expect(borrowed.untilMs).toBe(until.getTime());
  });

  test('is denied as a checkout is, and keeps nothing then', async () => {
    const served = await serving();
    const store = memoryStore();
    const client = clientOf(served);
    const denied = client.borrow('compare', { store, for: 3 * hourMs });
    await expect(served.run(denied)).rejects.toMatchObject({ code: 'BORROW_TOO_LONG' });
    await expect(served.run(denied)).rejects.toBeInstanceOf(DenialError);
    expect(store.text).toBeUndefined();
  });

  test('refuses what makes no sense, and a store that has a borrow', async () => {
    const served = await serving();
    const store = memoryStore();
    const client = clientOf(served);
    const codeOf = (ends: { readonly for?: number; readonly until?: Date }) =>
      // @ts-expect-error: one of the two must be said.
      client.borrow('compare', { store, ...ends }).catch(({ code }: { code: string }) => code);
    expect(await codeOf({})).toBe('INVALID_ARGUMENT');
    expect(await codeOf({ for: 1, until: new Date() })).toBe('INVALID_ARGUMENT');
    expect(await codeOf({ for: 0 })).toBe('INVALID_ARGUMENT');
    expect(await codeOf({ until: new Date(Number.NaN) })).toBe('INVALID_ARGUMENT');
    await served.run(client.borrow('compare', { store, for: hourMs }));
    expect(await codeOf({ for: hourMs })).toBe('BORROW_EXISTS');
    const blind = createClient({
      servers: served.addresses,
      transports: [served.network.transport('blind')],
      insecure: true,
      identity: { user: 'ann', host },
    });
    await expect(blind.borrow('compare', { store, for: 1 })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(blind.returnBorrow(store)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  test('gets its one borrow although the server dies before it answers', async () => {
    const served = await serving();
    const store = memoryStore();
    const asked = clientOf(served).borrow('compare', { store, for: hourMs });
    await served.world.run({ until: () => (served.triad.received.get('borrow') ?? 0) > 0, forMs: 5_000 });
    served.kill(1);
    served.world.schedule(300, () => served.triad.giveControl(2));
    expect(await served.run(asked)).toMatchObject({ feature: 'compare' });
    expect(seatsOf(served)).toBe(1);
    expect((await openOf(served, store)).holds).toBe(true);
  });

  test('gives back what it was lent after it was told to give up', async () => {
    const served = await serving();
    const store = memoryStore();
    const giveUp = new AbortController();
    const client = clientOf(served);
    const asked = client.borrow('compare', { store, for: hourMs, signal: giveUp.signal });
    await served.world.run({ until: () => (served.triad.received.get('borrow') ?? 0) > 0, forMs: 5_000 });
    giveUp.abort(new Error('enough'));
    await expect(asked).rejects.toThrow('enough');
    await served.world.run({ until: () => (served.triad.received.get('return') ?? 0) > 0, forMs: 5_000 });
    await served.world.run({ forMs: 100 });
    expect(seatsOf(served)).toBe(0);
    // The same store, the same client: not the id that is on its way back.
    expect(await served.run(client.borrow('compare', { store, for: hourMs }))).toMatchObject({ count: 1 });
    expect(seatsOf(served)).toBe(1);
  });

  test('notices that another process has given its borrow back', async () => {
    const served = await serving();
    const store = memoryStore();
    await served.run(clientOf(served).borrow('compare', { store, for: hourMs }));
    const open = await openOf(served, store);
    const elsewhere = { ...store, load: store.load, save: store.save, remove: store.remove };
    await served.run(clientOf(served).returnBorrow(elsewhere));
    expect(open.holds).toBe(true);
    await served.world.run({ until: () => open.signal.aborted, forMs: 61_000 });
    expect([open.holds, store.text]).toEqual([false, undefined]);
  });

  test('asks nobody after it was told to give up while it looked at its store', async () => {
    const served = await serving();
    const store = memoryStore();
    const giveUp = new AbortController();
    store.before = () => giveUp.abort(new Error('enough'));
    const asked = clientOf(served).borrow('compare', { store, for: hourMs, signal: giveUp.signal });
    await expect(served.run(asked)).rejects.toThrow('enough');
    expect([served.triad.received.get('borrow'), seatsOf(served), store.text]).toEqual([undefined, 0, undefined]);
  });

  test('takes one seat where it is asked twice at once', async () => {
    const served = await serving();
    const store = memoryStore();
    const clients = [clientOf(served), clientOf(served)];
    const asked = clients.map((client) => client.borrow('compare', { store, for: hourMs }));
    const [first, second] = await served.run(Promise.allSettled(asked));
    expect([first?.status, second]).toMatchObject(['fulfilled', { reason: { code: 'BORROW_EXISTS' } }]);
    expect([seatsOf(served), (await openOf(served, store)).holds]).toEqual([1, true]);
  });

  test('leaves alone what another host has borrowed, as long as that is not over', async () => {
    const served = await serving();
    const store = memoryStore();
    await served.run(clientOf(served).borrow('compare', { store, for: hourMs }));
    const kept = store.text;
    const other = clientOf(served, 'desktop');
    await expect(served.run(other.borrow('compare', { store, for: hourMs }))).rejects.toMatchObject({
      code: 'BORROW_EXISTS',
    });
    expect([store.text, seatsOf(served)]).toEqual([kept, 1]);
  });

  test('gives back on its own what it was lent when it was closed', async () => {
    const served = await serving();
    const store = memoryStore();
    const client = clientOf(served);
    const asked = client.borrow('compare', { store, for: hourMs });
    await served.world.run({ until: () => (served.triad.received.get('borrow') ?? 0) > 0, forMs: 5_000 });
    const closed = client.close();
    await expect(served.run(asked)).rejects.toMatchObject({ code: 'CLOSED' });
    await served.run(closed);
    await served.world.run({ forMs: 1000 });
    expect([seatsOf(served), served.triad.ledger.summary().sessions]).toEqual([0, 0]);
  });

  test('finds out later what became of a borrow that no server could answer', async () => {
    const served = await serving();
    const store = memoryStore();
    const asked = clientOf(served).borrow('compare', { store, for: hourMs });
    await served.world.run({ until: () => (served.triad.received.get('borrow') ?? 0) > 0, forMs: 5_000 });
    served.triad.hasQuorum = false;
    served.triad.giveControl(null);
    await expect(served.run(asked)).rejects.toMatchObject({ code: 'NO_QUORUM' });
    expect(store.text).toContain('pending');
    served.triad.hasQuorum = true;
    served.triad.giveControl(2);
    await served.run(clientOf(served).borrow('compare', { store, for: hourMs }));
    await served.world.run({ forMs: 20_000 });
    expect(seatsOf(served)).toBe(1);
  });

  test('shows a borrow to the servers', async () => {
    const served = await serving();
    const store = memoryStore();
    const client = clientOf(served);
    await expect(served.run(client.presentBorrow(store))).rejects.toMatchObject({ code: 'BORROW_UNKNOWN' });
    await served.run(client.borrow('compare', { store, for: hourMs }));
    await served.run(client.presentBorrow(store));
    expect(served.triad.received.get('present')).toBe(1);
  });

  test('never costs a second seat, whatever crashes on the way', { timeout: 60_000 }, async () => {
    const step = fc.record({
      what: fc.constantFrom('borrow' as const, 'other' as const, 'return' as const),
      /** The process dies at the so-manieth change of its store. */
      crashAt: fc.option(fc.nat(3), { nil: undefined }),
      /** Control moves, and what was not answered yet is committed or lost. */
      movesAfterMs: fc.option(fc.nat(20), { nil: undefined }),
      keepsPending: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), async (steps) => {
        const served = await serving();
        const store = memoryStore();
        let rank = 1;
        for (const { what, crashAt, movesAfterMs, keepsPending } of steps) {
          const client = clientOf(served);
          let changes = 0;
          store.before = () => {
            if (changes++ === crashAt) throw new Error('crashed');
          };
          if (movesAfterMs !== undefined) {
            rank = (rank % 3) + 1;
            const to = rank;
            served.world.schedule(movesAfterMs, () => served.triad.giveControl(to));
            served.triad.keepsPending = keepsPending;
          }
          const asked: Promise<unknown> =
            what === 'return'
              ? client.returnBorrow(store)
              : client.borrow(what === 'borrow' ? 'compare' : 'merge', { store, for: hourMs });
          await served.run(asked.catch(() => undefined));
          await served.run(client.close());
          expect(seatsOf(served)).toBeLessThanOrEqual(1);
          if (store.text?.includes('"token"')) expect(seatsOf(served)).toBe(1);
        }
        store.before = () => undefined;
        await served.run(clientOf(served).returnBorrow(store));
        expect([seatsOf(served), store.text]).toEqual([0, undefined]);
      }),
      { numRuns: 25 },
    );
  });
});

test('docs/borrow.md shows a product that borrows, and every code of an error', async () => {
  const served = await serving();
  const { vendorKey } = served;
  const client = clientOf(served);
  const runtime = served.world.runtime('off line');
  const openBorrow = (options: OpenBorrowOptions) => openBorrowWith({ ...options, runtime });
  const done: string[] = [];
  const [work, save] = [() => done.push('worked'), () => done.push('saved')];
  const store = memoryStore();
  await served.run(
    (async () => {
      await client.borrow('compare', { store, for: 5 * 86_400_000 }).catch(() => undefined);
      await client.borrow('compare', { store, for: hourMs });
      {
        await using borrow = await openBorrow({ store, vendorKey, host: 'laptop' });
        borrow.signal.addEventListener('abort', () => save());
        if (borrow.holds) work();
        await client.returnBorrow(store);
      }
    })(),
  );
  expect(done).toEqual(['worked', 'saved']);
  const page = readFileSync(new URL('../../../docs/borrow.md', import.meta.url), 'utf8');
  const example = /```ts\n(.*?)```/s.exec(page)?.[1] ?? 'no example';
  const here = readFileSync(new URL(import.meta.url), 'utf8')
    .split('\n')
    .map((line) => line.trim());
  const lines = example.split('\n').map((line) => line.trim().replace(/(for: [^}]*) }\);$/, '$1 })'));
  const isShown = (line: string) => here.some((own) => own.startsWith(line.replace(/;$/, '')));
  expect(lines.filter((line) => !/^$|^\/\/|^import |fileBorrowStore/.test(line) && !isShown(line))).toEqual([]);
  const sources = ['open-borrow.ts', 'borrowing.ts', 'kept-borrow.ts', '../../core/src/borrow/borrow-token.ts'].map(
    (name) => readFileSync(new URL(name, import.meta.url), 'utf8'),
  );
  const codes = new Set(sources.flatMap((text) => [...text.matchAll(/'(BORROW_[A-Z_]+)'/g)].map(([, code]) => code)));
  const documented = [...page.matchAll(/^\| `(BORROW_\w+)` \|/gm)].map(([, code]) => code);
  expect(new Set(documented)).toEqual(codes);
});

describe('a file for a borrow', () => {
  const folder = join(tmpdir(), `lic-borrow-${process.pid}`);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test("is its owner's alone, is there whole or not at all, and can be removed twice", async () => {
    const path = join(folder, 'deep', 'compare.borrow');
    const store = fileBorrowStore(path);
    expect(await store.load()).toBeUndefined();
    await store.remove();
    await Promise.all([store.save('one'), store.save('two'), store.save('three')]);
    expect(await store.load()).toBe('three');
    expect(await readFile(path, 'utf8')).toBe('three');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(join(folder, 'deep'))).toEqual(['compare.borrow']);
    await store.remove();
    await store.remove();
    expect(await store.load()).toBeUndefined();
  });

  test('is one store however often it is named, so that a return ends every use of it here', () => {
    const path = join(folder, 'compare.borrow');
    expect(fileBorrowStore(join(folder, 'deep', '..', 'compare.borrow'))).toBe(fileBorrowStore(path));
  });

  test('is written by several processes at once, and still whole', { timeout: 60_000 }, async () => {
    const path = join(folder, 'shared', 'compare.borrow');
    const url = JSON.stringify(new URL('node.ts', import.meta.url).href);
    const texts = ['long '.repeat(5_000), 'short '.repeat(1_000)];
    // Another module each: what two processes share is the file alone. Their pids are told apart by hand.
    const stores = [];
    for (const at of [1, 2]) {
      const { fileBorrowStore: storeOf } = (await import(/* @vite-ignore */ `${JSON.parse(url)}?${at}`)) as {
        fileBorrowStore: typeof fileBorrowStore;
      };
      const pid = Object.getOwnPropertyDescriptor(process, 'pid')!;
      Object.defineProperty(process, 'pid', { ...pid, value: at });
      stores.push(storeOf(path));
      Object.defineProperty(process, 'pid', pid);
    }
    for (let round = 0; round < 50; round++) {
      await Promise.all(stores.map((store, at) => store.save(texts[at]!)));
      expect(texts).toContain(await readFile(path, 'utf8'));
    }
    expect(await readdir(join(folder, 'shared'))).toEqual(['compare.borrow']);
  });
});
