import { type SeededRandom, seededRandom } from '@lic/testkit';
import { describe, expect, it } from 'vitest';
import { SimulatedMachine } from './testing/simulated-machine.ts';

async function* chunks(random: SeededRandom): AsyncGenerator<Uint8Array> {
  for (let count = random.between(0, 3); count > 0; count--) {
    await Promise.resolve();
    yield new Uint8Array(random.between(1, 2_000)).fill(count);
  }
}

describe('crashes', () => {
  it('find every acknowledged write on the disk itself: the sync comes before the answer', async () => {
    const machine = new SimulatedMachine();
    for (let index = 1; index <= 30; index++) {
      const store = machine.makeStore();
      expect((await store.open()).entries.length).toBe(index - 1);
      await store.write({ entries: [{ index, term: 1, kind: 'command', data: Uint8Array.of(index) }] });
      machine.cutPower();
    }
  });

  it('do not leave in memory alone what the next life believes', async () => {
    const machine = new SimulatedMachine();
    const first = machine.makeStore();
    await first.open();
    await first.write({ entries: [{ index: 1, term: 1, kind: 'command', data: new Uint8Array(8) }] });
    // The system says once that the sync failed, and then takes the pages for written.
    machine.disk.onCall = ({ kind }) => (kind === 'sync' ? { code: 'EIO' } : undefined);
    await expect(
      first.write({ entries: [{ index: 2, term: 1, kind: 'command', data: new Uint8Array(8) }] }),
    ).rejects.toMatchObject({ code: 'STORE_FAILED' });
    machine.disk.onCall = () => undefined;
    await first.close();
    const second = machine.makeStore();
    const found = (await second.open()).entries.length;
    machine.cutPower();
    expect((await machine.makeStore().open()).entries.length).toBe(found);
  });

  it('right after a rename do not leave it in memory alone', async () => {
    for (let turns = 0; turns < 200; turns++) {
      const machine = new SimulatedMachine();
      const store = machine.makeStore();
      await store.open();
      await store.write({ entries: [{ index: 1, term: 1, kind: 'command', data: new Uint8Array(8) }] });
      // The segment that is prepared meanwhile would make the folder durable, too.
      for (let turn = 0; turn < 60; turn++) await Promise.resolve();
      void store.saveSnapshot({ index: 1, term: 1, config: new Uint8Array(0) }, chunks(seededRandom(1)));
      void store.saveOwner(Uint8Array.of(1));
      for (let turn = 0; turn < turns; turn++) await Promise.resolve();
      machine.kill();
      const second = machine.makeStore();
      const { snapshot } = await second.open();
      const owner = await second.readOwner();
      machine.cutPower();
      const third = machine.makeStore();
      expect((await third.open()).snapshot).toEqual(snapshot);
      expect(await third.readOwner()).toEqual(owner);
    }
  });

  it('may come again and again while a log is opened', async () => {
    for (let turns = 0; turns < 300; turns += 3) {
      const machine = new SimulatedMachine();
      const store = machine.makeStore();
      await store.open();
      await store.write({ entries: [{ index: 1, term: 1, kind: 'command', data: new Uint8Array(8) }] });
      await store.saveSnapshot({ index: 9, term: 2, config: new Uint8Array(0) }, chunks(seededRandom(turns)));
      machine.cutPower();
      void machine.makeStore().open();
      for (let turn = 0; turn < turns; turn++) await Promise.resolve();
      const random = seededRandom(turns);
      machine.cutPower(() => random.chance(0.5));
      const contents = await machine.makeStore().open();
      expect(contents).toMatchObject({ damage: undefined, snapshot: { index: 9 }, entries: [] });
    }
  });

  it('in the middle of a wipe leave an empty store', async () => {
    for (let turns = 0; turns < 120; turns += 2) {
      const machine = new SimulatedMachine();
      const store = machine.makeStore();
      await store.open();
      await store.write({
        vote: { term: 4, votedFor: null },
        entries: [{ index: 1, term: 1, kind: 'command', data: new Uint8Array(8) }],
      });
      await store.saveOwner(Uint8Array.of(1));
      void store.wipe();
      for (let turn = 0; turn < turns; turn++) await Promise.resolve();
      const random = seededRandom(turns);
      machine.cutPower(() => random.chance(0.5));
      const next = machine.makeStore();
      const { damage, vote, entries } = await next.open();
      expect(damage).toBeUndefined();
      const isThere = (await next.readOwner()) !== undefined;
      expect([vote.term, entries.length]).toEqual(isThere ? [4, 1] : [0, 0]);
      await next.close();
    }
  });

  it.each(['log', 'snapshot'] as const)(
    'in the middle of a salvage leave it as damaged, or salvaged (%s)',
    async (what) => {
      const outcomes = new Set<boolean>();
      for (let turns = 0; turns < 160; turns++) {
        const machine = new SimulatedMachine(8_192);
        const store = machine.makeStore();
        await store.open();
        for (let index = 1; index <= 12; index++)
          await store.write({
            vote: { term: index, votedFor: null },
            entries: [{ index, term: 1, kind: 'command', data: new Uint8Array(900) }],
          });
        const config = new Uint8Array(0);
        await store.saveSnapshot({ index: 4, term: 1, config }, chunks(seededRandom(1)));
        if (what === 'snapshot') await store.saveSnapshot({ index: 30, term: 1, config }, chunks(seededRandom(2)));
        await store.saveOwner(Uint8Array.of(5));
        await store.close();
        if (what === 'log') machine.disk.flip('log-0000000002.seg', 5_200);
        else machine.disk.flip(machine.disk.names().findLast((name) => name.startsWith('snapshot')) ?? '', 40);
        const damaged = await machine.makeStore().open();
        expect(damaged.damage).toBeDefined();
        expect(damaged.entries.length).toBeGreaterThan(4);
        machine.kill();
        const next = machine.makeStore();
        await next.open();
        void next.salvage();
        for (let turn = 0; turn < turns; turn++) await Promise.resolve();
        const random = seededRandom(turns);
        machine.cutPower(() => random.chance(0.5));
        const last = machine.makeStore();
        const found = await last.open();
        expect({ ...found, damage: undefined }, `${turns} turns`).toEqual({ ...damaged, damage: undefined });
        expect(await last.readOwner()).toEqual(Uint8Array.of(5));
        outcomes.add(found.damage === undefined);
        if (found.damage !== undefined) expect((await last.salvage()).damage).toBeUndefined();
        await last.close();
      }
      expect(outcomes.size).toBe(2);
    },
  );
});
