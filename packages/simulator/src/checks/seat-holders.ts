import type { GrantView, Ledger, LedgerCommand, LedgerResult, PolicyDocument, PolicyRule } from '@lic/core';
import { type Asker, rulesFor, subjectOf } from './policy-rules.ts';
import { SeatCount } from './seat-count.ts';

/** Somebody who has seats of a feature, or waits for them. */
export interface Holder {
  readonly feature: string;
  readonly asker: Asker;
  readonly count: number;
  readonly share?: string | undefined;
}

/** What a session said of itself in its first command. */
type Opening = Pick<Asker, 'user' | 'host' | 'project' | 'product'>;

const nobody: Opening = { user: '', host: '', project: '', product: '' };

/** Who holds and who waits, by the commands and events of the log. Seats that linger are nobody's. */
export class SeatHolders {
  /** By grant. */
  readonly held = new Map<string, Holder>();
  /** By session and sequence number, by arrival. */
  readonly waiting = new Map<string, Holder>();
  readonly #openings = new Map<string, Opening>();
  /** By session and sequence number: what a checkout said of itself. */
  readonly #uses = new Map<string, Pick<Asker, 'display' | 'address'>>();

  /** What a checkout says of who asks. */
  heard(command: LedgerCommand): void {
    if (command.kind !== 'checkout') return;
    const { session, seq, opening, address = '', more = [] } = command;
    if (opening !== undefined && !this.#openings.has(session)) {
      const { user, host, project = '', product = '' } = opening;
      this.#openings.set(session, { user, host, project, product });
    }
    for (const [at, { display = '' }] of [command, ...more].entries()) {
      const key = `${session}/${seq + at}`;
      if (!this.#uses.has(key)) this.#uses.set(key, { display, address });
    }
  }

  /** The events of an entry, and its answer. */
  applied({ reply, events }: LedgerResult, ledger: Pick<Ledger, 'queue'>): void {
    for (const event of events)
      if (event.kind === 'granted') {
        this.waiting.delete(keyOf(event.grant));
        this.held.set(event.grant.id, this.#holder(event.grant));
      } else if (event.kind === 'borrowed') this.held.set(event.grant.id, this.#holder(event.grant));
      else if (event.kind === 'ended' || event.kind === 'borrowEnded') this.held.delete(event.grant.id);
      else if (event.kind === 'unqueued') this.waiting.delete(keyOf(event.entry));
    if (reply.kind !== 'queued' || this.waiting.has(keyOf(reply.entry))) return;
    // What needs no seat is served at once.
    const { feature, id } = reply.entry;
    if ([...ledger.queue(feature)].some((entry) => entry.id === id))
      this.waiting.set(keyOf(reply.entry), { ...reply.entry, asker: this.askerOf(reply.entry) });
  }

  askerOf({ session, checkoutSeq }: Pick<GrantView, 'session' | 'checkoutSeq'>): Asker {
    const use = this.#uses.get(`${session}/${checkoutSeq}`) ?? { display: '', address: '' };
    return { ...(this.#openings.get(session) ?? nobody), ...use };
  }

  /** Seats that count for a rule, of those for whom it counts them as this one's. */
  seatsOf(
    policy: PolicyDocument,
    rule: PolicyRule,
    { feature, subject }: { readonly feature: string; readonly subject: string },
  ) {
    const counted = new SeatCount();
    // Who waits has no part in seats of others yet. A reservation is used by who has seats.
    for (const holder of [...this.held.values(), ...(rule.kind === 'reserve' ? [] : this.waiting.values())])
      if (
        holder.feature === feature &&
        rulesFor(policy, rule.kind, holder).includes(rule) &&
        subjectOf(rule, holder.asker) === subject
      )
        counted.add(feature, holder);
    return counted.seats().get(feature) ?? 0;
  }

  #holder(grant: GrantView): Holder {
    const { feature, count, share, user, host } = grant;
    const asker = grant.session === '' ? { ...this.askerOf(grant), user, host } : this.askerOf(grant);
    return { feature, count, share, asker };
  }
}

/** A checkout, as its session numbers it. */
export function keyOf({ session, checkoutSeq }: Pick<GrantView, 'session' | 'checkoutSeq'>): string {
  return `${session}/${checkoutSeq}`;
}
