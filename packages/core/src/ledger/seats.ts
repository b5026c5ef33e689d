import { dropUnusedHolder, holderKey, holderOf, isSharedKey, joinShare, leaveShare, noteOffer } from './holders.ts';
import type { LedgerState } from './ledger-state.ts';
import { type Claimant, type Grant, type Holder, kinds, type Linger, type Pool, type Share } from './records.ts';
import { viewLinger } from './views.ts';

/** The share that a claim joins or begins with the grant of this serial; undefined where its seats are its own. */
export function shareFor(state: LedgerState, pool: Pool, claim: Claimant, serial: number): Share | undefined {
  const key = holderKey(pool, claim);
  if (key === undefined || !isSharedKey(key)) return undefined;
  return pool.holders.get(key)?.open.first() ?? newShare(state, pool, key, serial);
}

/** The share of this serial, as a snapshot refers to it; a new one where its first grant is this. */
export function shareOf(state: LedgerState, pool: Pool, key: string, serial: number): Share {
  return state.shares.get(serial) ?? newShare(state, pool, key, serial);
}

/** Counts the seats of a grant that was not there before. Answers how many more are taken. */
export function occupy(state: LedgerState, { pool, share, count }: Pick<Grant, 'pool' | 'share' | 'count'>): number {
  if (share === undefined) {
    pool.inUse += count;
    return count;
  }
  const more = joinShare(share, count);
  pool.inUse += more;
  const holder = pool.holders.get(share.key)!;
  if (!hasRoom(share)) {
    if (share.heapIndex >= 0) close(state, holder, share);
  } else {
    if (share.heapIndex < 0) holder.open.add(share);
    if (more > 0) noteOffer(state, holder);
  }
  return more;
}

/** Takes the seats of a grant that has ended out of the count. Answers how many are free. */
export function vacate(state: LedgerState, { pool, share, count }: Grant): number {
  if (share === undefined) {
    pool.inUse -= count;
    return count;
  }
  const holder = pool.holders.get(share.key)!;
  const fewer = leaveShare(share, count);
  pool.inUse -= fewer;
  if (share.sharers === 0) {
    if (share.heapIndex >= 0) close(state, holder, share);
    state.shares.delete(share.serial);
    holder.shares--;
    dropUnusedHolder(pool, share.key);
  } else if (share.heapIndex < 0) {
    holder.open.add(share);
    noteOffer(state, holder);
  }
  return fewer;
}

/** A checkout by the holder of lingering seats uses them, the oldest first, instead of so many free ones. */
export function reuse(state: LedgerState, pool: Pool, claim: Claimant, seats: number): void {
  const key = holderKey(pool, claim);
  let left = seats;
  while (left > 0 && key !== undefined) {
    const linger = pool.holders.get(key)?.lingers[0];
    if (linger === undefined) return;
    const used = Math.min(left, linger.count);
    left -= used;
    if (used === linger.count) {
      endLinger(state, linger);
      continue;
    }
    state.touch(linger);
    linger.count -= used;
    pool.inUse -= used;
    pool.holders.get(key)!.lingering -= used;
    state.events.push({ kind: 'lingering', grant: viewLinger(linger) });
  }
}

/** Seats that a holder gave back stay taken for a while. */
export function linger(state: LedgerState, grant: Grant, seats: number, untilMs: number): void {
  const { pool, session } = grant;
  const key = grant.share?.key ?? JSON.stringify([session.user, session.host]);
  const record = newLinger(
    {
      serial: state.nextSerial(),
      grant: grant.serial,
      key,
      user: session.user,
      host: session.host,
      count: seats,
      sinceMs: grant.sinceMs,
      untilMs,
    },
    pool,
  );
  state.add(record);
  linkLinger(state, record);
  noteOffer(state, pool.holders.get(key)!);
  state.events.push({ kind: 'lingering', grant: viewLinger(record) });
}

export function newLinger(
  fields: Pick<Linger, 'serial' | 'grant' | 'key' | 'user' | 'host' | 'count' | 'sinceMs' | 'untilMs'>,
  pool: Pool,
): Linger {
  const { untilMs, serial } = fields;
  const inPool = { untilMs, serial, heapIndex: -1 };
  return { kind: kinds.linger, ...fields, pool, isDirty: true, isLive: true, heapIndex: -1, inPool };
}

/** Puts lingering seats, the newest, into the bookkeeping. */
export function linkLinger(state: LedgerState, record: Linger): void {
  const { pool } = record;
  const holder = holderOf(pool, record.key);
  holder.lingers.push(record);
  holder.lingering += record.count;
  pool.lingers++;
  pool.inUse += record.count;
  state.lingerEnds.add(record);
  pool.knownEnds.add(record.inPool);
}

/** Lingering seats are free again, or somebody's. */
export function endLinger(state: LedgerState, record: Linger): void {
  const { pool } = record;
  state.delete(record);
  state.lingerEnds.delete(record);
  pool.knownEnds.delete(record.inPool);
  const holder = pool.holders.get(record.key)!;
  holder.lingers.splice(holder.lingers.indexOf(record), 1);
  holder.lingering -= record.count;
  pool.lingers--;
  pool.inUse -= record.count;
  dropUnusedHolder(pool, record.key);
  state.events.push({ kind: 'lingered', grant: viewLinger(record) });
}

function newShare(state: LedgerState, pool: Pool, key: string, serial: number): Share {
  const share: Share = { serial, key, sharersMax: sharersMaxOf(key), sharers: 0, counts: [], seats: 0, heapIndex: -1 };
  state.shares.add(share);
  holderOf(pool, key).shares++;
  return share;
}

function hasRoom({ sharers, sharersMax }: Share): boolean {
  return sharersMax === 0 || sharers < sharersMax;
}

/** Nobody joins the share any more. The next one that has room may be larger. */
function close(state: LedgerState, holder: Holder, share: Share): void {
  holder.open.delete(share);
  share.heapIndex = -1;
  if (holder.open.first() !== undefined) noteOffer(state, holder);
}

function sharersMaxOf(key: string): number {
  return (JSON.parse(key) as readonly unknown[])[1] as number;
}
