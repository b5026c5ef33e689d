import { releaseMs } from '../license/validity.ts';
import type { CheckoutCommand } from './commands.ts';
import { fittingPools, isFor, type Need } from './fitting-pools.ts';
import { awaitOffers, forgetOffers, seatsHad } from './holders.ts';
import type { LedgerState } from './ledger-state.ts';
import { countEntry, ownReserved, uncountEntry } from './policy-seats.ts';
import { firstWithOffer, firstWithPart, firstWithSeats, hasRoom, isOnlyReserved, type Part } from './pool-seats.ts';
import { dropUnusedFeature } from './pools.ts';
import type { EntryFields } from './record-fields.ts';
import { type Claim, compareEntries, type Entry, type Feature, kinds, type Pool, type Session } from './records.ts';
import type { Denial, LedgerEvent } from './results.ts';
import { addLease, dropLease, remember } from './sessions.ts';
import { positionOf, viewEntry } from './views.ts';

/** Puts a checkout at the end of its feature's queue. */
export function enqueue(
  state: LedgerState,
  session: Session,
  command: CheckoutCommand,
  wish: { readonly feature: Feature; readonly need: Need; readonly count: number },
): Entry {
  const pool = fittingPools(wish.feature, wish.need)[0]!;
  const entry = newEntry(
    {
      serial: state.nextSerial(),
      version: wish.need.version,
      releasedAt: command.releasedAt ?? '',
      display: command.display ?? '',
      shareKey: command.shareKey ?? '',
      address: command.address ?? '',
      count: wish.count,
      countMin: command.countMin ?? wish.count,
      checkoutSeq: command.seq,
      untilMs: state.timeMs + Math.ceil(command.waitMs!),
      leaseMs: pool.leaseMs,
      holdMs: pool.holdMs,
    },
    session,
    wish.feature,
    true,
  );
  state.add(entry);
  linkEntry(state, entry);
  return entry;
}

export function newEntry(
  fields: Omit<EntryFields, 'session' | 'feature'>,
  session: Session,
  feature: Feature,
  isDirty: boolean,
): Entry {
  return {
    kind: kinds.entry,
    serial: fields.serial,
    isDirty,
    isLive: true,
    session,
    feature,
    version: fields.version,
    releasedAt: fields.releasedAt,
    display: fields.display,
    shareKey: fields.shareKey,
    address: fields.address,
    releasedAtMs: fields.releasedAt === '' ? undefined : releaseMs(fields.releasedAt),
    count: fields.count,
    countMin: fields.countMin,
    checkoutSeq: fields.checkoutSeq,
    untilMs: fields.untilMs,
    leaseMs: fields.leaseMs,
    holdMs: fields.holdMs,
    priority: 0,
    heapIndex: -1,
    lowestPool: undefined,
  };
}

/** Puts a queue place, the newest, into the bookkeeping of its session and its feature. */
export function linkEntry(state: LedgerState, entry: Entry): void {
  const { session, feature } = entry;
  session.outcomes.set(entry.checkoutSeq, entry);
  session.entries++;
  addLease(session, entry.leaseMs, entry.holdMs);
  countEntry(state, entry);
  insertInOrder(feature.queue, entry);
  state.queued.add(feature);
  state.deadlines.add(entry);
  entry.lowestPool = fittingPools(feature, entry)[0];
  if (entry.lowestPool !== undefined) entry.lowestPool.waiting++;
  awaitOffers(entry, fittingPools(feature, entry));
}

/** Most come last. Else it moves at most a queue's length of pointers. */
function insertInOrder(queue: Entry[], entry: Entry): void {
  let low = 0;
  let high = queue.length;
  if (high > 0 && compareEntries(queue[high - 1]!, entry) < 0) low = high;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareEntries(queue[middle]!, entry) < 0) low = middle + 1;
    else high = middle;
  }
  queue.splice(low, 0, entry);
}

/** How a queue place ends without a grant. */
export interface Leaving {
  readonly why: Extract<LedgerEvent, { kind: 'unqueued' }>['why'];
  /** What a repeat of its checkout comes to: this denial, or this result; neither where the session ends with it. */
  readonly denial?: Denial;
  readonly result?: Omit<Parameters<typeof remember>[2], 'seq'>;
}

/** Ends a queue place without a grant. */
export function leaveQueue(state: LedgerState, entry: Entry, { why, denial, result }: Leaving): void {
  const view = viewEntry(entry);
  dropEntry(state, entry);
  const seq = entry.checkoutSeq;
  if (denial !== undefined) remember(state, entry.session, { seq, type: 'denied', text: JSON.stringify(denial) });
  else if (result !== undefined) remember(state, entry.session, { seq, ...result });
  const event = { kind: 'unqueued' as const, entry: view, why };
  state.events.push(denial === undefined ? event : { ...event, denial });
}

/** Takes an entry out of its queue. Finding it is O(log n); closing the gap moves at most a queue's length of pointers. */
export function dropEntry(state: LedgerState, entry: Entry): void {
  const { session, feature } = entry;
  state.delete(entry);
  session.outcomes.delete(entry.checkoutSeq);
  session.entries--;
  dropLease(session, entry.leaseMs, entry.holdMs);
  state.deadlines.delete(entry);
  if (entry.lowestPool !== undefined) entry.lowestPool.waiting--;
  forgetOffers(entry, fittingPools(feature, entry));
  feature.queue.splice(positionOf(entry) - 1, 1);
  uncountEntry(state, entry);
  if (feature.queue.length > 0) return;
  state.queued.delete(feature);
  dropUnusedFeature(state, feature);
}

/** The lowest pool that can serve the entry now, with all that it asks for or, where fewer will do, with what there is. */
export function seatsFor(state: LedgerState, entry: Entry): Part | undefined {
  const pools = fittingPools(entry.feature, entry);
  const pool = firstWithOffer(pools, entry);
  return pool === undefined ? unofferedSeats(state, pools, entry) : { pool, count: entry.count };
}

/**
 * The first entry of a queue whose session is bound, where seats are free for it. One that they are too few for keeps back
 * everybody behind it who could take them (a large request must not starve); entries that need other pools pass.
 * O(1) where no seat is free, else O(entries passed over).
 */
export function assignableIn(
  state: LedgerState,
  feature: Feature,
  isBound: (session: string) => boolean,
): Entry | undefined {
  let pools: readonly Pool[] = feature.pools;
  if (!hasRoom(pools)) return undefined;
  // An entry that waits for seats which nobody has reserved is passed only by those that take reserved ones of their own.
  let isUnreservedKept = false;
  for (const entry of feature.queue) {
    state.visits++;
    if (entry.lowestPool === undefined || entry.untilMs <= state.timeMs || !isBound(entry.session.id)) continue;
    const fitting = pools.filter((pool) => isFor(entry, pool));
    if (fitting.length === 0) continue;
    const part = unofferedSeats(state, fitting, entry);
    if (part !== undefined && (!isUnreservedKept || isOwnReserved(state, part, entry))) return entry;
    if (part !== undefined || isOnlyReserved(state, fitting, entry)) {
      isUnreservedKept = true;
      continue;
    }
    // What would do for this one is kept for it.
    pools = pools.filter((pool) => !isFor(entry, pool));
    if (!hasRoom(pools)) return undefined;
  }
  return undefined;
}

/** Whether what the claim takes of the pool is reserved for it. */
export function isOwnReserved(state: LedgerState, { pool, count }: Part, claim: Claim): boolean {
  return count - seatsHad(pool, claim) <= ownReserved(state, pool.featureName, claim);
}

function unofferedSeats(state: LedgerState, pools: readonly Pool[], claim: Claim): Part | undefined {
  const pool = firstWithSeats(state, pools, claim);
  return pool === undefined ? firstWithPart(state, pools, claim) : { pool, count: claim.count };
}
