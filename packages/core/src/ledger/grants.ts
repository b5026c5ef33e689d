import type { LedgerState } from './ledger-state.ts';
import { countGrant, uncountGrant } from './policy-seats.ts';
import { dropUnusedPool } from './pools.ts';
import type { GrantFields } from './record-fields.ts';
import { type Grant, kinds, type Pool, type Session } from './records.ts';
import type { EndReason } from './results.ts';
import { linger, occupy, reuse, shareFor, vacate } from './seats.ts';
import { addLease, dropLease, remember } from './sessions.ts';
import { viewGrant } from './views.ts';

/** What is taken, for whom. */
export interface Taking {
  readonly session: Session;
  readonly pool: Pool;
  readonly count: number;
  readonly display: string;
  readonly shareKey: string;
  readonly address: string;
  readonly checkoutSeq: number;
  readonly fromQueue: boolean;
}

/** Takes seats. The caller has made sure that they are free: this is where I2 would break. */
export function takeGrant(state: LedgerState, taking: Taking): Grant {
  const { pool, session } = taking;
  const serial = state.nextSerial();
  const share = shareFor(state, pool, taking, serial);
  const more = Math.max(0, taking.count - (share?.seats ?? 0));
  // What its holder has lingering is used first, so that the seats are not counted twice.
  if (pool.lingers > 0) reuse(state, pool, taking, more);
  const grant = newGrant(
    {
      serial,
      checkoutSeq: taking.checkoutSeq,
      count: taking.count,
      sinceMs: state.timeMs,
      leaseMs: pool.leaseMs,
      holdMs: pool.holdMs,
      endsOnDisconnect: pool.endsOnDisconnect,
      isOverdraft: more > 0 && pool.inUse + more > pool.count,
      display: taking.display,
      address: taking.address,
      endingReason: undefined,
      endingNote: '',
    },
    { session, pool, share },
    true,
  );
  state.add(grant);
  linkGrant(state, grant);
  state.events.push({ kind: 'granted', grant: viewGrant(grant), fromQueue: taking.fromQueue });
  return grant;
}

export function newGrant(
  fields: Omit<GrantFields, 'session' | 'pool' | 'share'>,
  { session, pool, share }: Pick<Grant, 'session' | 'pool' | 'share'>,
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
    share,
    isOverdraft: fields.isOverdraft,
    display: fields.display,
    address: fields.address,
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
  occupy(state, grant);
  countGrant(state, grant);
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
  const seats = vacate(state, grant);
  uncountGrant(state, grant);
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
  if (isGivenBack(reason)) letLinger(state, grant, seats);
}

/** Whether the holder itself gave the seats back: what crashed, was taken or is over lingers no longer than that took. */
function isGivenBack(reason: EndReason): boolean {
  return reason === 'checkedIn' || reason === 'sessionEnded' || reason === 'disconnected';
}

function letLinger(state: LedgerState, grant: Grant, seats: number): void {
  const { pool } = grant;
  if (seats === 0 || !pool.isUsable || (pool.lingerMs === 0 && pool.minimumMs === 0)) return;
  const untilMs = Math.max(state.timeMs + pool.lingerMs, grant.sinceMs + pool.minimumMs);
  if (untilMs > state.timeMs) linger(state, grant, seats, untilMs);
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
