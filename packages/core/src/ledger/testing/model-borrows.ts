import { compareVersions } from '../../license/versions.ts';
import type { AcceptBorrowCommand, BorrowCommand } from '../commands.ts';
import { ModelCheckouts } from './model-checkouts.ts';
import type { Ask } from './model-policy.ts';
import type { Client } from './model-records.ts';
import { type ModelDenial, type ModelReply, refused, rejected } from './model-replies.ts';
import { denial } from './model-seats.ts';
import { borrowMarginMs, countOf, endMs, inForce, type ModelPool, poolsOf, sum } from './model-terms.ts';

/** Seats that are taken until a time, whoever is silent. */
export class ModelBorrows extends ModelCheckouts {
  protected borrow(client: Client, command: BorrowCommand): ModelReply {
    const { borrow: id, count, feature, seq } = command;
    const { epoch, user, host } = client;
    const known = this.borrowed.find((one) => one.id === id);
    const isOthers = known !== undefined && (known.user !== user || known.host !== host);
    if (isOthers || this.past.has(id)) {
      client.past.set(seq, { type: 'refused' });
      return refused('REFUSED');
    }
    if (known === undefined) {
      const ask = { ...command, feature, session: client.id };
      const denied = (why: ModelDenial): ModelReply => {
        client.past.set(seq, { type: 'denied', denial: why });
        return { kind: 'denied', epoch, denial: why };
      };
      const unfit = this.unfit(ask);
      if (unfit !== null) return denied(unfit);
      const leftMs = this.msUntilOpen();
      if (!this.isOpen) return denied(denial('NOT_OPEN_YET', ask, { leftMs, earliestMs: this.timeMs + leftMs }));
      const pool = this.#lender(ask, command.untilMs - this.timeMs);
      if ('code' in pool) return denied(pool);
      const untilMs = Math.min(command.untilMs, Math.max(...pool.parts.map(endMs)));
      const asker = this.askerOf(ask);
      this.borrowed.push({ id, asker, pool: pool.key, user, host, count, sinceMs: this.timeMs, untilMs });
    }
    client.past.set(seq, { type: 'borrowed', id });
    return this.#borrowNow(client, id);
  }

  protected giveBack(borrow: string): ModelReply {
    this.borrowed = this.borrowed.filter(({ id }) => id !== borrow);
    if (!this.past.has(borrow))
      this.past.set(borrow, { reason: 'checkedIn', untilMs: this.timeMs + this.longestHoldMs() });
    return { kind: 'ok' };
  }

  protected acceptBorrow({ borrow: id, feature, version, ...borrow }: AcceptBorrowCommand): ModelReply {
    const { user, host, count, sinceMs } = borrow;
    const known = this.borrowed.find((one) => one.id === id);
    if (known !== undefined)
      return known.user === user && known.host === host ? { kind: 'ok' } : rejected('BORROW_ID_IN_USE');
    if (this.past.has(id)) return rejected('BORROW_RETURNED');
    if (borrow.untilMs + borrowMarginMs <= this.timeMs) return { kind: 'ok' };
    if (this.recoveredAtMs === null) return rejected('BORROW_NOT_LOST');
    const pool = poolsOf(this.features).find(
      (one) => one.name === feature && compareVersions(one.version, version) === 0,
    );
    if (pool === undefined) return rejected('UNKNOWN_FEATURE');
    const untilMs = Math.min(borrow.untilMs, Math.max(...pool.parts.map(endMs)));
    const asker = { user, host, project: '', product: '', display: '', address: '' };
    this.borrowed.push({ id, asker, pool: pool.key, user, host, count, sinceMs, untilMs });
    return { kind: 'ok' };
  }

  protected override became(client: Client, seq: number): ModelReply {
    const past = client.past.get(seq);
    return past?.type === 'borrowed' ? this.#borrowNow(client, past.id) : super.became(client, seq);
  }

  /** Where so many seats can be borrowed for so long, or why nowhere. */
  #lender(ask: Ask & Pick<BorrowCommand, 'pastQueue'>, durationMs: number): ModelPool | ModelDenial {
    const terms = ({ parts }: ModelPool) => parts[0]!.borrow;
    const lent = this.usable(ask).filter((pool) => terms(pool) !== undefined);
    if (lent.length === 0) return denial('BORROW_NOT_LICENSED', ask);
    const ruled = this.barred(ask) ?? this.#beyond(ask) ?? this.#ruled(ask, durationMs);
    if (ruled !== null) return ruled;
    if (durationMs <= 0) return denial('INVALID_REQUEST', ask);
    const long = lent.filter((pool) => durationMs <= terms(pool)!.longestSeconds * 1000);
    if (long.length === 0) return denial('BORROW_TOO_LONG', ask);
    const open = long.filter((pool) => this.lentOf(pool.key) + ask.count <= terms(pool)!.countMax);
    if (open.length === 0) return denial('BORROW_LIMIT', ask);
    const unawaited = open.filter((pool) => ask.pastQueue === true || this.rivals(pool).length === 0);
    const free = unawaited.filter((pool) => ask.count <= this.#free(pool));
    const isKept = ask.count > this.unkept(ask);
    if (free.length > 0 && !isKept) return free[0]!;
    const line = this.keeper(ask);
    return free.length > 0 && line !== undefined
      ? denial('RESERVED', ask, { rule: `policy line ${line}`, ...this.seats(ask, open) })
      : denial('NO_SEATS', ask, this.seats(ask, open));
  }

  /** Borrowed seats are shared with nobody: a limit counts all of them. */
  #beyond(ask: Ask): ModelDenial | null {
    const exceeded = this.lets(ask).find(({ left }) => left < ask.count);
    return exceeded === undefined ? null : denial('MAX_REACHED', ask, { rule: `policy line ${exceeded.line}` });
  }

  /** What the policy says of borrowing at all. */
  #ruled(ask: Ask, durationMs: number): ModelDenial | null {
    const rule = this.setting('borrow', ask.feature);
    if (rule === undefined) return null;
    const { longestMs = Infinity, countMax = Infinity, keep = 0 } = rule.borrow!;
    const why = { rule: `policy line ${rule.line}` };
    if (durationMs > longestMs) return denial('BORROW_TOO_LONG', ask, why);
    const pools = poolsOf(this.features).filter(({ name }) => name === ask.feature);
    const lent = sum(pools.map(({ key }) => this.lentOf(key)));
    const free = sum(pools.map((pool) => (inForce(pool, this.timeMs).length > 0 ? Math.max(0, this.#free(pool)) : 0)));
    return lent + ask.count > countMax || free - ask.count < keep ? denial('BORROW_LIMIT', ask, why) : null;
  }

  /** An overdraft is not lent. */
  #free(pool: ModelPool): number {
    return countOf(inForce(pool, this.timeMs)) - this.inUse(pool.key);
  }

  #borrowNow({ epoch }: Client, id: string): ModelReply {
    const borrow = this.borrowed.find((one) => one.id === id);
    return borrow === undefined
      ? refused('ENDED', 'expired')
      : { kind: 'borrowed', epoch, borrow: this.viewBorrowed(borrow) };
  }
}
