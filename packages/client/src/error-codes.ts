/**
 * Codes of the errors that this package throws, with whether trying again can help. A denied checkout carries the denial's own
 * code instead (`NO_SEATS`, …; `denialCodes` in @lic/core).
 */
export const clientErrorCodes = {
  /** Servers were reached, but none was in control within `controlWaitMs`. */
  NO_QUORUM: { retryable: true },
  /** No server could be reached within `controlWaitMs`. */
  NO_SERVER: { retryable: true },
  /** Every server that answered failed to prove that a license of this vendor names it. */
  SERVER_NOT_TRUSTED: { retryable: false },
  /** A server speaks no protocol version that this client speaks. */
  PROTOCOL_UNSUPPORTED: { retryable: false },
  /** The server in control kept answering that it has too much to do. */
  BUSY: { retryable: true },
  /** The client was closed. */
  CLOSED: { retryable: false },
  /** The server refused the request for good; `details.code` is its code. */
  REFUSED: { retryable: false },
  /** An administrative request was sent and its connection ended: it may have been carried out. */
  UNKNOWN: { retryable: true },
  /** A server did not answer in time. */
  TIMEOUT: { retryable: true },
  /** A server broke the protocol while connecting. */
  HANDSHAKE_FAILED: { retryable: true },
  /** An argument of a call makes no sense; `details.argument` names it. */
  INVALID_ARGUMENT: { retryable: false },
} as const satisfies Record<string, { readonly retryable: boolean }>;

export type ClientErrorCode = keyof typeof clientErrorCodes;
