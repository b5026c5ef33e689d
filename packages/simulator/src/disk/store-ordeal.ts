import { type FileSystem, fileLogStore } from '@lic/consensus';
import {
  errorCode,
  isLicError,
  type LogStore,
  type Runtime,
  type SnapshotMeta,
  type StoreContents,
} from '@lic/interfaces';
import { type SeededRandom, seededRandom } from '@lic/testkit';
import { SimulatedDisk } from './simulated-disk.ts';
import {
  drawWrite,
  emptyLog,
  entryLine,
  type LogModel,
  lastIndexOf,
  logLine,
  snapshotBytes,
  snapshotChunks,
  written,
} from './store-model.ts';

/** What a run went through. */
export interface OrdealCounts {
  lives: number;
  acknowledged: number;
  faults: number;
  damaged: number;
  salvaged: number;
}

/** The owner's record as text; empty: none. */
type Owner = string;

const livesPerRun = 8;

/** A promise of the store that was broken. */
class BrokenStore extends Error {}

function insist(holds: boolean, what: () => string): asserts holds {
  if (!holds) throw new BrokenStore(what());
}

/**
 * Lives of the real log on a simulated disk, each ended by a crash at any moment, with faults of all kinds, beside a model of what must have
 * survived: everything that was acknowledged is there, or damage is reported, which happens only where bits rotted.
 */
export class StoreOrdeal {
  readonly counts: OrdealCounts = { lives: 0, acknowledged: 0, faults: 0, damaged: 0, salvaged: 0 };
  readonly #random: SeededRandom;
  readonly #disk: SimulatedDisk;
  readonly #segmentBytes: number;
  #timers: (() => void)[] = [];
  #log: LogModel = emptyLog;
  /** What the log may be now: what was acknowledged, and what was called since without an answer, in order. */
  #possible: LogModel[] = [emptyLog];
  /** Newest first: acknowledged ones, the older as a reserve. */
  #snapshots: readonly SnapshotMeta[] = [];
  /** One that was being saved. */
  #saving: SnapshotMeta | undefined;
  #owners: readonly Owner[] = [''];
  #isWiping = false;
  /** Whether bits rotted since the store was opened last. */
  #isRotten = false;
  /** Entries and votes that were ever written: a damaged log may have older ones. */
  readonly #everWritten = new Set<string>();
  #life = 0;

  constructor(seed: number | string) {
    this.#random = seededRandom(`store/${seed}`);
    this.#disk = new SimulatedDisk(this.#random.fork('disk'));
    this.#segmentBytes = this.#random.pick([8_192, 12_288, 32_768]);
  }

  async run(): Promise<OrdealCounts> {
    for (let life = 0; life < livesPerRun; life++) {
      this.counts.lives++;
      this.#life++;
      const store = await this.#open();
      if (this.#random.chance(0.15)) {
        await this.#live(store);
        await store.close();
        insist(this.#disk.handles === 0, () => `${this.#disk.handles} files are open after close`);
        this.#disk.crash({ lose: 'nothing' });
      } else await this.#liveUntil(store, this.#random.between(0, 900));
      if (this.#random.chance(0.25)) this.#rot();
    }
    await (await this.#open()).close();
    return this.counts;
  }

  /** Lives for so many turns of the microtask queue at most, and is gone in the middle of whatever it does. */
  async #liveUntil(store: LogStore, turns: number): Promise<void> {
    let isDone = false;
    let failure: Error | undefined;
    this.#live(store).then(
      () => {
        isDone = true;
      },
      (error: unknown) => {
        isDone = true;
        failure = error as Error;
      },
    );
    for (let left = turns; left > 0 && !isDone; left--) await Promise.resolve();
    if (failure !== undefined) throw failure;
    this.#life++;
    this.#crash();
  }

  #crash(): void {
    this.#endTrouble();
    this.#timers = [];
    const kept = this.#random.pick([0, 0.5, 0.9]);
    if (this.#random.chance(0.4)) this.#disk.crash({ lose: 'nothing' });
    else this.#disk.crash({ lose: () => !this.#random.chance(kept) });
  }

  /** Changes one bit where that must be noticed. */
  #rot(): void {
    const what = this.#random.pick(['log', 'log', 'snapshot', 'owner'] as const);
    if (what === 'log') this.#isRotten = this.#disk.damage() !== undefined || this.#isRotten;
    else if (what === 'snapshot') this.#isRotten = this.#disk.damageSnapshot() || this.#isRotten;
    else if (this.#disk.names().includes('owner.rec')) {
      // Not its version: an unknown one is refused.
      this.#disk.flip('owner.rec', this.#random.pick([0, 7, 13, 17, 20]));
      this.#isRotten = true;
    }
  }

  /** Opens, perhaps only after crashes in the middle of that, and deals with damage. */
  async #open(): Promise<LogStore> {
    while (this.#random.chance(0.15)) {
      this.#life++;
      this.#makeStore().open().catch(ignore);
      for (let turns = this.#random.between(0, 200); turns > 0; turns--) await Promise.resolve();
      this.#crash();
    }
    const store = this.#makeStore();
    if (this.#random.chance(0.05)) await this.#openInVain(store);
    const contents = await store.open();
    await this.#compare(store, contents);
    if (contents.damage !== undefined) await this.#mend(store, contents);
    return store;
  }

  /** What passes must leave a store that can be opened. */
  async #openInVain(store: LogStore): Promise<void> {
    const { faults } = this.#disk;
    faults.hasNoHandles = true;
    const error = await store.open().then(
      () => undefined,
      (caught: unknown) => caught,
    );
    faults.hasNoHandles = false;
    insist(isLicError(error, 'STORE_BLOCKED') && error.retryable, () => `open without handles: ${String(error)}`);
  }

  #makeStore(): LogStore {
    const fileSystem: FileSystem = this.#disk.fileSystem();
    const runtime: Runtime = {
      now: () => 0,
      monotonic: () => 0,
      random: (byteCount) => this.#random.bytes(byteCount),
      setTimer: (_delayMs, callback) => {
        this.#timers.push(callback);
        return {
          cancel: () => {
            this.#timers = this.#timers.filter((each) => each !== callback);
          },
        };
      },
    };
    const segmentBytes = this.#segmentBytes;
    return fileLogStore({ directory: '/store', segmentBytes, runtime, fileSystem, process: this.#disk.process() });
  }

  /** Compares what was found with what must be there, and goes on from what was found: it is durable from now on. */
  async #compare(store: LogStore, contents: StoreContents): Promise<void> {
    const life = this.#life;
    const { snapshot, damage } = contents;
    const owner = new TextDecoder().decode(await store.readOwner());
    await this.#compareSnapshot(store, snapshot);
    if (life !== this.#life) return;
    const isEmpty = contents.vote.term === 0 && contents.entries.length === 0 && snapshot === undefined && owner === '';
    if (this.#isWiping && damage === undefined && isEmpty) this.#becomeEmpty();
    else {
      if (damage === undefined) this.#compareWhole(contents, owner);
      else this.#compareDamaged(contents);
      this.#owners = [owner];
    }
    this.#isWiping = this.#isRotten = false;
    this.#saving = undefined;
  }

  #compareWhole(contents: StoreContents, owner: Owner): void {
    insist(this.#owners.includes(owner), () => `owner "${owner}", expected one of ${this.#owners.join(', ')}`);
    const { snapshot } = contents;
    const allowed = [this.#saving, this.#snapshots[0], this.#isRotten ? this.#snapshots[1] : undefined];
    const isExpected = allowed.some((each) => each?.index === snapshot?.index && each?.term === snapshot?.term);
    insist(isExpected, () => `snapshot ${snapshot?.index}, expected ${allowed.map((each) => each?.index).join(', ')}`);
    const afterIndex = snapshot?.index ?? 0;
    const seen = logLine(contents, afterIndex);
    const lines = this.#possible.map((model) => logLine(model, afterIndex));
    const match = this.#possible[lines.lastIndexOf(seen)];
    insist(match !== undefined, () => `found ${seen}\nexpected ${lines.join('\n or ')}`);
    this.#log = match;
    this.#possible = [match];
    this.#follow(snapshot);
  }

  /** What is left of a damaged log was written once, without a gap. */
  #compareDamaged({ entries, vote, snapshot, damage }: StoreContents): void {
    insist(this.#isRotten, () => `damage without rot: ${JSON.stringify(damage)}`);
    insist(damage !== undefined && damage.file !== '' && damage.offset >= 0, () => 'damage without file and offset');
    this.counts.damaged++;
    for (const [at, entry] of entries.entries()) {
      insist(this.#everWritten.has(entryLine(entry)), () => `damaged, with an invented entry ${entryLine(entry)}`);
      insist(entry.index === (entries[0]?.index ?? 0) + at, () => `damaged, with a gap before ${entry.index}`);
    }
    const isVote = vote.term === 0 || this.#everWritten.has(`${vote.term}/${vote.votedFor}`);
    insist(isVote, () => `damaged, with an invented vote in term ${vote.term}`);
    const first = entries[0]?.index ?? 1;
    this.#log = { vote, baseIndex: first - 1, entries };
    this.#possible = [this.#log];
    this.#follow(snapshot);
  }

  /** A rotten snapshot that was found is gone. */
  #follow(snapshot: SnapshotMeta | undefined): void {
    if (snapshot === undefined) this.#snapshots = [];
    else {
      const older = this.#snapshots.filter(({ index }) => index < snapshot.index);
      this.#snapshots = [snapshot, ...older].slice(0, 2);
    }
  }

  async #compareSnapshot(store: LogStore, snapshot: SnapshotMeta | undefined): Promise<void> {
    const read = await store.readSnapshot();
    insist(read?.meta.index === snapshot?.index, () => `reads the snapshot ${read?.meta.index}`);
    if (read === undefined) return;
    const parts: Uint8Array[] = [];
    for await (const part of read.chunks) parts.push(part);
    insist(
      Buffer.concat(parts).equals(snapshotBytes(read.meta)),
      () => `the snapshot ${read.meta.index} has other bytes`,
    );
  }

  /** A damaged store refuses writes, and is wiped or salvaged. */
  async #mend(store: LogStore, contents: StoreContents): Promise<void> {
    const code = await this.#codeOf(store.write({ vote: { term: 99, votedFor: null } }));
    insist(code === 'STORE_FAILED', () => `a damaged store answers a write with ${code}`);
    if (this.#random.chance(0.5)) return this.#wipe(store);
    const salvaged = await store.salvage();
    // What does not lead on from the snapshot is dropped.
    const index = contents.snapshot?.index ?? 0;
    const [seen, expected] = [logLine(salvaged, index), logLine(contents, index)];
    const isWhole = salvaged.damage === undefined && salvaged.snapshot?.index === contents.snapshot?.index;
    insist(isWhole && seen === expected, () => `salvaged ${seen} of ${expected}`);
    this.counts.salvaged++;
    if (lastIndexOf(this.#log) < index) this.#log = { ...this.#log, baseIndex: index, entries: [] };
    this.#possible = [this.#log];
  }

  async #wipe(store: LogStore): Promise<void> {
    this.#isWiping = true;
    await store.wipe();
    this.#becomeEmpty();
    this.#isWiping = false;
  }

  #becomeEmpty(): void {
    this.#log = emptyLog;
    this.#possible = [emptyLog];
    this.#snapshots = [];
    this.#owners = [''];
  }

  async #live(store: LogStore): Promise<void> {
    const life = this.#life;
    for (let deed = this.#random.between(3, 25); deed > 0; deed--) {
      if (life !== this.#life) return;
      if (this.#random.chance(0.1)) this.#makeTrouble();
      const timers = this.#timers.splice(0, this.#random.chance(0.3) ? this.#timers.length : 0);
      for (const timer of timers) timer();
      const dice = this.#random.float();
      if (dice < 0.02) await this.#attempt(store, () => this.#wipe(store));
      else if (dice < 0.1) await this.#saveOwner(store);
      else if (dice < 0.24) await this.#saveSnapshot(store);
      else await this.#burst(store);
    }
    if (life === this.#life) this.#endTrouble();
  }

  /** A few writes at once. */
  async #burst(store: LogStore): Promise<void> {
    const life = this.#life;
    const answers: Promise<string>[] = [];
    let planned = this.#log;
    for (let count = this.#random.between(1, 6); count > 0; count--) {
      const write = drawWrite(this.#random, planned, this.#snapshots[0]?.index ?? 0);
      if (write.vote !== undefined) this.#everWritten.add(`${write.vote.term}/${write.vote.votedFor}`);
      for (const entry of write.entries ?? []) this.#everWritten.add(entryLine(entry));
      planned = written(planned, write);
      const then = planned;
      this.#possible.push(then);
      const acknowledged = (): void => {
        if (life !== this.#life) return;
        this.counts.acknowledged++;
        this.#log = then;
        this.#possible = this.#possible.slice(this.#possible.indexOf(then));
      };
      answers.push(this.#codeOf(store.write(write).then(acknowledged)));
    }
    const codes = await Promise.all(answers);
    const failed = codes.findIndex((code) => code !== 'done');
    if (failed === -1) return;
    insist(!codes.includes('done', failed), () => `in one burst, ${codes.join(', ')}`);
    await this.#afterFailure(store, codes[failed] as string);
  }

  async #saveOwner(store: LogStore): Promise<void> {
    const owner = `owner ${this.#random.uint32()}`;
    this.#owners = [...this.#owners, owner];
    await this.#attempt(store, async () => {
      await store.saveOwner(new TextEncoder().encode(owner));
      this.#owners = [owner];
    });
  }

  async #saveSnapshot(store: LogStore): Promise<void> {
    const last = this.#log.entries.at(-1);
    if (last === undefined || last.index <= (this.#snapshots[0]?.index ?? 0)) return;
    const isFromElsewhere = this.#random.chance(0.3);
    const index = isFromElsewhere ? last.index + 5 : last.index;
    const meta: SnapshotMeta = { index, term: last.term, config: Uint8Array.of(index & 0xff) };
    // A snapshot that is ahead of the log ends it wherever it is found, also before `resetTo`.
    const reset: LogModel = { vote: this.#log.vote, baseIndex: index, entries: [] };
    await this.#attempt(store, async () => {
      this.#saving = meta;
      if (isFromElsewhere) this.#possible.push(reset);
      await store.saveSnapshot(meta, snapshotChunks(meta));
      this.#saving = undefined;
      this.#snapshots = [meta, ...this.#snapshots].slice(0, 2);
      if (!isFromElsewhere) {
        if (this.#random.chance(0.8)) await store.compact(index);
        return;
      }
      this.#log = reset;
      this.#possible = [reset];
      await this.#resetTo(store, meta);
      this.#snapshots = [meta];
    });
  }

  /** Until then nothing may be written. */
  async #resetTo(store: LogStore, meta: SnapshotMeta): Promise<void> {
    for (;;) {
      const code = await this.#codeOf(store.resetTo(meta));
      if (code === 'done') return;
      this.#endTrouble();
      if (code !== 'STORE_FULL' && code !== 'STORE_BLOCKED') return this.#reopen(store);
    }
  }

  async #attempt(store: LogStore, deed: () => Promise<void>): Promise<void> {
    const code = await this.#codeOf(deed());
    if (code !== 'done') await this.#afterFailure(store, code);
  }

  /** What passes leaves everything as it was, and passes; after anything else nothing works until the store is opened anew. */
  async #afterFailure(store: LogStore, code: string): Promise<void> {
    this.counts.faults++;
    if (this.#random.chance(0.5)) this.#endTrouble();
    if (code === 'STORE_FULL' || code === 'STORE_BLOCKED') {
      this.#saving = undefined;
      this.#possible = [this.#log];
      return;
    }
    insist(code === 'STORE_FAILED', () => `a fault comes out as ${code}`);
    this.#endTrouble();
    const again = await this.#codeOf(store.write({ vote: this.#log.vote }));
    insist(again === 'STORE_FAILED', () => `after STORE_FAILED a write comes out as ${again}`);
    await this.#reopen(store);
  }

  async #reopen(store: LogStore): Promise<void> {
    const life = this.#life;
    await store.close();
    this.#endTrouble();
    const contents = await store.open();
    if (life === this.#life) await this.#compare(store, contents);
  }

  /** `done`, or the code that a call was refused with. What a dead process waits for never comes. */
  async #codeOf(call: Promise<unknown>): Promise<string> {
    const life = this.#life;
    const code = await codeOf(call);
    return life === this.#life ? code : new Promise(() => {});
  }

  #endTrouble(): void {
    this.#disk.isFull = this.#disk.faults.isReadOnly = this.#disk.faults.hasNoHandles = false;
    this.#disk.faults.forget();
  }

  #makeTrouble(): void {
    const random = this.#random;
    const { faults } = this.#disk;
    let after = random.between(0, 6);
    const meets =
      (wanted: string) =>
      ({ kind }: { readonly kind: string }): boolean =>
        kind === wanted && after-- <= 0;
    const isLost = (): boolean => random.chance(0.5);
    const kinds = [
      'full',
      'noSpace',
      'readOnly',
      'noHandles',
      'short',
      'write',
      'sync',
      'open',
      'folder',
      'rename',
    ] as const;
    switch (random.pick(kinds)) {
      case 'full':
        this.#disk.isFull = true;
        break;
      case 'noSpace':
        faults.inject({ meets: meets('write'), code: 'ENOSPC', writtenBytes: random.between(0, 300) });
        break;
      case 'readOnly':
        faults.isReadOnly = true;
        break;
      case 'noHandles':
        faults.hasNoHandles = true;
        break;
      case 'short':
        faults.inject({ meets: meets('write'), times: random.between(1, 8) });
        break;
      case 'write':
        faults.inject({ meets: meets('write'), code: 'EIO', writtenBytes: random.between(0, 5_000) });
        break;
      case 'sync':
        faults.inject({ meets: meets('sync'), code: random.pick(['EIO', 'ENOSPC']), isLost });
        break;
      case 'open':
        faults.inject({ meets: meets('open'), code: random.pick(['EMFILE', 'EACCES']) });
        break;
      case 'folder':
        faults.inject({ meets: meets('syncFolder'), code: random.pick(['EIO', 'EMFILE']) });
        break;
      case 'rename':
        faults.inject({ meets: meets('rename'), code: random.pick(['EIO', 'EROFS', 'ENOSPC']) });
    }
  }
}

/** What is no error of the store goes on. */
async function codeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return 'done';
  } catch (error) {
    if (error instanceof BrokenStore) throw error;
    return errorCode(error);
  }
}

const ignore = (): void => {};
