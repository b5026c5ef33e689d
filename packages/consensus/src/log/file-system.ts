import { close, fdatasync, fstat, mkdir, open, read, readdir, rename, unlink, write } from 'node:fs';
import { dirname } from 'node:path';
import { errorCode, errorMessage } from '@lic/interfaces';
import { FinalFailure, isPassing } from './store-errors.ts';

/**
 * How a file is opened. `read`: it must exist. `update`: read and write, it must exist. `replace`: made or emptied.
 * `create`: made, fails with `EEXIST` where it exists.
 */
export type OpenMode = 'read' | 'update' | 'replace' | 'create';

/** An open file. Errors are Node's, with their `code`. */
export interface OpenFile {
  /** Reads up to `length` bytes at `position` into `buffer` from its start; answers how many, 0 at the end. */
  read(buffer: Uint8Array, length: number, position: number): Promise<number>;
  /** Writes up to `length` bytes of `buffer` from `from` at `position`; answers how many: fewer than asked is no error. */
  write(buffer: Uint8Array, from: number, length: number, position: number): Promise<number>;
  /** Resolves once all that was written, and the file's size, is on the disk (fdatasync). */
  sync(): Promise<void>;
  sizeBytes(): Promise<number>;
  close(): Promise<void>;
}

/** What the log needs of a file system: the seam at which tests inject faults. */
export interface FileSystem {
  /** Makes a folder with its parents, durably. No error where it exists. */
  makeFolder(path: string): Promise<void>;
  /** The names in a folder. */
  list(folder: string): Promise<string[]>;
  open(path: string, mode: OpenMode): Promise<OpenFile>;
  /** Replaces `to` atomically. */
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Makes the comings and goings of files in a folder durable. */
  syncFolder(path: string): Promise<void>;
}

const flags: Record<OpenMode, string> = { read: 'r', update: 'r+', replace: 'w+', create: 'wx+' };
/** What the log holds (who uses what) is nobody else's business. */
const fileMode = 0o600;
const folderMode = 0o700;

/** Node's file system, asynchronous throughout: a synchronous call would stall heartbeats. */
export const nodeFileSystem: FileSystem = {
  async makeFolder(path) {
    const first = await call<string | undefined>((done) => mkdir(path, { recursive: true, mode: folderMode }, done));
    if (first === undefined) return;
    for (let made = path; ; made = dirname(made)) {
      await this.syncFolder(dirname(made));
      if (made === first || made === dirname(made)) return;
    }
  },
  list: (folder) => call((done) => readdir(folder, done)),
  async open(path, mode) {
    return openFile(await call<number>((done) => open(path, flags[mode], fileMode, done)));
  },
  rename: (from, to) => call((done) => rename(from, to, done)),
  remove: (path) => call((done) => unlink(path, done)),
  async syncFolder(path) {
    const folder = openFile(await call<number>((done) => open(path, 'r', done)));
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  },
};

/** On the descriptor and callbacks: a `FileHandle` costs a few microseconds more for each call. */
function openFile(descriptor: number): OpenFile {
  return {
    read: (buffer, length, position) => call((done) => read(descriptor, buffer, 0, length, position, done)),
    write: (buffer, from, length, position) => call((done) => write(descriptor, buffer, from, length, position, done)),
    sync: () => call((done) => fdatasync(descriptor, done)),
    sizeBytes: async () => (await call<{ size: number }>((done) => fstat(descriptor, done))).size,
    close: () => call((done) => close(descriptor, done)),
  };
}

function call<Value>(start: (done: (error: Error | null, value?: Value) => void) => void): Promise<Value> {
  return new Promise((resolve, reject) => {
    start((error, value) => (error === null ? resolve(value as Value) : reject(error)));
  });
}

/** A write that was not finished. */
export class WriteFailure extends Error {
  readonly code: string;
  /** So many bytes were written. */
  readonly doneBytes: number;

  constructor(cause: unknown, doneBytes: number) {
    super(errorMessage(cause), { cause });
    this.name = 'WriteFailure';
    this.code = errorCode(cause);
    this.doneBytes = doneBytes;
  }
}

/**
 * Writes all bytes: a write may be short without an error (on a full file system, or at a file-size limit). Throws
 * {@link WriteFailure}.
 */
export async function writeFully(
  file: OpenFile,
  bytes: Uint8Array,
  lengthBytes: number,
  position: number,
): Promise<void> {
  for (let done = 0; done < lengthBytes; ) {
    const begun = done;
    const written = await file.write(bytes, done, lengthBytes - done, position + done).catch((error: unknown) => {
      throw new WriteFailure(error, begun);
    });
    if (written === 0) throw Object.assign(new Error('A write wrote nothing.'), { code: 'EIO' });
    done += written;
  }
}

/** Bytes that can't be read. */
export class ReadFailure extends Error {
  readonly code: string;
  /** From the file's start. */
  readonly offset: number;

  constructor(cause: unknown, offset: number) {
    super(errorMessage(cause), { cause });
    this.name = 'ReadFailure';
    this.code = errorCode(cause);
    this.offset = offset;
  }
}

/** Whether a disk can't read what once was on it: that is damage, as a changed byte is. */
export function isUnreadable(error: unknown): error is ReadFailure {
  return error instanceof ReadFailure && error.code === 'EIO';
}

/** Reads `lengthBytes` at `position`, or fewer at the file's end; answers how many. Throws {@link ReadFailure}. */
export async function readFully(
  file: OpenFile,
  into: Uint8Array,
  lengthBytes: number,
  position: number,
): Promise<number> {
  let done = 0;
  while (done < lengthBytes) {
    const count = await file.read(into.subarray(done), lengthBytes - done, position + done).catch((error: unknown) => {
      throw new ReadFailure(error, position + done);
    });
    if (count === 0) break;
    done += count;
  }
  return done;
}

/** Makes a file durable, or fails for good: nobody knows then what of it is. */
export async function syncFile(file: OpenFile): Promise<void> {
  try {
    await file.sync();
  } catch (error) {
    throw new FinalFailure(error);
  }
}

/** Makes the comings and goings of files in a folder durable, or fails for good unless it was not begun. */
export async function syncFolder(fileSystem: FileSystem, path: string): Promise<void> {
  try {
    await fileSystem.syncFolder(path);
  } catch (error) {
    throw isPassing(error) ? error : new FinalFailure(error);
  }
}

/** Removes a file; no error where it is gone already. */
export async function removeIfThere(fileSystem: FileSystem, path: string): Promise<void> {
  try {
    await fileSystem.remove(path);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
  }
}
