import type { LedgerState } from './ledger-state.ts';
import { countGrant, uncountGrant } from './policy-seats.ts';
import { dropUnusedPool } from './pools.ts';
import type { BorrowFields } from './record-fields.ts';
import { type Borrow, kinds, type Pool, serialOf } from './records.ts';
import { viewBorrow } from './views.ts';

/** The borrow that somebody knows by its secret id, or an administrator by the one in reports (`b…`). */
export function borrowBy(state: LedgerState, id: string): Borrow | undefined {
  return state.borrowsById.get(id) ?? state.borrows.get(serialOf('b', id));
}

export function newBorrow(
  { pool: _serial, ...fields }: Omit<BorrowFields, 'pool'> & { readonly pool?: number },
  pool: Pool,
): Borrow {
  const inPool = { untilMs: fields.freeMs, serial: fields.serial, heapIndex: -1 };
  return {
    kind: kinds.borrow,
    ...fields,
    pool,
    isDirty: true,
    isLive: true,
    heapIndex: -1,
    inPool,
    previous: undefined,
    next: undefined,
  };
}

/** Puts a borrow, the newest, into the bookkeeping. */
export function linkBorrow(state: LedgerState, borrow: Borrow): void {
  const { pool } = borrow;
  pool.borrows++;
  pool.borrowed += borrow.count;
  pool.inUse += borrow.count;
  state.borrowsById.set(borrow.id, borrow);
  state.borrowEnds.add(borrow);
  pool.knownEnds.add(borrow.inPool);
  borrow.previous = pool.lastBorrow;
  if (pool.lastBorrow === undefined) pool.firstBorrow = borrow;
  else pool.lastBorrow.next = borrow;
  pool.lastBorrow = borrow;
  countGrant(state, seatsOf(borrow));
}

/** Its seats are free: it was returned, or its end and the margin behind it have passed. */
export function endBorrow(state: LedgerState, borrow: Borrow, reason: 'returned' | 'expired'): void {
  const { pool } = borrow;
  uncountGrant(state, seatsOf(borrow));
  state.delete(borrow);
  state.borrowsById.delete(borrow.id);
  state.borrowEnds.delete(borrow);
  pool.knownEnds.delete(borrow.inPool);
  const { previous, next } = borrow;
  if (previous === undefined) pool.firstBorrow = next;
  else previous.next = next;
  if (next === undefined) pool.lastBorrow = previous;
  else next.previous = previous;
  pool.borrows--;
  pool.borrowed -= borrow.count;
  pool.inUse -= borrow.count;
  dropUnusedPool(state, pool);
  state.events.push({ kind: 'borrowEnded', grant: viewBorrow(borrow), reason });
}

/** Borrowed seats as the rules of the policy count them. */
export function seatsOf(borrow: Borrow) {
  const { pool, count, display, address } = borrow;
  return { pool, count, session: borrow, share: undefined, display, address };
}
