import { basename, dirname } from 'node:path';
import type { FileSystem, OpenFile, OpenMode, ProcessIdentity } from '@lic/consensus';
import type { LogEntry, Runtime } from '@lic/interfaces';
import { type CrashLoss, type EndStall, type InjectedFault, type SeededRandom, seededRandom } from '@lic/testkit';
import { type CallFault, type CallKind, type DiskCall, DiskFaults } from './disk-faults.ts';
import { DurableLog, type FileRange } from './durable-log.ts';
import { type SectorLoss, SimulatedFile } from './simulated-file.ts';

/** How long calls take. */
export interface DiskTiming {
  /** Drives the latency; without one a call takes one turn of the microtask queue. The process's own. */
  readonly runtime?: Runtime;
  /** Milliseconds that a sync takes, or a function that draws them; any other call takes a tenth. Default 0. */
  readonly syncMs?: number | (() => number);
}

/** A file that comes, goes or changes its name: processes see it at once, the platter has it after a sync of the folder. */
interface FolderChange {
  readonly order: number;
  apply(entries: Map<string, SimulatedFile>): void;
}

/** A segment in preparation: nobody waits for what happens to it. */
const preparingName = 'log-next.tmp';

/**
 * A file system in memory that does what a disk may do: a power cut keeps any subset of the sectors and folder entries that were not synced, some of them
 * torn or older; a failed sync leaves what looks written and is not; bits rot, space and handles run out, calls hang. It outlives the processes
 * that use it. The log lies on it in its real format.
 */
export class SimulatedDisk {
  readonly faults = new DiskFaults();
  /** Where {@link SimulatedDisk.damage} has turned over a bit last; whoever has asked a store about it takes it back. */
  damagedAt: { readonly file: string; readonly offset: number } | undefined;
  /** What the files may have together. */
  capacityBytes = Number.POSITIVE_INFINITY;
  /** Syncs of files that were finished so far. */
  syncs = 0;
  readonly #random: SeededRandom;
  #entries = new Map<string, SimulatedFile>();
  #durableEntries = new Map<string, SimulatedFile>();
  #changes: FolderChange[] = [];
  #changesMade = 0;
  /** Processes so far: calls of dead ones never settle. */
  #life = 1;
  #handles = 0;
  /** Calls in progress that change the log, a snapshot or the owner's record. */
  #changing = 0;
  #stall: Promise<void> | undefined;
  readonly #log = new DurableLog(() => this.#durableEntries);

  constructor(random: SeededRandom = seededRandom('disk')) {
    this.#random = random;
  }

  /** The file system as the process sees it that lives now. */
  fileSystem(timing: DiskTiming = {}): FileSystem {
    const perform = this.#performer(timing);
    return {
      makeFolder: () => Promise.resolve(),
      list: (folder) =>
        perform('list', folder, {}, () =>
          [...this.#entries.keys()].filter((path) => dirname(path) === folder).map((path) => basename(path)),
        ),
      open: (path, mode) =>
        perform('open', path, { isChange: mode !== 'read' }, () => this.#openFile(this.#find(path, mode), perform)),
      rename: (from, to) =>
        perform('rename', to, { isChange: true }, () => {
          const file = this.#require(from);
          file.path = to;
          this.#change((entries) => {
            entries.delete(from);
            entries.set(to, file);
          });
        }),
      remove: (path) =>
        perform('remove', path, { isChange: true }, () => {
          this.#require(path);
          this.#change((entries) => entries.delete(path));
        }),
      syncFolder: (path) => {
        const through = this.#changesMade;
        return perform('syncFolder', path, { isChange: this.#changes.length > 0 }, () => {
          for (const change of this.#changes) if (change.order <= through) change.apply(this.#durableEntries);
          this.#changes = this.#changes.filter(({ order }) => order > through);
        });
      },
    };
  }

  /** The process that lives now, as a folder's lock sees it. */
  process(): ProcessIdentity {
    const pid = this.#life;
    return { pid, startedAt: '1', bootId: 'simulated', isAlive: (other) => Promise.resolve(other.pid === this.#life) };
  }

  /** Whether something is being written: what a crash may take. */
  get isWriting(): boolean {
    return this.#changing > 0;
  }

  /** Open files of the process that lives now. */
  get handles(): number {
    return this.#handles;
  }

  get usedBytes(): number {
    let sum = 0;
    for (const file of this.#entries.values()) sum += file.sizeBytes;
    return sum;
  }

  /** Whether no file can grow. What was allocated before can be overwritten, and what is freed can be used. */
  get isFull(): boolean {
    return this.capacityBytes !== Number.POSITIVE_INFINITY;
  }

  set isFull(isFull: boolean) {
    this.capacityBytes = isFull ? this.usedBytes : Number.POSITIVE_INFINITY;
  }

  /** The entry of that index, as it is on the platter now; undefined where there is none, or a snapshot has taken its place. */
  entryAt(index: number): LogEntry | undefined {
    return this.#log.entryAt(index);
  }

  /** The last entry that the newest snapshot on the platter stands for; 0 where there is none. */
  get snapshotIndex(): number {
    return this.#log.snapshotIndex;
  }

  /**
   * The process is gone without a word. `nothing`: what it wrote is in the page cache. Else power is cut, and of what was not synced so much
   * stays as `lose` leaves. Default: all is lost.
   */
  crash(options: { readonly lose?: CrashLoss } = {}): void {
    const { lose = 'all-unsynced' } = options;
    this.#life++;
    this.#handles = this.#changing = 0;
    this.faults.forget();
    if (lose === 'nothing') return;
    let sectors = 0;
    this.cutPower(typeof lose === 'function' ? () => lose(sectors++) : () => true);
  }

  /** Power is cut; the process is gone as well. */
  cutPower(isLost: SectorLoss): void {
    this.#life++;
    this.#handles = this.#changing = 0;
    // A journal keeps the order of changes; some file systems write those of different files on their own.
    const isOrdered = this.#random.chance(0.7);
    for (const change of this.#changes) {
      if (!isLost()) change.apply(this.#durableEntries);
      else if (isOrdered) break;
    }
    this.#changes = [];
    for (const [path, file] of this.#durableEntries) {
      file.path = path;
      file.cutPower(isLost, this.#random);
    }
    this.#entries = new Map(this.#durableEntries);
    this.#log.forget();
  }

  /** The next write, or sync, that is not of a segment in preparation fails. `lose`: what a failed sync loses. */
  failNext(fault: InjectedFault, lose: CrashLoss = 'all-unsynced'): void {
    let sectors = 0;
    const isLost = typeof lose === 'function' ? () => lose(sectors++) : () => lose === 'all-unsynced';
    if (fault === 'STORE_FAILED') this.faults.inject({ meets: isOfLog('sync'), code: 'EIO', isLost });
    else {
      const code = fault === 'STORE_FULL' ? 'ENOSPC' : 'EROFS';
      this.faults.inject({ meets: isOfLog('write'), code, writtenBytes: this.#random.between(0, 64) });
    }
  }

  /** Takes back what was announced and has not happened yet. */
  forgetFailures(): void {
    this.faults.forget();
  }

  /** From now on nothing finishes (a hanging disk) until the returned function is called. */
  stall(): EndStall {
    let end: EndStall = () => {};
    const stall = new Promise<void>((resolve) => {
      end = () => {
        if (this.#stall === stall) this.#stall = undefined;
        resolve();
      };
    });
    this.#stall = stall;
    return end;
  }

  /**
   * Turns over one bit of the log, where something behind it proves that it had been synced, so that it can't be taken for a torn tail. Answers
   * where; undefined where there is no such place yet.
   */
  damage(): { readonly file: string; readonly offset: number } | undefined {
    const ranges = this.#provenRanges();
    if (ranges.length === 0) return undefined;
    const { file, from, to } = this.#random.pick(ranges);
    const offset = this.#random.between(from, to - 1);
    this.flip(file, offset);
    this.damagedAt = { file, offset };
    return { file, offset };
  }

  /** Whether {@link SimulatedDisk.damage} finds a place now. What happens to processes changes nothing about that. */
  get isDamageable(): boolean {
    return this.#provenRanges().length > 0;
  }

  /** Bit rot in the newest snapshot. Answers whether there is one. */
  damageSnapshot(): boolean {
    const name = this.names().findLast((each) => each.startsWith('snapshot-'));
    if (name === undefined) return false;
    this.flip(name, this.#random.between(0, this.#fileOf(name).sizeBytes - 1));
    return true;
  }

  /** Turns over one bit of a file's byte. */
  flip(name: string, offset: number): void {
    this.#fileOf(name).flip(offset, this.#random.between(0, 7));
    this.#log.forget();
  }

  /** An empty disk was put in. Only while no store has it open. */
  wipe(): void {
    this.#replace(new Map(), 'wipe');
  }

  /** A copy of what is on the platter now, such as a backup. */
  clone(): SimulatedDisk {
    const copy = new SimulatedDisk(this.#random.fork('clone'));
    copy.#replace(copyOf(this.#durableEntries), 'clone');
    return copy;
  }

  /** An older copy was restored (triad.md, I8). Only while no store has it open. */
  rollback(to: SimulatedDisk): void {
    this.#replace(copyOf(to.#durableEntries), 'roll back');
  }

  /** The names of the files that processes see, in order. */
  names(): string[] {
    return [...this.#entries.keys()].map((path) => basename(path)).sort();
  }

  /** Of files that processes see as well. */
  #provenRanges(): FileRange[] {
    const names = new Set(this.names());
    return this.#log.provenRanges().filter(({ file }) => names.has(file));
  }

  #replace(entries: Map<string, SimulatedFile>, deed: string): void {
    if (this.#handles > 0)
      throw new Error(`simulated disk: ${deed} while a store has it open; crash or close it first`);
    this.#durableEntries = entries;
    this.#entries = new Map(entries);
    this.#changes = [];
    this.damagedAt = undefined;
    this.#log.forget();
  }

  /** Does `effect` at one instant at which the process lives and the disk answers, or never settles. */
  #performer({ runtime, syncMs = 0 }: DiskTiming): Perform {
    const life = this.#life;
    const draw = typeof syncMs === 'number' ? () => syncMs : syncMs;
    return async (kind, path, { bytes = 0, isChange = false }, effect) => {
      const name = basename(path);
      const isChanging = isChange && kind !== 'open' && name !== preparingName;
      if (life !== this.#life) return never();
      if (isChanging) this.#changing++;
      if (runtime === undefined) await Promise.resolve();
      else {
        const ms = kind === 'sync' || kind === 'syncFolder' ? draw() : draw() / 10;
        await new Promise<void>((resolve) => void runtime.setTimer(ms, resolve));
      }
      while (this.#stall !== undefined) await this.#stall;
      if (life !== this.#life) return never();
      if (isChanging) this.#changing--;
      const fault = this.faults.take({ kind, name, bytes, isChange });
      // Writes and syncs leave something behind also where they fail.
      if (fault?.code !== undefined && kind !== 'write' && kind !== 'sync') throw failure(fault.code, path);
      return effect(fault);
    };
  }

  #openFile(file: SimulatedFile, perform: Perform): OpenFile {
    const life = this.#life;
    this.#handles++;
    let isOpen = true;
    return {
      read: (buffer, length, position) =>
        perform('read', file.path, { bytes: length }, (fault) =>
          file.read(buffer, fault === undefined ? length : Math.ceil(length / 2), position),
        ),
      write: (buffer, from, length, position) =>
        perform('write', file.path, { bytes: length, isChange: true }, (fault) => {
          const { code, writtenBytes = code === undefined ? Math.ceil(length / 2) : 0 } = fault ?? {
            writtenBytes: length,
          };
          const bytes = Math.min(length, writtenBytes, this.#roomFor(file, position));
          file.write(buffer.subarray(from, from + bytes), position);
          if (bytes === 0 && length > 0) throw failure(code ?? 'ENOSPC', file.path);
          // A system says of a call that it failed only where nothing of it was done.
          if (code !== undefined) this.faults.inject({ meets: meets('write', file.path), code });
          return bytes;
        }),
      sync: () => {
        const point = file.beginSync();
        return perform('sync', file.path, { isChange: file.isUnsynced }, (fault) => {
          if (fault?.code !== undefined) {
            file.failSync(point, fault.isLost ?? (() => true));
            throw failure(fault.code, file.path);
          }
          file.endSync(point);
          this.syncs++;
        });
      },
      sizeBytes: () => Promise.resolve(file.sizeBytes),
      close: () => {
        if (isOpen && life === this.#life) this.#handles--;
        isOpen = false;
        return Promise.resolve();
      },
    };
  }

  /** How many bytes can be written at `position`. */
  #roomFor(file: SimulatedFile, position: number): number {
    if (!this.isFull) return Number.POSITIVE_INFINITY;
    return Math.max(0, file.sizeBytes + Math.max(0, this.capacityBytes - this.usedBytes) - position);
  }

  #find(path: string, mode: OpenMode): SimulatedFile {
    const found = this.#entries.get(path);
    if (found === undefined && (mode === 'read' || mode === 'update')) throw failure('ENOENT', path);
    if (found !== undefined && mode === 'create') throw failure('EEXIST', path);
    if (found !== undefined && mode !== 'replace') return found;
    const file = new SimulatedFile(path);
    this.#change((entries) => entries.set(path, file));
    return file;
  }

  #require(path: string): SimulatedFile {
    const file = this.#entries.get(path);
    if (file === undefined) throw failure('ENOENT', path);
    return file;
  }

  #fileOf(name: string): SimulatedFile {
    for (const [path, file] of this.#entries) if (basename(path) === name) return file;
    throw new Error(`simulated disk: no file ${name}`);
  }

  #change(apply: FolderChange['apply']): void {
    apply(this.#entries);
    this.#changes.push({ order: ++this.#changesMade, apply });
  }
}

/** The next call of this kind that is not of a segment in preparation. */
function isOfLog(kind: CallKind): (call: DiskCall) => boolean {
  return (call) => call.kind === kind && call.name !== preparingName;
}

function meets(kind: CallKind, path: string): (call: DiskCall) => boolean {
  return (call) => call.kind === kind && call.name === basename(path);
}

type Perform = <Result>(
  kind: CallKind,
  path: string,
  call: { readonly bytes?: number; readonly isChange?: boolean },
  effect: (fault: CallFault | undefined) => Result,
) => Promise<Result>;

/** Files on the platter, but not the locks of the processes that had them. */
function copyOf(entries: ReadonlyMap<string, SimulatedFile>): Map<string, SimulatedFile> {
  const copy = new Map<string, SimulatedFile>();
  for (const [path, file] of entries) if (!basename(path).startsWith('lock.')) copy.set(path, file.clone());
  return copy;
}

/** What a dead process waits for. */
function never(): Promise<never> {
  return new Promise(() => {});
}

function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${code} on ${path}`), { code });
}
