import { ledgerLimits } from './limits.ts';
import type { Grant, Pool } from './records.ts';
import type { Denial, DenialCode } from './results.ts';

/** Every code that a denial can have, and what a person should know about it. Stable: scripts and docs name them. */
export const denialCodes = {
  NO_SEATS: {
    explanation: 'Too few seats are free for this checkout. Wait in the queue, or ask one of the holders to check in.',
  },
  BORROW_NOT_LICENSED: {
    explanation: 'The license does not let it be borrowed: check it out instead, or ask the vendor.',
  },
  BORROW_TOO_LONG: { explanation: 'Borrow it for a shorter time.' },
  BORROW_LIMIT: {
    explanation: 'As many seats are borrowed as may be: wait until one is returned, or check it out instead.',
  },
  TOO_MANY_BORROWS: { explanation: 'The servers have as many borrows as they may have at one time.' },
  RESERVED: {
    explanation: 'The policy keeps the seats that are free for others. Wait in the queue, or ask the administrator.',
  },
  MAX_REACHED: {
    explanation:
      'The policy lets have no more at one time: check one in, or ask the administrator. Waiting cannot help.',
  },
  EXCLUDED: { explanation: 'The policy does not let this checkout have the feature: ask the administrator.' },
  NOT_INCLUDED: { explanation: 'The policy lets only those have the feature whom it names: ask the administrator.' },
  WAIT_OVER: { explanation: 'No seat came free within the time that the checkout was ready to wait.' },
  COUNT_TOO_HIGH: { explanation: 'More seats were asked for than are licensed, so waiting cannot help.' },
  UNKNOWN_FEATURE: { explanation: 'The license in force has no feature of this name.' },
  VERSION_NOT_LICENSED: { explanation: 'The feature is licensed in lower versions only.' },
  RELEASE_NOT_COVERED: {
    explanation:
      'The maintenance covers releases of the product up to a date: use one from before, or ask the vendor to extend it.',
  },
  NOT_STARTED: { explanation: 'The licensed period of the feature has not begun.' },
  EXPIRED: { explanation: 'The licensed period of the feature is over: the vendor has to renew the license.' },
  NOT_OPEN_YET: {
    explanation:
      'The servers were formed anew, or recovered, and wait until nobody can hold a seat from before: checkouts open after one longest hold.',
  },
  STATE_DIFFERS: {
    explanation:
      'The state of two servers differs, and no third one shows which is right: nothing is granted until it is started. The administrator has to see to it.',
  },
  QUEUE_FULL: { explanation: 'Too many checkouts wait for this feature already.' },
  TOO_MANY_GRANTS: { explanation: 'This client holds and waits for as many checkouts as one client may.' },
  TOO_MANY_SESSIONS: { explanation: 'The servers have as many clients as they may have at one time.' },
  INVALID_REQUEST: { explanation: 'The checkout asks for something that does not exist, such as half a seat.' },
} as const satisfies Record<DenialCode, { readonly explanation: string }>;

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
    holders: oldestGrants(pools).map(({ session, count, sinceMs }) => ({
      user: session.user,
      host: session.host,
      count,
      sinceMs,
    })),
  };
}

function oldestGrants(pools: readonly Pool[]): readonly Grant[] {
  const oldest: Grant[] = [];
  for (const pool of pools) {
    let grant = pool.firstGrant;
    for (let i = 0; i < ledgerLimits.denialHoldersMax && grant !== undefined; i++) {
      oldest.push(grant);
      grant = grant.next;
    }
  }
  return oldest.sort((a, b) => a.serial - b.serial).slice(0, ledgerLimits.denialHoldersMax);
}

function sum(pools: readonly Pool[], seats: (pool: Pool) => number): number {
  return pools.reduce((total, pool) => total + seats(pool), 0);
}
