import type { Result } from './records.ts';
import type { EndReason } from './results.ts';

/** Why something has ended. The place in this list is what a snapshot stores: only ever append. */
export const endReasons = [
  'checkedIn',
  'reclaimed',
  'disconnected',
  'revoked',
  'removed',
  'idle',
  'expired',
  'sessionEnded',
  'superseded',
  'recovered',
] as const satisfies readonly EndReason[];
/** What a request came to. As above: only ever append. */
export const resultTypes = [
  'done',
  'denied',
  'ended',
  'refused',
  'borrowed',
] as const satisfies readonly Result['type'][];

/**
 * Added to a queue place's count, which is always below, where fields of ledger version 3 follow. Without them a record is what
 * it was under version 1: a raise of the version changes no record, and so no hash.
 */
export const moreFollows = 2 ** 20;
/** In a grant's flags, above what its end and its disconnect make of them: its seats are above the count. */
export const overdraftFlag = 64;
/** Its seats are shared. */
export const sharedFlag = 128;
/** Its display or address is known. */
export const whereFlag = 256;
/** At the end of a session's hash of the secret: more fields of ledger version 3 follow. */
export const moreMark = '+';

/** Whether a result of this type has words or a denial. */
export function hasText(type: Result['type']): boolean {
  return type === 'denied' || type === 'refused' || type === 'borrowed';
}
