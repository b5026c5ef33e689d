import { compareVersions } from '../../license/versions.ts';
import type { DenialCode } from '../results.ts';
import { type Ask, ModelPolicy } from './model-policy.ts';
import type { Borrowed, Held, Lingering, Share, Waiting } from './model-records.ts';
import type { ModelDenial, ModelGrant } from './model-replies.ts';
import {
  ahead,
  borrowMarginMs,
  countOf,
  inForce,
  licensedEndMs,
  type ModelFeature,
  type ModelPool,
  overdraftOf,
  poolsOf,
  startMsOf,
  sum,
  supportEndMs,
} from './model-terms.ts';

/** Seats: who has them, which are free, and what the license says against a checkout. Everything is found by looking. */
export class ModelSeats extends ModelPolicy {
  timeMs: number;
  features: readonly ModelFeature[];
  lingering: Lingering[] = [];

  constructor(features: readonly ModelFeature[], timeMs: number) {
    super();
    this.features = features;
    this.timeMs = timeMs;
  }

  /** Seats taken of a pool. */
  inUse(pool: string): number {
    const held = this.held.filter((grant) => grant.pool === pool);
    const lingering = this.lingering.filter((one) => one.pool === pool);
    const shares = new Set(held.flatMap(({ share }) => share ?? []));
    return sum([
      ...held.filter(({ share }) => share === null).map(({ count }) => count),
      ...[...shares].map((share) => this.#shareSeats(share)),
      ...lingering.map(({ count }) => count),
      this.lentOf(pool),
    ]);
  }

  /** Borrowed seats of a pool. */
  protected lentOf(pool: string): number {
    return sum(this.borrowed.filter((one) => one.pool === pool).map(({ count }) => count));
  }

  /** What checkouts of the pool agree in that use seats together, or one after the other; null: nothing. */
  protected holder(pool: ModelPool, ask: Ask): { readonly terms: string; readonly isShared: boolean } | null {
    const { sharedBy = [], sharersMax = 0, minimumSeconds = 0 } = pool.parts[0]!;
    const { user, host } = this.clients.get(ask.session)!;
    const named = { user, host, display: ask.display, key: ask.shareKey };
    const values = sharedBy.map((field) => named[field]);
    if (sharedBy.length > 0 && !values.includes(undefined))
      return { terms: `${sharersMax} share ${sharedBy} ${values}`, isShared: true };
    return this.lingerMs(pool) + minimumSeconds > 0 ? { terms: `${user} on ${host}`, isShared: false } : null;
  }

  /** The seats that the checkout would share: those of the oldest share that has room. */
  protected openShare(pool: ModelPool, ask: Ask): Share | null {
    const holder = this.holder(pool, ask);
    const { sharersMax = Number.POSITIVE_INFINITY } = pool.parts[0]!;
    const shares = this.held.flatMap((grant) => (grant.pool === pool.key ? (grant.share ?? []) : []));
    const open = shares.filter((share) => {
      const sharers = shares.filter((other) => other === share).length;
      return holder?.isShared === true && share.terms === holder.terms && sharers < sharersMax;
    });
    return open.sort((a, b) => a.serial - b.serial)[0] ?? null;
  }

  /** Seats that a checkout needs besides those that it shares. */
  protected unshared(pool: ModelPool, ask: Ask): number {
    const share = this.openShare(pool, ask);
    return Math.max(0, ask.count - (share === null ? 0 : this.#shareSeats(share)));
  }

  /** Seats that a checkout would take besides those that its holder has already. */
  protected needed(pool: ModelPool, ask: Ask): number {
    const terms = this.holder(pool, ask)?.terms;
    const lingering = this.lingering.filter((one) => one.pool === pool.key && one.holder === terms);
    return Math.max(0, this.unshared(pool, ask) - sum(lingering.map(({ count }) => count)));
  }

  #shareSeats(share: Share): number {
    return Math.max(0, ...this.held.flatMap((grant) => (grant.share === share ? [grant.count] : [])));
  }

  protected pool(key: string): ModelPool | undefined {
    return poolsOf(this.features).find((pool) => pool.key === key);
  }

  /** Why a checkout could not be served however many seats were free. */
  protected unfit(ask: Ask): ModelDenial | null {
    const all = poolsOf(this.features).filter(({ name }) => name === ask.feature);
    if (all.length === 0) return denial('UNKNOWN_FEATURE', ask);
    const versions = all.map(({ version }) => version).sort(compareVersions);
    const sufficient = this.#sufficient(ask);
    if (sufficient.length === 0) return denial('VERSION_NOT_LICENSED', ask, { versions });
    const pools = this.fitting(ask);
    const supportedUntilMs = Math.max(...sufficient.map(supportEndMs));
    if (pools.length === 0) return denial('RELEASE_NOT_COVERED', ask, { supportedUntilMs });
    const usable = this.usable(ask);
    if (usable.length === 0) {
      const isEarly = pools.some(({ parts }) => parts.some((part) => startMsOf(part) > this.timeMs));
      return isEarly ? denial('NOT_STARTED', ask, this.#earliest(ask)) : denial('EXPIRED', ask);
    }
    const most = Math.max(...usable.map((pool) => this.#capacity(pool, inForce(pool, this.timeMs))));
    return (ask.countMin ?? ask.count) > most ? denial('COUNT_TOO_HIGH', ask, { count: most }) : null;
  }

  /** Whether the license could serve it now or one day. */
  protected isServable(ask: Ask): boolean {
    return this.fitting(ask).some(
      (pool) => (ask.countMin ?? ask.count) <= this.#capacity(pool, ahead(pool, this.timeMs)),
    );
  }

  /** The numbers of the pools that would do, and who holds their seats. */
  protected seats(ask: Ask, pools = this.usable(ask)): Partial<ModelDenial> {
    const count = sum(pools.map((pool) => countOf(inForce(pool, this.timeMs))));
    const overdraft = sum(pools.map((pool) => this.#overdraft(pool, inForce(pool, this.timeMs))));
    return {
      ...(count === Number.POSITIVE_INFINITY ? {} : { count }),
      ...(overdraft === 0 ? {} : { overdraft }),
      inUse: sum(pools.map(({ key }) => this.inUse(key))),
      queued: this.waiting.filter(({ feature }) => feature === ask.feature).length,
      holders: [...this.held, ...this.borrowed]
        .filter((taken) => pools.some(({ key }) => key === taken.pool))
        .slice(0, 10)
        .map((taken) => {
          const { user, host } = 'asker' in taken ? taken : this.clients.get(taken.session)!;
          return { user, host, count: taken.count, sinceMs: taken.sinceMs };
        }),
      ...this.#earliest(ask),
    };
  }

  /** When more seats are sure to come. */
  #earliest(ask: Ask): Pick<ModelDenial, 'earliestMs'> {
    const pools = this.fitting(ask);
    const borrows = this.borrowed.map(({ pool, untilMs }) => ({ pool, untilMs: untilMs + borrowMarginMs }));
    const ends = [...this.lingering, ...borrows].filter((one) => pools.some(({ key }) => key === one.pool));
    const starts = pools.flatMap(({ parts }) => parts.map(startMsOf)).filter((at) => at > this.timeMs);
    const earliestMs = Math.min(...starts, ...ends.map(({ untilMs }) => untilMs));
    return Number.isFinite(earliestMs) ? { earliestMs } : {};
  }

  /** Pools that would do, lowest version first. */
  protected fitting(ask: Ask): readonly ModelPool[] {
    return this.#sufficient(ask).filter((pool) => {
      const endMs = supportEndMs(pool);
      return endMs === Number.POSITIVE_INFINITY || (ask.releasedAt !== undefined && Date.parse(ask.releasedAt) < endMs);
    });
  }

  /** Whether the seats are there, but reserved for others. */
  protected isOnlyReserved(pools: readonly ModelPool[], ask: Ask): boolean {
    return pools.some((pool) => {
      const free = this.#capacity(pool, inForce(pool, this.timeMs)) - this.inUse(pool.key);
      return this.needed(pool, { ...ask, count: ask.countMin ?? ask.count }) <= free;
    });
  }

  protected usable(ask: Ask): readonly ModelPool[] {
    return this.fitting(ask).filter((pool) => inForce(pool, this.timeMs).length > 0);
  }

  /** The first of the pools that has the seats, in its overdraft only where none has them within its count. */
  protected firstWithSeats(pools: readonly ModelPool[], ask: Ask): ModelPool | undefined {
    const unkept = this.unkept(ask);
    const has = (seats: (pool: ModelPool, parts: readonly ModelFeature[]) => number) =>
      pools.find((pool) => {
        const free = seats(pool, inForce(pool, this.timeMs)) - this.inUse(pool.key);
        return this.needed(pool, ask) <= Math.min(free, unkept);
      });
    return has((_, parts) => countOf(parts)) ?? has((pool, parts) => this.#capacity(pool, parts));
  }

  /** Where fewer seats will do: the first of the pools that has so many, and as many as it has. */
  protected firstWithPart(
    pools: readonly ModelPool[],
    ask: Ask,
  ): { readonly pool: ModelPool; readonly count: number } | undefined {
    const unkept = this.unkept(ask);
    for (const isOverdraft of [false, true])
      for (const pool of pools)
        for (let count = ask.count - 1; count >= (ask.countMin ?? ask.count); count--) {
          const needed = this.needed(pool, { ...ask, count });
          const parts = inForce(pool, this.timeMs);
          const free = (isOverdraft ? this.#capacity(pool, parts) : countOf(parts)) - this.inUse(pool.key);
          if (needed === 0 || needed <= Math.min(free, unkept)) return { pool, count };
        }
    return undefined;
  }

  /** The first of the pools in which the checkout takes no seat. */
  protected firstWithOffer(pools: readonly ModelPool[], ask: Ask): ModelPool | undefined {
    return pools.find((pool) => this.needed(pool, ask) === 0);
  }

  /** The most that the checkout can have without a seat. */
  protected firstOffered(
    pools: readonly ModelPool[],
    ask: Ask,
  ): { readonly pool: ModelPool; readonly count: number } | undefined {
    const all = this.firstWithOffer(pools, ask);
    if (all !== undefined) return { pool: all, count: ask.count };
    for (const pool of pools)
      for (let count = ask.count - 1; count >= (ask.countMin ?? ask.count); count--)
        if (this.needed(pool, { ...ask, count }) === 0) return { pool, count };
    return undefined;
  }

  /** Whether so many more seats would be more than are licensed. */
  protected overdraws(pool: ModelPool, count: number): boolean {
    return count > 0 && this.inUse(pool.key) + count > countOf(inForce(pool, this.timeMs));
  }

  /** As the license has it, or longer. */
  protected lingerMs({ name, parts }: ModelPool): number {
    return Math.max((parts[0]!.lingerSeconds ?? 0) * 1000, this.setting('linger', name)?.ms ?? 0);
  }

  #overdraft({ name }: ModelPool, parts: readonly ModelFeature[]): number {
    return Math.min(overdraftOf(parts), this.setting('overdraft', name)?.count ?? Number.POSITIVE_INFINITY);
  }

  #capacity(pool: ModelPool, parts: readonly ModelFeature[]): number {
    return countOf(parts) + this.#overdraft(pool, parts);
  }

  /** Free seats of the feature that nobody else has reserved. */
  protected unkept(ask: Ask): number {
    const kept = this.reserved(ask.feature) - this.reserved(ask.feature, ask);
    if (kept === 0) return Number.POSITIVE_INFINITY;
    const pools = poolsOf(this.features).filter(({ name }) => name === ask.feature);
    const free = pools.map((pool) => {
      const parts = inForce(pool, this.timeMs);
      return parts.length === 0 ? 0 : Math.max(0, this.#capacity(pool, parts) - this.inUse(pool.key));
    });
    return sum(free) - kept;
  }

  /** The `max` rule that seats of the pool would go beyond. */
  protected exceeded(pool: ModelPool, ask: Ask): number | undefined {
    const share = this.openShare(pool, ask);
    return this.lets(ask).find(({ line, left }) => {
      const more = ask.count - this.partInShare(line, ask, share);
      return more > 0 && more > left;
    })?.line;
  }

  /** Queue places that the pool would do for. */
  protected rivals(pool: ModelPool): readonly Waiting[] {
    return this.waiting.filter(
      (entry) => entry.feature === pool.name && this.fitting(entry).some(({ key }) => key === pool.key),
    );
  }

  view(grant: Held): ModelGrant {
    const { user, host } = this.clients.get(grant.session)!;
    const [feature = '', version = ''] = grant.pool.split(' ');
    const pool = this.pool(grant.pool);
    const vendorData = pool?.parts[0]?.vendorData;
    return {
      session: grant.session,
      feature,
      version,
      count: grant.count,
      user,
      host,
      sinceMs: grant.sinceMs,
      state: grant.ending === null ? 'active' : 'ending',
      leaseMs: grant.leaseMs,
      holdMs: grant.holdMs,
      reclaim: grant.reclaim,
      checkoutSeq: grant.seq,
      ...(pool !== undefined && grant.sinceMs >= licensedEndMs(pool) ? { inGrace: true as const } : {}),
      ...(grant.isOverdraft ? { overdraft: true as const } : {}),
      ...(vendorData === undefined ? {} : { vendorData }),
      ...(grant.share === null ? {} : { share: grant.share.first }),
      ...(grant.ending === null ? {} : { ending: grant.ending }),
    };
  }

  viewLingering({ pool, count, user, host, sinceMs, untilMs }: Lingering): ModelGrant {
    const [feature = '', version = ''] = pool.split(' ');
    const nobodys = { session: '', leaseMs: 0, holdMs: 0, reclaim: 'lease' as const, checkoutSeq: 0 };
    return { ...nobodys, feature, version, count, user, host, sinceMs, state: 'lingering', untilMs };
  }

  viewBorrowed({ id: _id, asker: _asker, pool, untilMs, ...borrow }: Borrowed): ModelGrant {
    const [feature = '', version = ''] = pool.split(' ');
    const vendorData = this.pool(pool)?.parts[0]?.vendorData;
    const nobodys = { session: '', leaseMs: 0, holdMs: 0, reclaim: 'lease' as const, checkoutSeq: 0 };
    const shown = vendorData === undefined ? {} : { vendorData };
    return { ...nobodys, feature, version, ...borrow, state: 'borrowed', ...shown, untilMs };
  }

  #sufficient({ feature, version }: Ask): readonly ModelPool[] {
    return poolsOf(this.features)
      .filter((pool) => pool.name === feature && (version === undefined || compareVersions(pool.version, version) >= 0))
      .sort((a, b) => compareVersions(a.version, b.version));
  }
}

/** Which rule says so. */
const wheres: Partial<Record<DenialCode, (feature: string) => string>> = {
  UNKNOWN_FEATURE: () => 'license features[].name',
  BORROW_NOT_LICENSED: (name) => `license features[${name}].borrow`,
  BORROW_TOO_LONG: (name) => `license features[${name}].borrow.longestSeconds`,
  BORROW_LIMIT: (name) => `license features[${name}].borrow.countMax`,
  VERSION_NOT_LICENSED: (name) => `license features[${name}].version`,
  RELEASE_NOT_COVERED: (name) => `license features[${name}].supportedUntil`,
  NOT_STARTED: (name) => `license features[${name}].startsAt`,
  EXPIRED: (name) => `license features[${name}].expiresAt`,
  NOT_OPEN_YET: () => 'server opening',
  INVALID_REQUEST: () => 'server request',
};

/** A denial of the model. Whatever it does not say otherwise is for want of seats. */
export function denial(code: DenialCode, { feature, count }: Ask, facts: Partial<ModelDenial> = {}): ModelDenial {
  return {
    code,
    requested: count,
    rule: wheres[code]?.(feature) ?? `license features[${feature}].count`,
    ...facts,
  };
}
