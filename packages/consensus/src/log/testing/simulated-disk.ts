import { basename, dirname } from 'node:path';
import type { FileSystem, OpenFile } from '../file-system.ts';

/** One call of a file system, before it is done. */
export interface DiskCall {
  readonly kind: 'list' | 'open' | 'read' | 'write' | 'sync' | 'rename' | 'remove' | 'syncFolder';
  /** The file's name without its folder. */
  readonly name: string;
  /** Bytes asked for: reads and writes. */
  readonly bytes: number;
}

/** What a call comes to instead: an error code, for a write after the first `written` bytes; or a write that is only short. */
export interface DiskFault {
  readonly code?: string;
  readonly written?: number;
}

interface Write {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** A file: what processes see, what is on the platter, and what lies between. */
interface Inode {
  path: string;
  seen: Uint8Array;
  durable: Uint8Array;
  unsynced: Write[];
}

/** What lies between a folder's entries as seen and as durable: in order, as a journal writes them. */
type FolderChange = (entries: Map<string, Inode>) => void;

const sectorBytes = 512;

/**
 * A file system in memory that does what a real disk may: a power cut keeps any subset of the sectors that were not synced, a failed
 * sync leaves pages that look written and are not, writes are short, space runs out. For tests of the log.
 */
export class SimulatedDisk {
  #entries = new Map<string, Inode>();
  #durableEntries = new Map<string, Inode>();
  #changes: FolderChange[] = [];
  /** Where files were opened last. */
  #folder = '';
  /** Differs after each crash: calls of a dead process never settle. */
  #life = 0;
  /** Every call in order. */
  readonly calls: DiskCall[] = [];
  /** Asked before each call. */
  onCall: (call: DiskCall) => DiskFault | undefined = () => undefined;

  /** The file system as a process sees it that starts now. */
  fileSystem(): FileSystem {
    const life = this.#life;
    /** Does `effect` at one instant at which the process lives, or never settles. */
    const perform: Perform = async (kind, path, bytes, effect) => {
      await Promise.resolve();
      if (life !== this.#life) return new Promise(() => {});
      const call = { kind, name: basename(path), bytes };
      this.calls.push(call);
      const fault = this.onCall(call) ?? {};
      if (fault.code !== undefined && kind !== 'write' && kind !== 'sync') throw failure(fault.code, path);
      return effect(fault);
    };
    return {
      makeFolder: (path) => perform('open', path, 0, () => {}),
      list: (folder) =>
        perform('list', folder, 0, () =>
          [...this.#entries.keys()].filter((path) => dirname(path) === folder).map((path) => basename(path)),
        ),
      open: (path, mode) =>
        perform('open', path, 0, () => {
          this.#folder = dirname(path);
          let inode = this.#entries.get(path);
          if (inode === undefined && (mode === 'read' || mode === 'update')) throw failure('ENOENT', path);
          if (inode !== undefined && mode === 'create') throw failure('EEXIST', path);
          if (inode === undefined || mode === 'replace') {
            inode = { path, seen: new Uint8Array(0), durable: new Uint8Array(0), unsynced: [] };
            this.#change(setEntry(path, inode));
          }
          return openFile(inode, perform);
        }),
      rename: (from, to) =>
        perform('rename', to, 0, () => {
          const inode = this.#require(from);
          inode.path = to;
          this.#change((entries) => {
            entries.delete(from);
            entries.set(to, inode);
          });
        }),
      remove: (path) =>
        perform('remove', path, 0, () => {
          this.#require(path);
          this.#change((entries) => entries.delete(path));
        }),
      syncFolder: (path) =>
        perform('syncFolder', path, 0, () => {
          for (const change of this.#changes) change(this.#durableEntries);
          this.#changes = [];
        }),
    };
  }

  /** The process dies, the page cache lives on. */
  kill(): void {
    this.#life++;
  }

  /** Power is cut. `keeps` decides for each unsynced sector, in turn, and for the folder's changes, of which a prefix stays. */
  cutPower(keeps: () => boolean): void {
    this.#life++;
    for (const change of this.#changes) {
      if (!keeps()) break;
      change(this.#durableEntries);
    }
    this.#changes = [];
    this.#entries = new Map(this.#durableEntries);
    for (const [path, inode] of this.#entries) {
      inode.path = path;
      for (const write of inode.unsynced) {
        for (let at = 0; at < write.bytes.byteLength; ) {
          const end = Math.min(write.bytes.byteLength, at + sectorBytes - ((write.offset + at) % sectorBytes));
          if (keeps()) inode.durable = overwrite(inode.durable, write.offset + at, write.bytes.subarray(at, end));
          at = end;
        }
      }
      inode.unsynced = [];
      inode.seen = inode.durable.slice();
    }
  }

  /** The names of the files, in order. */
  names(): string[] {
    return [...this.#entries.keys()].map((path) => basename(path)).sort();
  }

  read(name: string): Uint8Array {
    return this.#find(name).seen.slice();
  }

  /** Replaces a file's bytes behind everyone's back, or brings a lost file back. */
  restore(name: string, bytes: Uint8Array): void {
    const path = [...this.#entries.keys()].find((each) => basename(each) === name) ?? `${this.#folder}/${name}`;
    const inode = { path, seen: bytes.slice(), durable: bytes.slice(), unsynced: [] };
    this.#entries.set(path, inode);
    this.#durableEntries.set(path, inode);
  }

  /** Removes a file behind everyone's back. */
  lose(name: string): void {
    const { path } = this.#find(name);
    this.#entries.delete(path);
    this.#durableEntries.delete(path);
  }

  /** Turns over one bit of the byte at `offset`. */
  flip(name: string, offset: number): void {
    const bytes = this.read(name);
    bytes[offset] = (bytes[offset] ?? 0) ^ 0x10;
    this.restore(name, bytes);
  }

  #find(name: string): Inode {
    const found = [...this.#entries].find(([path]) => basename(path) === name);
    if (found === undefined) throw new Error(`simulated disk: no file ${name}`);
    return found[1];
  }

  #require(path: string): Inode {
    const inode = this.#entries.get(path);
    if (inode === undefined) throw failure('ENOENT', path);
    return inode;
  }

  #change(change: FolderChange): void {
    change(this.#entries);
    this.#changes.push(change);
  }
}

type Perform = <Result>(
  kind: DiskCall['kind'],
  path: string,
  bytes: number,
  effect: (fault: DiskFault) => Result,
) => Promise<Result>;

function openFile(inode: Inode, perform: Perform): OpenFile {
  return {
    read: (buffer, length, position) =>
      perform('read', inode.path, length, () => {
        const part = inode.seen.subarray(position, position + length);
        buffer.set(part);
        return part.byteLength;
      }),
    write: (buffer, from, length, position) =>
      perform('write', inode.path, length, ({ code, written = code === undefined ? length : 0 }) => {
        const bytes = buffer.slice(from, from + Math.min(length, written));
        inode.seen = overwrite(inode.seen, position, bytes);
        inode.unsynced.push({ offset: position, bytes });
        if (code !== undefined) throw failure(code, inode.path);
        return bytes.byteLength;
      }),
    sync: () =>
      perform('sync', inode.path, 0, ({ code }) => {
        const written = inode.unsynced;
        // After an error the system takes the pages for clean: they are never written unless they change again.
        inode.unsynced = [];
        if (code !== undefined) throw failure(code, inode.path);
        for (const { offset, bytes } of written) inode.durable = overwrite(inode.durable, offset, bytes);
      }),
    sizeBytes: () => Promise.resolve(inode.seen.byteLength),
    close: () => Promise.resolve(),
  };
}

function setEntry(path: string, inode: Inode): FolderChange {
  return (entries) => {
    entries.set(path, inode);
  };
}

function overwrite(target: Uint8Array, offset: number, bytes: Uint8Array): Uint8Array {
  let result = target;
  if (offset + bytes.byteLength > target.byteLength) {
    result = new Uint8Array(offset + bytes.byteLength);
    result.set(target);
  }
  result.set(bytes, offset);
  return result;
}

function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${code} on ${path}`), { code });
}
