import type { SessionOpening } from './commands.ts';
import type { LedgerState } from './ledger-state.ts';
import { ledgerLimits, termsVersion } from './limits.ts';
import type { ResultFields, SessionFields } from './record-fields.ts';
import { type EndedSession, type Entry, type Grant, grantId, kinds, type Result, type Session } from './records.ts';
import type { EndReason } from './results.ts';

/** A session as its first request makes it, at epoch 1. */
export function beginSession(state: LedgerState, id: string, opening: SessionOpening, attempt: number): Session {
  const session = openedSession(state, opening, { serial: state.nextSerial(), id, attempt });
  state.add(session);
  state.sessionsById.set(id, session);
  state.events.push({ kind: 'sessionBegan', session: id });
  return session;
}

/** A session that nobody knows of yet. */
export function openedSession(
  state: LedgerState,
  opening: SessionOpening,
  { serial, id, attempt }: { readonly serial: number; readonly id: string; readonly attempt: number },
): Session {
  const hasTerms = state.version >= termsVersion;
  return newSession(
    {
      serial,
      id,
      secretHash: opening.secretHash,
      user: opening.user,
      host: opening.host,
      project: (hasTerms && opening.project) || '',
      product: (hasTerms && opening.product) || '',
      epoch: 1,
      // A client whose answers to sequence 1 were all lost knows epoch 0.
      epochFloor: 0,
      openAttempt: attempt,
      resumeRequest: '',
      resumeAttempt: 0,
      lastSeq: 0,
      awaited: 1,
      toldSerial: 0,
    },
    true,
  );
}

export function newSession(fields: SessionFields, isDirty: boolean): Session {
  return {
    kind: kinds.session,
    ...fields,
    isDirty,
    isLive: true,
    outcomes: new Map(),
    grants: 0,
    entries: 0,
    results: 0,
    untold: 0,
    firstResult: undefined,
    lastResult: undefined,
    leases: [],
  };
}

/** The session's standing grants, oldest first. */
export function grantsOf(session: Session): Grant[] {
  const grants: Grant[] = [];
  for (const outcome of session.outcomes.values()) if (outcome.kind === kinds.grant) grants.push(outcome);
  return inOrder(grants);
}

/** The session's queue places, oldest first. */
export function entriesOf(session: Session): Entry[] {
  const entries: Entry[] = [];
  if (session.entries === 0) return entries;
  for (const outcome of session.outcomes.values()) if (outcome.kind === kinds.entry) entries.push(outcome);
  return inOrder(entries);
}

// The order of `outcomes` depends on whether the state came from a snapshot; what others see must not.
function inOrder<R extends { readonly serial: number }>(records: R[]): R[] {
  return records.sort((a, b) => a.serial - b.serial);
}

/** Counts a lease that the session has one more of. */
export function addLease(session: Session, leaseMs: number, holdMs: number): void {
  const use = session.leases.find((one) => one.leaseMs === leaseMs && one.holdMs === holdMs);
  if (use === undefined) session.leases.push({ leaseMs, holdMs, users: 1 });
  else use.users++;
}

/** Counts a lease that the session has one less of. */
export function dropLease(session: Session, leaseMs: number, holdMs: number): void {
  const at = session.leases.findIndex((one) => one.leaseMs === leaseMs && one.holdMs === holdMs);
  const use = session.leases[at]!;
  use.users--;
  if (use.users === 0) session.leases.splice(at, 1);
}

/** Remembers what a request came to; the session's oldest result makes room where there are too many. */
export function remember(
  state: LedgerState,
  session: Session,
  result: Pick<Result, 'seq' | 'type'> & Partial<Pick<Result, 'reason' | 'grant' | 'isUntold' | 'text'>>,
): void {
  if (session.results >= ledgerLimits.resultsPerSessionMax) forget(state, session.firstResult!);
  const { seq, type, reason, grant = 0, isUntold = false, text = '' } = result;
  const record = newResult({ serial: state.nextSerial(), seq, type, reason, grant, isUntold, text }, session, true);
  state.add(record);
  linkResult(record);
}

export function newResult(fields: Omit<ResultFields, 'session'>, session: Session, isDirty: boolean): Result {
  return {
    kind: kinds.result,
    serial: fields.serial,
    isDirty,
    isLive: true,
    session,
    seq: fields.seq,
    type: fields.type,
    reason: fields.reason,
    grant: fields.grant,
    isUntold: fields.isUntold,
    text: fields.text,
    previous: undefined,
    next: undefined,
  };
}

/** Puts a result, the newest, into its session's bookkeeping. */
export function linkResult(result: Result): void {
  const { session } = result;
  session.outcomes.set(result.seq, result);
  session.results++;
  if (result.isUntold) session.untold++;
  result.previous = session.lastResult;
  if (session.lastResult === undefined) session.firstResult = result;
  else session.lastResult.next = result;
  session.lastResult = result;
}

/** Drops a result: a repeat of its request is refused from now on. */
export function forget(state: LedgerState, result: Result): void {
  const { session } = result;
  state.delete(result);
  session.outcomes.delete(result.seq);
  session.results--;
  if (result.isUntold) session.untold--;
  if (result.previous === undefined) session.firstResult = result.next;
  else result.previous.next = result.next;
  if (result.next === undefined) session.lastResult = result.previous;
  else result.next.previous = result.previous;
}

/** Drops the results that the client awaits no longer. Each sequence number is looked at once in the session's life. */
export function raiseAwaited(state: LedgerState, session: Session, awaited: number): void {
  if (awaited <= session.awaited) return;
  state.touch(session);
  const { awaited: from } = session;
  session.awaited = awaited;
  if (awaited - from <= session.results) {
    for (let seq = from; seq < awaited; seq++) {
      state.visits++;
      const outcome = session.outcomes.get(seq);
      if (outcome?.kind === kinds.result && !outcome.isUntold) forget(state, outcome);
    }
  } else {
    for (let result = session.firstResult; result !== undefined; result = result.next) {
      state.visits++;
      if (result.seq < awaited && !result.isUntold) forget(state, result);
    }
  }
}

/**
 * The client has shown that it knows the session's newest epoch, so it has the answer of the newest resume: what that
 * told need not be kept for it any more.
 */
export function noteTold(state: LedgerState, session: Session): void {
  if (session.toldSerial === 0) return;
  state.touch(session);
  const { toldSerial } = session;
  session.toldSerial = 0;
  if (session.untold === 0) return;
  for (let result = session.firstResult; result !== undefined && result.serial <= toldSerial; result = result.next) {
    state.visits++;
    if (result.isUntold) markTold(state, result);
  }
}

/** The client knows of this end: it is kept only as long as its request is awaited. */
export function markTold(state: LedgerState, result: Result): void {
  const { session } = result;
  if (result.seq < session.awaited) {
    forget(state, result);
    return;
  }
  state.touch(result);
  result.isUntold = false;
  session.untold--;
}

/** Deletes a session that has neither grants nor queue places, and remembers its id for `rememberMs`. */
export function closeSession(state: LedgerState, session: Session, reason: EndReason, rememberMs: number): void {
  for (let result = session.firstResult; result !== undefined; result = session.firstResult) forget(state, result);
  state.delete(session);
  state.sessionsById.delete(session.id);
  rememberEnd(state, session.id, reason, rememberMs);
  state.events.push({ kind: 'sessionEnded', session: session.id, reason });
}

/** Remembers for `rememberMs` that a session, or a borrow that was given back, is over: a late copy must not begin it again. */
export function rememberEnd(state: LedgerState, id: string, reason: EndReason, rememberMs: number): void {
  if (state.endedSessions.size >= ledgerLimits.endedSessionsMax) forgetSession(state, state.endedSessions.first()!);
  const ended: EndedSession = {
    kind: kinds.endedSession,
    serial: state.nextSerial(),
    isDirty: true,
    isLive: true,
    id,
    reason,
    untilMs: state.timeMs + rememberMs,
  };
  state.add(ended);
  state.endedById.set(id, ended);
}

/** Forgets an ended session: its id is unknown from now on, unless it was remembered again since (given back as a borrow's, say). */
export function forgetSession(state: LedgerState, ended: EndedSession): void {
  state.delete(ended);
  if (state.endedById.get(ended.id) === ended) state.endedById.delete(ended.id);
}

/**
 * Why a session that is not there has ended, where that is known: its end is remembered, or, after a recovery, it was lost with the
 * servers that knew it (triad.md, Recover).
 */
export function endOfUnknown(state: LedgerState, id: string): EndReason | undefined {
  return state.endedById.get(id)?.reason ?? (state.recoveredAtMs > 0 ? 'recovered' : undefined);
}

/** Ends that the client may not know yet, as a resume tells them. */
export function rememberedEnds(session: Session): { readonly grant: string; readonly reason: EndReason }[] {
  const ends: { readonly grant: string; readonly reason: EndReason }[] = [];
  for (let result = session.firstResult; result !== undefined; result = result.next) {
    if (result.grant > 0) ends.push({ grant: grantId(result.grant), reason: result.reason! });
  }
  return ends;
}
