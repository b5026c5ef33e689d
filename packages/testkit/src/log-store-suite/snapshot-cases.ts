import type { SuiteRunner } from '../suite-runner.ts';
import type { WithSubject } from './log-store-subject.ts';
import { chunks, collect, entries, entry, meta, outcome, reopen, shape } from './samples.ts';

/** Snapshots, and how the log begins behind them. */
export function snapshotCases({ describe, it, expect }: SuiteRunner, withSubject: WithSubject): void {
  describe('snapshots', () => {
    it(
      'gives the newest back, in chunks of at most 256 KiB',
      withSubject(async ({ makeStore }) => {
        const store = makeStore();
        await store.open();
        const body = new Uint8Array(700_000).map((_, at) => at % 251);
        await store.saveSnapshot(meta(3), chunks(Uint8Array.of(5)));
        await store.saveSnapshot(meta(8, 2), chunks(body.subarray(0, 10), new Uint8Array(0), body.subarray(10)));
        const next = makeStore();
        expect((await reopen(store, next)).snapshot).toEqual(meta(8, 2));
        for (let time = 0; time < 2; time++) {
          const read = await next.readSnapshot();
          expect(read?.meta).toEqual(meta(8, 2));
          const { bytes, chunkBytesMax } = await collect(read?.chunks ?? chunks());
          expect(chunkBytesMax).toBeLessThanOrEqual(256 * 1_024);
          expect(bytes.every((byte, at) => byte === body[at])).toBe(true);
          expect(bytes.byteLength).toBe(body.byteLength);
        }
        await next.close();
      }),
    );

    it(
      'keeps one that has no bytes',
      withSubject(async ({ makeStore }) => {
        const store = makeStore();
        await store.open();
        await store.saveSnapshot({ index: 1, term: 1, config: new Uint8Array(0) }, chunks());
        const next = makeStore();
        expect((await reopen(store, next)).snapshot?.index).toBe(1);
        expect((await collect((await next.readSnapshot())?.chunks ?? chunks(Uint8Array.of(1)))).bytes.length).toBe(0);
        await next.close();
      }),
    );

    it(
      'refuses one that is not newer',
      withSubject(async ({ makeStore }) => {
        const store = makeStore();
        await store.open();
        await store.saveSnapshot(meta(5), chunks(Uint8Array.of(5)));
        expect(await outcome(store.saveSnapshot(meta(5, 2), chunks()))).toBe('SNAPSHOT_OLD');
        expect(await outcome(store.saveSnapshot(meta(4), chunks()))).toBe('SNAPSHOT_OLD');
        expect((await store.readSnapshot())?.meta).toEqual(meta(5));
        await store.close();
      }),
    );

    it(
      'is as if never called where its chunks fail',
      withSubject(async ({ makeStore }) => {
        const store = makeStore();
        await store.open();
        await store.saveSnapshot(meta(5), chunks(Uint8Array.of(5)));
        const broken = async function* (): AsyncGenerator<Uint8Array> {
          yield* chunks(Uint8Array.of(1, 2, 3));
          throw Object.assign(new Error('The sender is gone.'), { code: 'GONE' });
        };
        expect(await outcome(store.saveSnapshot(meta(9), broken()))).toBe('GONE');
        expect((await store.readSnapshot())?.meta).toEqual(meta(5));
        await store.saveSnapshot(meta(9), chunks(Uint8Array.of(9)));
        const next = makeStore();
        expect((await reopen(store, next)).snapshot).toEqual(meta(9));
        await next.close();
      }),
    );

    it(
      'lets writes go on while one is saved, and while one is read',
      withSubject(async ({ makeStore }) => {
        const store = makeStore();
        await store.open();
        let finish = (): void => {};
        const held = new Promise<void>((resolve) => {
          finish = resolve;
        });
        const slow = async function* (): AsyncGenerator<Uint8Array> {
          yield Uint8Array.of(1);
          await held;
          yield Uint8Array.of(2);
        };
        const saving = store.saveSnapshot(meta(1), slow());
        await store.write({ entries: entries(1, 3) });
        finish();
        await saving;
        const read = await store.readSnapshot();
        await store.saveSnapshot(meta(2), chunks(Uint8Array.of(3)));
        await store.saveSnapshot(meta(3), chunks(Uint8Array.of(4)));
        await store.compact(3);
        expect([...(await collect(read?.chunks ?? chunks())).bytes]).toEqual([1, 2]);
        await store.close();
      }),
    );

    it(
      'begins the log anew behind one from elsewhere',
      withSubject(async ({ makeStore }) => {
        const store = makeStore();
        await store.open();
        await store.write({ vote: { term: 2, votedFor: 'ed25519:c' }, entries: entries(1, 30) });
        await store.saveSnapshot(meta(20, 2), chunks(Uint8Array.of(7)));
        expect(await outcome(store.resetTo(meta(19, 2)))).toBe('STORE_MISUSE');
        await store.resetTo(meta(20, 2));
        const next = makeStore();
        const contents = await reopen(store, next);
        expect(contents.entries).toEqual([]);
        expect(contents.vote).toEqual({ term: 2, votedFor: 'ed25519:c' });
        await next.write({ entries: [entry(21, 2)] });
        const last = makeStore();
        expect(shape((await reopen(next, last)).entries)).toEqual(shape([entry(21, 2)]));
        await last.close();
      }),
    );

    for (const [name, index, term] of [
      ['is ahead of the log', 50, 2],
      ['contradicts the log', 20, 2],
    ] as const) {
      it(
        `finishes at open what a crash before resetTo left, where the snapshot ${name}`,
        withSubject(async ({ makeStore }) => {
          const store = makeStore();
          await store.open();
          await store.write({ entries: entries(1, 30) });
          await store.saveSnapshot(meta(index, term), chunks(Uint8Array.of(7)));
          const next = makeStore();
          expect((await reopen(store, next)).entries).toEqual([]);
          await next.write({ entries: [entry(index + 1, term)] });
          const last = makeStore();
          expect(shape((await reopen(next, last)).entries)).toEqual(shape([entry(index + 1, term)]));
          await last.close();
        }),
      );
    }

    it(
      'does in the order of calls what nobody waited for',
      withSubject(async ({ makeStore }) => {
        const store = makeStore();
        await store.open();
        await Promise.all([
          store.write({ entries: entries(1, 5) }),
          store.saveSnapshot(meta(9, 3), chunks(Uint8Array.of(1))),
          store.resetTo(meta(9, 3)),
          store.write({ entries: [entry(10, 3)] }),
          store.saveOwner(Uint8Array.of(1)),
          store.wipe(),
          store.saveSnapshot(meta(4), chunks(Uint8Array.of(2))),
          store.resetTo(meta(4)),
          store.write({ entries: [entry(5, 1)] }),
          store.close(),
        ]);
        const next = makeStore();
        const contents = await next.open();
        expect(contents.snapshot).toEqual(meta(4));
        expect(shape(contents.entries)).toEqual(shape([entry(5, 1)]));
        expect(await next.readOwner()).toBeUndefined();
        await next.close();
      }),
    );
  });
}
