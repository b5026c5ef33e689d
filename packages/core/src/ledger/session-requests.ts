import { answerBorrow, rejectBorrowing, runBorrow } from './borrow-requests.ts';
import { asInForce, denyMoreSessions } from './checkout.ts';
import type {
  AcknowledgeCommand,
  BorrowCommand,
  CancelCommand,
  CheckinCommand,
  CheckoutCommand,
  GoodbyeCommand,
} from './commands.ts';
import { endGrant, takeGrant } from './grants.ts';
import type { LedgerState } from './ledger-state.ts';
import { termsVersion } from './limits.ts';
import { enqueue, leaveQueue } from './queue.ts';
import { type Grant, kinds, type Outcome, type Session, serialOf } from './records.ts';
import { refused, refuseEnded, superseded } from './replies.ts';
import type { Denial, LedgerReply } from './results.ts';
import { endSession } from './session-end.ts';
import { beginSession, endOfUnknown, markTold, noteTold, raiseAwaited, remember } from './sessions.ts';
import { decideAll, itemsOf, lastSeqOf } from './several-features.ts';
import { viewEntry, viewGrant } from './views.ts';

type Request = CheckoutCommand | CancelCommand | CheckinCommand | GoodbyeCommand | AcknowledgeCommand | BorrowCommand;

/**
 * A request of a session, exactly once (I5): its sequence number is the next one and it is run, or it is remembered and
 * answered by what became of it, or it is refused and takes no effect.
 */
export function applyRequest(state: LedgerState, request: Request): LedgerReply {
  if (request.kind === 'borrow' && state.version < termsVersion) return rejectBorrowing(state);
  if (request.awaited > request.seq)
    return refused('REFUSED', 'A request is awaited itself: "awaited" is at most its sequence number.');
  const session = state.sessionsById.get(request.session);
  if (session === undefined) return applyUnknown(state, request);
  if (request.seq === 1 && request.epoch === 0) {
    const refusal = reopen(state, session, request);
    if (refusal !== undefined) return refusal;
  } else {
    if (request.epoch !== session.epoch) return superseded;
    noteTold(state, session);
  }
  if (request.seq > session.lastSeq + 1)
    return refused(
      'REFUSED',
      `Sequence number ${request.seq} skips one: the session's next is ${session.lastSeq + 1}. Send requests in order.`,
    );
  raiseAwaited(state, session, request.awaited);
  if (request.seq <= session.lastSeq) return repeat(state, session, request);
  state.touch(session);
  session.lastSeq = lastSeqOf(state, request);
  return run(state, session, request);
}

function applyUnknown(state: LedgerState, request: Request): LedgerReply {
  const isFirst = mayOpen(request) && request.seq === 1 && request.epoch === 0;
  const reason = isFirst ? state.endedById.get(request.session)?.reason : endOfUnknown(state, request.session);
  // What a goodbye wants is so, whoever brought it about.
  if (reason !== undefined)
    return request.kind === 'goodbye' ? { kind: 'done', epoch: 0 } : refuseEnded('The session', reason);
  if (!isFirst)
    return refused(
      'UNKNOWN_SESSION',
      'The session is not known here, and this is not its first request: it was not run.',
    );
  if (request.opening === undefined)
    return refused('REFUSED', 'The first request of a session says who asks: "opening" is missing.');
  const denial = denyMoreSessions(state, request);
  if (denial !== undefined) return { kind: 'denied', epoch: 0, denial };
  const session = beginSession(state, request.session, request.opening, request.attempt);
  session.lastSeq = lastSeqOf(state, request);
  return run(state, session, request);
}

/**
 * A repeat of sequence 1 by a client that has heard no answer yet: it raises the epoch, since it may come on another
 * connection. Once the session has been heard with an epoch, such a copy is a late one and must not unbind the newer
 * connection.
 */
function reopen(state: LedgerState, session: Session, request: Request): LedgerReply | undefined {
  if (!mayOpen(request) || request.opening?.secretHash !== session.secretHash)
    return refused('REFUSED', 'The session exists and has another secret.');
  if (
    session.lastSeq > lastSeqOf(state, request) ||
    session.resumeRequest !== '' ||
    request.attempt < session.openAttempt
  )
    return superseded;
  if (request.attempt === session.openAttempt) return undefined;
  state.touch(session);
  session.openAttempt = request.attempt;
  session.epoch++;
  return undefined;
}

/** Whether it is a request that may be a session's first. */
function mayOpen(request: Request): request is CheckoutCommand | BorrowCommand {
  return request.kind === 'checkout' || request.kind === 'borrow';
}

function run(state: LedgerState, session: Session, request: Request): LedgerReply {
  switch (request.kind) {
    case 'checkout':
      return runCheckout(state, session, request);
    case 'borrow':
      return runBorrow(state, session, request);
    case 'cancel': {
      if (request.checkoutSeq >= request.seq)
        return rememberRefusal(state, session, request, 'A cancel names an earlier checkout of its session.');
      remember(state, session, { seq: request.seq, type: 'done' });
      return cancel(state, session, request);
    }
    case 'checkin': {
      const grant = grantIn(state, session, request.grant);
      if (grant === undefined && !isRememberedEnd(session, request.grant))
        return rememberRefusal(state, session, request, `The session holds no grant ${request.grant}.`);
      if (grant !== undefined) endGrant(state, grant, { reason: 'checkedIn', isUntold: false });
      return finish(state, session, request);
    }
    case 'acknowledge':
      acknowledge(state, session, request);
      return finish(state, session, request);
    case 'goodbye':
      endSession(state, session, 'sessionEnded');
      return { kind: 'done', epoch: session.epoch };
  }
}

function finish(state: LedgerState, session: Session, request: Request): LedgerReply {
  remember(state, session, { seq: request.seq, type: 'done' });
  return { kind: 'done', epoch: session.epoch };
}

function rememberRefusal(state: LedgerState, session: Session, request: Request, message: string): LedgerReply {
  remember(state, session, { seq: request.seq, type: 'refused', text: message });
  return refused('REFUSED', message);
}

function runCheckout(state: LedgerState, session: Session, request: CheckoutCommand): LedgerReply {
  const { epoch } = session;
  const command = asInForce(state, request);
  const decision = decideAll(state, session, command);
  switch (decision.kind) {
    case 'take': {
      const { address = '' } = command;
      // Field by field: to spread an object into another costs as much as all else that a checkout does.
      const grants = itemsOf(command).map(({ display = '', shareKey = '' }, at) => {
        const { pool, count } = decision.parts[at]!;
        const checkoutSeq = command.seq + at;
        return takeGrant(state, { session, pool, count, display, shareKey, address, checkoutSeq, fromQueue: false });
      });
      return granted(epoch, grants, command);
    }
    case 'wait':
      return { kind: 'queued', epoch, entry: viewEntry(enqueue(state, session, command, decision)) };
    case 'deny':
      remember(state, session, { seq: command.seq, type: 'denied', text: JSON.stringify(decision.denial) });
      return { kind: 'denied', epoch, denial: decision.denial };
  }
}

function granted(epoch: number, grants: readonly Grant[], { more }: CheckoutCommand): LedgerReply {
  const [first, ...others] = grants.map(viewGrant);
  return { kind: 'granted', epoch, grant: first!, ...(more === undefined ? {} : { more: others }) };
}

/** A request that was run before: answered by what stands now, and nothing more is taken. */
function repeat(state: LedgerState, session: Session, request: Request): LedgerReply {
  if (request.seq < session.awaited)
    return refused('REFUSED', `Sequence number ${request.seq} is not awaited any more: its result was dropped.`);
  const outcome = session.outcomes.get(request.seq);
  if (request.kind === 'checkout' && request.more !== undefined && state.version >= termsVersion) {
    const standing = itemsOf(request).flatMap((_, at) => {
      const grant = session.outcomes.get(request.seq + at);
      return grant?.kind === kinds.grant && grant.endingReason === undefined ? [grant] : [];
    });
    if (standing.length > 0) return granted(session.epoch, standing, request);
  }
  if (outcome === undefined)
    return refused('REFUSED', `The result of sequence number ${request.seq} is not remembered any more.`);
  // A cancelled checkout may have got its seat before: a repeat says so as the first answer did.
  if (request.kind === 'cancel' && outcome.kind === kinds.result && outcome.type === 'done')
    return cancel(state, session, request);
  return answerBy(state, session, outcome);
}

function answerBy(state: LedgerState, session: Session, outcome: Outcome): LedgerReply {
  const { epoch } = session;
  switch (outcome.kind) {
    case kinds.grant:
      return outcome.endingReason === undefined
        ? { kind: 'granted', epoch, grant: viewGrant(outcome) }
        : refuseEnded('The grant', outcome.endingReason);
    case kinds.entry:
      return { kind: 'queued', epoch, entry: viewEntry(outcome) };
    case kinds.result:
      switch (outcome.type) {
        case 'done':
          return { kind: 'done', epoch };
        case 'borrowed':
          return answerBorrow(state, session, outcome.text);
        case 'denied':
          return { kind: 'denied', epoch, denial: JSON.parse(outcome.text) as Denial };
        case 'ended':
          return refuseEnded(outcome.grant > 0 ? 'The grant' : 'The queue place', outcome.reason!);
        case 'refused':
          return refused('REFUSED', outcome.text);
      }
  }
}

/** Takes a queue place back. Harmless to run again. */
function cancel(state: LedgerState, session: Session, command: CancelCommand): LedgerReply {
  const outcome = session.outcomes.get(command.checkoutSeq);
  if (outcome?.kind === kinds.grant) return answerBy(state, session, outcome);
  if (outcome?.kind === kinds.entry) {
    const text = `The checkout was cancelled by request ${command.seq}.`;
    leaveQueue(state, outcome, { why: 'cancelled', result: { type: 'refused', text } });
  }
  return { kind: 'done', epoch: session.epoch };
}

function acknowledge(state: LedgerState, session: Session, command: AcknowledgeCommand): void {
  const wanted = new Set(command.grants);
  for (const id of wanted) {
    const grant = grantIn(state, session, id);
    // An active grant is not ending: there is nothing to acknowledge.
    if (grant?.endingReason !== undefined) endGrant(state, grant, { reason: grant.endingReason, isUntold: false });
  }
  if (session.untold === 0) return;
  const serials = new Set(command.grants.map((id) => serialOf('g', id)));
  for (let result = session.firstResult; result !== undefined; result = result.next) {
    if (result.isUntold && serials.has(result.grant)) markTold(state, result);
  }
}

function grantIn(state: LedgerState, session: Session, id: string): Grant | undefined {
  const grant = state.grants.get(serialOf('g', id));
  return grant?.session === session ? grant : undefined;
}

function isRememberedEnd(session: Session, id: string): boolean {
  const serial = serialOf('g', id);
  for (let result = session.firstResult; result !== undefined; result = result.next) {
    if (result.grant === serial) return true;
  }
  return false;
}
