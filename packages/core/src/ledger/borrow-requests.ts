import { releaseMs } from '../license/validity.ts';
import { borrowBy, endBorrow, linkBorrow, newBorrow } from './borrows.ts';
import { denyUnfit, denyUnopened, findInvalid } from './checkout.ts';
import type { AcceptBorrowCommand, BorrowCommand, ReturnCommand } from './commands.ts';
import { withRule } from './denial-rules.ts';
import { deny, policyRule, seatFacts } from './denials.ts';
import { fittingPools, isWaitedFor, type Need } from './fitting-pools.ts';
import type { LedgerState } from './ledger-state.ts';
import { ledgerLimits, termsVersion } from './limits.ts';
import { borrowLimitsOf, denyAccess, denyMax, judge, keeperFrom } from './policy-seats.ts';
import { freeSeats, unkeptSeats } from './pool-seats.ts';
import type { BorrowFields } from './record-fields.ts';
import type { Claimant, Feature, Pool, Session } from './records.ts';
import { ok, refused, rejected } from './replies.ts';
import type { Denial, LedgerReply } from './results.ts';
import { remember, rememberEnd } from './sessions.ts';
import { compareRead, readVersion } from './versions.ts';
import { viewBorrow } from './views.ts';

/** An id that a client draws; not one of a report. */
const ownId = /^[A-Za-z0-9_-]{22}$/;
const givenBack = 'The borrow under this id was given back: draw a new one.';
const idInUse = 'Another user, or one on another host, has borrowed under this id: draw a new one.';

/**
 * Takes seats for a time in which no server need be reached. The same id again is the same borrow, answered again, whichever session
 * asks (I5): a client that lost its session before it heard the answer asks in its next one.
 */
export function runBorrow(state: LedgerState, session: Session, command: BorrowCommand): LedgerReply {
  const { seq, borrow: id } = command;
  const { epoch, user, host } = session;
  const known = state.borrowsById.get(id);
  const isOthers = known !== undefined && (known.user !== user || known.host !== host);
  if (isOthers || state.endedById.get(id) !== undefined) {
    const text = isOthers ? idInUse : givenBack;
    remember(state, session, { seq, type: 'refused', text });
    return refused('REFUSED', text);
  }
  if (known === undefined) {
    const version = command.version === undefined ? undefined : readVersion(command.version);
    const releasedAtMs = command.releasedAt === undefined ? undefined : releaseMs(command.releasedAt);
    const need = { version, releasedAtMs };
    const decision = decide(state, session, command, need);
    if ('code' in decision) {
      const denial = withRule(state, decision, need);
      remember(state, session, { seq, type: 'denied', text: JSON.stringify(denial) });
      return { kind: 'denied', epoch, denial };
    }
    const { project, product } = session;
    const { display = '', address = '', count, untilMs } = command;
    const who = { user, host, project, product, display, address };
    takeBorrow(state, decision, { id, ...who, count, sinceMs: state.timeMs, untilMs });
  }
  remember(state, session, { seq, type: 'borrowed', text: id });
  return answerBorrow(state, session, id);
}

/** What a borrow that was granted comes to now. */
export function answerBorrow(state: LedgerState, { epoch }: Session, id: string): LedgerReply {
  const borrow = state.borrowsById.get(id);
  if (borrow === undefined)
    return refused('ENDED', 'The borrow is over: it was returned, or its end has passed.', 'expired');
  return { kind: 'borrowed', epoch, borrow: viewBorrow(borrow) };
}

/**
 * Gives borrowed seats back before their end. What is not borrowed (yet) needs no return, but its id is remembered all the same: a copy of
 * the borrow that is still on its way must not take seats for nobody.
 */
export function applyReturn(state: LedgerState, command: ReturnCommand): LedgerReply {
  if (state.version < termsVersion) return rejectBorrowing(state);
  const borrow = borrowBy(state, command.borrow);
  if (borrow !== undefined) endBorrow(state, borrow, 'returned');
  const id = borrow?.id ?? command.borrow;
  if (ownId.test(id) && state.endedById.get(id) === undefined)
    rememberEnd(state, id, 'checkedIn', state.leases.longestHoldMs);
  return ok;
}

/** What the servers that were lost had lent. Nobody is evicted for it, and nothing granted until it fits (triad.md, I2). */
export function applyAcceptBorrow(state: LedgerState, command: AcceptBorrowCommand): LedgerReply {
  if (state.version < termsVersion) return rejectBorrowing(state);
  const { borrow: id, user, host, sinceMs, untilMs } = command;
  const known = state.borrowsById.get(id);
  if (known !== undefined)
    return known.user === user && known.host === host ? ok : rejected('BORROW_ID_IN_USE', idInUse);
  if (state.endedById.get(id) !== undefined) return rejected('BORROW_RETURNED', givenBack);
  if (untilMs + marginMs(state) <= state.timeMs) return ok;
  if (state.recoveredAtMs === 0)
    return rejected(
      'BORROW_NOT_LOST',
      'The borrow is not known, and nothing was ever lost here: it was returned. Borrow again.',
    );
  const version = readVersion(command.version);
  const pools = state.features.get(command.feature)?.pools ?? [];
  const pool = pools.find((one) => version !== undefined && compareRead(one.version, version) === 0);
  if (pool === undefined)
    return rejected('UNKNOWN_FEATURE', `"${command.feature}" ${command.version} is not licensed any more.`);
  const nothingElse = { project: '', product: '', display: '', address: '' };
  takeBorrow(state, pool, { id, user, host, ...nothingElse, count: command.count, sinceMs, untilMs });
  return ok;
}

function takeBorrow(state: LedgerState, pool: Pool, wish: Omit<BorrowFields, 'serial' | 'pool' | 'freeMs'>): void {
  // No longer than the license itself lets anybody use it.
  const untilMs = Math.min(Math.floor(wish.untilMs), Math.max(...pool.parts.map((part) => part.endsAtMs)));
  const borrow = newBorrow({ ...wish, serial: state.nextSerial(), untilMs, freeMs: untilMs + marginMs(state) }, pool);
  state.add(borrow);
  linkBorrow(state, borrow);
  state.events.push({ kind: 'borrowed', grant: viewBorrow(borrow) });
}

function marginMs({ settings }: LedgerState): number {
  return Math.ceil(settings?.borrowMarginMs ?? ledgerLimits.borrowMarginMs);
}

function decide(state: LedgerState, session: Session, command: BorrowCommand, need: Need): Pool | Denial {
  const invalid = findInvalid(command, need);
  if (invalid !== undefined) return deny('INVALID_REQUEST', command, invalid);
  const feature = state.features.get(command.feature);
  if (feature === undefined || feature.pools.length === 0)
    return deny('UNKNOWN_FEATURE', command, `"${command.feature}" is not licensed.`);
  const unfit = denyUnfit(state, command, feature, need);
  if (unfit !== undefined) return unfit;
  if (!state.isOpen) return denyUnopened(state, command);
  if (command.isHalted === true) return deny('STATE_DIFFERS', command, 'Two servers disagree about who holds what.');
  if (state.borrows.size >= ledgerLimits.borrowsMax)
    return deny('TOO_MANY_BORROWS', command, `There are ${state.borrows.size} borrows.`);
  const lent = fittingPools(feature, need).filter((pool) => pool.isUsable && pool.borrow !== undefined);
  if (lent.length === 0) return deny('BORROW_NOT_LICENSED', command, `"${feature.name}" may not be borrowed.`);
  const claim = claimOf(session, command);
  return denyByPolicy(state, command, feature, claim) ?? choose(state, command, feature, lent, claim);
}

/** Who may have the feature at all, and how much of it may be borrowed by anybody. */
function denyByPolicy(
  state: LedgerState,
  command: BorrowCommand,
  feature: Feature,
  claim: Claimant,
): Denial | undefined {
  const verdict = judge(state, feature.name, claim);
  const barred = denyAccess(verdict, command);
  if (barred !== undefined) return barred;
  // Borrowed seats are shared with nobody.
  const exceeded = verdict?.max.find(
    ({ counted, subject }) => counted.tally.of(subject) + command.count > counted.count,
  );
  if (exceeded !== undefined) return denyMax(exceeded, command);
  const limits = borrowLimitsOf(state, feature.name);
  if (limits === undefined) return undefined;
  const { rule, longestMs, countMax = Number.POSITIVE_INFINITY, keep = 0 } = limits;
  const line = `line ${rule.line} of the policy (${rule.text})`;
  if (longestMs !== undefined && command.untilMs - state.timeMs > longestMs)
    return deny('BORROW_TOO_LONG', command, `By ${line} a borrow lasts ${inWords(longestMs)} at most.`, {
      rule: policyRule(rule),
    });
  const borrowed = sum(feature.pools, (one) => one.borrowed);
  if (borrowed + command.count > countMax)
    return deny('BORROW_LIMIT', command, `${borrowed} of ${countMax} seats that ${line} lets be borrowed are.`, {
      rule: policyRule(rule),
    });
  const free = sum(feature.pools, (one) => (one.isUsable ? Math.max(0, freeSeats(one)) : 0));
  if (free - command.count >= keep) return undefined;
  return deny('BORROW_LIMIT', command, `${free} seats are free, and ${line} wants ${keep} left.`, {
    rule: policyRule(rule),
  });
}

/** The lowest version that may be lent for so long and has the seats within its count: an overdraft is for those who can be asked. */
function choose(
  state: LedgerState,
  command: BorrowCommand,
  feature: Feature,
  lent: readonly Pool[],
  claim: Claimant,
): Pool | Denial {
  const durationMs = command.untilMs - state.timeMs;
  if (durationMs <= 0) return deny('INVALID_REQUEST', command, 'A borrow ends later than now.');
  const longestMs = Math.max(...lent.map(({ borrow }) => borrow!.longestMs));
  const long = lent.filter(({ borrow }) => durationMs <= borrow!.longestMs);
  if (long.length === 0)
    return deny(
      'BORROW_TOO_LONG',
      command,
      `The license lets "${feature.name}" be borrowed for ${inWords(longestMs)} at most.`,
    );
  const open = long.filter(({ borrow, borrowed }) => borrowed + command.count <= borrow!.countMax);
  if (open.length === 0) {
    const [borrowed, countMax] = [sum(long, (pool) => pool.borrowed), sum(long, (pool) => pool.borrow!.countMax)];
    return deny('BORROW_LIMIT', command, `${borrowed} of ${countMax} seats that the license lets be borrowed are.`);
  }
  const facts = seatFacts(open, feature.queue.length);
  const unkept = unkeptSeats(state, open, claim);
  const unawaited = open.filter((pool) => command.pastQueue === true || !isWaitedFor(feature, pool));
  const found = unawaited.find((pool) => command.count <= Math.min(freeSeats(pool), unkept));
  if (found !== undefined) return found;
  const rule = command.count > unkept ? keeperFrom(state, feature.name, claim) : undefined;
  if (rule !== undefined && unawaited.some((pool) => command.count <= freeSeats(pool)))
    return deny('RESERVED', command, `Line ${rule.line} of the policy (${rule.text}) keeps free seats.`, {
      rule: policyRule(rule),
      ...facts,
    });
  const what =
    unawaited.length < open.length
      ? `Others wait for "${feature.name}" already.`
      : `${facts.inUse} of ${facts.count ?? 'uncounted'} seats of "${feature.name}" are in use.`;
  return deny('NO_SEATS', command, what, facts);
}

function claimOf(session: Session, { display = '', address = '' }: BorrowCommand): Claimant {
  return { session, display, address, shareKey: '' };
}

/** What a server may not know yet, nobody does: so it takes no sequence number either. */
export function rejectBorrowing({ version }: LedgerState): LedgerReply {
  return rejected(
    'LEDGER_VERSION',
    `To borrow needs ledger version ${termsVersion}: ${version} is in force. Bring all servers up to date first.`,
  );
}

function inWords(ms: number): string {
  return ms >= 86_400_000 ? `${Math.floor(ms / 86_400_000)} days` : `${Math.floor(ms / 1000)} s`;
}

function sum(pools: readonly Pool[], of: (pool: Pool) => number): number {
  return pools.reduce((total, pool) => total + of(pool), 0);
}
