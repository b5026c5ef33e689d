import { IndexedHeap } from './indexed-heap.ts';
import type { LedgerState } from './ledger-state.ts';
import type { PoolFields } from './record-fields.ts';
import { type Feature, type KnownEnd, kinds, type Pool } from './records.ts';

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
    firstBorrow: undefined,
    lastBorrow: undefined,
    sweepFrom: undefined,
    waiting: 0,
  };
}

function isEarlier(a: KnownEnd, b: KnownEnd): boolean {
  return a.untilMs < b.untilMs || (a.untilMs === b.untilMs && a.serial < b.serial);
}

/** Deletes a removed pool once its last grant has ended. */
export function dropUnusedPool(state: LedgerState, pool: Pool): void {
  if (pool.isRemoved && pool.grants === 0 && pool.lingers === 0 && pool.borrows === 0) state.delete(pool);
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

/** Forgets a feature that is neither licensed nor waited for. */
export function dropUnusedFeature(state: LedgerState, feature: Feature): void {
  if (feature.pools.length === 0 && feature.queue.length === 0) state.features.delete(feature.name);
}
