import { isLicError, LicError } from '@lic/interfaces';
import type { WireDenial } from '@lic/protocol';
import { type ClientErrorCode, clientErrorCodes } from './error-codes.ts';
import type { Failure } from './logic/outputs.ts';

/** An error of this client; `code` is one of `clientErrorCodes`. */
export class ClientError extends LicError {
  declare readonly code: ClientErrorCode;

  constructor(
    code: ClientErrorCode,
    message: string,
    details: Readonly<Record<string, unknown>> = {},
    cause?: unknown,
  ) {
    super(code, message, { retryable: clientErrorCodes[code].retryable, details, cause });
    this.name = 'ClientError';
  }
}

/** A checkout was denied: `code` says why (`NO_SEATS`, `EXPIRED`, …), `denial` has the facts, as the servers decided. */
export class DenialError extends LicError {
  readonly denial: WireDenial;

  constructor(denial: WireDenial) {
    super(denial.code, denial.message, { retryable: passingDenials.has(denial.code), details: { ...denial } });
    this.name = 'DenialError';
    this.denial = denial;
  }
}

/** Denials that time alone may lift. */
const passingDenials: ReadonlySet<string> = new Set([
  'NO_SEATS',
  'WAIT_OVER',
  'NOT_STARTED',
  'NOT_OPEN_YET',
  'STATE_DIFFERS',
  'QUEUE_FULL',
  'TOO_MANY_GRANTS',
]);

/** Whether `error` is a {@link DenialError}, also one of another copy of this package. */
export function isDenialError(error: unknown): error is DenialError {
  return isLicError(error) && error.name === 'DenialError' && 'denial' in error;
}

/** The error that a call is rejected with. */
export function errorOf(failure: Failure): LicError {
  if (failure.code === 'DENIED') return new DenialError(failure.denial);
  return new ClientError(failure.code, failure.message, failure.details);
}
