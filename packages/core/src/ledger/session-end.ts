import { endGrant } from './grants.ts';
import type { LedgerState } from './ledger-state.ts';
import { leaveQueue } from './queue.ts';
import type { Session } from './records.ts';
import type { EndReason } from './results.ts';
import { closeSession, entriesOf, grantsOf } from './sessions.ts';

/** Ends a session with its grants and queue places, and remembers its id. O(what it has). */
export function endSession(state: LedgerState, session: Session, reason: EndReason): void {
  for (const grant of grantsOf(session)) {
    endGrant(state, grant, { reason, isUntold: false, withSession: true });
  }
  for (const entry of entriesOf(session)) leaveQueue(state, entry, { why: reason });
  closeSession(state, session, reason, state.leases.longestHoldMs);
}
