import type { SuiteRunner } from '../suite-runner.ts';
import type { WithSubject } from './log-store-subject.ts';
import { chunks, entries, entry, meta, outcome, reopen, shape } from './samples.ts';

/** The owner's record, wiping, opening and closing. */
export function lifeCases({ describe, it, expect }: SuiteRunner, withSubject: WithSubject): void {
  describe("owner's record and life", () => {
    it(
      "keeps the owner's record, up to 64 KiB",
      withSubject(async ({ makeStore }) => {
        const store = makeStore();
        await store.open();
        const largest = new Uint8Array(65_536).fill(3);
        await store.saveOwner(Uint8Array.of(1, 2));
        await store.saveOwner(largest);
        expect(await outcome(store.saveOwner(new Uint8Array(65_537)))).toBe('STORE_MISUSE');
        expect((await store.readOwner())?.every((byte) => byte === 3)).toBe(true);
        const next = makeStore();
        await reopen(store, next);
        expect((await next.readOwner())?.byteLength).toBe(65_536);
        await next.saveOwner(new Uint8Array(0));
        expect((await next.readOwner())?.byteLength).toBe(0);
        await next.close();
      }),
    );

    it(
      'is empty and usable after a wipe',
      withSubject(async ({ makeStore }) => {
        const store = makeStore();
        await store.open();
        await store.write({ vote: { term: 9, votedFor: 'ed25519:a' }, entries: entries(1, 9) });
        await store.saveSnapshot(meta(5), chunks(Uint8Array.of(1)));
        await store.saveOwner(Uint8Array.of(1));
        await store.wipe();
        expect(await store.readOwner()).toBeUndefined();
        expect(await store.readSnapshot()).toBeUndefined();
        await store.write({ entries: [entry(1, 2)] });
        const next = makeStore();
        const contents = await reopen(store, next);
        expect(contents.vote).toEqual({ term: 0, votedFor: null });
        expect(contents.snapshot).toBeUndefined();
        expect(shape(contents.entries)).toEqual(shape([entry(1, 2)]));
        await next.close();
      }),
    );

    it(
      'is for one at a time',
      withSubject(async ({ makeStore }) => {
        const store = makeStore();
        await store.open();
        const second = makeStore();
        expect(await outcome(second.open())).toBe('STORE_IN_USE');
        await store.write({ entries: [entry(1)] });
        await store.close();
        expect((await second.open()).entries.length).toBe(1);
        await second.close();
      }),
    );

    it(
      'finishes what waits, then refuses everything until it is opened anew',
      withSubject(async ({ makeStore }) => {
        const store = makeStore();
        expect(await outcome(store.write({ entries: [entry(1)] }))).toBe('STORE_CLOSED');
        await store.open();
        const writes = [store.write({ entries: [entry(1)] }), store.write({ entries: [entry(2)] })];
        const closing = store.close();
        expect(await outcome(store.write({ entries: [entry(3)] }))).toBe('STORE_CLOSED');
        await closing;
        await Promise.all(writes);
        await store.close();
        for (const call of [
          () => store.write({}),
          () => store.saveSnapshot(meta(1), chunks()),
          () => store.readSnapshot(),
          () => store.compact(0),
          () => store.resetTo(meta(1)),
          () => store.readOwner(),
          () => store.saveOwner(new Uint8Array(0)),
          () => store.wipe(),
          () => store.salvage(),
        ])
          expect(await outcome(call())).toBe('STORE_CLOSED');
        expect(shape((await store.open()).entries)).toEqual(shape(entries(1, 2)));
        await store.write({ entries: [entry(3)] });
        await store.close();
      }),
    );

    it(
      'is opened anew on the same object, as often as it was closed, and wiped there',
      withSubject(async ({ makeStore }) => {
        const store = makeStore();
        for (let life = 1; life <= 3; life++) {
          expect((await store.open()).entries.length).toBe(life - 1);
          expect(await outcome(store.open())).toBe('STORE_MISUSE');
          await store.write({ entries: [entry(life)] });
          await store.saveSnapshot(meta(life), chunks(Uint8Array.of(life)));
          await Promise.all([store.close(), store.close()]);
        }
        expect((await store.open()).snapshot).toEqual(meta(3));
        await store.wipe();
        await store.saveOwner(Uint8Array.of(9));
        await store.close();
        const { entries: left, snapshot } = await store.open();
        expect(left).toEqual([]);
        expect(snapshot).toBeUndefined();
        await store.write({ entries: [entry(1)] });
        await store.close();
      }),
    );
  });
}
