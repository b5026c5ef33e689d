import { errorCode, errorMessage, LicError, type StoreDamage } from '@lic/interfaces';

/** Codes with which a system says that there is no space left for this file: quota and file-size limit are such, too. */
const spaceCodes = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** Whether an error of the file system means that there is no space. */
export function isOutOfSpace(error: unknown): boolean {
  return spaceCodes.has(errorCode(error));
}

/** What passes without the disk being mended: too many open files, too little memory, a disk that is read-only for now. */
const passingCodes = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN', 'EINTR', 'EROFS']);

/** Whether an error of the file system means that the same may well be done later. */
export function isPassing(error: unknown): boolean {
  return passingCodes.has(errorCode(error));
}

/** A failure after which nobody knows what is on the disk: final, whatever the system calls it. */
export class FinalFailure extends Error {
  constructor(cause: unknown) {
    super(errorMessage(cause), { cause });
    this.name = 'FinalFailure';
  }
}

/** No space: nothing of the write counts. */
export function storeFull(directory: string, cause: unknown): LicError {
  return new LicError(
    'STORE_FULL',
    `No space left for the log in ${directory} (${errorMessage(cause)}). Nothing of this write counts. Free space; the next write tries again.`,
    { retryable: true, cause, details: { directory } },
  );
}

/** Nothing can be written for now: nothing of the write counts. */
export function storeBlocked(directory: string, cause: unknown): LicError {
  return new LicError(
    'STORE_BLOCKED',
    `The log in ${directory} can't be written now (${errorMessage(cause)}). Nothing of this write counts. Make the disk writable, or let the process open more files; the next write tries again.`,
    { retryable: true, cause, details: { directory } },
  );
}

/** An error that is final until the store is opened anew. */
export function storeFailed(directory: string, cause: unknown): LicError {
  return new LicError(
    'STORE_FAILED',
    `The disk under the log in ${directory} failed (${errorMessage(cause)}). What was not acknowledged does not count. Mend the disk, then restart the server.`,
    { cause, details: { directory } },
  );
}

/** Damage was found when the store was opened. */
export function storeDamaged({ file, offset, what }: StoreDamage): LicError {
  return new LicError(
    'STORE_FAILED',
    `${file} is damaged at byte ${offset}: ${what} Nothing is written until the store is wiped and refilled from the peers.`,
    { details: { file, offset } },
  );
}

/** Not open. */
export function storeClosed(directory: string): LicError {
  return new LicError('STORE_CLOSED', `The log in ${directory} is not open.`, { details: { directory } });
}

/** Another process, or another store of this one, has the folder. */
export function storeInUse(directory: string, holder: string): LicError {
  return new LicError(
    'STORE_IN_USE',
    `The log in ${directory} is in use by ${holder}. Stop that server, or give this one a folder of its own.`,
    { details: { directory } },
  );
}

/** A format that this version does not know. */
export function storeVersion(file: string, found: number, known: number): LicError {
  return new LicError(
    'STORE_VERSION',
    `${file} has format version ${found}; this version reads ${known}. Start the version that wrote it, or refill the folder from the peers.`,
    { details: { file, found, known } },
  );
}

/** An append that would leave a gap, or that would replace what was compacted. */
export function storeGap(index: number, firstIndex: number, nextIndex: number): LicError {
  return new LicError(
    'STORE_GAP',
    `Entry ${index} can't be appended: an index from ${firstIndex} to ${nextIndex} is due there. Nothing of this write counts.`,
    { details: { index, firstIndex, nextIndex } },
  );
}

/** A snapshot that is not newer than the newest. */
export function snapshotOld(index: number, newestIndex: number): LicError {
  return new LicError(
    'SNAPSHOT_OLD',
    `A snapshot at entry ${index} is not newer than the one at ${newestIndex}: it was not saved.`,
    { details: { index, newestIndex } },
  );
}

/** The caller broke a precondition. */
export function storeMisuse(message: string): LicError {
  return new LicError('STORE_MISUSE', message);
}
