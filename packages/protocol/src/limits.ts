import { policyLimits } from '@lic/core';

/** Bounds of the client protocol; what goes past one is answered with an error that names it. */
export const protocolLimits = {
  /** One message of a client, UTF-8. A reload carries a license of up to 256 KiB. */
  messageBytesMax: 512 * 1024,
  /** One message of a server, UTF-8: a resume's answer lists up to `grantsMax` grants. As much as one frame of a transport. */
  answerBytesMax: 16 * 1024 * 1024,
  /** A policy file. */
  policyCharsMax: policyLimits.charsMax,
  nameCharsMax: 128,
  /** Milliseconds that a checkout may wait in the queue: a day. */
  waitMsMax: 86_400_000,
  /** Milliseconds that a borrow may last: 366 days. */
  borrowMsMax: 31_622_400_000,
  countMax: 1_000_000,
  /** Features of one checkout besides its first. */
  moreFeaturesMax: 31,
  /** Grants in one acknowledgement or one list. */
  grantsMax: 10_000,
} as const;

/** The protocol versions that this package speaks. The higher of what both speak is taken. */
export const protocolVersions = { min: 1, max: 2 } as const;
