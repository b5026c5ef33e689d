import { releaseMs } from '../license/validity.ts';
import type { CheckoutCommand } from './commands.ts';
import { withRule } from './denial-rules.ts';
import { deny, policyRule, seatFacts, type Wish } from './denials.ts';
import { covers, fittingPools, isWaitedFor, type Need, sufficientPools } from './fitting-pools.ts';
import type { LedgerState } from './ledger-state.ts';
import { exchangeVersion, ledgerLimits, termsVersion } from './limits.ts';
import { denyAccess, denyMax, firstExceeded, judge, keeperFrom, seatsLet } from './policy-seats.ts';
import {
  firstOffered,
  firstWithOffer,
  firstWithPart,
  firstWithSeats,
  isOnlyReserved,
  type Part,
} from './pool-seats.ts';
import { isOwnReserved } from './queue.ts';
import type { Entry, Feature, Pool, Session } from './records.ts';
import type { Denial } from './results.ts';
import { readVersion } from './versions.ts';

/**
 * The checkout as all servers understand it: those that do not know the terms pass over what it says for them, so while they may be there
 * it is not in force.
 */
export function asInForce(state: LedgerState, command: CheckoutCommand): CheckoutCommand {
  if (state.version >= termsVersion) return command;
  const {
    releasedAt: _releasedAt,
    display: _display,
    shareKey: _shareKey,
    address: _address,
    countMin: _countMin,
    more: _more,
    ...known
  } = command;
  return known;
}

/** What a checkout comes to. */
export type Decision =
  | ({ readonly kind: 'take' } & Part)
  | { readonly kind: 'wait'; readonly feature: Feature; readonly need: Need; readonly count: number }
  | { readonly kind: 'deny'; readonly denial: Denial };

/**
 * Decides a checkout that is run for the first time. A version asked for is the least that will do: the lowest sufficient
 * pool with free seats serves it. Where somebody waits for a pool, nobody else is served from it unless the command says
 * `pastQueue`.
 */
export function decideCheckout(state: LedgerState, session: Session, command: CheckoutCommand): Decision {
  const version = command.version === undefined ? undefined : readVersion(command.version);
  const releasedAtMs = command.releasedAt === undefined ? undefined : releaseMs(command.releasedAt);
  const need: Need = { version, releasedAtMs };
  const decision = decide(state, session, { command, need });
  return decision.kind === 'deny' ? denied(withRule(state, decision.denial, need)) : decision;
}

function decide(
  state: LedgerState,
  session: Session,
  { command, need }: { readonly command: CheckoutCommand; readonly need: Need },
): Decision {
  const invalid = findInvalid(command, need);
  if (invalid !== undefined) return denied(deny('INVALID_REQUEST', command, invalid));
  const feature = state.features.get(command.feature);
  if (feature === undefined || feature.pools.length === 0)
    return denied(deny('UNKNOWN_FEATURE', command, `"${command.feature}" is not licensed.`));
  const unfit = denyUnfit(state, command, feature, need);
  if (unfit !== undefined) return denied(unfit);
  if (!state.isOpen) return denied(denyUnopened(state, command));
  if (command.isHalted === true && state.version >= exchangeVersion)
    return denied(deny('STATE_DIFFERS', command, 'Two servers disagree about who holds what.'));
  if (session.grants + session.entries >= ledgerLimits.grantsPerSessionMax)
    return denied(
      deny('TOO_MANY_GRANTS', command, `The limit of one client is ${ledgerLimits.grantsPerSessionMax} checkouts.`),
    );
  const { countMin = command.count, display = '', shareKey = '', address = '' } = command;
  const verdict = judge(state, feature.name, { session, display, address });
  const barred = denyAccess(verdict, command);
  if (barred !== undefined) return denied(barred);
  // Where fewer seats will do it is as many as the policy lets.
  const count = Math.max(countMin, Math.min(command.count, seatsLet(verdict)));
  const claim = { session, count, countMin, display, shareKey, address };
  const fitting = fittingPools(feature, need).filter((pool) => pool.isUsable);
  const usable = fitting.filter((pool) => firstExceeded(verdict, pool, claim) === undefined);
  if (usable.length === 0) return denied(denyMax(firstExceeded(verdict, fitting[0]!, claim)!, command));
  const open = usable.filter(
    (pool) => command.pastQueue === true || !isWaitedFor(feature, pool) || isOwnReserved(state, { pool, count }, claim),
  );
  // What takes no seat is taken from nobody who waits.
  const free = firstWithOffer(usable, claim) ?? firstWithSeats(state, open, claim);
  if (free !== undefined) return { kind: 'take', pool: free, count };
  const part = firstWithPart(state, open, claim) ?? firstOffered(usable, claim);
  if (part !== undefined) return { kind: 'take', ...part };
  if ((command.waitMs ?? 0) > 0 && feature.queue.length < ledgerLimits.queuePerFeatureMax)
    return { kind: 'wait', feature, need, count };
  const facts = seatFacts(fitting, feature.queue.length);
  if ((command.waitMs ?? 0) > 0)
    return denied(deny('QUEUE_FULL', command, `${facts.queued} checkouts wait for "${command.feature}".`, facts));
  const rule = isOnlyReserved(state, open, claim) ? keeperFrom(state, feature.name, claim) : undefined;
  if (rule !== undefined) {
    const kept = `Line ${rule.line} of the policy (${rule.text}) keeps free seats.`;
    return denied(deny('RESERVED', command, kept, { rule: policyRule(rule), ...facts }));
  }
  const overdraft = facts.overdraft === undefined ? '' : ` (and ${facts.overdraft} of overdraft)`;
  const what =
    facts.count === undefined || facts.inUse + countMin <= facts.count + (facts.overdraft ?? 0)
      ? `Others wait for "${command.feature}" already.`
      : `${facts.inUse} of ${facts.count}${overdraft} seats of "${command.feature}" are in use.`;
  return denied(deny('NO_SEATS', command, what, facts));
}

/** Why nothing could ever serve a queue place any more, as its checkout would be told now. */
export function denyStranded(state: LedgerState, entry: Entry): Denial {
  const { feature, version, count, countMin } = entry;
  const wish = { feature: feature.name, count, countMin, ...(version === undefined ? {} : { version: version.text }) };
  const denial =
    feature.pools.length === 0
      ? deny('UNKNOWN_FEATURE', wish, `"${feature.name}" is not licensed any more.`)
      : (denyUnfit(state, wish, feature, entry) ??
        denyAccess(judge(state, feature.name, entry), wish) ??
        deny('COUNT_TOO_HIGH', wish, `"${feature.name}" has too few seats from now on.`));
  return withRule(state, denial, entry);
}

/** The place was given up when license time reached its limit. */
export function denyWaitOver(state: LedgerState, entry: Entry): Denial {
  const { feature, count } = entry;
  const pools = fittingPools(feature, entry).filter((pool) => pool.isUsable);
  const wish = { feature: feature.name, count };
  // Itself, it waits no longer.
  return withRule(
    state,
    deny('WAIT_OVER', wish, `"${feature.name}":`, seatFacts(pools, feature.queue.length - 1)),
    entry,
  );
}

function denied(denial: Denial): Decision {
  return { kind: 'deny', denial };
}

export function findInvalid(
  command: Pick<CheckoutCommand, 'count' | 'countMin' | 'waitMs' | 'version' | 'releasedAt'>,
  { version, releasedAtMs }: Need,
): string | undefined {
  const { count, countMin = count, waitMs = 0 } = command;
  if (!Number.isSafeInteger(count) || count < 1 || count > ledgerLimits.countMax)
    return `A count is a whole number from 1 to ${ledgerLimits.countMax}, not ${count}.`;
  if (!Number.isSafeInteger(countMin) || countMin < 1 || countMin > count)
    return `The fewest seats that will do are a whole number from 1 to the count of ${count}, not ${countMin}.`;
  if (waitMs < 0 || waitMs > ledgerLimits.waitMsMax)
    return `A wait is from 0 to ${ledgerLimits.waitMsMax} ms, not ${waitMs}.`;
  if (command.version !== undefined && version === undefined)
    return `A version is numbers between dots, for example 12.0, not "${command.version}".`;
  if (command.releasedAt !== undefined && releasedAtMs === undefined)
    return `A release is a date or an instant in UTC, for example 2026-12-31, not "${command.releasedAt}".`;
  return undefined;
}

/** What the license says against the checkout, however many seats are free. */
export function denyUnfit(
  state: LedgerState,
  wish: Pick<CheckoutCommand, 'feature' | 'count' | 'countMin' | 'version'>,
  feature: Feature,
  need: Need,
): Denial | undefined {
  const sufficient = sufficientPools(feature, need.version);
  if (sufficient.length === 0) {
    const versions = feature.pools.map((pool) => pool.version.text);
    return deny('VERSION_NOT_LICENSED', wish, `"${wish.feature}" ${wish.version} or higher is not licensed.`, {
      versions,
    });
  }
  const pools = sufficient.filter((pool) => covers(pool, need.releasedAtMs));
  if (pools.length === 0) return denyRelease(wish, need, sufficient);
  const usable = pools.filter((pool) => pool.isUsable);
  if (usable.length === 0) {
    const starts = pools.flatMap(({ parts }) => parts.map(({ startsAtMs }) => startsAtMs));
    const next = Math.min(...starts.filter((startsAtMs) => state.timeMs < startsAtMs));
    if (next !== Number.POSITIVE_INFINITY)
      return deny('NOT_STARTED', wish, `"${wish.feature}" begins at ${instant(next)}.`);
    const ends = pools.flatMap(({ parts }) => parts.map(({ endsAtMs }) => endsAtMs));
    return deny('EXPIRED', wish, `"${wish.feature}" ended at ${instant(Math.max(...ends))}.`);
  }
  const count = -least(usable, (pool) => -pool.count - pool.overdraft);
  const { countMin = wish.count } = wish;
  if (countMin <= count) return undefined;
  return deny(
    'COUNT_TOO_HIGH',
    wish,
    `${countMin < wish.count ? 'At least ' : ''}${countMin} seats of "${wish.feature}" were asked for, ${count} are licensed.`,
    { count },
  );
}

function denyRelease(wish: Wish, { releasedAtMs }: Need, pools: readonly Pool[]): Denial {
  const supportedUntilMs = -least(pools, (pool) => -pool.supportEndMs);
  const release =
    releasedAtMs === undefined ? 'a release whose date was not named' : `the release of ${instant(releasedAtMs)}`;
  const what = `"${wish.feature}" is licensed for releases before ${instant(supportedUntilMs)}, not for ${release}.`;
  return deny('RELEASE_NOT_COVERED', wish, what, { supportedUntilMs });
}

/** Denies the first checkout of a session for which there is no room. */
export function denyMoreSessions(state: LedgerState, wish: Wish): Denial | undefined {
  const { size } = state.sessions;
  if (size < ledgerLimits.sessionsMax) return undefined;
  return withRule(state, deny('TOO_MANY_SESSIONS', wish, `There are ${size} sessions.`));
}

export function denyUnopened(state: LedgerState, command: Wish): Denial {
  const leftMs = Math.max(
    0,
    Math.max(state.formedAtMs, state.recoveredAtMs) + state.leases.longestHoldMs - state.timeMs,
  );
  return deny('NOT_OPEN_YET', command, `Checkouts open in about ${Math.ceil(leftMs / 1000)} s.`, { leftMs });
}

function least(pools: readonly Pool[], of: (pool: Pool) => number): number {
  return pools.reduce((lowest, pool) => Math.min(lowest, of(pool)), Number.POSITIVE_INFINITY);
}

function instant(ms: number): string {
  return new Date(ms).toISOString();
}
