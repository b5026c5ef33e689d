import type { LogEntry } from '@lic/interfaces';
import type { SuiteRunner } from '../suite-runner.ts';
import type { WithSubject } from './log-store-subject.ts';
import { chunks, entries, entry, meta, outcome, reopen, shape } from './samples.ts';

/** Term, vote and entries. */
export function logCases({ describe, it, expect }: SuiteRunner, withSubject: WithSubject): void {
  describe('vote and entries', () => {
    it(
      'is empty at first',
      withSubject(async ({ makeStore }) => {
        const store = makeStore();
        const contents = await store.open();
        expect(contents).toEqual({
          vote: { term: 0, votedFor: null },
          snapshot: undefined,
          entries: [],
          damage: undefined,
        });
        expect(await store.readSnapshot()).toBeUndefined();
        expect(await store.readOwner()).toBeUndefined();
        await store.close();
      }),
    );

    it(
      'keeps the newest vote, also one for nobody',
      withSubject(async ({ makeStore }) => {
        const store = makeStore();
        await store.open();
        await store.write({ vote: { term: 3, votedFor: 'ed25519:a' } });
        const second = makeStore();
        expect((await reopen(store, second)).vote).toEqual({ term: 3, votedFor: 'ed25519:a' });
        await second.write({ vote: { term: 4, votedFor: null } });
        const third = makeStore();
        expect((await reopen(second, third)).vote).toEqual({ term: 4, votedFor: null });
        await third.close();
      }),
    );

    it(
      'keeps entries of every kind with their bytes',
      withSubject(async ({ makeStore }) => {
        const store = makeStore();
        await store.open();
        const list: LogEntry[] = [
          { index: 1, term: 1, kind: 'noop', data: new Uint8Array(0) },
          { index: 2, term: 1, kind: 'config', data: Uint8Array.of(9, 8, 7) },
          { index: 3, term: 7, kind: 'command', data: new Uint8Array(100_000).map((_, at) => at * 7) },
          { index: 4, term: Number.MAX_SAFE_INTEGER, kind: 'command', data: new Uint8Array(0) },
        ];
        await store.write({ vote: { term: 7, votedFor: null }, entries: list });
        const next = makeStore();
        const contents = await reopen(store, next);
        expect(shape(contents.entries)).toEqual(shape(list));
        for (const [at, { data }] of contents.entries.entries())
          expect(data.every((byte, offset) => byte === list[at]?.data[offset])).toBe(true);
        expect(contents.vote.term).toBe(7);
        await next.close();
      }),
    );

    it(
      'replaces an entry and all after it',
      withSubject(async ({ makeStore }) => {
        const store = makeStore();
        await store.open();
        await store.write({ entries: entries(1, 9, 1) });
        await store.write({ entries: entries(5, 6, 2) });
        await store.write({ entries: [entry(7, 3)] });
        const next = makeStore();
        const contents = await reopen(store, next);
        expect(shape(contents.entries)).toEqual(shape([...entries(1, 4, 1), ...entries(5, 6, 2), entry(7, 3)]));
        await next.write({ entries: [entry(1, 4)] });
        const last = makeStore();
        expect(shape((await reopen(next, last)).entries)).toEqual(shape([entry(1, 4)]));
        await last.close();
      }),
    );

    it(
      'does overlapping writes in the order of their calls',
      withSubject(async ({ makeStore }) => {
        const store = makeStore();
        await store.open();
        const resolved: number[] = [];
        const writes: Promise<void>[] = [];
        for (let index = 1; index <= 200; index++) {
          const write = store.write({ vote: { term: index, votedFor: null }, entries: [entry(index, index)] });
          writes.push(write.then(() => void resolved.push(index)));
        }
        writes.push(store.write({ entries: [entry(150, 900)] }));
        await Promise.all(writes);
        expect(resolved).toEqual(Array.from({ length: 200 }, (_, at) => at + 1));
        const next = makeStore();
        const contents = await reopen(store, next);
        expect(contents.vote.term).toBe(200);
        expect(contents.entries.length).toBe(150);
        expect(contents.entries.at(-1)?.term).toBe(900);
        await next.close();
      }),
    );

    it(
      'refuses what would leave a gap, with all that goes with it',
      withSubject(async ({ makeStore }) => {
        const store = makeStore();
        await store.open();
        const vote = { term: 99, votedFor: null };
        expect(await outcome(store.write({ vote, entries: [entry(2)] }))).toBe('STORE_GAP');
        await store.write({ entries: entries(1, 3) });
        expect(await outcome(store.write({ vote, entries: [entry(4), entry(6)] }))).toBe('STORE_GAP');
        expect(await outcome(store.write({ vote, entries: [entry(5)] }))).toBe('STORE_GAP');
        expect(await outcome(store.write({ vote, entries: [entry(0)] }))).toBe('STORE_GAP');
        await store.write({ entries: [entry(4)] });
        const next = makeStore();
        const contents = await reopen(store, next);
        expect(shape(contents.entries)).toEqual(shape(entries(1, 4)));
        expect(contents.vote.term).toBe(0);
        await next.close();
      }),
    );

    it(
      'keeps everything after what it may drop',
      withSubject(async ({ makeStore }) => {
        const store = makeStore();
        await store.open();
        await store.write({ vote: { term: 5, votedFor: 'ed25519:b' }, entries: entries(1, 40) });
        expect(await outcome(store.compact(1))).toBe('STORE_MISUSE');
        await store.saveSnapshot(meta(20), chunks(Uint8Array.of(1)));
        expect(await outcome(store.compact(21))).toBe('STORE_MISUSE');
        await store.compact(20);
        await store.compact(3);
        const next = makeStore();
        const contents = await reopen(store, next);
        expect(contents.snapshot).toEqual(meta(20));
        expect(contents.vote).toEqual({ term: 5, votedFor: 'ed25519:b' });
        const first = contents.entries[0]?.index ?? 0;
        expect(first).toBeLessThanOrEqual(21);
        expect(shape(contents.entries)).toEqual(shape(entries(first, 40)));
        await next.write({ entries: entries(41, 42) });
        const last = makeStore();
        expect((await reopen(next, last)).entries.at(-1)?.index).toBe(42);
        await last.close();
      }),
    );

    it(
      'replaces nothing that was dropped',
      withSubject(async ({ makeStore }) => {
        const store = makeStore();
        await store.open();
        await store.write({ entries: entries(1, 5) });
        await store.saveSnapshot(meta(9, 2), chunks(Uint8Array.of(1)));
        await store.resetTo(meta(9, 2));
        expect(await outcome(store.write({ entries: [entry(9, 2)] }))).toBe('STORE_GAP');
        expect(await outcome(store.write({ entries: [entry(11, 2)] }))).toBe('STORE_GAP');
        await store.write({ entries: entries(10, 12, 2) });
        const next = makeStore();
        const contents = await reopen(store, next);
        expect(shape(contents.entries)).toEqual(shape(entries(10, 12, 2)));
        expect(contents.snapshot).toEqual(meta(9, 2));
        await next.close();
      }),
    );
  });
}
