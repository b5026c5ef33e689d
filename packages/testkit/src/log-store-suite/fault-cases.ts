import { isLicError, type LogStore } from '@lic/interfaces';
import type { SuiteRunner } from '../suite-runner.ts';
import type { WithSubject } from './log-store-subject.ts';
import { chunks, collect, entries, entry, meta, outcome, reopen, shape } from './samples.ts';

/** Death of the process. */
export function crashCases({ describe, it, expect }: SuiteRunner, withSubject: WithSubject): void {
  describe('crash', () => {
    it(
      'keeps all that was acknowledged, and of the rest a prefix',
      withSubject(async ({ makeStore, crash }) => {
        let acknowledged = 0;
        let term = 0;
        for (let life = 1; life <= 8; life++) {
          const store = makeStore();
          const contents = await store.open();
          expect(contents.damage).toBeUndefined();
          expect(contents.entries.length).toBeGreaterThanOrEqual(acknowledged);
          expect(shape(contents.entries)).toEqual(shape(contents.entries.map(({ index }) => entry(index))));
          expect(contents.vote.term).toBeGreaterThanOrEqual(term);
          let index = contents.entries.length;
          for (let round = 0; round < 3; round++) {
            const vote = { term: contents.vote.term + round + 1, votedFor: 'ed25519:a' };
            await store.write({ vote, entries: entries(index + 1, index + 4) });
            index += 4;
            acknowledged = index;
            term = vote.term;
          }
          for (let write = 0; write < life * 2; write++, index += 3)
            void store.write({ vote: { term: term + 1, votedFor: null }, entries: entries(index + 1, index + 3) });
          await crash();
        }
      }),
    );

    it(
      'has a snapshot whole or not at all',
      withSubject(async ({ makeStore, crash }) => {
        const store = makeStore();
        await store.open();
        await store.write({ entries: entries(1, 9) });
        await store.saveSnapshot(meta(4), chunks(Uint8Array.of(4)));
        void store.saveSnapshot(meta(8), chunks(new Uint8Array(1_000).fill(8), new Uint8Array(1_000).fill(8)));
        await crash();
        const next = makeStore();
        const { snapshot } = await next.open();
        const { bytes } = await collect((await next.readSnapshot())?.chunks ?? chunks());
        expect([4, 8].includes(snapshot?.index ?? 0)).toBe(true);
        expect(bytes.byteLength).toBe(snapshot?.index === 8 ? 2_000 : 1);
        await next.close();
      }),
    );
  });
}

/** Errors of a disk. */
export function faultCases({ describe, it, expect }: SuiteRunner, withSubject: WithSubject): void {
  describe('faults', () => {
    for (const code of ['STORE_FULL', 'STORE_BLOCKED'] as const) {
      it(
        `counts nothing of a write that met ${code}, and may succeed later`,
        withSubject(async ({ makeStore, failNext }) => {
          const store = makeStore();
          await store.open();
          await store.write({ vote: { term: 1, votedFor: 'ed25519:a' }, entries: entries(1, 2) });
          failNext(code);
          const refused = store.write({ vote: { term: 9, votedFor: 'ed25519:b' }, entries: entries(2, 5, 9) });
          expect(await refused.catch((error: unknown) => isLicError(error, code) && error.retryable)).toBe(true);
          expect(await outcome(store.write({ entries: [entry(6, 9)] }))).toBe('STORE_GAP');
          await store.write({ entries: [entry(3, 1)] });
          const next = makeStore();
          const contents = await reopen(store, next);
          expect(contents.damage).toBeUndefined();
          expect(shape(contents.entries)).toEqual(shape(entries(1, 3)));
          expect(contents.vote).toEqual({ term: 1, votedFor: 'ed25519:a' });
          await next.close();
        }),
      );

      it(
        `counts nothing of a write that met ${code} where the store is opened before the next one`,
        withSubject(async ({ makeStore, failNext }) => {
          const store = makeStore();
          await store.open();
          await store.write({ entries: entries(1, 2) });
          failNext(code);
          expect(await outcome(store.write({ entries: entries(3, 4) }))).toBe(code);
          const next = makeStore();
          expect(shape((await reopen(store, next)).entries)).toEqual(shape(entries(1, 2)));
          await next.close();
        }),
      );

      it(
        `refuses the writes that waited behind one that met ${code}`,
        withSubject(async ({ makeStore, failNext }) => {
          const store = makeStore();
          await store.open();
          failNext(code);
          const outcomes = [1, 2, 3].map((index) => outcome(store.write({ entries: [entry(index)] })));
          expect(await Promise.all(outcomes)).toEqual([code, code, code]);
          await store.write({ entries: entries(1, 2) });
          await store.close();
        }),
      );
    }

    it(
      'is as if never called where there is no space for a snapshot',
      withSubject(async ({ makeStore, failNext }) => {
        const store = makeStore();
        await store.open();
        await store.write({ entries: entries(1, 3) });
        failNext('STORE_FULL');
        expect(await outcome(store.saveSnapshot(meta(2), chunks(Uint8Array.of(1))))).toBe('STORE_FULL');
        expect(await store.readSnapshot()).toBeUndefined();
        await store.write({ entries: [entry(4)] });
        await store.saveSnapshot(meta(2), chunks(Uint8Array.of(1)));
        await store.close();
      }),
    );

    it(
      'does nothing more after an I/O error until it is opened anew',
      withSubject(async ({ makeStore, failNext }) => {
        const store = makeStore();
        await store.open();
        await store.write({ entries: entries(1, 2) });
        failNext('STORE_FAILED');
        const waiting = [3, 4].map((index) => outcome(store.write({ entries: [entry(index)] })));
        expect(await Promise.all(waiting)).toEqual(['STORE_FAILED', 'STORE_FAILED']);
        for (const call of [
          () => store.write({ entries: [entry(3)] }),
          () => store.saveSnapshot(meta(1), chunks()),
          () => store.compact(0),
          () => store.saveOwner(new Uint8Array(0)),
          () => store.wipe(),
        ])
          expect(await outcome(call())).toBe('STORE_FAILED');
        const next = makeStore();
        const contents = await reopen(store, next);
        expect(contents.damage).toBeUndefined();
        expect(shape(contents.entries.slice(0, 2))).toEqual(shape(entries(1, 2)));
        await next.write({ entries: [entry(3, 2)] });
        await next.close();
      }),
    );
  });
}

/** Bit rot. */
export function damageCases({ describe, it, expect }: SuiteRunner, withSubject: WithSubject): void {
  describe('damage', () => {
    it(
      'says what was lost, and writes nothing until it is wiped',
      withSubject(async ({ makeStore, damageLog }) => {
        const store = makeStore();
        await store.open();
        for (let index = 1; index <= 20; index++) await store.write({ entries: [entry(index)] });
        await store.saveOwner(Uint8Array.of(7));
        await store.close();
        await damageLog();
        const next = makeStore();
        const { damage } = await next.open();
        expect(damage).toBeDefined();
        expect((damage?.file.length ?? 0) > 0 && (damage?.what.length ?? 0) > 0).toBe(true);
        expect(damage?.offset).toBeGreaterThanOrEqual(0);
        expect(await outcome(next.write({ vote: { term: 1, votedFor: null } }))).toBe('STORE_FAILED');
        expect(await outcome(next.saveSnapshot(meta(1), chunks()))).toBe('STORE_FAILED');
        expect([...((await next.readOwner()) ?? [])]).toEqual([7]);
        await next.saveOwner(Uint8Array.of(8));
        const again = makeStore();
        expect((await reopen(next, again)).damage).toBeDefined();
        await again.wipe();
        await again.write({ entries: [entry(1)] });
        const last = makeStore();
        expect((await reopen(again, last)).damage).toBeUndefined();
        await last.close();
      }),
    );

    it(
      'falls back to the reserve where the newest snapshot is damaged and the log reaches the reserve',
      withSubject(async ({ makeStore, damageSnapshot }) => {
        const store = makeStore();
        await store.open();
        // More than one segment's worth, so that dropping too much shows.
        for (let index = 1; index <= 30; index++) await store.write({ entries: [entry(index, 1, 4_000)] });
        await store.saveSnapshot(meta(10), chunks(Uint8Array.of(10)));
        await store.saveSnapshot(meta(20), chunks(Uint8Array.of(20)));
        await store.compact(20);
        await store.close();
        await damageSnapshot();
        const next = makeStore();
        const contents = await next.open();
        expect(contents.damage).toBeUndefined();
        expect(contents.snapshot).toEqual(meta(10));
        expect(contents.entries.some(({ index }) => index === 11)).toBe(true);
        expect(contents.entries.at(-1)?.index).toBe(30);
        expect([...(await collect((await next.readSnapshot())?.chunks ?? chunks())).bytes]).toEqual([10]);
        await next.saveSnapshot(meta(20), chunks(Uint8Array.of(21)));
        await next.close();
      }),
    );

    it(
      'is damaged where no valid snapshot reaches the log',
      withSubject(async ({ makeStore, damageSnapshot }) => {
        const store = makeStore();
        await store.open();
        await store.write({ entries: entries(1, 5) });
        await store.saveSnapshot(meta(20, 2), chunks(Uint8Array.of(20)));
        await store.resetTo(meta(20, 2));
        await store.write({ entries: [entry(21, 2)] });
        await store.close();
        await damageSnapshot();
        const next = makeStore();
        const contents = await next.open();
        expect(contents.damage).toBeDefined();
        expect(contents.snapshot).toBeUndefined();
        await next.close();
      }),
    );

    it(
      'keeps the sound beginning where it is salvaged, with vote and owner, and goes on from there',
      withSubject(async ({ makeStore, damageLog }) => {
        const store = makeStore();
        await store.open();
        await store.write({ vote: { term: 1, votedFor: 'ed25519:a' } });
        for (let index = 1; index <= 20; index++) await store.write({ entries: [entry(index)] });
        await store.saveOwner(Uint8Array.of(7));
        await store.close();
        await damageLog();
        const next = makeStore();
        const damaged = await next.open();
        expect(damaged.damage).toBeDefined();
        const salvaged = await next.salvage();
        expect(salvaged).toEqual({ ...damaged, damage: undefined });
        const last = salvaged.entries.length;
        expect(last).toBeLessThanOrEqual(19);
        expect(shape(salvaged.entries)).toEqual(shape(entries(1, last)));
        expect([...((await next.readOwner()) ?? [])]).toEqual([7]);
        expect(await outcome(next.salvage())).toBe('STORE_MISUSE');
        await next.write({ vote: { term: 8, votedFor: null }, entries: [entry(last + 1, 8)] });
        const again = makeStore();
        const contents = await reopen(next, again);
        expect(contents.damage).toBeUndefined();
        expect(contents.vote).toEqual({ term: 8, votedFor: null });
        expect(shape(contents.entries)).toEqual(shape([...entries(1, last), entry(last + 1, 8)]));
        await again.close();
      }),
    );

    it(
      'is empty where it is salvaged and no valid snapshot reaches the log',
      withSubject(async ({ makeStore, damageSnapshot }) => {
        const store = makeStore();
        await store.open();
        await store.write({ vote: { term: 3, votedFor: null }, entries: entries(1, 5) });
        await store.saveSnapshot(meta(20, 2), chunks(Uint8Array.of(20)));
        await store.resetTo(meta(20, 2));
        await store.write({ entries: [entry(21, 2)] });
        await store.close();
        await damageSnapshot();
        const next = makeStore();
        await next.open();
        const salvaged = await next.salvage();
        expect(salvaged).toEqual({
          vote: { term: 3, votedFor: null },
          snapshot: undefined,
          entries: [],
          damage: undefined,
        });
        expect(await next.readSnapshot()).toBeUndefined();
        await next.write({ entries: [entry(1, 4)] });
        await next.saveSnapshot(meta(1, 4), chunks(Uint8Array.of(1)));
        const again = makeStore();
        const contents = await reopen(next, again);
        expect(contents.damage).toBeUndefined();
        expect(contents.snapshot).toEqual(meta(1, 4));
        expect(shape(contents.entries)).toEqual(shape([entry(1, 4)]));
        await again.close();
      }),
    );
  });
}

/** Death of the process in the middle of a salvage. */
export function salvageCrashCases({ describe, it, expect }: SuiteRunner, withSubject: WithSubject): void {
  describe('crash and damage', () => {
    it(
      'is as damaged as before, or salvaged, where a crash comes between',
      withSubject(async ({ makeStore, damageLog, crash }) => {
        const store = makeStore();
        await store.open();
        await store.write({ vote: { term: 1, votedFor: 'ed25519:a' } });
        for (let index = 1; index <= 20; index++) await store.write({ entries: [entry(index)] });
        await store.saveOwner(Uint8Array.of(7));
        await store.close();
        await damageLog();
        let found: Awaited<ReturnType<LogStore['open']>> | undefined;
        for (let life = 0; life < 20; life++) {
          const next = makeStore();
          const contents = await next.open();
          const { damage, ...rest } = contents;
          found ??= contents;
          expect({ ...rest, damage: found.damage }).toEqual(found);
          expect([...((await next.readOwner()) ?? [])]).toEqual([7]);
          if (damage !== undefined) void next.salvage();
          await crash();
        }
      }),
    );
  });
}
