import type { License, LicenseFeature } from '../license/license.ts';
import { featureEndMs, featureGraceEndMs, featureStartMs, featureSupportEndMs } from '../license/validity.ts';
import type { LedgerSettings } from './commands.ts';
import { awaitOffers, dropUnusedHolder, seatsHad, seatsNeeded } from './holders.ts';
import { IndexedHeap } from './indexed-heap.ts';
import type { LeaseBounds, LedgerState } from './ledger-state.ts';
import { ledgerLimits } from './limits.ts';
import { isShutOut, keptFrom } from './policy-seats.ts';
import type { PoolFields } from './record-fields.ts';
import { type Claim, type Entry, type Feature, type KnownEnd, kinds, type Pool, type PoolPart } from './records.ts';
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

/** What a request asks of a pool besides seats. */
export interface Need {
  /** The least version that will do; undefined: any. */
  readonly version: Version | undefined;
  /** When the product was released; undefined: not said. */
  readonly releasedAtMs: number | undefined;
}

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

/** Deletes a removed pool once its last grant has ended. */
export function dropUnusedPool(state: LedgerState, pool: Pool): void {
  if (pool.isRemoved && pool.grants === 0 && pool.lingers === 0 && pool.borrows === 0) state.delete(pool);
}

/** Forgets a feature that is neither licensed nor waited for. */
export function dropUnusedFeature(state: LedgerState, feature: Feature): void {
  if (feature.pools.length === 0 && feature.queue.length === 0) state.features.delete(feature.name);
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

/** A pool as it is before any license or grant has filled in the derived part. */
export function newPool(fields: PoolFields, isDirty: boolean): Pool {
  return {
    kind: kinds.pool,
    ...fields,
    isDirty,
    isLive: true,
    count: 0,
    overdraft: 0,
    overdraftMax: Number.POSITIVE_INFINITY,
    parts: [],
    isUsable: false,
    isOver: false,
    expiresAtMs: Number.POSITIVE_INFINITY,
    supportEndMs: Number.POSITIVE_INFINITY,
    sharedBy: [],
    sharersMax: 0,
    lingerMs: 0,
    minimumMs: 0,
    holders: new Map(),
    vendorData: undefined,
    borrow: undefined,
    borrows: 0,
    borrowed: 0,
    lingers: 0,
    knownEnds: new IndexedHeap(isEarlier),
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

function isEarlier(a: KnownEnd, b: KnownEnd): boolean {
  return a.untilMs < b.untilMs || (a.untilMs === b.untilMs && a.serial < b.serial);
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

/** The feature of this name; a new one where there is none. */
export function featureOf(state: LedgerState, name: string): Feature {
  let feature = state.features.get(name);
  if (feature === undefined) {
    feature = { name, pools: [], queue: [], isUniform: true, mayHaveStranded: true };
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
