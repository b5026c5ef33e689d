import type { CheckoutCommand, CheckoutItem } from '../commands.ts';
import { ModelGrants } from './model-grants.ts';
import type { Ask } from './model-policy.ts';
import type { Client } from './model-records.ts';
import { keyOf, type ModelDenial, type ModelGrant, type ModelReply, refused } from './model-replies.ts';
import { denial } from './model-seats.ts';
import { hold, leaseOf, type ModelPool } from './model-terms.ts';

/** What a checkout comes to: seats, a place in the queue, or a denial. */
export class ModelCheckouts extends ModelGrants {
  isOpen = true;
  recoveredAtMs: number | null = null;

  protected checkout(client: Client, command: CheckoutCommand): ModelReply {
    const { feature, version, releasedAt, display, shareKey, countMin, seq, waitMs = 0 } = command;
    const { epoch } = client;
    const denied = (why: ModelDenial): ModelReply => {
      client.past.set(seq, { type: 'denied', denial: why });
      return { kind: 'denied', epoch, denial: why };
    };
    const items = itemsOf(command);
    const isTwice = new Set(items.map((item) => item.feature)).size < items.length;
    if (isTwice || (items.length > 1 && waitMs > 0)) return denied(denial('INVALID_REQUEST', command));
    const parts = [];
    let wanted: Ask = command;
    for (const item of items) {
      const ask = { ...item, session: client.id, address: command.address };
      if ((item.countMin ?? 1) > item.count) return denied(denial('INVALID_REQUEST', ask));
      const unfit = this.unfit(ask);
      if (unfit !== null) return denied(unfit);
      if (!this.isOpen)
        return denied(
          denial('NOT_OPEN_YET', ask, { leftMs: this.msUntilOpen(), earliestMs: this.timeMs + this.msUntilOpen() }),
        );
      const barred = this.barred(ask);
      if (barred !== null) return denied(barred);
      wanted = this.#asFarAsLet(ask);
      const exceeded = this.usable(ask).map((pool) => this.exceeded(pool, wanted));
      const usable = this.usable(ask).filter((_, at) => exceeded[at] === undefined);
      if (usable.length === 0) return denied(denial('MAX_REACHED', ask, { rule: `policy line ${exceeded[0]}` }));
      const open = usable.filter(
        (pool) => command.pastQueue === true || this.rivals(pool).length === 0 || this.#isOwnReserved(pool, wanted),
      );
      const part = this.partFor(open, wanted, usable);
      if (part !== undefined) parts.push({ ask: { ...ask, seq: seq + parts.length }, part });
      else if (waitMs === 0) return denied(this.#denySeats(open, wanted, ask));
    }
    if (parts.length === items.length) {
      const views = parts.map(({ ask, part }) => this.take(client, part, ask));
      return granted(epoch, views, command);
    }
    const leaseMs = leaseOf(this.fitting(command)[0]!);
    const key = keyOf(client.id, seq);
    const untilMs = this.timeMs + waitMs;
    this.waiting.push({
      key,
      session: client.id,
      seq,
      feature,
      version,
      releasedAt,
      display,
      shareKey,
      address: command.address,
      count: wanted.count,
      countMin,
      untilMs,
      leaseMs,
      holdMs: hold(leaseMs),
    });
    return this.became(client, seq);
  }

  protected msUntilOpen(): number {
    return Math.max(0, (this.recoveredAtMs ?? 0) + this.longestHoldMs() - this.timeMs);
  }

  /** What a request came to, as things stand now. */
  protected became(client: Client, seq: number): ModelReply {
    const { epoch } = client;
    const key = keyOf(client.id, seq);
    const grant = this.held.find((one) => one.key === key);
    if (grant !== undefined)
      return grant.ending === null
        ? { kind: 'granted', epoch, grant: this.view(grant) }
        : refused('ENDED', grant.ending.reason);
    const entry = this.waiting.find((one) => one.key === key);
    if (entry !== undefined) {
      const queue = this.queue().filter(({ feature }) => feature === entry.feature);
      return { kind: 'queued', epoch, key, position: queue.indexOf(entry) + 1, untilMs: entry.untilMs };
    }
    const past = client.past.get(seq);
    if (past === undefined || past.type === 'refused') return refused('REFUSED');
    if (past.type === 'denied') return { kind: 'denied', epoch, denial: past.denial };
    return past.type === 'ended' ? refused('ENDED', past.reason) : { kind: 'done', epoch };
  }

  /** Why the policy keeps somebody out. */
  protected barred(ask: Ask): ModelDenial | null {
    const barred = this.barredBy(ask);
    return barred === null ? null : denial(barred.code, ask, { rule: `policy line ${barred.line}` });
  }

  /** Where fewer seats will do: as many as the policy lets. */
  #asFarAsLet(ask: Ask): Ask {
    const least = Math.min(ask.count, ...this.lets(ask).map(({ left }) => left));
    return { ...ask, count: Math.max(ask.countMin ?? ask.count, least) };
  }

  /** Nobody who waits waits for seats that are reserved for this one. */
  #isOwnReserved(pool: ModelPool, ask: Ask): boolean {
    return this.needed(pool, ask) <= this.reserved(ask.feature, ask);
  }

  /** The line of the first reservation that keeps seats from somebody. */
  protected keeper(ask: Ask): number | undefined {
    const own = this.unusedReservations(ask.feature, ask).map(({ line }) => line);
    return this.unusedReservations(ask.feature).find(({ line, unused }) => unused > 0 && !own.includes(line))?.line;
  }

  #denySeats(open: readonly ModelPool[], wanted: Ask, ask: Ask): ModelDenial {
    const line = this.keeper(ask);
    return line !== undefined && this.isOnlyReserved(open, wanted)
      ? denial('RESERVED', ask, { rule: `policy line ${line}`, ...this.seats(ask) })
      : denial('NO_SEATS', ask, this.seats(ask));
  }
}

/** What a checkout asks for, feature by feature; the numbers of its grants follow each other in this order. */
export function itemsOf(command: CheckoutCommand): readonly CheckoutItem[] {
  return [command, ...(command.more ?? [])];
}

/** The answer with all that a checkout took. */
export function granted(epoch: number, [grant, ...more]: readonly ModelGrant[], command: CheckoutCommand): ModelReply {
  return { kind: 'granted', epoch, grant: grant!, ...(command.more === undefined ? {} : { more }) };
}
