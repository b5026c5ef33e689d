import { join } from 'node:path';
import type { SnapshotMeta, StoreContents, StoreDamage } from '@lic/interfaces';
import { type FileSystem, removeIfThere, syncFolder } from './file-system.ts';
import { type RecoveredLog, recoverLog } from './log-recovery.ts';
import { LogWriter } from './log-writer.ts';
import { readOwnerFile, writeOwnerFile } from './owner-file.ts';
import { type SoundLog, soundLog, writeSalvagedSegment } from './salvage.ts';
import { segmentName, segmentNumber } from './segment-files.ts';
import {
  type SnapshotName,
  snapshotNames,
  type VerifiedSnapshot,
  verifySnapshotFile,
  writeSnapshotFile,
} from './snapshot-files.ts';
import { FinalFailure, snapshotOld, storeMisuse } from './store-errors.ts';

/** A folder that was opened: its small files, what it held, and the writer of its log, which a damaged one has not. */
export interface OpenedFolder {
  readonly folder: StoreFolder;
  readonly contents: StoreContents;
  readonly writer: LogWriter | undefined;
}

/** What was found in a damaged folder: what {@link StoreFolder.salvage} begins with. */
interface Wreck {
  readonly sound: SoundLog;
  /** Files that are not valid any more. */
  readonly rotten: readonly string[];
  /** Of all segments. */
  readonly numbers: readonly number[];
}

/** While it is there a wipe is not finished. */
const wipingName = 'wiping';

/** The snapshots and the owner's record in a store's folder, and how everything in it is opened and wiped. */
export class StoreFolder {
  readonly #fileSystem: FileSystem;
  readonly #directory: string;
  readonly #segmentBytes: number;
  /** Newest first; the second is the reserve. */
  #snapshots: SnapshotName[] = [];
  #owner: Uint8Array | undefined;
  #wreck: Wreck | undefined;

  private constructor(fileSystem: FileSystem, directory: string, segmentBytes: number) {
    this.#fileSystem = fileSystem;
    this.#directory = directory;
    this.#segmentBytes = segmentBytes;
  }

  /** Reads everything in the folder, which is locked. Throws `STORE_VERSION`, or what the file system says. */
  static async open(fileSystem: FileSystem, directory: string, segmentBytes: number): Promise<OpenedFolder> {
    const folder = new StoreFolder(fileSystem, directory, segmentBytes);
    const names = await fileSystem.list(directory);
    if (names.includes(wipingName)) return folder.wipe();
    for (const name of names) if (name.endsWith('.tmp')) await fileSystem.remove(join(directory, name));
    return folder.#load(names);
  }

  get newestIndex(): number {
    return this.#snapshots[0]?.index ?? 0;
  }

  /** The index of the reserve, which the log must go on reaching. */
  get reserveIndex(): number | undefined {
    return this.#snapshots[1]?.index;
  }

  get owner(): Uint8Array | undefined {
    return this.#owner?.slice();
  }

  async saveOwner(record: Uint8Array): Promise<void> {
    await writeOwnerFile(this.#fileSystem, this.#directory, record);
    this.#owner = record;
  }

  async saveSnapshot(meta: SnapshotMeta, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    if (meta.index <= this.newestIndex) throw snapshotOld(meta.index, this.newestIndex);
    const saved = await writeSnapshotFile(this.#fileSystem, this.#directory, meta, chunks);
    this.#snapshots.unshift(saved);
    await this.#keepSnapshots(2);
  }

  /** The reserve is worth nothing once the log has been reset: no entries lead from it to here. */
  dropReserve(): Promise<void> {
    return this.#keepSnapshots(1);
  }

  /** The newest snapshot whose hash is right. The caller closes its file. */
  async readSnapshot(): Promise<VerifiedSnapshot | undefined> {
    for (const name of [...this.#snapshots]) {
      const verified = await verifySnapshotFile(this.#fileSystem, this.#directory, name);
      if (verified !== undefined) return verified;
    }
    return undefined;
  }

  /** From here on the folder counts as empty, whatever happens before {@link wipe} is done. */
  async beginWipe(): Promise<void> {
    const file = await this.#fileSystem.open(join(this.#directory, wipingName), 'replace');
    try {
      await file.close();
      await syncFolder(this.#fileSystem, this.#directory);
    } catch (error) {
      throw new FinalFailure(error);
    }
  }

  /** Removes everything but the lock. Where it throws the next opening goes on with it. */
  async wipe(): Promise<OpenedFolder> {
    const names = await this.#fileSystem.list(this.#directory);
    for (const name of names)
      if (isOurs(name) && name !== wipingName) await removeIfThere(this.#fileSystem, join(this.#directory, name));
    await syncFolder(this.#fileSystem, this.#directory);
    await removeIfThere(this.#fileSystem, join(this.#directory, wipingName));
    await syncFolder(this.#fileSystem, this.#directory);
    return new StoreFolder(this.#fileSystem, this.#directory, this.#segmentBytes).#load([]);
  }

  /**
   * Keeps of a damaged folder what is sound. The new segment comes first: until it stands the folder is as damaged as before, and from then on
   * nothing that is removed counts.
   */
  async salvage(): Promise<OpenedFolder> {
    if (this.#wreck === undefined)
      throw storeMisuse(`The log in ${this.#directory} is not damaged: nothing to salvage.`);
    const { sound, rotten, numbers } = this.#wreck;
    const target = { number: (numbers.at(-1) ?? 0) + 2, segmentBytes: this.#segmentBytes };
    await writeSalvagedSegment(this.#fileSystem, this.#directory, sound, target);
    for (const name of rotten) await removeIfThere(this.#fileSystem, join(this.#directory, name));
    await syncFolder(this.#fileSystem, this.#directory);
    return StoreFolder.open(this.#fileSystem, this.#directory, this.#segmentBytes);
  }

  async #load(names: readonly string[]): Promise<OpenedFolder> {
    const owner = await readOwnerFile(this.#fileSystem, this.#directory);
    this.#owner = owner.record;
    const found = snapshotNames(names);
    const newest = await this.#newestValid(found);
    const numbers = names.flatMap((name) => segmentNumber(name) ?? []).sort((a, b) => a - b);
    const log = await recoverLog(this.#fileSystem, this.#directory, numbers);
    const damaged = newest === undefined ? found : found.filter(({ index }) => index > newest.index);
    const reaches = log.base.index <= (newest?.index ?? 0);
    const damage = log.damage ?? owner.damage ?? snapshotDamage(log, newest, damaged);
    const entries = reaches ? log.entries : [];
    const contents: StoreContents = { vote: log.vote, snapshot: newest, entries, damage };
    this.#snapshots = found;
    // Of a damaged store nothing is removed: someone may want to look at it.
    if (damage !== undefined) {
      const rotten = damaged.map(({ name }) => name);
      if (owner.damage !== undefined) rotten.push(owner.damage.file);
      const sound = soundLog(log, newest);
      this.#wreck = { sound, rotten, numbers };
      return { folder: this, contents: { ...contents, entries: sound.entries }, writer: undefined };
    }

    for (const { name } of damaged) await this.#fileSystem.remove(join(this.#directory, name));
    // The newest first, each for good: a gap in front of one that holds nothing would look like damage.
    for (const number of [...log.obsolete].sort((a, b) => b - a)) {
      await this.#fileSystem.remove(join(this.#directory, segmentName(number)));
      await syncFolder(this.#fileSystem, this.#directory);
    }
    this.#snapshots = found.filter((snapshot) => !damaged.includes(snapshot));
    await this.#keepSnapshots(2);
    // What a process did just before it died may be in memory alone.
    await syncFolder(this.#fileSystem, this.#directory);
    const writer = await this.#beginWriter(log);
    if (newest === undefined || contains(log, newest)) return { folder: this, contents, writer };
    // The process died between `saveSnapshot` and `resetTo`.
    await writer.reset(newest.index, newest.term);
    await this.dropReserve();
    return { folder: this, contents: { ...contents, entries: [] }, writer };
  }

  #beginWriter(log: RecoveredLog): Promise<LogWriter> {
    const last = log.entries.at(-1);
    return LogWriter.begin({
      fileSystem: this.#fileSystem,
      directory: this.#directory,
      segmentBytes: this.#segmentBytes,
      state: {
        vote: log.vote,
        baseIndex: log.base.index,
        lastIndex: last?.index ?? log.base.index,
        lastTerm: last?.term ?? log.base.term ?? 0,
      },
      segments: log.segments,
      tail: log.tail,
      preparedSegment: log.preparedSegment,
    });
  }

  async #newestValid(found: readonly SnapshotName[]): Promise<SnapshotMeta | undefined> {
    for (const name of found) {
      const verified = await verifySnapshotFile(this.#fileSystem, this.#directory, name);
      if (verified === undefined) continue;
      await verified.file.close();
      return verified.meta;
    }
    return undefined;
  }

  async #keepSnapshots(count: number): Promise<void> {
    for (const { name } of this.#snapshots.splice(count))
      await removeIfThere(this.#fileSystem, join(this.#directory, name));
  }
}

function isOurs(name: string): boolean {
  return segmentNumber(name) !== undefined || /^(snapshot-.*\.snap|owner\.rec|wiping|.*\.tmp)$/.test(name);
}

/** Whether the log has the snapshot's last entry (Raft paper, figure 13, step 6): else nothing in it counts behind the snapshot. */
function contains({ base, entries }: RecoveredLog, { index, term }: SnapshotMeta): boolean {
  if (index === base.index) return base.term === undefined || base.term === term;
  return entries[index - base.index - 1]?.term === term;
}

/** Where snapshots are damaged, or gone, the log must lead from the newest valid one to at least where they were. */
function snapshotDamage(
  { base, entries }: RecoveredLog,
  newest: SnapshotMeta | undefined,
  damaged: readonly SnapshotName[],
): StoreDamage | undefined {
  const lastIndex = base.index + entries.length;
  const wanted = damaged[0];
  if (base.index <= (newest?.index ?? 0) && (wanted === undefined || lastIndex >= wanted.index)) return undefined;
  const lacking = newest === undefined ? 'no valid snapshot' : `no valid snapshot but that at entry ${newest.index}`;
  return {
    file: wanted?.name ?? 'snapshot',
    offset: 0,
    what: `There is ${lacking}, and the log holds the entries ${base.index + 1} to ${lastIndex} alone.`,
  };
}
