import { seatsHad, seatsNeeded } from './holders.ts';
import type { LedgerState } from './ledger-state.ts';
import { keptFrom } from './policy-seats.ts';
import type { Claim, Pool } from './records.ts';

/** Seats within the count that are free; negative while overdrawn. */
export function freeSeats(pool: Pool): number {
  return pool.count - pool.inUse;
}

/** The first of the pools, lowest version first, that has the seats: within its count or, where none has, with its overdraft. */
export function firstWithSeats(state: LedgerState, pools: readonly Pool[], claim: Claim): Pool | undefined {
  const unkept = unkeptSeats(state, pools, claim);
  const has = (pool: Pool, seats: number) => pool.isUsable && seatsNeeded(pool, claim) <= Math.min(seats, unkept);
  return (
    pools.find((pool) => has(pool, freeSeats(pool))) ??
    pools.find((pool) => pool.overdraft > 0 && has(pool, roomIn(pool)))
  );
}

/** Whether the pools have the seats, and only reservations keep them from the claim. */
export function isOnlyReserved(state: LedgerState, pools: readonly Pool[], claim: Claim): boolean {
  return (
    state.policy !== undefined &&
    (firstWithSeats(state, pools, claim) ?? firstWithPart(state, pools, claim)) === undefined &&
    pools.some((pool) => pool.isUsable && claim.countMin - seatsHad(pool, claim) <= roomIn(pool))
  );
}

/** Free seats of the whole feature that are not kept for others; Infinity without reservations. */
export function unkeptSeats(
  state: LedgerState,
  pools: readonly Pool[],
  claim: Pick<Claim, 'session' | 'display' | 'address'>,
): number {
  const name = pools[0]?.featureName;
  const kept = name === undefined ? 0 : keptFrom(state, name, claim);
  if (kept === 0) return Number.POSITIVE_INFINITY;
  const all = state.features.get(name!)?.pools ?? pools;
  return all.reduce((sum, pool) => sum + (pool.isUsable ? Math.max(0, roomIn(pool)) : 0), 0) - kept;
}

/** The first of the pools in which the claim takes no seat: it shares one, or uses what its holder has lingering. */
export function firstWithOffer(pools: readonly Pool[], claim: Claim): Pool | undefined {
  return pools.find((pool) => pool.isUsable && pool.holders.size > 0 && seatsNeeded(pool, claim) === 0);
}

/** A pool that serves a claim, and with how many seats. */
export interface Part {
  readonly pool: Pool;
  readonly count: number;
}

/** What the claim can have without taking a seat: all of its count or, where fewer will do, as many as its holder has. */
export function firstOffered(pools: readonly Pool[], claim: Claim): Part | undefined {
  const pool = firstWithOffer(pools, claim);
  if (pool !== undefined) return { pool, count: claim.count };
  return claim.countMin === claim.count ? undefined : partOf(pools, claim, () => 0);
}

/**
 * Where fewer seats will do than are asked for: the first of the pools, lowest version first, that has so many, with as many as it has;
 * its overdraft only where none has them within its count.
 */
export function firstWithPart(state: LedgerState, pools: readonly Pool[], claim: Claim): Part | undefined {
  if (claim.countMin === claim.count) return undefined;
  const unkept = unkeptSeats(state, pools, claim);
  return (
    partOf(pools, claim, (pool) => Math.min(freeSeats(pool), unkept)) ??
    partOf(pools, claim, (pool) => Math.min(roomIn(pool), unkept))
  );
}

function partOf(pools: readonly Pool[], claim: Claim, seatsIn: (pool: Pool) => number): Part | undefined {
  for (const pool of pools) {
    const count = Math.min(claim.count, Math.max(0, seatsIn(pool)) + seatsHad(pool, claim));
    if (pool.isUsable && count >= claim.countMin) return { pool, count };
  }
  return undefined;
}

/** Whether any seat is free. */
export function hasRoom(pools: readonly Pool[]): boolean {
  return pools.some((pool) => pool.isUsable && roomIn(pool) > 0);
}

function roomIn(pool: Pool): number {
  return pool.count + pool.overdraft - pool.inUse;
}
