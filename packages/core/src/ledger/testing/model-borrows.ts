import type { AcceptBorrowCommand, BorrowCommand } from '../commands.ts';
import { ModelCheckouts } from './model-checkouts.ts';
import type { Client } from './model-records.ts';
import { type ModelDenial, type ModelReply, refused, rejected } from './model-replies.ts';
import { denial } from './model-seats.ts';
import { borrowMarginMs, endMs } from './model-terms.ts';

/** Seats that are taken until a time, whoever is silent. */
export class ModelBorrows extends ModelCheckouts {
  protected borrow(client: Client, command: BorrowCommand): ModelReply {
    const { borrow: id, count, feature, seq } = command;
    const { epoch, user, host } = client;
    const known = this.borrowed.find((one) => one.id === id);
    if (known !== undefined && (known.user !== user || known.host !== host)) {
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
      const pool = this.lender(ask, command.untilMs - this.timeMs);
      if ('code' in pool) return denied(pool);
      const untilMs = Math.min(command.untilMs, Math.max(...pool.parts.map(endMs)));
      this.borrowed.push({ id, pool: pool.key, user, host, count, sinceMs: this.timeMs, untilMs });
    }
    client.past.set(seq, { type: 'borrowed', id });
    return this.#borrowNow(client, id);
  }

  protected acceptBorrow({ borrow: id, feature, version, ...borrow }: AcceptBorrowCommand): ModelReply {
    const { user, host, count, sinceMs } = borrow;
    const known = this.borrowed.find((one) => one.id === id);
    if (known !== undefined)
      return known.user === user && known.host === host ? { kind: 'ok' } : rejected('BORROW_ID_IN_USE');
    if (borrow.untilMs + borrowMarginMs <= this.timeMs) return { kind: 'ok' };
    if (this.recoveredAtMs === null || sinceMs > this.recoveredAtMs) return rejected('BORROW_NOT_LOST');
    const pool = this.pool(`${feature} ${version}`);
    if (pool === undefined) return rejected('UNKNOWN_FEATURE');
    const untilMs = Math.min(borrow.untilMs, Math.max(...pool.parts.map(endMs)));
    this.borrowed.push({ id, pool: pool.key, user, host, count, sinceMs, untilMs });
    return { kind: 'ok' };
  }

  protected override became(client: Client, seq: number): ModelReply {
    const past = client.past.get(seq);
    return past?.type === 'borrowed' ? this.#borrowNow(client, past.id) : super.became(client, seq);
  }

  #borrowNow({ epoch }: Client, id: string): ModelReply {
    const borrow = this.borrowed.find((one) => one.id === id);
    return borrow === undefined
      ? refused('ENDED', 'expired')
      : { kind: 'borrowed', epoch, borrow: this.viewBorrowed(borrow) };
  }
}
