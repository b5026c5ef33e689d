/**
 * Codes of `error` messages, each with whether trying again (there or elsewhere) can help. Wire text is the key.
 * Denials have their own table (`denialCodes` in @lic/core).
 */
export const errorCodes = {
  /** Not JSON, not a known message, or a field out of bounds; `details.path` names it. */
  BAD_MESSAGE: { retryable: false },
  /** No protocol version in common; `details` has what the server speaks. */
  PROTOCOL_UNSUPPORTED: { retryable: false },
  /** A first message other than `hello`, or a second `hello`. */
  HELLO_EXPECTED: { retryable: false },
  /** A stand-by was asked; `control` says where control is, if known. */
  NOT_IN_CONTROL: { retryable: true },
  /** No majority reachable: nothing new is granted, nothing is taken away. */
  NO_QUORUM: { retryable: true },
  /** The server is starting or stopping, or the triad is forming. */
  NOT_READY: { retryable: true },
  /** Too much in flight. */
  BUSY: { retryable: true },
  /** May or may not have been carried out: repeat it (same seq) to find out. */
  UNKNOWN: { retryable: true },
  /** What it obtained, or its session, has ended. */
  ENDED: { retryable: false },
  /** A newer connection of this session exists. */
  SUPERSEDED: { retryable: false },
  /** Not the session's first request, and the session is not known. */
  UNKNOWN_SESSION: { retryable: false },
  /** The session is not bound to this connection: resume first. */
  RESUME: { retryable: true },
  /** Wrong secret, unknown grant, sequence skipped. */
  REFUSED: { retryable: false },
  /** The admin token is missing or wrong. */
  UNAUTHORIZED: { retryable: false },
  /** An administrative verb could not be carried out; `details.reason` has a code of its own. */
  ADMIN_FAILED: { retryable: false },
  /** A reload exchanges more than one server, or a second one while one is under way. */
  ONE_SERVER_AT_A_TIME: { retryable: false },
  /** A reload's license was refused; message names the server and the reason. */
  LICENSE_REFUSED: { retryable: false },
  /** The server takes part: there is nothing to refill. */
  REPAIR_NOT_NEEDED: { retryable: false },
  /** Refilling might destroy the last good copy, or would not help. */
  REPAIR_NOT_POSSIBLE: { retryable: true },
  /** A borrow can't be given back or taken over; `details.reason` has a code of its own. */
  BORROW_REFUSED: { retryable: false },
  /** The triad has formed. */
  FORM_NOT_NEEDED: { retryable: false },
  /** Not exactly two servers are there and fit to form. */
  FORM_NOT_POSSIBLE: { retryable: true },
  /** There is a quorum, or another server can make one. */
  RECOVER_NOT_NEEDED: { retryable: false },
  /** There is nothing here to go on from. */
  RECOVER_NOT_POSSIBLE: { retryable: false },
  /** The connection is closed to protect the server (too many, too slow). */
  TOO_MANY_CONNECTIONS: { retryable: true },
  /** A bug here; the log has the rest. */
  INTERNAL: { retryable: true },
} as const satisfies Record<string, { readonly retryable: boolean }>;

export type ErrorCode = keyof typeof errorCodes;
