import { LicError } from '@lic/interfaces';

/** No space; nothing of the write counts. */
export function storeFull(): LicError {
  return new LicError(
    'STORE_FULL',
    'The memory disk is full: nothing of this write counts. Free space, then try again.',
    {
      retryable: true,
    },
  );
}

/** Nothing can be written for now; nothing of the write counts. */
export function storeBlocked(): LicError {
  return new LicError(
    'STORE_BLOCKED',
    'The memory disk can not be written now: nothing of this write counts. Make it writable, then try again.',
    { retryable: true },
  );
}

/** I/O error or failed sync: final until the store is opened anew. */
export function storeFailed(): LicError {
  return new LicError(
    'STORE_FAILED',
    'The memory disk failed a write: nothing that was not acknowledged counts. Open the store anew.',
  );
}

/** Damage was found at `open`: nothing is written until the store is wiped. */
export function storeDamaged(what: string): LicError {
  return new LicError(
    'STORE_FAILED',
    `The memory disk was found damaged when it was opened: ${what} Wipe it and refill it.`,
  );
}

/** Not open: never opened, or closed. */
export function storeClosed(): LicError {
  return new LicError('STORE_CLOSED', 'The store on the memory disk is not open. Call open() first.');
}

/** Another store has the disk. */
export function storeInUse(): LicError {
  return new LicError(
    'STORE_IN_USE',
    'Another store has this memory disk open. Close it, or tell the disk of the crash.',
  );
}

/** An append that would leave a gap, within itself or behind the log, or that would replace what was compacted. */
export function storeGap(index: number, firstIndex: number, nextIndex: number): LicError {
  return new LicError(
    'STORE_GAP',
    `Entry ${index} can't be appended: the log takes an index from ${firstIndex} to ${nextIndex} there. Nothing of this write counts.`,
    { details: { index, firstIndex, nextIndex } },
  );
}

/** A snapshot that is not newer than the newest. */
export function snapshotOld(index: number, newestIndex: number): LicError {
  return new LicError(
    'SNAPSHOT_OLD',
    `A snapshot at entry ${index} is not newer than the one at ${newestIndex}: it was not saved.`,
    {
      details: { index, newestIndex },
    },
  );
}

/** The caller broke a precondition. */
export function storeMisuse(message: string): LicError {
  return new LicError('STORE_MISUSE', message);
}
