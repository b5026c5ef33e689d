import type { CheckoutCommand } from './commands.ts';
import { deny, seatFacts } from './denials.ts';
import type { LedgerState } from './ledger-state.ts';
import { exchangeVersion, ledgerLimits } from './limits.ts';
import { freeSeats, isUsable, isWaitedFor, sufficientPools } from './pools.ts';
import type { Entry, Feature, Pool, Session } from './records.ts';
import type { Denial } from './results.ts';
import { readVersion, type Version } from './versions.ts';

/** What a checkout comes to. */
export type Decision =
  | { readonly kind: 'take'; readonly pool: Pool }
  | { readonly kind: 'wait'; readonly feature: Feature; readonly version: Version | undefined }
  | { readonly kind: 'deny'; readonly denial: Denial };

/**
 * Decides a checkout that is run for the first time. A version asked for is the least that will do: the lowest sufficient
 * pool with free seats serves it. Where somebody waits for a pool, nobody else is served from it unless the command says
 * `pastQueue`.
 */
export function decideCheckout(state: LedgerState, session: Session, command: CheckoutCommand): Decision {
  const version = command.version === undefined ? undefined : readVersion(command.version);
  const invalid = findInvalid(command, version);
  if (invalid !== undefined) return denied(deny('INVALID_REQUEST', command, invalid));
  const feature = state.features.get(command.feature);
  if (feature === undefined || feature.pools.length === 0)
    return denied(deny('UNKNOWN_FEATURE', command, `"${command.feature}" is not licensed.`));
  const pools = sufficientPools(feature, version);
  const unfit = denyForPools(state, command, feature, pools);
  if (unfit !== undefined) return denied(unfit);
  if (!state.isOpen) return denied(denyUnopened(state, command));
  if (command.isHalted === true && state.version >= exchangeVersion)
    return denied(deny('STATE_DIFFERS', command, 'Two servers disagree about who holds what.'));
  if (session.grants + session.entries >= ledgerLimits.grantsPerSessionMax)
    return denied(
      deny('TOO_MANY_GRANTS', command, `The limit of one client is ${ledgerLimits.grantsPerSessionMax} checkouts.`),
    );
  const usable = pools.filter((pool) => isUsable(pool, state.timeMs));
  const free = usable.find(
    (pool) => command.count <= freeSeats(pool) && (command.pastQueue === true || !isWaitedFor(feature, pool)),
  );
  if (free !== undefined) return { kind: 'take', pool: free };
  if ((command.waitMs ?? 0) > 0 && feature.queue.length < ledgerLimits.queuePerFeatureMax)
    return { kind: 'wait', feature, version };
  const facts = seatFacts(usable, feature.queue.length);
  if ((command.waitMs ?? 0) > 0)
    return denied(deny('QUEUE_FULL', command, `${facts.queued} checkouts wait for "${command.feature}".`, facts));
  const what =
    facts.count === undefined || facts.inUse + command.count <= facts.count
      ? `Others wait for "${command.feature}" already.`
      : `${facts.inUse} of ${facts.count} seats of "${command.feature}" are in use.`;
  return denied(deny('NO_SEATS', command, what, facts));
}

/** Why nothing could ever serve a queue place any more, as its checkout would be told now. */
export function denyStranded(state: LedgerState, { feature, version, count }: Entry): Denial {
  const wish = { feature: feature.name, count, ...(version === undefined ? {} : { version: version.text }) };
  if (feature.pools.length === 0) return deny('UNKNOWN_FEATURE', wish, `"${feature.name}" is not licensed any more.`);
  return (
    denyForPools(state, wish, feature, sufficientPools(feature, version)) ??
    deny('COUNT_TOO_HIGH', wish, `"${feature.name}" has too few seats from now on.`)
  );
}

/** The place was given up when license time reached its limit. */
export function denyWaitOver(state: LedgerState, { feature, version, count }: Entry): Denial {
  const pools = sufficientPools(feature, version).filter((pool) => isUsable(pool, state.timeMs));
  const wish = { feature: feature.name, count };
  // Itself, it waits no longer.
  return deny('WAIT_OVER', wish, `"${feature.name}":`, seatFacts(pools, feature.queue.length - 1));
}

function denied(denial: Denial): Decision {
  return { kind: 'deny', denial };
}

function findInvalid(command: CheckoutCommand, version: Version | undefined): string | undefined {
  const { count, waitMs = 0 } = command;
  if (!Number.isSafeInteger(count) || count < 1 || count > ledgerLimits.countMax)
    return `A count is a whole number from 1 to ${ledgerLimits.countMax}, not ${count}.`;
  if (waitMs < 0 || waitMs > ledgerLimits.waitMsMax)
    return `A wait is from 0 to ${ledgerLimits.waitMsMax} ms, not ${waitMs}.`;
  if (command.version !== undefined && version === undefined)
    return `A version is numbers between dots, for example 12.0, not "${command.version}".`;
  return undefined;
}

/** What the license says against the checkout, however many seats are free. */
function denyForPools(
  state: LedgerState,
  wish: Pick<CheckoutCommand, 'feature' | 'count' | 'version'>,
  feature: Feature,
  pools: readonly Pool[],
): Denial | undefined {
  if (pools.length === 0) {
    const versions = feature.pools.map((pool) => pool.version.text);
    return deny('VERSION_NOT_LICENSED', wish, `"${wish.feature}" ${wish.version} or higher is not licensed.`, {
      versions,
    });
  }
  const usable = pools.filter((pool) => isUsable(pool, state.timeMs));
  if (usable.length === 0) {
    const next = pools.filter((pool) => state.timeMs < pool.startsAtMs);
    if (next.length > 0)
      return deny(
        'NOT_STARTED',
        wish,
        `"${wish.feature}" begins at ${instant(least(next, (pool) => pool.startsAtMs))}.`,
      );
    return deny('EXPIRED', wish, `"${wish.feature}" ended at ${instant(-least(pools, (pool) => -pool.expiresAtMs))}.`);
  }
  const count = -least(usable, (pool) => -pool.count);
  if (wish.count <= count) return undefined;
  return deny(
    'COUNT_TOO_HIGH',
    wish,
    `${wish.count} seats of "${wish.feature}" were asked for, ${count} are licensed.`,
    { count },
  );
}

function denyUnopened(state: LedgerState, command: CheckoutCommand): Denial {
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
