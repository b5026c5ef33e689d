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
  /** Whether the disk would be another after it. */
  readonly isChange: boolean;
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

/** What opens a file or a folder. */
const takesHandle = new Set<CallKind>(['open', 'list', 'syncFolder']);

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
    if (this.isReadOnly && call.isChange) return { code: 'EROFS' };
    if (this.hasNoHandles && takesHandle.has(call.kind)) return { code: 'EMFILE' };
    if (this.#waiting.length === 0) return undefined;
    const met = this.#waiting.find(({ fault }) => fault.meets(call));
    if (met === undefined) return undefined;
    met.left--;
    if (met.left === 0) this.#waiting = this.#waiting.filter((each) => each !== met);
    return met.fault;
  }
}
