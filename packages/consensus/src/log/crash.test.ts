import type { LogEntry, LogStore, LogWrite, SnapshotMeta, StoreContents, Vote } from '@lic/interfaces';
import { type SeededRandom, seededRandom } from '@lic/testkit';
import { describe, expect, it } from 'vitest';
import { SimulatedMachine } from './testing/simulated-machine.ts';

const runs = 40;
const livesPerRun = 8;

/** What a store should hold: a model of the contract. */
interface Model {
  readonly vote: Vote;
  readonly baseIndex: number;
  readonly entries: readonly LogEntry[];
}

/** What a model comes to by a write. */
function written(model: Model, { vote, entries = [] }: LogWrite): Model {
  const first = entries[0]?.index ?? model.baseIndex + model.entries.length + 1;
  return {
    vote: vote ?? model.vote,
    baseIndex: model.baseIndex,
    entries: [...model.entries.slice(0, first - model.baseIndex - 1), ...entries],
  };
}

/** One line for everything that counts: what is before the snapshot may be there or not. */
function line(vote: Vote, entries: readonly LogEntry[], afterIndex: number): string {
  const list = entries
    .filter(({ index }) => index > afterIndex)
    .map(({ index, term, data }) => `${index}@${term}+${data.byteLength}`);
  return `${vote.term}/${vote.votedFor} ${list.join(' ')}`;
}

function drawWrite(random: SeededRandom, model: Model, commitIndex: number): LogWrite {
  const last = model.baseIndex + model.entries.length;
  const term = Math.max(1, model.vote.term);
  const vote = random.chance(0.3) ? { term: term + 1, votedFor: random.chance(0.5) ? 'ed25519:abc' : null } : undefined;
  if (vote !== undefined && random.chance(0.3)) return { vote };
  const first = random.chance(0.15) ? random.between(Math.min(commitIndex + 1, last + 1), last + 1) : last + 1;
  const entries = Array.from({ length: random.between(1, 4) }, (_, at): LogEntry => {
    const data = new Uint8Array(random.chance(0.05) ? random.between(1_000, 20_000) : random.between(0, 200)).fill(
      at + 1,
    );
    return { index: first + at, term, kind: 'command', data };
  });
  return vote === undefined ? { entries } : { vote, entries };
}

async function* chunks(random: SeededRandom): AsyncGenerator<Uint8Array> {
  for (let count = random.between(0, 3); count > 0; count--) {
    await Promise.resolve();
    yield new Uint8Array(random.between(1, 2_000)).fill(count);
  }
}

/** Lives of a store, each ended by a crash at any moment, on a disk with faults, beside a model of what must have survived. */
class Ordeal {
  readonly #random: SeededRandom;
  readonly #machine = new SimulatedMachine(8_192);
  #model: Model = { vote: { term: 0, votedFor: null }, baseIndex: 0, entries: [] };
  /** What the log may be now: the model, and what was called since without an answer, in order. */
  #possible: Model[] = [this.#model];
  #snapshot: SnapshotMeta | undefined;
  #possibleSnapshot: SnapshotMeta | undefined;
  #life = 0;
  faults = 0;

  constructor(seed: number) {
    this.#random = seededRandom(`crash/${seed}`);
  }

  async run(): Promise<void> {
    for (let life = 0; life < livesPerRun; life++) {
      this.#life++;
      this.#machine.disk.onCall = () => undefined;
      const store = this.#machine.makeStore();
      this.#take(await store.open());
      const work = this.#live(store);
      if (this.#random.chance(0.2)) {
        await work;
        await store.close();
        this.#machine.kill();
        continue;
      }
      let isDone = false;
      void work.then(() => {
        isDone = true;
      });
      for (let turns = this.#random.between(0, 600); turns > 0 && !isDone; turns--) await Promise.resolve();
      if (this.#random.chance(0.4)) this.#machine.kill();
      else {
        const kept = this.#random.pick([0, 0.5, 0.9]);
        this.#machine.cutPower(() => this.#random.chance(kept));
      }
    }
    this.#life++;
    this.#machine.disk.onCall = () => undefined;
    this.#take(await this.#machine.makeStore().open());
  }

  /** Compares what was found, and goes on from there: it is durable from now on. */
  #take(contents: StoreContents): void {
    expect(contents.damage).toBeUndefined();
    const found = contents.snapshot;
    const isNewer = found !== undefined && found.index === this.#possibleSnapshot?.index;
    if (!isNewer) expect(found).toEqual(this.#snapshot);
    if (found !== undefined) this.#snapshot = found;
    const afterIndex = found?.index ?? 0;
    const seen = line(contents.vote, contents.entries, afterIndex);
    const match = this.#possible.findLast(({ vote, entries }) => line(vote, entries, afterIndex) === seen);
    if (match === undefined)
      expect(seen).toBe(this.#possible.map(({ vote, entries }) => line(vote, entries, afterIndex)).join('\n or '));
    else this.#model = match;
    this.#possible = [this.#model];
    this.#possibleSnapshot = undefined;
  }

  async #live(store: LogStore): Promise<void> {
    const life = this.#life;
    for (let deed = this.#random.between(3, 20); deed > 0; deed--) {
      if (life !== this.#life) return;
      if (this.#random.chance(0.08)) this.#injectFault();
      if (this.#random.chance(0.12)) await this.#saveSnapshot(store);
      else await this.#burst(store);
    }
  }

  /** A few writes at once. */
  async #burst(store: LogStore): Promise<void> {
    const answers: Promise<boolean>[] = [];
    let planned = this.#model;
    for (let count = this.#random.between(1, 6); count > 0; count--) {
      const write = drawWrite(this.#random, planned, this.#snapshot?.index ?? planned.baseIndex);
      planned = written(planned, write);
      const then = planned;
      this.#possible.push(then);
      answers.push(
        store.write(write).then(
          () => {
            this.#model = then;
            this.#possible = this.#possible.slice(this.#possible.indexOf(then));
            return true;
          },
          () => false,
        ),
      );
    }
    const acknowledged = await Promise.all(answers);
    // In a burst, nothing that follows a failure counts.
    expect(acknowledged).toEqual([...acknowledged].sort((a, b) => Number(b) - Number(a)));
    if (acknowledged.includes(false)) await this.#afterFailure(store);
  }

  /** A full disk: go on. Anything else: nothing works until the store is opened anew. */
  async #afterFailure(store: LogStore): Promise<void> {
    this.faults++;
    const again = await store.write({ vote: this.#model.vote }).then(
      () => true,
      () => false,
    );
    if (!again) return this.#reopen(store);
    this.#possible = [this.#model];
    this.#possibleSnapshot = undefined;
  }

  async #reopen(store: LogStore): Promise<void> {
    await store.close();
    this.#machine.disk.onCall = () => undefined;
    this.#take(await store.open());
  }

  async #saveSnapshot(store: LogStore): Promise<void> {
    const last = this.#model.entries.at(-1);
    if (last === undefined || last.index <= (this.#snapshot?.index ?? 0)) return;
    const isFromElsewhere = this.#random.chance(0.3);
    const meta = {
      index: last.index + (isFromElsewhere ? 5 : 0),
      term: last.term,
      config: Uint8Array.of(last.index & 0xff),
    };
    this.#possibleSnapshot = meta;
    // A snapshot that is ahead of the log ends it wherever it is found, also before `resetTo`.
    const reset: Model = { vote: this.#model.vote, baseIndex: meta.index, entries: [] };
    if (isFromElsewhere) this.#possible.push(reset);
    try {
      await store.saveSnapshot(meta, chunks(this.#random));
    } catch {
      return this.#afterFailure(store);
    }
    this.#possibleSnapshot = undefined;
    this.#snapshot = meta;
    if (isFromElsewhere) {
      this.#possible = [reset];
      await store.resetTo(meta).catch(() => this.#afterFailedReset(store));
      this.#model = this.#possible[0] as Model;
    } else if (this.#random.chance(0.7)) await store.compact(meta.index).catch(() => this.#afterFailure(store));
  }

  /** The snapshot is durable, so opening anew finishes what `resetTo` could not. */
  async #afterFailedReset(store: LogStore): Promise<void> {
    this.faults++;
    await this.#reopen(store);
  }

  #injectFault(): void {
    const { disk } = this.#machine;
    const kind = this.#random.pick(['write', 'write', 'sync', 'short', 'open', 'syncFolder'] as const);
    let after = this.#random.between(0, 6);
    disk.onCall = (call) => {
      if (call.kind !== (kind === 'short' ? 'write' : kind) || after-- > 0) return undefined;
      if (kind === 'short') return { written: Math.max(1, Math.floor(call.bytes / 3)) };
      disk.onCall = () => undefined;
      if (kind === 'write')
        return { code: this.#random.chance(0.8) ? 'ENOSPC' : 'EIO', written: this.#random.between(0, call.bytes) };
      return { code: kind === 'open' ? 'EMFILE' : 'EIO' };
    };
  }
}

describe('crashes', () => {
  it('lose nothing that was acknowledged, and leave no half of what was not', async () => {
    let faults = 0;
    for (let seed = 0; seed < runs; seed++) {
      const ordeal = new Ordeal(seed);
      try {
        await ordeal.run();
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error });
      }
      faults += ordeal.faults;
    }
    expect(faults).toBeGreaterThan(20);
  });

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
