import {
  type EndReason,
  type GrantView,
  type Ledger,
  type LedgerEvent,
  type LedgerResult,
  type PoolView,
  termsVersion,
} from '@lic/core';
import type { CallObserver, ClientCall, ClientOutcome } from '../simulation/client-calls.ts';
import type { AccountRecord, CallRecord, HistoryRecord, SeenRecord } from './history-record.ts';

type Unplaced<Record> = Record extends HistoryRecord ? Omit<Record, 'index' | 'time'> : never;

/** The seats of one version of a feature, with its overdraft. */
interface Seats {
  readonly feature: string;
  readonly version: string;
  readonly count: number | 'uncounted';
}

/** What a {@link History} is made with. */
export interface HistoryParts {
  readonly nowMs: () => number;
  /** Whether a client believes that it holds this grant, now. */
  readonly isHeld: (grant: string) => boolean;
}

/** Everything that clients asked, were told and believed in a run, and the servers' own account of it, in real order. */
export class History implements CallObserver {
  readonly records: HistoryRecord[] = [];
  readonly #parts: HistoryParts;
  /** By client: its threads; undefined where one is idle. */
  readonly #threads = new Map<string, { readonly process: number; op: number | undefined }[]>();
  readonly #processOf = new Map<number, number>();
  #processes = 0;
  /** Grants that clients were told of, and whether they were held when it was looked at last. */
  readonly #held = new Map<string, { readonly client: string; isHeld: boolean }>();
  /** Queue places by session and sequence number. */
  readonly #places = new Map<string, string>();
  /** By feature and version: its seats, as they were said last. */
  readonly #seats = new Map<string, Seats>();
  #areTermsInForce = false;
  /** By grant: seats that linger. */
  readonly #lingering = new Map<string, number>();
  /** Seats that lingered before the entry at hand, and do no more. */
  #letGo: GrantView[] = [];

  constructor(parts: HistoryParts) {
    this.#parts = parts;
    this.#add({ type: 'info', f: 'account' });
  }

  onCall(call: ClientCall): void {
    this.#processOf.set(call.id, this.#threadFor(call.client, call.id));
    this.#addCall('invoke', call, {});
  }

  onReturn(call: ClientCall, outcome: ClientOutcome): void {
    switch (outcome.kind) {
      case 'granted':
        this.#held.set(outcome.grant, { client: call.client, isHeld: false });
        this.#addCall('ok', { ...call, count: outcome.count }, { grant: outcome.grant, version: outcome.version });
        break;
      case 'done':
        this.#addCall('ok', call, {});
        break;
      case 'denied':
        this.#addCall('fail', call, { code: outcome.code });
        break;
      case 'unknown':
        // Its thread is at an end: nobody knows whether the call is.
        this.#addCall('info', call, { code: outcome.code });
        return;
    }
    const thread = this.#threads.get(call.client)?.find(({ op }) => op === call.id);
    if (thread !== undefined) thread.op = undefined;
  }

  onEnded(client: string, grant: string, code: EndReason): void {
    this.#look(grant);
    this.#add({ type: 'info', f: 'ended', client, grant, code });
    this.#held.delete(grant);
  }

  /** A client's process has ended: it believes nothing any more. */
  died(client: string): void {
    for (const [grant, held] of this.#held) if (held.client === client) this.#held.delete(grant);
    this.#add({ type: 'info', f: 'died', client });
  }

  /** Called after every event. */
  look(): void {
    for (const grant of this.#held.keys()) this.#look(grant);
  }

  /** The first server has applied a command; its ledger is as it is since. */
  applied(entry: number, { events, reply }: LedgerResult, ledger: Pick<Ledger, 'pools' | 'summary'>): void {
    if (!this.#areTermsInForce && ledger.summary().ledgerVersion >= termsVersion) {
      this.#areTermsInForce = true;
      this.#add({ type: 'info', f: 'terms' });
    }
    if (reply.kind === 'queued') {
      const { id, session, checkoutSeq, feature, count } = reply.entry;
      const key = `${session}/${checkoutSeq}`;
      if (!this.#places.has(key)) this.#add({ type: 'info', f: 'queued', place: id, feature, count });
      this.#places.set(key, id);
    }
    // Licenses, the policy and time itself change how many seats there are, before anything else in an entry comes of it.
    this.#countSeats(ledger.pools());
    this.#letGo = [];
    for (const event of events) this.#note(event, entry);
  }

  #countSeats(pools: readonly PoolView[]): void {
    const now = new Map<string, Seats>();
    for (const [key, { feature, version }] of this.#seats) now.set(key, { feature, version, count: 0 });
    for (const { feature, version, count, overdraft = 0 } of pools)
      now.set(`${feature} ${version}`, { feature, version, count: count === 'uncounted' ? count : count + overdraft });
    for (const [key, seats] of now) {
      if (this.#seats.get(key)?.count === seats.count) continue;
      this.#seats.set(key, seats);
      this.#add({ type: 'info', f: 'seats', ...seats });
    }
  }

  #note(event: LedgerEvent, entry: number): void {
    switch (event.kind) {
      case 'granted': {
        const { id: grant, host: client, feature, version, count, share } = event.grant;
        this.#leave(event.grant);
        this.#add({
          type: 'info',
          f: 'taken',
          grant,
          client,
          feature,
          version,
          count,
          entry,
          ...(share === undefined ? {} : { share }),
          ...(this.#wasLingering(event.grant) ? { kept: true } : {}),
        });
        return;
      }
      case 'ended':
        this.#look(event.grant.id);
        this.#add({ type: 'info', f: 'freed', grant: event.grant.id, code: event.reason });
        return;
      // Nobody holds them by what the history has of calls: they are gone for a while.
      case 'borrowed':
      case 'borrowEnded': {
        const { id: grant, feature, version, count } = event.grant;
        this.#add({ type: 'info', f: 'lent', grant, feature, version, count: event.kind === 'borrowed' ? count : 0 });
        return;
      }
      case 'lingering':
      case 'lingered': {
        const { id: grant, feature } = event.grant;
        const count = event.kind === 'lingering' ? event.grant.count : 0;
        const before = this.#lingering.get(grant) ?? 0;
        if (before > count) this.#letGo.push({ ...event.grant, count: before - count });
        this.#lingering.set(grant, count);
        this.#add({ type: 'info', f: 'lingering', grant, feature, count });
        return;
      }
      case 'unqueued':
        this.#leave(event.entry);
        return;
      default:
        return;
    }
  }

  /** Whether its holder has taken again, in this very entry, what it had given back: then it takes no seat (docs/license-terms.md). */
  #wasLingering({ user, host, feature, version, count }: GrantView): boolean {
    const own = this.#letGo.filter(
      (one) => one.user === user && one.host === host && one.feature === feature && one.version === version,
    );
    return own.reduce((sum, one) => sum + one.count, 0) >= count;
  }

  #leave({ session, checkoutSeq }: Pick<GrantView, 'session' | 'checkoutSeq'>): void {
    const key = `${session}/${checkoutSeq}`;
    const place = this.#places.get(key);
    if (place === undefined) return;
    this.#places.delete(key);
    this.#add({ type: 'info', f: 'unqueued', place });
  }

  #look(grant: string): void {
    const held = this.#held.get(grant);
    if (held === undefined) return;
    const isHeld = this.#parts.isHeld(grant);
    if (isHeld === held.isHeld) return;
    held.isHeld = isHeld;
    this.#add({ type: 'info', f: 'held', client: held.client, grant, value: isHeld });
  }

  #threadFor(client: string, op: number): number {
    const threads = this.#threads.get(client) ?? [];
    this.#threads.set(client, threads);
    const idle = threads.find((thread) => thread.op === undefined);
    if (idle !== undefined) {
      idle.op = op;
      return idle.process;
    }
    threads.push({ process: this.#processes, op });
    return this.#processes++;
  }

  #addCall(
    type: CallRecord['type'],
    { id: op, client, kind: f, feature, count, countMin, waitMs, grant, together }: ClientCall,
    outcome: Pick<CallRecord, 'grant' | 'version' | 'code'>,
  ): void {
    const process = this.#processOf.get(op) as number;
    const known = {
      ...(grant === undefined ? {} : { grant }),
      ...(together === undefined ? {} : { together }),
      ...(countMin < count ? { countMin } : {}),
    };
    this.#add({ type, f, op, process, client, feature, count, waitMs, ...known, ...outcome });
  }

  #add(record: Unplaced<CallRecord> | Unplaced<SeenRecord> | Unplaced<AccountRecord>): void {
    const time = Math.round(this.#parts.nowMs() * 1_000) / 1_000;
    this.records.push({ index: this.records.length, time, ...record });
  }
}
