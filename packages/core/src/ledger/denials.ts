import type { RuleView } from '../policy/document.ts';
import { ledgerLimits } from './limits.ts';
import type { Borrow, Grant, Pool } from './records.ts';
import type { Denial, DenialCode, DenialRule } from './results.ts';

/** A row of {@link denialCodes}. */
export interface DenialCodeEntry {
  readonly source: DenialRule['source'];
  /** Of the license or the servers: which. A rule of the policy is found with the denial. */
  readonly field?: string;
  readonly explanation: string;
}

/**
 * Every code that a denial can have: what a person should know about it, and what decides it: a field of the license, a rule of the policy, or
 * a limit or state of the servers. Stable: scripts and docs/denials.md name them.
 */
export const denialCodes = {
  NO_SEATS: {
    source: 'license',
    field: 'count',
    explanation: 'Too few seats are free for this checkout. Wait in the queue, or ask one of the holders to check in.',
  },
  RESERVED: {
    source: 'policy',
    explanation: 'The policy keeps the seats that are free for others. Wait in the queue, or ask the administrator.',
  },
  MAX_REACHED: {
    source: 'policy',
    explanation:
      'The policy lets have no more at one time: check one in, or ask the administrator. Waiting cannot help.',
  },
  EXCLUDED: {
    source: 'policy',
    explanation: 'The policy does not let this checkout have the feature: ask the administrator.',
  },
  NOT_INCLUDED: {
    source: 'policy',
    explanation: 'The policy lets only those have the feature whom it names: ask the administrator.',
  },
  WAIT_OVER: {
    source: 'license',
    field: 'count',
    explanation: 'No seat came free within the time that the checkout was ready to wait.',
  },
  COUNT_TOO_HIGH: {
    source: 'license',
    field: 'count',
    explanation: 'More seats were asked for than are licensed, so waiting cannot help.',
  },
  UNKNOWN_FEATURE: {
    source: 'license',
    field: 'name',
    explanation: 'The license in force has no feature of this name.',
  },
  VERSION_NOT_LICENSED: {
    source: 'license',
    field: 'version',
    explanation: 'The feature is licensed in lower versions only.',
  },
  RELEASE_NOT_COVERED: {
    source: 'license',
    field: 'supportedUntil',
    explanation:
      'The maintenance covers releases of the product up to a date: use one from before, or ask the vendor to extend it.',
  },
  NOT_STARTED: {
    source: 'license',
    field: 'startsAt',
    explanation: 'The licensed period of the feature has not begun.',
  },
  EXPIRED: {
    source: 'license',
    field: 'expiresAt',
    explanation: 'The licensed period of the feature is over: the vendor has to renew the license.',
  },
  NOT_OPEN_YET: {
    source: 'server',
    field: 'opening',
    explanation:
      'The servers were formed anew, or recovered, and wait until nobody can hold a seat from before: checkouts open after one longest hold.',
  },
  STATE_DIFFERS: {
    source: 'server',
    field: 'stateHash',
    explanation:
      'The state of two servers differs, and no third one shows which is right: nothing is granted until it is started. The administrator has to see to it.',
  },
  QUEUE_FULL: {
    source: 'server',
    field: 'queuePerFeatureMax',
    explanation: 'Too many checkouts wait for this feature already.',
  },
  TOO_MANY_GRANTS: {
    source: 'server',
    field: 'grantsPerSessionMax',
    explanation: 'This client holds and waits for as many checkouts as one client may.',
  },
  TOO_MANY_SESSIONS: {
    source: 'server',
    field: 'sessionsMax',
    explanation: 'The servers have as many clients as they may have at one time.',
  },
  INVALID_REQUEST: {
    source: 'server',
    field: 'request',
    explanation: 'The checkout asks for something that does not exist, such as half a seat.',
  },
  BORROW_NOT_LICENSED: {
    source: 'license',
    field: 'borrow',
    explanation: 'The license does not let it be borrowed: check it out instead, or ask the vendor.',
  },
  BORROW_TOO_LONG: {
    source: 'license',
    field: 'borrow.longestSeconds',
    explanation: 'Borrow it for a shorter time.',
  },
  BORROW_LIMIT: {
    source: 'license',
    field: 'borrow.countMax',
    explanation: 'As many seats are borrowed as may be: wait until one is returned, or check it out instead.',
  },
  TOO_MANY_BORROWS: {
    source: 'server',
    field: 'borrowsMax',
    explanation: 'The servers have as many borrows as they may have at one time.',
  },
} as const satisfies Record<DenialCode, DenialCodeEntry>;

/** What was asked for. */
export interface Wish {
  readonly feature: string;
  readonly count: number;
}

type Facts = Omit<Denial, 'code' | 'feature' | 'message' | 'requested'>;

/** A denial: `what` is the sentence's particular part, the code's explanation follows. */
export function deny(code: DenialCode, wish: Wish, what: string, facts: Facts = {}): Denial {
  return {
    code,
    feature: wish.feature,
    message: `${what} ${denialCodes[code].explanation}`,
    requested: wish.count,
    ...facts,
  };
}

/**
 * Seats (left out where uncounted), in use, queued and who holds them, over the pools that would have done.
 * O(pools × denialHoldersMax).
 */
export function seatFacts(pools: readonly Pool[], queued: number): Facts & { readonly inUse: number } {
  const count = sum(pools, (pool) => pool.count);
  const overdraft = sum(pools, (pool) => pool.overdraft);
  return {
    ...(Number.isFinite(count) ? { count } : {}),
    ...(overdraft > 0 ? { overdraft } : {}),
    inUse: sum(pools, (pool) => pool.inUse),
    queued,
    holders: [
      ...oldest(pools, ({ firstGrant }) => firstGrant).map((grant) => holder(grant.session, grant)),
      ...oldest(pools, ({ firstBorrow }) => firstBorrow).map((borrow) => holder(borrow, borrow)),
    ].slice(0, ledgerLimits.denialHoldersMax),
  };
}

function holder({ user, host }: Pick<Borrow, 'user' | 'host'>, { count, sinceMs }: Pick<Grant, 'count' | 'sinceMs'>) {
  return { user, host, count, sinceMs };
}

/** The oldest of all pools, from the first in each. */
function oldest<R extends { readonly serial: number; readonly next: R | undefined }>(
  pools: readonly Pool[],
  firstOf: (pool: Pool) => R | undefined,
): readonly R[] {
  const found: R[] = [];
  for (const pool of pools) {
    let record = firstOf(pool);
    for (let i = 0; i < ledgerLimits.denialHoldersMax && record !== undefined; i++) {
      found.push(record);
      record = record.next;
    }
  }
  return found.sort((a, b) => a.serial - b.serial).slice(0, ledgerLimits.denialHoldersMax);
}

function sum(pools: readonly Pool[], seats: (pool: Pool) => number): number {
  return pools.reduce((total, pool) => total + seats(pool), 0);
}

/** A rule of the policy, as denials name what decided. */
export function policyRule({ line, text }: RuleView): DenialRule {
  return { source: 'policy', where: `line ${line}`, text };
}
