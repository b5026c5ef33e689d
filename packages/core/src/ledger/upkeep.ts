import type { AssignCommand, DisconnectCommand, ReclaimCommand, RevokeCommand, SettleCommand } from './commands.ts';
import { fittingPools } from './fitting-pools.ts';
import { endGrant, makeEnding, takeGrant } from './grants.ts';
import type { LedgerState } from './ledger-state.ts';
import { termsVersion } from './limits.ts';
import { firstOffered, type Part } from './pool-seats.ts';
import { dropEntry, leaveQueue, seatsFor } from './queue.ts';
import { compareEntries, type Entry, type Grant, serialOf } from './records.ts';
import { ok, rejected } from './replies.ts';
import type { LedgerReply } from './results.ts';
import { endSession } from './session-end.ts';
import { entriesOf, grantsOf } from './sessions.ts';
import { longestHoldOf, viewGrant } from './views.ts';

const unknownSession = rejected('UNKNOWN_SESSION', 'The session has ended meanwhile.');

/** Gives a freed seat to the queue entry that the server in control chose, where it still fits. */
export function applyAssign(state: LedgerState, command: AssignCommand): LedgerReply {
  const entry = state.entries.get(serialOf('q', command.entry));
  if (entry === undefined || entry.untilMs <= state.timeMs)
    return rejected('UNKNOWN_ENTRY', `The queue place ${command.entry} has ended meanwhile.`);
  if (!state.isOpen) return rejected('NOT_OPEN_YET', 'Checkouts are not open: the place is kept.');
  const { session } = entry;
  if (session.epoch !== command.epoch)
    return rejected('SUPERSEDED', 'The session is bound to another connection meanwhile: choose again.');
  const part = seatsFor(state, entry);
  if (part === undefined) return rejected('NO_SEATS', 'The seats are taken meanwhile: the place is kept.');
  const grant = serve(state, entry, part);
  return { kind: 'granted', epoch: session.epoch, grant: viewGrant(grant) };
}

/**
 * Serves queue places that need no seat any more: they share one that was taken meanwhile, or use what their holder has
 * lingering; of those that accept fewer seats also with as many as that makes. It takes nothing from anybody, so it waits neither for an order nor for the session to be bound. Only where checkouts
 * are not open it does: who else shares or has used the seats, servers that are gone may have known (triad.md, Recover).
 */
export function serveOffers(state: LedgerState): void {
  if (!state.areOffersOpen && state.offers.size === 0) return;
  if (!state.isOpen) {
    // `opened` looks at all of them.
    state.areOffersOpen = false;
    state.offers.clear();
    return;
  }
  const entries = new Set<Entry>();
  for (const { queue } of state.areOffersOpen ? state.queued : [])
    for (const entry of queue) if (entry.lowestPool !== undefined) entries.add(entry);
  for (const { waiting } of state.offers) for (const entry of waiting) entries.add(entry);
  state.areOffersOpen = false;
  state.offers.clear();
  for (const entry of [...entries].sort(compareEntries)) {
    state.visits++;
    const part = firstOffered(fittingPools(entry.feature, entry), entry);
    if (part !== undefined) serve(state, entry, part);
  }
  state.offers.clear();
}

function serve(state: LedgerState, entry: Entry, { pool, count }: Part): Grant {
  const { session, display, shareKey, address, checkoutSeq } = entry;
  dropEntry(state, entry);
  return takeGrant(state, { session, pool, count, display, shareKey, address, checkoutSeq, fromQueue: true });
}

/** Ends what a silent session holds no longer than it was silent, and with its longest hold the session. */
export function applyReclaim(state: LedgerState, command: ReclaimCommand): LedgerReply {
  const session = state.sessionsById.get(command.session);
  if (session === undefined) return unknownSession;
  const isOver = ({ holdMs }: Pick<Grant | Entry, 'holdMs'>) => holdMs <= command.silentMs;
  if (longestHoldOf(session, state.leases.baseHoldMs) <= command.silentMs) {
    endSession(state, session, 'reclaimed');
  } else if (session.leases.some(isOver)) {
    for (const grant of grantsOf(session).filter(isOver))
      endGrant(state, grant, { reason: 'reclaimed', isUntold: true });
    for (const entry of entriesOf(session).filter(isOver))
      leaveQueue(state, entry, { why: 'reclaimed', result: { type: 'ended', reason: 'reclaimed' } });
  }
  return ok;
}

/** An orderly end of the bound connection: grants of features with `reclaim: disconnect` end. */
export function applyDisconnect(state: LedgerState, command: DisconnectCommand): LedgerReply {
  const session = state.sessionsById.get(command.session);
  if (session === undefined) return unknownSession;
  if (session.epoch !== command.epoch)
    return rejected('SUPERSEDED', 'The session is bound to another connection meanwhile: nothing ends.');
  for (const grant of grantsOf(session)) {
    if (grant.endsOnDisconnect) endGrant(state, grant, { reason: 'disconnected', isUntold: true });
  }
  return ok;
}

/** Ends *ending* grants whose hold has passed. Others of the list are left alone: they have ended before. */
export function applySettle(state: LedgerState, command: SettleCommand): LedgerReply {
  for (const id of command.grants) {
    const grant = state.grants.get(serialOf('g', id));
    if (grant?.endingReason !== undefined) endGrant(state, grant, { reason: grant.endingReason, isUntold: true });
  }
  return ok;
}

/** Makes grants *ending* on an administrator's word, or because they are idle. Those that stand no longer are passed over. */
export function applyRevoke(state: LedgerState, command: RevokeCommand): LedgerReply {
  const grants = command.grants.flatMap((id) => state.grants.get(serialOf('g', id)) ?? []);
  if (grants.length === 0)
    return rejected('UNKNOWN_GRANT', 'None of these grants stands: look at "lic status" for their ids.');
  const reason = state.version >= termsVersion ? (command.as ?? 'revoked') : 'revoked';
  for (const grant of grants) makeEnding(state, grant, reason, command.reason);
  return ok;
}
