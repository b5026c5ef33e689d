import { unheldEnds } from '../checks/unheld-ends.ts';
import type { AccountRecord, CallRecord, HistoryRecord } from './history-record.ts';
import { PoolBook, type PoolName } from './pool-book.ts';
import type { PoolOperation } from './pool-operation.ts';

/** What a history says of its pools. */
export interface PoolHistories {
  /** By feature and version. */
  readonly pools: ReadonlyMap<string, readonly PoolOperation[]>;
  /** What can't be, in whatever order everything happened. */
  readonly problems: readonly Problem[];
}

/** Something that can't be. */
export interface Problem {
  readonly promise: 'I3' | 'I4' | 'I5';
  readonly message: string;
  /** Where it shows. */
  readonly index: number;
}

/** A grant, as calls, beliefs and the servers' account tell of it. */
interface Told {
  readonly id: string;
  feature: string;
  version: string | undefined;
  count: number;
  client: string;
  share: string | undefined;
  /** It takes what its holder had lingering. */
  kept: true | undefined;
  /** The call that it was the answer to. */
  call: { readonly from: number; readonly until: number } | undefined;
  isHeld: boolean;
  /** Its client did not hold it any more from here on. */
  heldUntil: number;
  /** Its client knows that it has ended by here. */
  endedBy: number;
  /** It was told by here that what it gave back is committed. */
  givenBackBy: number;
  /** Those that one call asked for together have the same. */
  together: number | undefined;
  /** In the servers' log. */
  taken: number;
  entry: number | undefined;
  freed: number;
  freedCode: string;
}

/** Ends of which a client is told only when the seats are free. Others it knows of first (triad.md, Time). */
const finalCodes = new Set(['reclaimed', 'disconnected', 'expired', 'recovered']);

/** Says of each pool what must and what may have happened to it, between which places. */
export function poolOperations(records: readonly HistoryRecord[]): PoolHistories {
  const reader = new Reader();
  for (const record of records) reader.read(record);
  return reader.end();
}

/** A checkout that a client has asked for. */
interface Asked {
  readonly call: CallRecord;
  until: number;
}

class Reader {
  readonly #book = new PoolBook();
  readonly #problems: Problem[] = [];
  readonly #grants = new Map<string, Told>();
  /** By the grant that they were: seats that linger. */
  readonly #lingering = new Map<string, PoolOperation>();
  readonly #places = new Map<string, PoolName & { readonly count: number }>();
  /** Calls without an end, or with one that says nothing. */
  readonly #open = new Map<number, CallRecord>();
  /** Checkouts by client, for grants that no call was answered with. */
  readonly #checkouts = new Map<string, Asked[]>();
  #hasAccount = false;
  /** From where on a checkout is denied only where the fewest seats that will do are not to be had. */
  #countMinFrom = Infinity;

  read(record: HistoryRecord): void {
    switch (record.f) {
      case 'checkout':
        this.#readCheckout(record);
        return;
      case 'checkin':
        if (record.type !== 'ok' || record.grant === undefined) return;
        this.#endedBy(record.grant, record.index);
        this.#grantOf(record.grant).givenBackBy = record.index;
        return;
      case 'held': {
        const told = this.#grantOf(record.grant);
        told.isHeld = record.value;
        told.heldUntil = record.index;
        return;
      }
      case 'ended':
        if (finalCodes.has(record.code)) this.#endedBy(record.grant, record.index);
        return;
      case 'died':
        for (const told of this.#grants.values())
          if (told.client === record.client && told.isHeld)
            Object.assign(told, { isHeld: false, heldUntil: record.index });
        return;
      case 'account':
        this.#hasAccount = true;
        return;
      case 'terms':
        this.#countMinFrom = record.index;
        return;
      case 'seats': {
        const { index } = record;
        const count = record.count === 'uncounted' ? Infinity : record.count;
        this.#put(record, { kind: 'license', count, from: index, until: index, text: `${count} seats` });
        return;
      }
      case 'taken': {
        const { feature, version, count, client, share, kept, entry, index } = record;
        Object.assign(this.#grantOf(record.grant), {
          feature,
          version,
          count,
          client,
          share,
          kept,
          entry,
          taken: index,
        });
        return;
      }
      case 'freed':
        Object.assign(this.#grantOf(record.grant), { freed: record.index, freedCode: record.code });
        return;
      case 'lingering':
        this.#linger(record, this.#grantOf(record.grant));
        return;
      case 'lent':
        this.#linger(record, record);
        return;
      case 'queued':
        this.#places.set(record.place, record);
        this.#point('queue', record.index, { ...record, text: `place ${record.place}` });
        return;
      case 'unqueued': {
        const place = this.#places.get(record.place);
        if (place !== undefined) this.#point('unqueue', record.index, { ...place, text: `place ${record.place} left` });
        return;
      }
    }
  }

  end(): PoolHistories {
    for (const told of this.#grants.values()) this.#putGrant(told);
    if (!this.#hasAccount) for (const call of this.#open.values()) this.#putUnknown(call);
    this.#requireTogether();
    return { pools: this.#book.pools(), problems: this.#problems.toSorted((a, b) => a.index - b.index) };
  }

  /** Seats are taken by nobody here, from the entry that frees their grant to the one that says otherwise. */
  #linger({ f, grant, count, index }: Extract<AccountRecord, { f: 'lingering' | 'lent' }>, pool: PoolName): void {
    const text = f === 'lent' ? `borrow ${grant}` : `what lingers of grant ${grant}`;
    const known = this.#lingering.get(grant);
    if (known !== undefined)
      this.#put(pool, { kind: 'end', count: known.count, from: index, until: index, of: known, text });
    this.#lingering.delete(grant);
    if (count === 0) return;
    const take: PoolOperation = { kind: 'take', count, from: index, until: index, isKept: true, text };
    this.#lingering.set(grant, take);
    this.#put(pool, take);
  }

  #readCheckout(record: CallRecord): void {
    const { type, op, index, feature, client } = record;
    if (type === 'invoke') {
      this.#open.set(op, record);
      const calls = this.#checkouts.get(client);
      const call = { call: record, until: Infinity };
      if (calls === undefined) this.#checkouts.set(client, [call]);
      else calls.push(call);
      return;
    }
    const invoked = this.#open.get(op);
    if (invoked === undefined || type === 'info') return;
    const code = record.code ?? '';
    // Its own client said so, whose request may be under way yet.
    if (type === 'fail' && code === 'WAIT_OVER') return;
    this.#open.delete(op);
    const calls = this.#checkouts.get(client) ?? [];
    const mine = calls.findIndex(({ call }) => call === invoked);
    if (mine >= 0) calls[mine]!.until = index;
    const window = { from: invoked.index, until: index };
    const text = `call ${op} of ${client}`;
    const pool = { feature };
    // Servers of an older ledger version pass over the fewest that will do.
    const count = invoked.index > this.#countMinFrom ? (record.countMin ?? record.count) : record.count;
    if (type === 'ok') this.#told(record, window);
    else if (code === 'NO_SEATS') this.#put(pool, { kind: 'deny', count, ...window, text });
    // Other denials say nothing of how many seats are taken: docs/simulation.md lists them, and where they are checked.
    else if (code === 'COUNT_TOO_HIGH') this.#put(pool, { kind: 'tooMany', count, ...window, text });
    else if (code === 'UNKNOWN_FEATURE') this.#put(pool, { kind: 'tooMany', count: 1, ...window, text });
  }

  #told(
    { grant, feature, version, together, count, client, index }: CallRecord,
    window: { readonly from: number; readonly until: number },
  ) {
    const told = this.#grantOf(grant ?? '');
    if (told.call !== undefined)
      this.#fail('I5', index, `grant ${told.id} was the answer to two calls, the second by ${client}`);
    if (told.taken !== Infinity && (told.feature !== feature || told.count !== count))
      this.#fail('I5', index, `${client} got ${told.count} of ${told.feature} for ${count} of ${feature}`);
    Object.assign(told, { feature, count, client, together, call: window, heldUntil: window.from });
    told.version ??= version;
  }

  #putGrant(told: Told): void {
    const { id, count, client, call, taken, freed } = told;
    const how = {
      ...(told.share === undefined ? {} : { share: told.share }),
      ...(told.kept === undefined ? {} : { isKept: true }),
    };
    const text = `grant ${id} of ${client}`;
    if (call === undefined) {
      if (taken === Infinity) return;
      this.#requireCall(told);
      const take: PoolOperation = { kind: 'take', count, ...how, from: taken, until: taken, text };
      this.#put(told, take);
      if (freed < Infinity) this.#put(told, { kind: 'end', count, from: freed, until: freed, of: take, text });
      return;
    }
    if (this.#hasAccount && taken > call.until)
      this.#fail('I4', call.until, `${client} was told of grant ${id}, which no server had in its log`);
    const hint = this.#hasAccount ? { hint: taken } : {};
    const take: PoolOperation = { kind: 'take', count, ...how, ...call, mayWait: !this.#hasAccount, ...hint, text };
    this.#put(told, take);
    this.#putEnd(told, take);
  }

  #putEnd(told: Told, of: PoolOperation): void {
    const { id, count, client, endedBy, freed, freedCode } = told;
    const heldUntil = told.isHeld ? Infinity : told.heldUntil;
    const isUnheld = unheldEnds.has(freedCode);
    if (freed < heldUntil && !isUnheld)
      this.#fail('I3', freed, `grant ${id} was freed (${freedCode}) before ${client} held it for the last time`);
    if (this.#hasAccount && told.givenBackBy < freed)
      this.#fail(
        'I4',
        told.givenBackBy,
        `${client} was told that it had given back grant ${id}, and no server had it so`,
      );
    // What its client does not know is believed of the servers.
    const known = endedBy < Infinity ? endedBy : freed;
    if (known === Infinity && (this.#hasAccount || heldUntil === Infinity)) return;
    const until = Math.max(known, of.from);
    const from = endedBy === Infinity && this.#hasAccount ? until : Math.min(heldUntil, until);
    const hint = this.#hasAccount ? { hint: freed } : {};
    this.#put(told, { kind: 'end', count, from, until, of, ...hint, text: `grant ${id} of ${client} ends` });
  }

  /** Nobody knows what became of it. */
  #putUnknown({ feature, count: most, countMin: count = most, index: from, waitMs, op, client }: CallRecord): void {
    const text = `call ${op} of ${client}, without an answer`;
    const take: PoolOperation = { kind: 'take', count, from, until: Infinity, mayWait: waitMs > 0, text };
    this.#put({ feature }, take);
    this.#put({ feature }, { kind: 'end', count, from, until: Infinity, of: take, text });
  }

  /** Somebody has asked for a grant that nobody was told of. */
  #requireCall({ id, feature, count, client, taken }: Told): void {
    const calls = this.#checkouts.get(client);
    // Clients whose calls are not in the history are nobody's business here.
    if (calls === undefined) return;
    const isAsked = calls.some(
      ({ call, until }) =>
        call.feature === feature &&
        count <= call.count &&
        count >= (call.countMin ?? call.count) &&
        call.index < taken &&
        // Also where it was denied in the end: by then its session may have been another.
        until > taken,
    );
    if (!isAsked) this.#fail('I5', taken, `${client} was given grant ${id}, ${count} of ${feature}, and had not asked`);
  }

  /** Several features at once: all or none. */
  #requireTogether(): void {
    const entries = new Map<number, number>();
    for (const { id, client, together, entry, taken } of this.#grants.values()) {
      if (together === undefined || entry === undefined) continue;
      const first = entries.get(together) ?? entry;
      entries.set(together, first);
      if (entry !== first)
        this.#fail(
          'I5',
          taken,
          `grant ${id} of ${client} was given with entry ${entry}, what it belongs to with ${first}`,
        );
    }
  }

  #endedBy(grant: string, index: number): void {
    const told = this.#grantOf(grant);
    told.endedBy = Math.min(told.endedBy, index);
  }

  #grantOf(id: string): Told {
    const known = this.#grants.get(id);
    if (known !== undefined) return known;
    const told: Told = {
      id,
      feature: '',
      version: undefined,
      count: 0,
      client: '',
      share: undefined,
      kept: undefined,
      call: undefined,
      isHeld: false,
      heldUntil: 0,
      endedBy: Infinity,
      givenBackBy: Infinity,
      together: undefined,
      taken: Infinity,
      entry: undefined,
      freed: Infinity,
      freedCode: '',
    };
    this.#grants.set(id, told);
    return told;
  }

  #point(
    kind: 'queue' | 'unqueue',
    index: number,
    { feature, count, text }: { readonly feature: string; readonly count: number; readonly text: string },
  ): void {
    this.#put({ feature }, { kind, count, from: index, until: index, text });
  }

  #put({ feature, version }: PoolName, operation: PoolOperation): void {
    this.#book.put({ feature, version }, operation);
  }

  #fail(promise: Problem['promise'], index: number, message: string): void {
    this.#problems.push({ promise, index, message });
  }
}
