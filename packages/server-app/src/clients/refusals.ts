import { errorCode, errorMessage, isLicError } from '@lic/interfaces';
import { type ControlHint, type ErrorCode, type ErrorMessage, errorCodes } from '@lic/protocol';

/** Builds an `error` message; whether it can help to try again stands in the table of codes. */
export function errorReply(
  code: ErrorCode,
  message: string,
  more: Partial<Pick<ErrorMessage, 'id' | 'reason' | 'control' | 'details'>> = {},
): ErrorMessage {
  return { t: 'error', code, message, retryable: errorCodes[code].retryable, ...more };
}

const consensusTexts: Readonly<Record<string, string>> = {
  NOT_IN_CONTROL: 'This server is not in control. Ask the one that is.',
  NO_QUORUM: 'Fewer than two servers reach each other: nothing new is granted, and nothing is taken away.',
  BUSY: 'Too many requests are under way at this server. Try again shortly.',
  UNKNOWN:
    'Control moved while the request was under way; it may or may not have been carried out. Repeat it with the same seq.',
};

/** The reply to a request that consensus did not carry out (codes of `Consensus.propose`). */
export function consensusErrorReply(error: unknown, id: number, control: ControlHint | null): ErrorMessage {
  const code = errorCode(error);
  const text = consensusTexts[code];
  if (text !== undefined) {
    return errorReply(code as ErrorCode, text, { id, ...(code === 'NOT_IN_CONTROL' ? { control } : {}) });
  }
  if (isLicError(error, 'REJECTED')) return errorReply('NOT_READY', errorMessage(error), { id });
  return errorReply('INTERNAL', `The request failed: ${errorMessage(error)}`, { id });
}
