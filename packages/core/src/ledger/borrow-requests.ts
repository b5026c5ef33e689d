import { releaseMs } from '../license/validity.ts';
import { borrowBy, endBorrow, linkBorrow, newBorrow } from './borrows.ts';
import { denyUnfit, denyUnopened, findInvalid } from './checkout.ts';
import type { BorrowCommand, ReturnCommand } from './commands.ts';
import { withRule } from './denial-rules.ts';
import { deny, policyRule, seatFacts } from './denials.ts';
import { fittingPools, isWaitedFor, type Need } from './fitting-pools.ts';
import type { LedgerState } from './ledger-state.ts';
import { ledgerLimits, termsVersion } from './limits.ts';
import { borrowLimitsOf, denyAccess, denyMax, firstExceeded, judge, keeperFrom } from './policy-seats.ts';
import { freeSeats, unkeptSeats } from './pool-seats.ts';
import type { Borrow, Feature, Pool } from './records.ts';
import { ok, rejected } from './replies.ts';
import type { Denial, LedgerReply } from './results.ts';
import { readVersion } from './versions.ts';
import { viewBorrow } from './views.ts';

/** Takes seats for a time in which no server need be reached. The same id again is the same borrow, answered again (I5). */
export function applyBorrow(state: LedgerState, command: BorrowCommand): LedgerReply {
  if (state.version < termsVersion) return rejectVersion(state);
  const known = state.borrowsById.get(command.borrow);
  if (known !== undefined)
    return known.user === command.user && known.host === command.host
      ? { kind: 'borrowed', borrow: viewBorrow(known) }
      : rejected(
          'BORROW_ID_IN_USE',
          'Another user, or one on another host, has borrowed under this id: draw a new one.',
        );
  const version = command.version === undefined ? undefined : readVersion(command.version);
  const releasedAtMs = command.releasedAt === undefined ? undefined : releaseMs(command.releasedAt);
  const need = { version, releasedAtMs };
  const decision = decide(state, command, need);
  if ('code' in decision) return { kind: 'denied', epoch: 0, denial: withRule(state, decision, need) };
  const borrow = takeBorrow(state, decision, command);
  return { kind: 'borrowed', borrow: viewBorrow(borrow) };
}

/** Gives borrowed seats back before their end. What is not borrowed any more needs no return. */
export function applyReturn(state: LedgerState, command: ReturnCommand): LedgerReply {
  if (state.version < termsVersion) return rejectVersion(state);
  const borrow = borrowBy(state, command.borrow);
  if (borrow !== undefined) endBorrow(state, borrow, 'returned');
  return ok;
}

/** The seats are free: this is where I2 would break. */
function takeBorrow(state: LedgerState, pool: Pool, { borrow: id, user, host, count, untilMs }: BorrowCommand): Borrow {
  // No longer than the license itself lets anybody use it.
  const endsAtMs = Math.min(Math.floor(untilMs), Math.max(...pool.parts.map((part) => part.endsAtMs)));
  const freeMs = endsAtMs + Math.ceil(state.settings?.borrowMarginMs ?? ledgerLimits.borrowMarginMs);
  const serial = state.nextSerial();
  const borrow = newBorrow({ serial, id, user, host, count, sinceMs: state.timeMs, untilMs: endsAtMs, freeMs }, pool);
  state.add(borrow);
  linkBorrow(state, borrow);
  state.events.push({ kind: 'borrowed', grant: viewBorrow(borrow) });
  return borrow;
}

function decide(state: LedgerState, command: BorrowCommand, need: Need): Pool | Denial {
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
  return denyByPolicy(state, command, feature, lent[0]!) ?? choose(state, command, feature, lent);
}

/** Who may have the feature at all, and how much of it may be borrowed by anybody. */
function denyByPolicy(state: LedgerState, command: BorrowCommand, feature: Feature, pool: Pool): Denial | undefined {
  const verdict = judge(state, feature.name, asking(command));
  const barred = denyAccess(verdict, command);
  if (barred !== undefined) return barred;
  const exceeded = firstExceeded(verdict, pool, claimOf(command));
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
function choose(state: LedgerState, command: BorrowCommand, feature: Feature, lent: readonly Pool[]): Pool | Denial {
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
  const unkept = unkeptSeats(state, open, asking(command));
  const unawaited = open.filter((pool) => command.pastQueue === true || !isWaitedFor(feature, pool));
  const found = unawaited.find((pool) => command.count <= Math.min(freeSeats(pool), unkept));
  if (found !== undefined) return found;
  const rule = command.count > unkept ? keeperFrom(state, feature.name, asking(command)) : undefined;
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

function asking({ user, host }: BorrowCommand) {
  return { session: { user, host, project: '', product: '' }, display: '', address: '' };
}

function claimOf(command: BorrowCommand) {
  return { ...asking(command), count: command.count, countMin: command.count, shareKey: '' };
}

function rejectVersion({ version }: LedgerState): LedgerReply {
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
