import type { License, LicenseFeature } from '../license/license.ts';
import { featureEndMs, featureGraceEndMs, featureStartMs, featureSupportEndMs } from '../license/validity.ts';
import type { LedgerSettings } from './commands.ts';
import { fittingPools } from './fitting-pools.ts';
import { awaitOffers, dropUnusedHolder } from './holders.ts';
import type { LeaseBounds, LedgerState } from './ledger-state.ts';
import { ledgerLimits } from './limits.ts';
import { dropUnusedFeature, dropUnusedPool, featureOf, newPool } from './pools.ts';
import type { Feature, Pool, PoolPart } from './records.ts';
import { sharingFields } from './sharing-fields.ts';
import { compareRead, readVersion, type Version } from './versions.ts';

/** How long the server waits for a silent client before it reclaims (triad.md, Hold), whole ms. */
export function holdOf(leaseMs: number, settings: LedgerSettings): number {
  return Math.ceil(leaseMs * (1 + settings.drift) + settings.marginMs);
}

/** The lease of a feature: its own or the default, raised to the minimum unless short ones are allowed. */
function leaseOf(feature: LicenseFeature, settings: LedgerSettings): number {
  return allowedLease(feature.leaseSeconds === undefined ? settings.leaseMs : feature.leaseSeconds * 1000, settings);
}

/**
 * Makes the pools what the license says. A pool is the same while feature and version are; one that the license names no
 * longer stays, *removed*, until its grants have ended. Nobody is evicted by a smaller count (I2's exception).
 */
export function fitPools(state: LedgerState, license: License, settings: LedgerSettings): void {
  const known = new Map<string, Pool>();
  for (const pool of state.pools.walk()) known.set(poolKey(pool.featureName, pool.version), pool);
  for (const feature of state.features.values()) feature.pools = [];
  state.licensed = [...featuresByPool(license).values()].map((parts) => {
    const [feature] = parts;
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
    applyTerms(state, pool, parts, settings);
    featureOf(state, feature.name).pools.push(pool);
    return pool;
  });
  for (const pool of known.values()) removePool(state, pool);
  state.leases = leaseBounds(state.licensed, settings);
  for (const feature of state.features.values()) {
    feature.pools.sort((a, b) => compareRead(a.version, b.version));
    feature.isUniform = feature.pools.every(({ supportEndMs }) => supportEndMs === feature.pools[0]!.supportEndMs);
    seatQueue(feature);
    dropUnusedFeature(state, feature);
  }
  findBoundary(state);
}

/** Finds the next license time at which a pool begins or ends. O(pools), and only when one did. */
export function findBoundary(state: LedgerState): void {
  state.boundaryMs = Number.POSITIVE_INFINITY;
  for (const pool of state.licensed) {
    for (const { startsAtMs, expiresAtMs, endsAtMs } of pool.parts) {
      // At the end of the licensed period only reports change: without a command then they would go on as before.
      for (const at of [startsAtMs, expiresAtMs, endsAtMs])
        if (at > state.timeMs && at < state.boundaryMs) state.boundaryMs = at;
      if (endsAtMs <= state.timeMs) featureOf(state, pool.featureName).mayHaveStranded = true;
    }
    countParts(pool, state.timeMs);
  }
  state.isSweepDue = true;
  state.areOffersOpen = true;
}

/** What the parts come to at this license time. */
function countParts(pool: Pool, timeMs: number): void {
  const inForce = pool.parts.filter(({ startsAtMs, endsAtMs }) => startsAtMs <= timeMs && timeMs < endsAtMs);
  pool.isUsable = inForce.length > 0;
  pool.isOver = !pool.isUsable && pool.parts.some(({ endsAtMs }) => endsAtMs <= timeMs);
  // Reports show what there was or will be.
  const shown = pool.isUsable ? inForce : pool.parts;
  pool.count = shown.reduce((sum, { count }) => sum + count, 0);
  pool.overdraft = Math.min(
    pool.overdraftMax,
    shown.reduce((sum, { overdraft }) => sum + overdraft, 0),
  );
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

/** What the license, or all license files together, say of a pool. */
type PoolTerms = [LicenseFeature, ...LicenseFeature[]];

function featuresByPool(license: License): ReadonlyMap<string, PoolTerms> {
  const pools = new Map<string, PoolTerms>();
  for (const feature of license.features) {
    const key = poolKey(feature.name, readVersion(feature.version)!);
    const parts = pools.get(key);
    if (parts === undefined) pools.set(key, [feature]);
    else parts.push(feature);
  }
  return pools;
}

function applyTerms(state: LedgerState, pool: Pool, parts: PoolTerms, settings: LedgerSettings): void {
  // In everything but their seats and times they agree: `combineLicenses` has seen to it.
  const [feature] = parts;
  pool.parts = parts.map(poolPartOf);
  pool.expiresAtMs = Math.max(...pool.parts.map(({ expiresAtMs }) => expiresAtMs));
  pool.supportEndMs = featureSupportEndMs(feature);
  pool.sharedBy = sharingFields.filter((field) => feature.sharedBy?.includes(field) === true);
  pool.sharersMax = feature.sharersMax ?? 0;
  pool.vendorData = feature.vendorData;
  // The policy never widens the license: it only makes seats linger longer, and fewer of them overdrawn.
  const { policy } = state;
  const lingerMs = policy?.setting(feature.name, 'linger')?.ms ?? 0;
  pool.overdraftMax = policy?.setting(feature.name, 'overdraft')?.count ?? Number.POSITIVE_INFINITY;
  pool.lingerMs = Math.max(lingerMs, Math.round((feature.lingerSeconds ?? 0) * 1000));
  pool.minimumMs = Math.round((feature.minimumSeconds ?? 0) * 1000);
  const { borrow } = feature;
  pool.borrow =
    borrow === undefined ? undefined : { longestMs: borrow.longestSeconds * 1000, countMax: borrow.countMax };
  pool.leaseMs = leaseOf(feature, settings);
  pool.holdMs = holdOf(pool.leaseMs, settings);
  pool.endsOnDisconnect = feature.reclaim === 'disconnect';
  pool.sweepFrom = undefined;
}

function poolPartOf(feature: LicenseFeature): PoolPart {
  return {
    count: feature.count === 'uncounted' ? Number.POSITIVE_INFINITY : feature.count,
    overdraft: feature.overdraft ?? 0,
    startsAtMs: featureStartMs(feature),
    expiresAtMs: featureEndMs(feature),
    endsAtMs: featureGraceEndMs(feature),
  };
}

function removePool(state: LedgerState, pool: Pool): void {
  if (pool.isRemoved) return;
  state.touch(pool);
  pool.isRemoved = true;
  pool.count = 0;
  pool.overdraft = 0;
  pool.parts = [];
  pool.isUsable = false;
  pool.isOver = false;
  pool.expiresAtMs = Number.POSITIVE_INFINITY;
  // As on a server that comes by the pool from a snapshot.
  pool.vendorData = undefined;
  pool.borrow = undefined;
  pool.waiting = 0;
  forgetWaiting(pool);
  pool.sweepFrom = pool.firstGrant;
  dropUnusedPool(state, pool);
}

/** Under other terms other holders are waited for. */
function forgetWaiting(pool: Pool): void {
  for (const [key, holder] of pool.holders) {
    holder.waiting.length = 0;
    dropUnusedHolder(pool, key);
  }
}

/** Each queue place counts at the lowest pool that suffices for it. */
function seatQueue(feature: Feature): void {
  for (const pool of feature.pools) {
    pool.waiting = 0;
    forgetWaiting(pool);
  }
  for (const entry of feature.queue) {
    entry.lowestPool = fittingPools(feature, entry)[0];
    if (entry.lowestPool !== undefined) entry.lowestPool.waiting++;
    awaitOffers(entry, fittingPools(feature, entry));
  }
  feature.mayHaveStranded = true;
}

function allowedLease(leaseMs: number, settings: LedgerSettings): number {
  const leastMs = settings.allowShortLeases ? 1 : ledgerLimits.leaseMsMin;
  return Math.max(leastMs, Math.round(leaseMs));
}

/** Features have no spaces in their names. */
function poolKey(featureName: string, version: Version): string {
  return `${featureName} ${version.key}`;
}
