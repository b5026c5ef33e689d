import type { LedgerState } from './ledger-state.ts';
import { dropUnusedPool } from './pools.ts';
import type { GrantFields } from './record-fields.ts';
import { type Grant, kinds, type Pool, type Session } from './records.ts';
import type { EndReason } from './results.ts';
import { addLease, dropLease, remember } from './sessions.ts';
import { viewGrant } from './views.ts';

/** What is taken, for whom. */
export interface Taking {
  readonly session: Session;
  readonly pool: Pool;
  readonly count: number;
  readonly checkoutSeq: number;
  readonly fromQueue: boolean;
}

/** Takes seats. The caller has made sure that they are free: this is where I2 would break. */
export function takeGrant(state: LedgerState, taking: Taking): Grant {
  const { pool, session } = taking;
  const grant = newGrant(
    {
      serial: state.nextSerial(),
      checkoutSeq: taking.checkoutSeq,
      count: taking.count,
      sinceMs: state.timeMs,
      leaseMs: pool.leaseMs,
      holdMs: pool.holdMs,
      endsOnDisconnect: pool.endsOnDisconnect,
      isOverdraft: pool.inUse + taking.count > pool.count,
      endingReason: undefined,
      endingNote: '',
    },
    session,
    pool,
    true,
  );
  state.add(grant);
  linkGrant(state, grant);
  state.events.push({ kind: 'granted', grant: viewGrant(grant), fromQueue: taking.fromQueue });
  return grant;
}

export function newGrant(
  fields: Omit<GrantFields, 'session' | 'pool'>,
  session: Session,
  pool: Pool,
  isDirty: boolean,
): Grant {
  return {
    kind: kinds.grant,
    serial: fields.serial,
    isDirty,
    isLive: true,
    session,
    pool,
    checkoutSeq: fields.checkoutSeq,
    count: fields.count,
    sinceMs: fields.sinceMs,
    leaseMs: fields.leaseMs,
    holdMs: fields.holdMs,
    endsOnDisconnect: fields.endsOnDisconnect,
    isOverdraft: fields.isOverdraft,
    endingReason: fields.endingReason,
    endingNote: fields.endingNote,
    previous: undefined,
    next: undefined,
  };
}

/** Puts a grant, the newest, into the bookkeeping of its session and its pool. */
export function linkGrant(state: LedgerState, grant: Grant): void {
  const { session, pool } = grant;
  session.outcomes.set(grant.checkoutSeq, grant);
  session.grants++;
  addLease(session, grant.leaseMs, grant.holdMs);
  pool.grants++;
  pool.inUse += grant.count;
  grant.previous = pool.lastGrant;
  if (pool.lastGrant === undefined) pool.firstGrant = grant;
  else pool.lastGrant.next = grant;
  pool.lastGrant = grant;
  if (grant.endingReason !== undefined) state.endingGrants.add(grant);
  else if (pool.isRemoved) pool.sweepFrom ??= grant;
}

/** How a grant ends. */
export interface Ending {
  readonly reason: EndReason;
  /** The client did not ask for it and may not know: kept for its next resume. */
  readonly isUntold: boolean;
  /** The session ends with it, so nothing is remembered for it. */
  readonly withSession?: boolean;
}

/** Ends a grant: its seats are free. One that was *ending* ends for the reason that it was ending for. */
export function endGrant(state: LedgerState, grant: Grant, ending: Ending): void {
  const { session, pool } = grant;
  const reason = grant.endingReason ?? ending.reason;
  state.delete(grant);
  session.grants--;
  dropLease(session, grant.leaseMs, grant.holdMs);
  unlink(grant);
  pool.grants--;
  pool.inUse -= grant.count;
  if (grant.endingReason !== undefined) state.endingGrants.delete(grant.serial);
  session.outcomes.delete(grant.checkoutSeq);
  if (ending.withSession !== true && (ending.isUntold || grant.checkoutSeq >= session.awaited)) {
    remember(state, session, {
      seq: grant.checkoutSeq,
      type: 'ended',
      reason,
      grant: grant.serial,
      isUntold: ending.isUntold,
    });
  }
  dropUnusedPool(state, pool);
  const view = viewGrant(grant);
  state.events.push(
    grant.endingNote === ''
      ? { kind: 'ended', grant: view, reason }
      : { kind: 'ended', grant: view, reason, note: grant.endingNote },
  );
}

/** An end that the client did not ask for: the grant counts until it is acknowledged or settled. Twice is once. */
export function makeEnding(state: LedgerState, grant: Grant, reason: EndReason, note: string): void {
  if (grant.endingReason !== undefined) return;
  state.touch(grant);
  grant.endingReason = reason;
  grant.endingNote = note;
  state.endingGrants.add(grant);
  state.events.push({ kind: 'ending', grant: viewGrant(grant) });
}

function unlink(grant: Grant): void {
  const { pool, previous, next } = grant;
  if (pool.sweepFrom === grant) pool.sweepFrom = next;
  if (previous === undefined) pool.firstGrant = next;
  else previous.next = next;
  if (next === undefined) pool.lastGrant = previous;
  else next.previous = previous;
}
