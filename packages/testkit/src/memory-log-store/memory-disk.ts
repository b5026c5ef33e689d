import type { LogEntry, StoreDamage } from '@lic/interfaces';
import { copyImage, emptyImage, type ImageStep, type StoreImage } from './store-image.ts';

/**
 * What a crash takes of that which was written but not yet synced: all of it, none of it, or each record (a vote, an entry, a
 * snapshot's rename) for which the function answers `true`. A log is read up to its first hole, so the records behind
 * a lost one are lost as well.
 */
export type CrashLoss = 'all-unsynced' | 'nothing' | ((record: number) => boolean);

/** The faults that {@link MemoryDisk.failNext} injects. */
export type InjectedFault = 'STORE_FULL' | 'STORE_BLOCKED' | 'STORE_FAILED';

/** The process that has a disk open, as the disk sees it. */
export interface DiskHolder {
  /** Whether something was begun and is not synced yet. */
  readonly isWriting: boolean;
  /** Steps begun and not yet synced, in order. The holder does nothing more: its promises never settle. */
  kill(): readonly ImageStep[];
}

/** Turns a stall back into a working disk. Idempotent. */
export type EndStall = () => void;

/**
 * A disk that outlives the processes that use it, with the faults that disks have. One store has it open at a time
 * (`STORE_IN_USE`), until that store is closed or the disk is told of the crash.
 */
export class MemoryDisk {
  /** For the store alone. */
  image: StoreImage = emptyImage();
  /** For the store alone. */
  holder: DiskHolder | undefined;
  /** Whether every write is refused with `STORE_FULL` now. */
  isFull = false;
  /** For the store alone: how often a process died. Stores from before are those of dead processes. */
  crashes = 0;
  /** Syncs finished so far. */
  syncs = 0;
  #failures: { readonly fault: InjectedFault; readonly lose: CrashLoss }[] = [];
  #stall: Promise<void> | undefined;

  /** Whether a store is writing to it now: what a crash may take. */
  get isWriting(): boolean {
    return this.holder?.isWriting ?? false;
  }

  /** The entry of that index, as it is durable now; undefined where there is none, or a snapshot has taken its place. */
  entryAt(index: number): LogEntry | undefined {
    return this.image.entries[index - this.image.base.index - 1];
  }

  /** The last entry that the newest durable snapshot stands for; 0 where there is none. */
  get snapshotIndex(): number {
    return this.image.snapshots[0]?.meta.index ?? 0;
  }

  /** The process is gone without a word: what was synced stays, of the rest as much as `lose` leaves. Default: all is lost. */
  crash(options: { readonly lose?: CrashLoss } = {}): void {
    this.crashes++;
    const unsynced = this.holder?.kill() ?? [];
    this.holder = undefined;
    this.keep(unsynced, options.lose ?? 'all-unsynced');
  }

  /** The next write that goes to the disk fails with `fault`; called again, the one after it as well. `lose`: see {@link CrashLoss}; for `STORE_FAILED` only. */
  failNext(fault: InjectedFault, lose: CrashLoss = 'all-unsynced'): void {
    this.#failures.push({ fault, lose });
  }

  /** Takes back what {@link MemoryDisk.failNext} announced and what has not happened yet. */
  forgetFailures(): void {
    this.#failures = [];
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

  /** Bit rot in what was synced: the store says so when it is opened next. The entries from `lostFromIndex` on are lost; default: the younger half. */
  damage(what: Partial<StoreDamage> & { readonly lostFromIndex?: number } = {}): void {
    const { base, entries } = this.image;
    const lostFromIndex = base.index + Math.ceil(entries.length / 2) + 1;
    this.image.damage = { file: 'memory/log', offset: 0, what: 'Damaged on purpose.', lostFromIndex, ...what };
  }

  /** Bit rot in the newest snapshot. */
  damageSnapshot(): void {
    const newest = this.image.snapshots[0];
    if (newest !== undefined) newest.isDamaged = true;
  }

  /** An empty disk was put in. Only while no store has it open. */
  wipe(): void {
    this.#assertFree('wipe');
    this.image = emptyImage();
  }

  /** A copy of what is durable now, such as a backup. */
  clone(): MemoryDisk {
    const copy = new MemoryDisk();
    copy.image = copyImage(this.image);
    return copy;
  }

  /** An older copy was restored (triad.md, I8). Only while no store has it open. */
  rollback(to: MemoryDisk): void {
    this.#assertFree('roll back');
    this.image = copyImage(to.image);
  }

  /** For the store alone: the fault that meets the next write, if any. */
  takeFault(): { readonly fault: InjectedFault; readonly lose: CrashLoss } | undefined {
    return this.#failures.shift() ?? (this.isFull ? { fault: 'STORE_FULL', lose: 'all-unsynced' } : undefined);
  }

  /** For the store alone: resolves when the disk does not stall. */
  async whileStalled(): Promise<void> {
    while (this.#stall !== undefined) await this.#stall;
  }

  /** For the store alone: what remains of steps that were not synced. */
  keep(steps: readonly ImageStep[], lose: CrashLoss): void {
    if (lose === 'all-unsynced') return;
    for (const [record, step] of steps.entries()) {
      if (lose !== 'nothing' && lose(record)) return;
      step(this.image);
    }
  }

  #assertFree(deed: string): void {
    if (this.holder !== undefined)
      throw new Error(`memory disk: ${deed} while a store has it open; crash or close it first`);
  }
}
