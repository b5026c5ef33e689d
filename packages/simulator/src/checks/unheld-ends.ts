import type { EndReason } from '@lic/core';

/**
 * Ends for which no lease is waited: a time-out in the license, and where the client's side has closed. I3 is not promised for them
 * (triad.md, Time).
 */
export const unheldEnds: ReadonlySet<string> = new Set<EndReason>(['expired', 'disconnected', 'recovered']);
