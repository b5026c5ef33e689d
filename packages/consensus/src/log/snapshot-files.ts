import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { SnapshotMeta } from '@lic/interfaces';
import {
  type FileSystem,
  isUnreadable,
  type OpenFile,
  readFully,
  removeIfThere,
  syncFolder,
  writeFully,
} from './file-system.ts';
import { getInteger, putInteger } from './record-format.ts';
import { FinalFailure, storeVersion } from './store-errors.ts';

const chunkBytesMax = 256 * 1_024;
const version = 1;
const temporaryName = 'snapshot.tmp';
const namePattern = /^snapshot-(\d{16})-(\d{16})\.snap$/;
/** `lic-snap`. Then version, CRC of the header with its own field zero, index, term, length of the configuration, configuration. */
const magic = Uint8Array.of(0x6c, 0x69, 0x63, 0x2d, 0x73, 0x6e, 0x61, 0x70);
const at = { version: 8, crc: 12, index: 16, term: 24, configBytes: 32, config: 36 } as const;
/** Length of the body in 8 bytes, SHA-256 of all before. */
const trailerBytes = 40;
const configBytesMax = 1_024 * 1_024;

/** A snapshot's file, as its name tells. */
export interface SnapshotName {
  readonly name: string;
  readonly index: number;
  readonly term: number;
}

/** A snapshot whose hash was right. `file` is open: whoever asked closes it. */
export interface VerifiedSnapshot {
  readonly meta: SnapshotMeta;
  readonly file: OpenFile;
  readonly bodyOffset: number;
  readonly bodyBytes: number;
}

/** The snapshots among the names in a folder, newest first. */
export function snapshotNames(names: readonly string[]): SnapshotName[] {
  const found = names.flatMap((name) => {
    const match = namePattern.exec(name);
    return match === null ? [] : [{ name, index: Number(match[1]), term: Number(match[2]) }];
  });
  return found.sort((a, b) => b.index - a.index);
}

/** Saves a snapshot under its name, durably, or leaves nothing. Throws what the file system or `chunks` threw. */
export async function writeSnapshotFile(
  fileSystem: FileSystem,
  directory: string,
  meta: SnapshotMeta,
  chunks: AsyncIterable<Uint8Array>,
): Promise<SnapshotName> {
  const { index, term } = meta;
  const [indexText, termText] = [index, term].map((value) => String(value).padStart(16, '0'));
  const name = `snapshot-${indexText}-${termText}.snap`;
  const temporary = join(directory, temporaryName);
  await removeIfThere(fileSystem, temporary);
  const file = await fileSystem.open(temporary, 'create');
  let isComplete = false;
  try {
    const hash = createHash('sha256');
    let offset = 0;
    const add = async (bytes: Uint8Array): Promise<void> => {
      hash.update(bytes);
      await writeFully(file, bytes, bytes.byteLength, offset);
      offset += bytes.byteLength;
    };
    const header = encodeHeader(meta);
    await add(header);
    for await (const chunk of chunks) await add(chunk);
    const trailer = new Uint8Array(trailerBytes);
    putInteger(new DataView(trailer.buffer), 0, offset - header.byteLength);
    hash.update(trailer.subarray(0, 8));
    trailer.set(hash.digest(), 8);
    await writeFully(file, trailer, trailerBytes, offset);
    await file.sync();
    isComplete = true;
  } finally {
    await file.close();
    if (!isComplete) await fileSystem.remove(temporary).catch(() => {});
  }
  await fileSystem.rename(temporary, join(directory, name));
  try {
    await syncFolder(fileSystem, directory);
  } catch (error) {
    // It has its name, but nobody knows whether it keeps it.
    throw new FinalFailure(error);
  }
  return { name, index, term };
}

/** Opens a snapshot and reads all of it once. Undefined where a byte is not as it was written, or can't be read. Throws `STORE_VERSION`. */
export async function verifySnapshotFile(
  fileSystem: FileSystem,
  directory: string,
  { name, index, term }: SnapshotName,
): Promise<VerifiedSnapshot | undefined> {
  const file = await fileSystem.open(join(directory, name), 'read');
  let isValid = false;
  try {
    const sizeBytes = await file.sizeBytes();
    const start = new Uint8Array(Math.min(at.config + configBytesMax, sizeBytes));
    await readFully(file, start, start.byteLength, 0);
    const decoded = decodeHeader(start);
    if (decoded === undefined) return undefined;
    if (decoded.version !== version) throw storeVersion(join(directory, name), decoded.version, version);
    const { meta, headerBytes } = decoded;
    const bodyBytes = sizeBytes - headerBytes - trailerBytes;
    if (meta.index !== index || meta.term !== term || bodyBytes < 0) return undefined;
    const hash = createHash('sha256');
    for await (const part of readParts(file, 0, headerBytes + bodyBytes)) hash.update(part);
    const trailer = new Uint8Array(trailerBytes);
    await readFully(file, trailer, trailerBytes, headerBytes + bodyBytes);
    hash.update(trailer.subarray(0, 8));
    isValid = getInteger(new DataView(trailer.buffer), 0) === bodyBytes && hash.digest().equals(trailer.subarray(8));
    return isValid ? { meta, file, bodyOffset: headerBytes, bodyBytes } : undefined;
  } catch (error) {
    if (isUnreadable(error)) return undefined;
    throw error;
  } finally {
    if (!isValid) await file.close();
  }
}

/** The bytes from `offset` on, in chunks of at most 256 KiB, each in a buffer of its own. */
export async function* readParts(file: OpenFile, offset: number, lengthBytes: number): AsyncGenerator<Uint8Array> {
  for (let done = 0; done < lengthBytes; ) {
    const part = new Uint8Array(Math.min(chunkBytesMax, lengthBytes - done));
    const count = await readFully(file, part, part.byteLength, offset + done);
    if (count < part.byteLength)
      throw Object.assign(new Error('A snapshot became shorter while it was read.'), { code: 'EIO' });
    done += count;
    yield part;
  }
}

function encodeHeader({ index, term, config }: SnapshotMeta): Uint8Array {
  const header = new Uint8Array(at.config + config.byteLength);
  const view = new DataView(header.buffer);
  header.set(magic);
  view.setUint32(at.version, version, true);
  putInteger(view, at.index, index);
  putInteger(view, at.term, term);
  view.setUint32(at.configBytes, config.byteLength, true);
  header.set(config, at.config);
  view.setUint32(at.crc, crc32(header), true);
  return header;
}

function decodeHeader(
  bytes: Uint8Array,
): { readonly meta: SnapshotMeta; readonly version: number; readonly headerBytes: number } | undefined {
  if (bytes.byteLength < at.config || !magic.every((byte, offset) => bytes[offset] === byte)) return undefined;
  const view = new DataView(bytes.buffer);
  const headerBytes = at.config + view.getUint32(at.configBytes, true);
  if (headerBytes > bytes.byteLength) return undefined;
  const crc = view.getUint32(at.crc, true);
  view.setUint32(at.crc, 0, true);
  if (crc32(bytes.subarray(0, headerBytes)) !== crc) return undefined;
  const meta = {
    index: getInteger(view, at.index),
    term: getInteger(view, at.term),
    config: bytes.slice(at.config, headerBytes),
  };
  return { meta, version: view.getUint32(at.version, true), headerBytes };
}
