import { IndexedHeap } from './indexed-heap.ts';
import type { LedgerState } from './ledger-state.ts';
import type { Claim, Claimant, Entry, Holder, Pool, Share } from './records.ts';
import type { SharingField } from './sharing-fields.ts';

/**
 * Whose seats in a pool a claim may use: those of everybody who names the same under what the license shares by; where seats
 * linger without being shared, those of its user on its host; undefined where neither is so. The terms are part of the key: under
 * other terms nobody joins what was shared under these.
 */
export function holderKey(pool: Pool, claim: Claimant): string | undefined {
  const { sharedBy } = pool;
  if (sharedBy.length > 0) {
    const values = sharedBy.map((field) => namedIn(field, claim));
    // Who does not name what seats are shared by shares with nobody.
    if (!values.includes('')) return JSON.stringify([sharedBy, pool.sharersMax, ...values]);
  }
  return pool.lingerMs > 0 || pool.minimumMs > 0 ? ownKey(claim) : undefined;
}

/** Whether seats under this key are shared. */
export function isSharedKey(key: string): boolean {
  return key.startsWith('[[');
}

/** Seats of the pool that the claim would take besides those that its holder has already. */
export function seatsNeeded(pool: Pool, claim: Claim): number {
  return Math.max(0, claim.count - seatsHad(pool, claim));
}

/** Seats of the pool that the claim's holder has already and the claim may use. */
export function seatsHad(pool: Pool, claim: Claim): number {
  if (pool.holders.size === 0) return 0;
  const key = holderKey(pool, claim);
  const holder = key === undefined ? undefined : pool.holders.get(key);
  return holder === undefined ? 0 : (holder.open.first()?.seats ?? 0) + holder.lingering;
}

/** The holder under this key; a new one where there is none. */
export function holderOf(pool: Pool, key: string): Holder {
  let holder = pool.holders.get(key);
  if (holder === undefined) {
    holder = newHolder();
    pool.holders.set(key, holder);
  }
  return holder;
}

/** Forgets a holder that neither has nor waits for anything. */
export function dropUnusedHolder(pool: Pool, key: string): void {
  const holder = pool.holders.get(key);
  if (holder === undefined || holder.shares > 0 || holder.lingers.length > 0 || holder.waiting.length > 0) return;
  pool.holders.delete(key);
}

/** Something that the holder's waiting checkouts could use without taking a seat has come about. */
export function noteOffer(state: LedgerState, holder: Holder): void {
  if (holder.waiting.length > 0) state.offers.add(holder);
}

/** A queue place is noted with the holders whose seats it could use. */
export function awaitOffers(entry: Entry, pools: readonly Pool[]): void {
  for (const pool of pools) {
    const key = holderKey(pool, entry);
    if (key !== undefined) holderOf(pool, key).waiting.push(entry);
  }
}

/** The queue place is gone. */
export function forgetOffers(entry: Entry, pools: readonly Pool[]): void {
  for (const pool of pools) {
    const key = holderKey(pool, entry);
    const holder = key === undefined ? undefined : pool.holders.get(key);
    if (key === undefined || holder === undefined) continue;
    const at = holder.waiting.indexOf(entry);
    if (at >= 0) holder.waiting.splice(at, 1);
    dropUnusedHolder(pool, key);
  }
}

/** Counts one more sharer. Answers how many seats more the share has. */
export function joinShare(share: Share, count: number): number {
  share.sharers++;
  const use = share.counts.find((one) => one.count === count);
  if (use === undefined) share.counts.push({ count, users: 1 });
  else use.users++;
  return resize(share);
}

/** Counts one sharer less. Answers how many seats less the share has. */
export function leaveShare(share: Share, count: number): number {
  share.sharers--;
  const at = share.counts.findIndex((one) => one.count === count);
  const use = share.counts[at]!;
  use.users--;
  if (use.users === 0) share.counts.splice(at, 1);
  return -resize(share);
}

/** A share has the seats of its largest checkout. */
function resize(share: Share): number {
  const before = share.seats;
  share.seats = share.counts.reduce((most, { count }) => Math.max(most, count), 0);
  return share.seats - before;
}

/** What a holder of nothing yet looks like. */
function newHolder(): Holder {
  return {
    open: new IndexedHeap<Share>((a, b) => a.serial < b.serial),
    shares: 0,
    lingers: [],
    lingering: 0,
    waiting: [],
  };
}

function ownKey({ session }: Claimant): string {
  return JSON.stringify([session.user, session.host]);
}

function namedIn(field: SharingField, { session, display, shareKey }: Claimant): string {
  switch (field) {
    case 'user':
      return session.user;
    case 'host':
      return session.host;
    case 'display':
      return display;
    case 'key':
      return shareKey;
  }
}
