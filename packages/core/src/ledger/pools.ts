import type { License, LicenseFeature } from '../license/license.ts';
import { featureEndMs, featureStartMs } from '../license/validity.ts';
import type { LedgerSettings } from './commands.ts';
import type { LeaseBounds, LedgerState } from './ledger-state.ts';
import { ledgerLimits } from './limits.ts';
import type { PoolFields } from './record-fields.ts';
import { type Entry, type Feature, kinds, type Pool } from './records.ts';
import { compareRead, readVersion, type Version } from './versions.ts';

/** How long the server waits for a silent client before it reclaims (triad.md, Hold), whole ms. */
export function holdOf(leaseMs: number, settings: LedgerSettings): number {
  return Math.ceil(leaseMs * (1 + settings.drift) + settings.marginMs);
}

/** The lease of a feature: its own or the default, raised to the minimum unless short ones are allowed. */
function leaseOf(feature: LicenseFeature, settings: LedgerSettings): number {
  return allowedLease(feature.leaseSeconds === undefined ? settings.leaseMs : feature.leaseSeconds * 1000, settings);
}

/** Whether checkouts may be served from the pool at license time. */
export function isUsable(pool: Pool, timeMs: number): boolean {
  return pool.startsAtMs <= timeMs && timeMs < pool.expiresAtMs;
}

export function freeSeats(pool: Pool): number {
  return pool.count - pool.inUse;
}

/** The feature's pools whose version suffices, lowest first. */
export function sufficientPools(feature: Feature, version: Version | undefined): readonly Pool[] {
  if (version === undefined) return feature.pools;
  const from = feature.pools.findIndex((pool) => compareRead(pool.version, version) >= 0);
  return from < 0 ? [] : feature.pools.slice(from);
}

/** Whether the queue place could ever be served as the license and license time stand. */
export function isServable(entry: Entry, timeMs: number): boolean {
  return sufficientPools(entry.feature, entry.version).some(
    (pool) => timeMs < pool.expiresAtMs && entry.count <= pool.count,
  );
}

/**
 * Makes the pools what the license says. A pool is the same while feature and version are; one that the license names no
 * longer stays, *removed*, until its grants have ended. Nobody is evicted by a smaller count (I2's exception).
 */
export function fitPools(state: LedgerState, license: License, settings: LedgerSettings): void {
  const known = new Map<string, Pool>();
  for (const pool of state.pools.walk()) known.set(poolKey(pool.featureName, pool.version), pool);
  for (const feature of state.features.values()) feature.pools = [];
  state.licensed = license.features.map((feature) => {
    const version = readVersion(feature.version)!;
    const key = poolKey(feature.name, version);
    const pool =
      known.get(key) ??
      newPool({ serial: state.nextSerial(), featureName: feature.name, version, isRemoved: false }, true);
    if (!known.delete(key)) state.add(pool);
    else if (pool.isRemoved || pool.version.text !== version.text) {
      state.touch(pool);
      pool.isRemoved = false;
      pool.version = version;
    }
    applyTerms(pool, feature, settings);
    featureOf(state, feature.name).pools.push(pool);
    return pool;
  });
  for (const pool of known.values()) removePool(state, pool);
  state.leases = leaseBounds(state.licensed, settings);
  for (const feature of state.features.values()) {
    feature.pools.sort((a, b) => compareRead(a.version, b.version));
    seatQueue(feature);
    dropUnusedFeature(state, feature);
  }
  findBoundary(state);
}

/** Deletes a removed pool once its last grant has ended. */
export function dropUnusedPool(state: LedgerState, pool: Pool): void {
  if (pool.isRemoved && pool.grants === 0) state.delete(pool);
}

/** Forgets a feature that is neither licensed nor waited for. */
export function dropUnusedFeature(state: LedgerState, feature: Feature): void {
  if (feature.pools.length === 0 && feature.queue.length === 0) state.features.delete(feature.name);
}

/** Finds the next license time at which a pool begins or ends. O(pools), and only when one did. */
export function findBoundary(state: LedgerState): void {
  state.boundaryMs = Number.POSITIVE_INFINITY;
  for (const pool of state.licensed) {
    for (const at of [pool.startsAtMs, pool.expiresAtMs]) {
      if (at > state.timeMs && at < state.boundaryMs) state.boundaryMs = at;
    }
    if (pool.expiresAtMs <= state.timeMs) featureOf(state, pool.featureName).mayHaveStranded = true;
  }
  state.isSweepDue = true;
}

/** Whether a waiting entry stands before anybody else who asks this pool of the feature. */
export function isWaitedFor(feature: Feature, pool: Pool): boolean {
  for (const other of feature.pools) {
    if (other.waiting > 0) return true;
    if (other === pool) return false;
  }
  return false;
}

/** A pool as it is before any license or grant has filled in the derived part. */
export function newPool(fields: PoolFields, isDirty: boolean): Pool {
  return {
    kind: kinds.pool,
    ...fields,
    isDirty,
    isLive: true,
    count: 0,
    startsAtMs: 0,
    expiresAtMs: Number.POSITIVE_INFINITY,
    leaseMs: 0,
    holdMs: 0,
    endsOnDisconnect: false,
    inUse: 0,
    grants: 0,
    firstGrant: undefined,
    lastGrant: undefined,
    sweepFrom: undefined,
    waiting: 0,
  };
}

function leaseBounds(pools: readonly Pool[], settings: LedgerSettings): LeaseBounds {
  const baseLeaseMs = allowedLease(settings.leaseMs, settings);
  const longestLeaseMs = pools.reduce((most, { leaseMs }) => Math.max(most, leaseMs), baseLeaseMs);
  const shortestLeaseMs = pools.reduce((least, { leaseMs }) => Math.min(least, leaseMs), baseLeaseMs);
  return {
    baseLeaseMs,
    baseHoldMs: holdOf(baseLeaseMs, settings),
    longestLeaseMs,
    longestHoldMs: holdOf(longestLeaseMs, settings),
    shortestHoldMs: holdOf(shortestLeaseMs, settings),
  };
}

function applyTerms(pool: Pool, feature: LicenseFeature, settings: LedgerSettings): void {
  pool.count = feature.count === 'uncounted' ? Number.POSITIVE_INFINITY : feature.count;
  pool.startsAtMs = featureStartMs(feature);
  pool.expiresAtMs = featureEndMs(feature);
  pool.leaseMs = leaseOf(feature, settings);
  pool.holdMs = holdOf(pool.leaseMs, settings);
  pool.endsOnDisconnect = feature.reclaim === 'disconnect';
  pool.sweepFrom = undefined;
}

function removePool(state: LedgerState, pool: Pool): void {
  if (pool.isRemoved) return;
  state.touch(pool);
  pool.isRemoved = true;
  pool.count = 0;
  pool.startsAtMs = 0;
  pool.expiresAtMs = Number.POSITIVE_INFINITY;
  pool.waiting = 0;
  pool.sweepFrom = pool.firstGrant;
  dropUnusedPool(state, pool);
}

/** Each queue place counts at the lowest pool that suffices for it. */
function seatQueue(feature: Feature): void {
  for (const pool of feature.pools) pool.waiting = 0;
  for (const entry of feature.queue) {
    entry.lowestPool = sufficientPools(feature, entry.version)[0];
    if (entry.lowestPool !== undefined) entry.lowestPool.waiting++;
  }
  feature.mayHaveStranded = true;
}

/** The feature of this name; a new one where there is none. */
export function featureOf(state: LedgerState, name: string): Feature {
  let feature = state.features.get(name);
  if (feature === undefined) {
    feature = { name, pools: [], queue: [], mayHaveStranded: true };
    state.features.set(name, feature);
  }
  return feature;
}

function allowedLease(leaseMs: number, settings: LedgerSettings): number {
  const leastMs = settings.allowShortLeases ? 1 : ledgerLimits.leaseMsMin;
  return Math.max(leastMs, Math.round(leaseMs));
}

/** Features have no spaces in their names. */
function poolKey(featureName: string, version: Version): string {
  return `${featureName} ${version.key}`;
}
