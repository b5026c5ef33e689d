import { endBorrow } from './borrows.ts';
import { denyStranded, denyWaitOver } from './checkout.ts';
import { isServable } from './fitting-pools.ts';
import { endGrant, makeEnding } from './grants.ts';
import type { LedgerState } from './ledger-state.ts';
import { ledgerLimits } from './limits.ts';
import { findBoundary } from './pool-terms.ts';
import { dropUnusedPool } from './pools.ts';
import { leaveQueue } from './queue.ts';
import type { Entry, Feature, Linger, Pool } from './records.ts';
import { endLinger } from './seats.ts';
import { forgetSession } from './sessions.ts';

/**
 * Moves license time on, never back (I7), and ends what it ends: queue places at their limit, grants of features whose
 * period is over. Each command does so before its own work, so none sees an expired pool as open. At most
 * `endsPerCommandMax` ends come of one command; what is left stays due.
 */
export function advanceTime(state: LedgerState, at: number): void {
  state.timeMs = Math.max(state.timeMs, Math.floor(at));
  if (state.timeMs >= state.boundaryMs) findBoundary(state);
  let budget: number = ledgerLimits.endsPerCommandMax;
  for (let linger = dueLinger(state); linger !== undefined && budget > 0; linger = dueLinger(state)) {
    endLinger(state, linger);
    budget--;
  }
  for (let borrow = dueBorrow(state); borrow !== undefined && budget > 0; borrow = dueBorrow(state)) {
    endBorrow(state, borrow, 'expired');
    budget--;
  }
  for (let entry = dueEntry(state); entry !== undefined && budget > 0; entry = dueEntry(state)) {
    leaveQueue(state, entry, { why: 'waitOver', denial: denyWaitOver(state, entry) });
    budget--;
  }
  if (state.isSweepDue) sweep(state, budget);
  forgetSessions(state);
}

/** Ends what stands only because a pool did, after the license or license time took the pool away. */
export function sweep(state: LedgerState, budget: number): void {
  let left = budget;
  for (const pool of state.pools.walk()) {
    if (left === 0) break;
    if (pool.isRemoved || pool.isOver) left = sweepLingers(state, pool, left);
    left = pool.isRemoved ? sweepRemoved(state, pool, left) : sweepExpired(state, pool, left);
  }
  for (const feature of byName(state)) {
    if (left === 0) break;
    left = sweepQueue(state, feature, left);
  }
  state.isSweepDue = left === 0 && isSweepLeft(state);
}

/** Whether a sweep would find something: the same answer on a server that came by the state from a snapshot. */
export function isSweepLeft(state: LedgerState): boolean {
  for (const pool of state.pools.walk()) {
    if (pool.sweepFrom !== undefined && nextActive(pool) !== undefined) return true;
    if (pool.lingers > 0 && (pool.isRemoved || pool.isOver)) return true;
    if (pool.isOver && pool.firstGrant !== undefined) return true;
  }
  return [...state.queued].some((feature) => feature.queue.some((entry) => !isServable(state, entry)));
}

/** License time at which something is due next; null: nothing ever. */
export function nextDeadlineMs(state: LedgerState): number | null {
  if (state.isSweepDue) return state.timeMs;
  const next = Math.min(
    state.boundaryMs,
    state.deadlines.first()?.untilMs ?? Number.POSITIVE_INFINITY,
    state.lingerEnds.first()?.untilMs ?? Number.POSITIVE_INFINITY,
    state.borrowEnds.first()?.freeMs ?? Number.POSITIVE_INFINITY,
  );
  return next === Number.POSITIVE_INFINITY ? null : next;
}

function dueLinger(state: LedgerState): Linger | undefined {
  const linger = state.lingerEnds.first();
  return linger !== undefined && linger.untilMs <= state.timeMs ? linger : undefined;
}

function dueBorrow(state: LedgerState) {
  const borrow = state.borrowEnds.first();
  return borrow !== undefined && borrow.freeMs <= state.timeMs ? borrow : undefined;
}

function dueEntry(state: LedgerState): Entry | undefined {
  const entry = state.deadlines.first();
  return entry !== undefined && entry.untilMs <= state.timeMs ? entry : undefined;
}

/** Nobody holds lingering seats: with the pool they are over. */
function sweepLingers(state: LedgerState, pool: Pool, budget: number): number {
  if (pool.lingers === 0) return budget;
  const lingers = [...pool.holders.values()].flatMap((holder) => holder.lingers).sort((a, b) => a.serial - b.serial);
  for (const linger of lingers.slice(0, budget)) endLinger(state, linger);
  dropUnusedPool(state, pool);
  return budget - Math.min(budget, lingers.length);
}

function sweepExpired(state: LedgerState, pool: Pool, budget: number): number {
  if (!pool.isOver) return budget;
  let left = budget;
  for (; left > 0 && pool.firstGrant !== undefined; left--)
    endGrant(state, pool.firstGrant, { reason: 'expired', isUntold: true });
  return left;
}

function sweepRemoved(state: LedgerState, pool: Pool, budget: number): number {
  let left = budget;
  for (let grant = nextActive(pool); left > 0 && grant !== undefined; grant = nextActive(pool)) {
    makeEnding(state, grant, 'removed', '');
    left--;
  }
  return left;
}

/** The removed pool's oldest grant that is not *ending* yet. Those passed over are not looked at again. */
function nextActive(pool: Pool) {
  while (pool.sweepFrom !== undefined && pool.sweepFrom.endingReason !== undefined)
    pool.sweepFrom = pool.sweepFrom.next;
  return pool.sweepFrom;
}

function sweepQueue(state: LedgerState, feature: Feature, budget: number): number {
  if (!feature.mayHaveStranded) return budget;
  const stranded = feature.queue.filter((entry) => !isServable(state, entry));
  feature.mayHaveStranded = stranded.length > budget;
  for (const entry of stranded.slice(0, budget)) {
    const why =
      feature.pools.some(({ parts }) => parts.some(({ endsAtMs }) => endsAtMs > state.timeMs)) ||
      feature.pools.length === 0
        ? 'removed'
        : 'expired';
    leaveQueue(state, entry, { why, denial: denyStranded(state, entry) });
  }
  return budget - Math.min(budget, stranded.length);
}

/** In an order that does not depend on how the state came about. */
function byName(state: LedgerState): readonly Feature[] {
  return [...state.queued].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function forgetSessions(state: LedgerState): void {
  for (let i = 0; i < ledgerLimits.endsPerCommandMax; i++) {
    const oldest = state.endedSessions.first();
    if (oldest === undefined || oldest.untilMs > state.timeMs) return;
    forgetSession(state, oldest);
  }
}
