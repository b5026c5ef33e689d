import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { errorCode, type StoreDamage } from '@lic/interfaces';
import { type FileSystem, isUnreadable, readFully, removeIfThere, syncFolder, writeFully } from './file-system.ts';
import { storeVersion } from './store-errors.ts';

/** The owner's record may have so many bytes. */
export const ownerBytesMax = 64 * 1_024;

const name = 'owner.rec';
const temporaryName = 'owner.tmp';
/** `lic-own` and a line feed; then version, CRC of what follows, length, the record. */
const magic = Uint8Array.of(0x6c, 0x69, 0x63, 0x2d, 0x6f, 0x77, 0x6e, 0x0a);
const headerBytes = 20;
const version = 1;

/** Reads the owner's record: undefined where there is none, and where it is damaged. Throws `STORE_VERSION`. */
export async function readOwnerFile(
  fileSystem: FileSystem,
  directory: string,
): Promise<{ readonly record: Uint8Array | undefined; readonly damage: StoreDamage | undefined }> {
  let bytes: Uint8Array<ArrayBuffer>;
  let count: number;
  try {
    const file = await fileSystem.open(join(directory, name), 'read');
    try {
      bytes = new Uint8Array(headerBytes + ownerBytesMax);
      count = await readFully(file, bytes, bytes.byteLength, 0);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return { record: undefined, damage: undefined };
    if (isUnreadable(error)) {
      const damage = { file: name, offset: error.offset, what: `It can't be read: ${error.message}.` };
      return { record: undefined, damage };
    }
    throw error;
  }
  const view = new DataView(bytes.buffer);
  const length = view.getUint32(16, true);
  const isWhole =
    count >= headerBytes &&
    magic.every((byte, offset) => bytes[offset] === byte) &&
    count === headerBytes + length &&
    crc32(bytes.subarray(16, count)) === view.getUint32(12, true);
  if (!isWhole)
    return { record: undefined, damage: { file: name, offset: 0, what: "The owner's record is not valid." } };
  const found = view.getUint32(8, true);
  if (found !== version) throw storeVersion(join(directory, name), found, version);
  return { record: bytes.slice(headerBytes, count), damage: undefined };
}

/** Replaces the owner's record atomically and durably. */
export async function writeOwnerFile(fileSystem: FileSystem, directory: string, record: Uint8Array): Promise<void> {
  const bytes = new Uint8Array(headerBytes + record.byteLength);
  const view = new DataView(bytes.buffer);
  bytes.set(magic);
  view.setUint32(8, version, true);
  view.setUint32(16, record.byteLength, true);
  bytes.set(record, headerBytes);
  view.setUint32(12, crc32(bytes.subarray(16)), true);
  // A file of which a sync failed is not used again.
  await removeIfThere(fileSystem, join(directory, temporaryName));
  const file = await fileSystem.open(join(directory, temporaryName), 'create');
  try {
    await writeFully(file, bytes, bytes.byteLength, 0);
    await file.sync();
  } finally {
    await file.close();
  }
  await fileSystem.rename(join(directory, temporaryName), join(directory, name));
  await syncFolder(fileSystem, directory);
}
