import type { EndReason } from '../results.ts';
import type { Ask } from './model-policy.ts';
import type { Client, Held, Past, Waiting } from './model-records.ts';
import { keyOf, type ModelGrant } from './model-replies.ts';
import { ModelSeats } from './model-seats.ts';
import { baseLeaseMs, hold, inForce, leaseOf, type ModelPool, poolsOf } from './model-terms.ts';

/** Where seats come from, and how many. */
export interface Part {
  readonly pool: ModelPool;
  readonly count: number;
}

/** How grants and queue places begin and end, and what stays of them. */
export class ModelGrants extends ModelSeats {
  readonly past = new Map<string, { readonly reason: EndReason; readonly untilMs: number }>();
  #shares = 0;

  /** All that is asked for, else as much as will do. What takes no seat may come from any of `usable`. */
  protected partFor(open: readonly ModelPool[], ask: Ask, usable = open): Part | undefined {
    const pool = this.firstWithOffer(usable, ask) ?? this.firstWithSeats(open, ask);
    if (pool !== undefined) return { pool, count: ask.count };
    return this.firstWithPart(open, ask) ?? this.firstOffered(usable, ask);
  }

  protected serve(entry: Waiting, part: Part): ModelGrant {
    this.leave(entry, null);
    return this.take(this.clients.get(entry.session)!, part, entry);
  }

  protected take(client: Client, { pool, count }: Part, wish: Ask & { readonly seq: number }): ModelGrant {
    const ask = { ...wish, count };
    const { seq } = ask;
    const leaseMs = leaseOf(pool);
    const key = keyOf(client.id, seq);
    const holder = this.holder(pool, ask);
    const taken = this.unshared(pool, ask);
    const open = this.openShare(pool, ask);
    this.#reuse(pool, holder?.terms, taken);
    const share =
      holder?.isShared === true ? (open ?? { first: key, terms: holder.terms, serial: this.#shares++ }) : null;
    const grant: Held = {
      key,
      session: client.id,
      seq,
      pool: pool.key,
      count,
      sinceMs: this.timeMs,
      leaseMs,
      holdMs: hold(leaseMs),
      reclaim: pool.parts[0]!.reclaim ?? 'lease',
      display: ask.display,
      address: ask.address,
      isOverdraft: this.overdraws(pool, taken),
      share,
      ending: null,
    };
    this.held.push(grant);
    return this.view(grant);
  }

  /** The holder's lingering seats become those of its new grant, the oldest first. */
  #reuse(pool: ModelPool, terms: string | undefined, seats: number): void {
    let left = seats;
    for (const one of this.lingering.filter(({ pool: key, holder }) => key === pool.key && holder === terms)) {
      const used = Math.min(left, one.count);
      one.count -= used;
      left -= used;
    }
    this.lingering = this.lingering.filter(({ count }) => count > 0);
  }

  #free(grant: Held, reason: EndReason): void {
    const before = this.inUse(grant.pool);
    this.held = this.held.filter((one) => one !== grant);
    const seats = before - this.inUse(grant.pool);
    const pool = this.pool(grant.pool);
    if (!['checkedIn', 'sessionEnded', 'disconnected'].includes(reason) || pool === undefined || seats === 0) return;
    const { minimumSeconds = 0 } = pool.parts[0]!;
    const lingerMs = this.lingerMs(pool);
    const untilMs = Math.max(this.timeMs + lingerMs, grant.sinceMs + minimumSeconds * 1000);
    if (lingerMs + minimumSeconds === 0 || untilMs <= this.timeMs || inForce(pool, this.timeMs).length === 0) return;
    const { user, host } = this.clients.get(grant.session)!;
    const { key, sinceMs } = grant;
    const holder = grant.share?.terms ?? `${user} on ${host}`;
    this.lingering.push({ key, pool: grant.pool, holder, user, host, count: seats, sinceMs, untilMs });
  }

  protected end(grant: Held, reason: EndReason, isUntold: boolean): void {
    this.#free(grant, grant.ending?.reason ?? reason);
    const client = this.clients.get(grant.session)!;
    const untoldSince = isUntold ? 'never told' : null;
    client.past.set(grant.seq, { type: 'ended', reason: grant.ending?.reason ?? reason, isGrant: true, untoldSince });
    this.drop(client);
  }

  protected leave(entry: Waiting, past: Past | null): void {
    this.waiting = this.waiting.filter((one) => one !== entry);
    const client = this.clients.get(entry.session)!;
    if (past !== null) client.past.set(entry.seq, past);
  }

  protected endClient(client: Client, reason: EndReason): void {
    for (const grant of this.heldBy(client)) this.#free(grant, grant.ending?.reason ?? reason);
    this.waiting = this.waiting.filter(({ session }) => session !== client.id);
    this.clients.delete(client.id);
    this.past.set(client.id, { reason, untilMs: this.timeMs + this.longestHoldMs() });
  }

  protected drop(client: Client): void {
    for (const [seq, past] of client.past)
      if (seq < client.awaited && (past.type !== 'ended' || past.untoldSince === null)) client.past.delete(seq);
  }

  protected heldBy(client: Client): Held[] {
    return this.held.filter(({ session }) => session === client.id);
  }

  protected waitingOf(client: Client): Waiting[] {
    return this.waiting.filter(({ session }) => session === client.id);
  }

  protected named(keys: readonly string[]): Held[] {
    return this.held.filter(({ key }) => keys.includes(key));
  }

  protected longestHoldMs(): number {
    return Math.max(hold(baseLeaseMs), ...poolsOf(this.features).map((pool) => hold(leaseOf(pool))));
  }
}
