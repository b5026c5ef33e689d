import type { LeaseBounds } from './ledger-state.ts';
import { freeSeats } from './pool-seats.ts';
import {
  type Borrow,
  borrowId,
  compareEntries,
  type Entry,
  entryId,
  type Grant,
  grantId,
  type Linger,
  type Pool,
  type Session,
} from './records.ts';
import type { GrantView, PoolView, QueueView, SessionView } from './results.ts';

/** The place in the queue, from 1. O(log n). */
export function positionOf(entry: Entry): number {
  const { queue } = entry.feature;
  let low = 0;
  let high = queue.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareEntries(queue[middle]!, entry) < 0) low = middle + 1;
    else high = middle;
  }
  return low + 1;
}

export function viewGrant(grant: Grant): GrantView {
  const { session, pool, endingReason: reason } = grant;
  const view: GrantView = {
    id: grantId(grant.serial),
    session: session.id,
    feature: pool.featureName,
    version: pool.version.text,
    count: grant.count,
    user: session.user,
    host: session.host,
    sinceMs: grant.sinceMs,
    state: reason === undefined ? 'active' : 'ending',
    leaseMs: grant.leaseMs,
    holdMs: grant.holdMs,
    reclaim: grant.endsOnDisconnect ? 'disconnect' : 'lease',
    checkoutSeq: grant.checkoutSeq,
  };
  // Rare, so that a view of the common grant is one object.
  const shown =
    grant.sinceMs < pool.expiresAtMs && !grant.isOverdraft && grant.share === undefined && pool.vendorData === undefined
      ? view
      : {
          ...view,
          ...(grant.sinceMs < pool.expiresAtMs ? {} : { inGrace: true as const }),
          ...(grant.isOverdraft ? { overdraft: true as const } : {}),
          ...(pool.vendorData === undefined ? {} : { vendorData: pool.vendorData }),
          ...(grant.share === undefined ? {} : { share: grantId(grant.share.serial) }),
        };
  if (reason === undefined) return shown;
  return { ...shown, ending: grant.endingNote === '' ? { reason } : { reason, note: grant.endingNote } };
}

/** Lingering seats, as the grant that they were. */
export function viewLinger(linger: Linger): GrantView {
  return { ...viewUnheld(linger), id: grantId(linger.grant), state: 'lingering', untilMs: linger.untilMs };
}

/** Borrowed seats. The client's own id of them is nobody's to see. */
export function viewBorrow(borrow: Borrow): GrantView {
  const { serial, pool, untilMs } = borrow;
  const shown = pool.vendorData === undefined ? {} : { vendorData: pool.vendorData };
  return { ...viewUnheld(borrow), id: borrowId(serial), state: 'borrowed', ...shown, untilMs };
}

/** Seats that no session holds. */
function viewUnheld({ pool, count, user, host, sinceMs }: Linger | Borrow): Omit<GrantView, 'id' | 'state'> {
  return {
    session: '',
    feature: pool.featureName,
    version: pool.version.text,
    count,
    user,
    host,
    sinceMs,
    leaseMs: 0,
    holdMs: 0,
    reclaim: 'lease',
    checkoutSeq: 0,
  };
}

export function viewEntry(entry: Entry): QueueView {
  const view: QueueView = {
    id: entryId(entry.serial),
    session: entry.session.id,
    feature: entry.feature.name,
    count: entry.count,
    checkoutSeq: entry.checkoutSeq,
    position: positionOf(entry),
    untilMs: entry.untilMs,
  };
  return entry.version === undefined ? view : { ...view, version: entry.version.text };
}

/** `queued`: the waiting entries that this pool could serve. */
export function viewPool(pool: Pool, queued: number, timeMs: number): PoolView {
  const isCounted = pool.count !== Number.POSITIVE_INFINITY;
  const graceUntilMs = Math.max(...pool.parts.map(({ endsAtMs }) => endsAtMs));
  return {
    feature: pool.featureName,
    version: pool.version.text,
    count: isCounted ? pool.count : 'uncounted',
    inUse: pool.inUse,
    free: isCounted ? Math.max(0, freeSeats(pool)) : null,
    queued,
    expiresAtMs: pool.expiresAtMs === Number.POSITIVE_INFINITY ? null : pool.expiresAtMs,
    ...(pool.overdraft > 0 ? { overdraft: pool.overdraft } : {}),
    ...(pool.overdraft > 0 && pool.inUse > pool.count ? { overdrawn: pool.inUse - pool.count } : {}),
    ...(graceUntilMs > pool.expiresAtMs ? { graceUntilMs } : {}),
    ...(pool.expiresAtMs <= timeMs && timeMs < graceUntilMs ? { inGrace: true as const } : {}),
  };
}

/** O(distinct leases of the session). */
export function viewSession(session: Session, { baseLeaseMs, baseHoldMs }: LeaseBounds): SessionView {
  const leases = session.leases.length > 0 ? session.leases : [{ leaseMs: baseLeaseMs, holdMs: baseHoldMs }];
  return {
    id: session.id,
    epoch: session.epoch,
    user: session.user,
    host: session.host,
    leaseMsMin: leases.reduce((least, { leaseMs }) => Math.min(least, leaseMs), Number.POSITIVE_INFINITY),
    holdMsMax: longestHoldOf(session, baseHoldMs),
    holdMsMin: leases.reduce((least, { holdMs }) => Math.min(least, holdMs), Number.POSITIVE_INFINITY),
  };
}

/** The session's longest hold; of the default lease where it has neither grants nor queue places. */
export function longestHoldOf(session: Session, baseHoldMs: number): number {
  if (session.leases.length === 0) return baseHoldMs;
  return session.leases.reduce((most, { holdMs }) => Math.max(most, holdMs), 0);
}
