import type { LedgerState } from './ledger-state.ts';
import { isShutOut } from './policy-seats.ts';
import type { Entry, Feature, Pool } from './records.ts';
import { compareRead, type Version } from './versions.ts';

/** What a request asks of a pool besides seats. */
export interface Need {
  /** The least version that will do; undefined: any. */
  readonly version: Version | undefined;
  /** When the product was released; undefined: not said. */
  readonly releasedAtMs: number | undefined;
}

/** The feature's pools whose version suffices, lowest first. */
export function sufficientPools(feature: Feature, version: Version | undefined): readonly Pool[] {
  if (version === undefined) return feature.pools;
  const from = feature.pools.findIndex((pool) => compareRead(pool.version, version) >= 0);
  return from < 0 ? [] : feature.pools.slice(from);
}

/** Whether the pool's maintenance covers the product's release. */
export function covers(pool: Pool, releasedAtMs: number | undefined): boolean {
  return pool.supportEndMs === Number.POSITIVE_INFINITY || (releasedAtMs ?? pool.supportEndMs) < pool.supportEndMs;
}

/** The pools that will do, lowest version first. */
export function fittingPools(feature: Feature, { version, releasedAtMs }: Need): readonly Pool[] {
  const pools = sufficientPools(feature, version);
  return pools.every((pool) => covers(pool, releasedAtMs)) ? pools : pools.filter((pool) => covers(pool, releasedAtMs));
}

/** Whether the queue place could ever be served as the license and license time stand. */
export function isServable(state: LedgerState, entry: Entry): boolean {
  return (
    fittingPools(entry.feature, entry).some((pool) => entry.countMin <= seatsAhead(pool, state.timeMs)) &&
    !isShutOut(state, entry)
  );
}

/** Seats that the pool has or may have one day. */
function seatsAhead(pool: Pool, timeMs: number): number {
  const ahead = pool.parts.filter((part) => timeMs < part.endsAtMs);
  const overdraft = ahead.reduce((sum, part) => sum + part.overdraft, 0);
  return ahead.reduce((sum, part) => sum + part.count, 0) + Math.min(overdraft, pool.overdraftMax);
}

/** Whether a waiting entry stands before anybody else who asks this pool of the feature. */
export function isWaitedFor(feature: Feature, pool: Pool): boolean {
  if (!feature.isUniform) return feature.queue.some((entry) => isFor(entry, pool));
  for (const other of feature.pools) {
    if (other.waiting > 0) return true;
    if (other === pool) return false;
  }
  return false;
}

/** Whether the pool would do for the queue place. */
export function isFor(entry: Entry, pool: Pool): boolean {
  return (
    (entry.version === undefined || compareRead(pool.version, entry.version) >= 0) && covers(pool, entry.releasedAtMs)
  );
}

/** Entries that the pool could serve. O(pools), or O(queue) where pools of the feature cover different releases. */
export function waitingFor(feature: Feature, pool: Pool): number {
  if (!feature.isUniform) return feature.queue.filter((entry) => isFor(entry, pool)).length;
  let waiting = 0;
  for (const other of feature.pools) {
    waiting += other.waiting;
    if (other === pool) return waiting;
  }
  return 0;
}
