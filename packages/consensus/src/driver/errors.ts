import { LicError, type PeerId } from '@lic/interfaces';

/** Surely not applied; trying again is pointless here. */
export function rejected(why: string): LicError {
  return new LicError('REJECTED', `The command was not taken: ${why}.`);
}

/** It may yet be applied. */
export function unknownOutcome(why: string, cause?: unknown): LicError {
  const message = `It is not known whether the command takes effect: ${why}. Repeat it with the same request id.`;
  return new LicError('UNKNOWN', message, { retryable: true, cause });
}

/** Surely not applied: another server is in control, or nobody yet. */
export function notInControl(leader: PeerId | null): LicError {
  const where = leader === null ? 'who is, is being decided' : `${leader} is`;
  return new LicError('NOT_IN_CONTROL', `This server is not in control; ${where}.`, {
    retryable: true,
    details: { leader },
  });
}

/** Surely not applied: no majority. */
export function noQuorum(): LicError {
  return new LicError('NO_QUORUM', 'No majority of the servers can be reached, so nothing can be decided.', {
    retryable: true,
  });
}

/** Surely not applied: too much is under way. */
export function busy(limit: string): LicError {
  return new LicError('BUSY', `More than ${limit} would be under way. Try again in a moment.`, { retryable: true });
}

/** Control stayed, or it is not known where it went. */
export function transferFailed(to: PeerId, why: string): LicError {
  return new LicError('TRANSFER_FAILED', `Control was not handed to ${to}: ${why}.`, {
    retryable: true,
    details: { to },
  });
}

/** The members stay as they were. */
export function membersRefused(why: string): LicError {
  return new LicError('MEMBERS_REFUSED', `The members stay as they are: ${why}.`, { retryable: true });
}
