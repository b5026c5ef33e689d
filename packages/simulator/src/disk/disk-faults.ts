import type { SectorLoss } from './simulated-file.ts';

/** What a process asks of a file system. */
export type CallKind = 'list' | 'open' | 'read' | 'write' | 'sync' | 'rename' | 'remove' | 'syncFolder';

/** One call, before it is done. */
export interface DiskCall {
  readonly kind: CallKind;
  /** The file's name without its folder. */
  readonly name: string;
  /** Bytes asked for: reads and writes. */
  readonly bytes: number;
}

/** What a call comes to instead. Without `code`, a write or read that is only short. */
export interface CallFault {
  readonly code?: string;
  /** Of a write: how many bytes are written all the same, in front. Default: none with a code, else half. */
  readonly writtenBytes?: number;
  /** Of a failed sync: which sectors it lost. Default: all. */
  readonly isLost?: SectorLoss;
}

/** A fault that waits for its call. */
export interface InjectedCallFault extends CallFault {
  /** Whether it meets this call; asked for each one in turn. */
  readonly meets: (call: DiskCall) => boolean;
  /** How many calls it meets. Default 1. */
  readonly times?: number;
}

/** The faults of one disk that are waiting for their calls, and what is wrong with it all the time. */
export class DiskFaults {
  /** Nothing can be written or renamed: mounted read-only. */
  isReadOnly = false;
  /** No file can be opened: the process has too many open. */
  hasNoHandles = false;
  #waiting: { readonly fault: InjectedCallFault; left: number }[] = [];

  /** Answers how it is taken back. */
  inject(fault: InjectedCallFault): () => void {
    const waiting = { fault, left: fault.times ?? 1 };
    this.#waiting.push(waiting);
    return () => {
      this.#waiting = this.#waiting.filter((each) => each !== waiting);
    };
  }

  /** Takes back what waits. */
  forget(): void {
    this.#waiting = [];
  }

  /** What meets a call now. */
  take(call: DiskCall): CallFault | undefined {
    if (this.isReadOnly && call.kind !== 'read' && call.kind !== 'list' && !isReading(call)) return { code: 'EROFS' };
    if (this.hasNoHandles && (call.kind === 'open' || call.kind === 'list' || call.kind === 'syncFolder'))
      return { code: 'EMFILE' };
    if (this.#waiting.length === 0) return undefined;
    const met = this.#waiting.find(({ fault }) => fault.meets(call));
    if (met === undefined) return undefined;
    met.left--;
    if (met.left === 0) this.#waiting = this.#waiting.filter((each) => each !== met);
    return met.fault;
  }
}

/** Syncing what nobody changed, and opening to read, is possible on a read-only disk, too; those calls say so by their bytes. */
function isReading({ kind, bytes }: DiskCall): boolean {
  return (kind === 'open' || kind === 'sync' || kind === 'syncFolder') && bytes === 0;
}
