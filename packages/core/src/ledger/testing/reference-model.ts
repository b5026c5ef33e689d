import type {
  BorrowCommand,
  CheckoutCommand,
  CheckoutItem,
  LedgerCommand,
  ResumeCommand,
  RevokeCommand,
  SessionRequest,
} from '../commands.ts';
import type { EndReason } from '../results.ts';
import type { Ask } from './model-policy.ts';
import type { Client, Held, Past, Waiting } from './model-records.ts';
import { keyOf, type ModelDenial, type ModelGrant, type ModelReply, refused, rejected } from './model-replies.ts';
import { denial, ModelSeats } from './model-seats.ts';
import {
  ahead,
  baseLeaseMs,
  borrowMarginMs,
  endMs,
  hold,
  inForce,
  leaseOf,
  type ModelFeature,
  type ModelPool,
  poolsOf,
} from './model-terms.ts';

interface ModelLicense {
  readonly id: string;
  readonly supersedes?: readonly string[];
  readonly features: readonly ModelFeature[];
}

/** Where seats come from, and how many. */
interface Part {
  readonly pool: ModelPool;
  readonly count: number;
}

/** A command whose grants and queue places are named by key. */
export type ModelCommand = LedgerCommand;

/**
 * The rules of the ledger written for reading, not for speed: lists that are searched from end to end, nothing counted
 * along, nothing kept that could be found by looking. It has no limits, and ends everything due at once. Ids in commands
 * are keys.
 */
export class ReferenceModel extends ModelSeats {
  readonly past = new Map<string, { readonly reason: EndReason; readonly untilMs: number }>();
  isOpen = true;
  recoveredAtMs: number | null = null;

  apply(command: ModelCommand): ModelReply {
    const reply = this.#run(command);
    // Who waits and needs no seat does not wait, but for open doors.
    for (const entry of this.isOpen ? this.queue() : []) {
      const pool = this.firstWithOffer(this.usable(entry), entry);
      if (pool !== undefined) this.#serve(entry, { pool, count: entry.count });
    }
    return reply;
  }

  #run(command: ModelCommand): ModelReply {
    this.timeMs = Math.max(this.timeMs, command.at);
    this.#passTime();
    for (const [id, ended] of this.past) if (ended.untilMs <= this.timeMs) this.past.delete(id);
    switch (command.kind) {
      case 'checkout':
      case 'cancel':
      case 'checkin':
      case 'goodbye':
      case 'acknowledge':
      case 'borrow':
        return this.#answer(command);
      case 'resume':
        return this.#resume(command);
      case 'assign': {
        const entry = this.waiting.find(({ key }) => key === command.entry);
        if (entry === undefined) return rejected('UNKNOWN_ENTRY');
        const client = this.clients.get(entry.session)!;
        if (!this.isOpen) return rejected('NOT_OPEN_YET');
        if (client.epoch !== command.epoch) return rejected('SUPERSEDED');
        const part = this.#partFor(this.usable(entry), entry);
        if (part === undefined) return rejected('NO_SEATS');
        return { kind: 'granted', epoch: client.epoch, grant: this.#serve(entry, part) };
      }
      case 'reclaim': {
        const client = this.clients.get(command.session);
        if (client === undefined) return rejected('UNKNOWN_SESSION');
        const things = [...this.#heldBy(client), ...this.#waitingOf(client)];
        const longest = things.length === 0 ? hold(baseLeaseMs) : Math.max(...things.map(({ holdMs }) => holdMs));
        if (longest <= command.silentMs) this.#endClient(client, 'reclaimed');
        for (const grant of this.#heldBy(client))
          if (grant.holdMs <= command.silentMs) this.#end(grant, 'reclaimed', true);
        for (const entry of this.#waitingOf(client))
          if (entry.holdMs <= command.silentMs)
            this.#leave(entry, { type: 'ended', reason: 'reclaimed', isGrant: false, untoldSince: null });
        return { kind: 'ok' };
      }
      case 'settle':
        for (const grant of this.#named(command.grants)) if (grant.ending !== null) this.#end(grant, 'revoked', true);
        return { kind: 'ok' };
      case 'disconnect': {
        const client = this.clients.get(command.session);
        if (client === undefined) return rejected('UNKNOWN_SESSION');
        if (client.epoch !== command.epoch) return rejected('SUPERSEDED');
        for (const grant of this.#heldBy(client))
          if (grant.reclaim === 'disconnect') this.#end(grant, 'disconnected', true);
        return { kind: 'ok' };
      }
      case 'revoke': {
        const grants = this.#named(command.grants);
        for (const grant of grants) grant.ending ??= endingOf(command);
        return grants.length === 0 ? rejected('UNKNOWN_GRANT') : { kind: 'ok' };
      }
      case 'return':
        this.borrowed = this.borrowed.filter(({ id }) => id !== command.borrow);
        return { kind: 'ok' };
      case 'install': {
        const licenses = [command.license, ...(command.others ?? [])].map((text) => JSON.parse(text) as ModelLicense);
        const superseded = licenses.flatMap(({ supersedes = [] }) => supersedes);
        this.features = licenses.filter(({ id }) => !superseded.includes(id)).flatMap(({ features }) => features);
        for (const grant of this.held) if (this.pool(grant.pool) === undefined) grant.ending ??= { reason: 'removed' };
        this.lingering = this.lingering.filter((one) => this.pool(one.pool) !== undefined);
        this.#passTime();
        return { kind: 'ok' };
      }
      case 'policy':
        this.policy = command.document;
        this.#passTime();
        return { kind: 'ok' };
      case 'recover':
        this.isOpen = false;
        this.recoveredAtMs = this.timeMs;
        return { kind: 'ok' };
      case 'opened':
        this.isOpen = true;
        return { kind: 'ok' };
      default:
        return { kind: 'ok' };
    }
  }

  #passTime(): void {
    this.lingering = this.lingering.filter(({ untilMs }) => untilMs > this.timeMs);
    this.borrowed = this.borrowed.filter(({ untilMs }) => untilMs + borrowMarginMs > this.timeMs);
    for (const entry of [...this.waiting].sort((a, b) => a.untilMs - b.untilMs)) {
      if (entry.untilMs > this.timeMs) continue;
      this.#leave(entry, null);
      const over = denial('WAIT_OVER', entry, this.seats(entry));
      this.clients.get(entry.session)!.past.set(entry.seq, { type: 'denied', denial: over });
    }
    for (const pool of poolsOf(this.features)) {
      const isOver = ahead(pool, this.timeMs).length < pool.parts.length && inForce(pool, this.timeMs).length === 0;
      for (const grant of this.held.filter((one) => isOver && one.pool === pool.key)) this.#end(grant, 'expired', true);
      if (isOver) this.lingering = this.lingering.filter((one) => one.pool !== pool.key);
    }
    for (const entry of [...this.waiting]) {
      const barred = this.#barred(entry);
      if (!this.isServable(entry)) this.#leave(entry, { type: 'denied', denial: this.unfit(entry)! });
      else if (barred !== null) this.#leave(entry, { type: 'denied', denial: this.unfit(entry) ?? barred });
    }
  }

  #answer(request: Extract<ModelCommand, SessionRequest>): ModelReply {
    if (request.awaited > request.seq) return refused('REFUSED');
    let client = this.clients.get(request.session);
    if (client === undefined) {
      const ended = this.past.get(request.session);
      if (ended !== undefined)
        return request.kind === 'goodbye' ? { kind: 'done', epoch: 0 } : refused('ENDED', ended.reason);
      const opens = request.kind === 'checkout' || request.kind === 'borrow';
      if (!opens || request.seq !== 1 || request.epoch !== 0) return this.#unknown(request.kind);
      if (request.opening === undefined) return refused('REFUSED');
      const { attempt: openAttempt, session: id } = request;
      client = {
        id,
        ...request.opening,
        epoch: 1,
        floor: 0,
        openAttempt,
        resume: null,
        lastSeq: 0,
        awaited: 1,
        past: new Map(),
      };
      this.clients.set(id, client);
    } else if (request.seq === 1 && request.epoch === 0) {
      const opening = request.kind === 'checkout' || request.kind === 'borrow' ? request.opening : undefined;
      if (opening?.secretHash !== client.secretHash) return refused('REFUSED');
      if (client.lastSeq > lastSeqOf(request) || client.resume !== null || request.attempt < client.openAttempt)
        return refused('SUPERSEDED');
      if (request.attempt > client.openAttempt) client.epoch++;
      client.openAttempt = request.attempt;
    } else {
      if (request.epoch !== client.epoch) return refused('SUPERSEDED');
      this.#showEpoch(client);
    }
    if (request.seq > client.lastSeq + 1) return refused('REFUSED');
    client.awaited = Math.max(client.awaited, request.awaited);
    this.#drop(client);
    if (request.seq === client.lastSeq + 1) {
      client.lastSeq = lastSeqOf(request);
      return this.#carryOut(client, request);
    }
    if (request.seq < client.awaited) return refused('REFUSED');
    if (request.kind === 'cancel' && client.past.get(request.seq)?.type === 'done')
      return this.#cancel(client, request.checkoutSeq);
    if (request.kind !== 'checkout' || request.more === undefined) return this.#became(client, request.seq);
    const keys = itemsOf(request).map((_, at) => keyOf(client.id, request.seq + at));
    const standing = this.held.filter(({ key, ending }) => keys.includes(key) && ending === null);
    return standing.length === 0
      ? this.#became(client, request.seq)
      : granted(
          client.epoch,
          standing.map((grant) => this.view(grant)),
          request,
        );
  }

  #carryOut(client: Client, request: Extract<ModelCommand, SessionRequest>): ModelReply {
    const done = { kind: 'done' as const, epoch: client.epoch };
    const refuse = () => {
      client.past.set(request.seq, { type: 'refused' });
      return refused('REFUSED');
    };
    switch (request.kind) {
      case 'checkout':
        return this.#checkout(client, request);
      case 'borrow':
        return this.#borrow(client, request);
      case 'cancel':
        if (request.checkoutSeq >= request.seq) return refuse();
        client.past.set(request.seq, { type: 'done' });
        return this.#cancel(client, request.checkoutSeq);
      case 'checkin': {
        const grant = this.#heldBy(client).find(({ key }) => key === request.grant);
        const ended = [...client.past].some(
          ([seq, past]) => keyOf(client.id, seq) === request.grant && past.type === 'ended' && past.isGrant,
        );
        if (grant === undefined && !ended) return refuse();
        if (grant !== undefined) this.#end(grant, 'checkedIn', false);
        client.past.set(request.seq, { type: 'done' });
        return done;
      }
      case 'acknowledge':
        for (const grant of this.#heldBy(client))
          if (request.grants.includes(grant.key) && grant.ending !== null) this.#end(grant, 'revoked', false);
        for (const [seq, past] of client.past)
          if (past.type === 'ended' && request.grants.includes(keyOf(client.id, seq))) past.untoldSince = null;
        this.#drop(client);
        client.past.set(request.seq, { type: 'done' });
        return done;
      case 'goodbye':
        this.#endClient(client, 'sessionEnded');
        return done;
    }
  }

  #checkout(client: Client, command: CheckoutCommand): ModelReply {
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
          denial('NOT_OPEN_YET', ask, { leftMs: this.#msUntilOpen(), earliestMs: this.timeMs + this.#msUntilOpen() }),
        );
      const barred = this.#barred(ask);
      if (barred !== null) return denied(barred);
      wanted = this.#asFarAsLet(ask);
      const exceeded = this.usable(ask).map((pool) => this.exceeded(pool, wanted));
      const usable = this.usable(ask).filter((_, at) => exceeded[at] === undefined);
      if (usable.length === 0) return denied(denial('MAX_REACHED', ask, { rule: `policy line ${exceeded[0]}` }));
      const open = usable.filter(
        (pool) => command.pastQueue === true || this.rivals(pool).length === 0 || this.#isOwnReserved(pool, wanted),
      );
      const part = this.#partFor(open, wanted, usable);
      if (part !== undefined) parts.push({ ask: { ...ask, seq: seq + parts.length }, part });
      else if (waitMs === 0) return denied(this.#denySeats(open, wanted, ask));
    }
    if (parts.length === items.length) {
      const views = parts.map(({ ask, part }) => this.#take(client, part, ask));
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
    return this.#became(client, seq);
  }

  #borrow(client: Client, command: BorrowCommand): ModelReply {
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
      const leftMs = this.#msUntilOpen();
      if (!this.isOpen) return denied(denial('NOT_OPEN_YET', ask, { leftMs, earliestMs: this.timeMs + leftMs }));
      const pool = this.lender(ask, command.untilMs - this.timeMs);
      if ('code' in pool) return denied(pool);
      const untilMs = Math.min(command.untilMs, Math.max(...pool.parts.map(endMs)));
      this.borrowed.push({ id, pool: pool.key, user, host, count, sinceMs: this.timeMs, untilMs });
    }
    client.past.set(seq, { type: 'borrowed', id });
    return this.#borrowNow(client, id);
  }

  #borrowNow({ epoch }: Client, id: string): ModelReply {
    const borrow = this.borrowed.find((one) => one.id === id);
    return borrow === undefined
      ? refused('ENDED', 'expired')
      : { kind: 'borrowed', epoch, borrow: this.viewBorrowed(borrow) };
  }

  /** Neither the session is known, nor its end: a recovery may have lost it. */
  #unknown(kind: string): ModelReply {
    if (this.recoveredAtMs === null) return refused('UNKNOWN_SESSION');
    return kind === 'goodbye' ? { kind: 'done', epoch: 0 } : refused('ENDED', 'recovered');
  }

  #msUntilOpen(): number {
    const longest = Math.max(hold(baseLeaseMs), ...poolsOf(this.features).map((pool) => hold(leaseOf(pool))));
    return Math.max(0, (this.recoveredAtMs ?? 0) + longest - this.timeMs);
  }

  /** What a request came to, as things stand now. */
  #became(client: Client, seq: number): ModelReply {
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
    if (past.type === 'borrowed') return this.#borrowNow(client, past.id);
    return past.type === 'ended' ? refused('ENDED', past.reason) : { kind: 'done', epoch };
  }

  #cancel(client: Client, checkoutSeq: number): ModelReply {
    const entry = this.#waitingOf(client).find(({ seq }) => seq === checkoutSeq);
    if (entry !== undefined) this.#leave(entry, { type: 'refused' });
    const isHeld = this.#heldBy(client).some(({ seq }) => seq === checkoutSeq);
    return isHeld ? this.#became(client, checkoutSeq) : { kind: 'done', epoch: client.epoch };
  }

  #resume(command: ResumeCommand): ModelReply {
    const client = this.clients.get(command.session);
    const ended = this.past.get(command.session);
    if (client === undefined) return ended === undefined ? this.#unknown('resume') : refused('ENDED', ended.reason);
    if (client.secretHash !== command.secretHash) return refused('REFUSED');
    const isRepeat = client.resume?.request === command.request;
    if (
      isRepeat ? command.attempt < client.resume!.attempt : command.epoch < client.floor || command.epoch > client.epoch
    )
      return refused('SUPERSEDED');
    if (!isRepeat && command.epoch === client.epoch) this.#showEpoch(client);
    if (!isRepeat || command.attempt > client.resume!.attempt) {
      client.epoch++;
      if (!isRepeat) client.floor = client.epoch;
      client.resume = { request: command.request, attempt: command.attempt };
      for (const past of client.past.values())
        if (past.type === 'ended' && past.untoldSince !== null) past.untoldSince = client.epoch;
    }
    return {
      kind: 'resumed',
      epoch: client.epoch,
      grants: this.#heldBy(client).map((grant) => this.view(grant)),
      queue: this.#waitingOf(client).map(({ key }) => key),
      ended: [...client.past]
        .flatMap(([seq, past]) =>
          past.type === 'ended' && past.isGrant ? [`${keyOf(client.id, seq)} ${past.reason}`] : [],
        )
        .sort(),
    };
  }

  /** The client knows the newest epoch, so what was told with it was heard. */
  #showEpoch(client: Client): void {
    for (const past of client.past.values())
      if (past.type === 'ended' && typeof past.untoldSince === 'number') past.untoldSince = null;
    this.#drop(client);
  }

  #drop(client: Client): void {
    for (const [seq, past] of client.past)
      if (seq < client.awaited && (past.type !== 'ended' || past.untoldSince === null)) client.past.delete(seq);
  }

  /** Why the policy keeps somebody out. */
  #barred(ask: Ask): ModelDenial | null {
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

  #denySeats(open: readonly ModelPool[], wanted: Ask, ask: Ask): ModelDenial {
    const own = this.unusedReservations(ask.feature, ask).map(({ line }) => line);
    const keeper = this.unusedReservations(ask.feature).find(({ line, unused }) => unused > 0 && !own.includes(line));
    return keeper !== undefined && this.isOnlyReserved(open, wanted)
      ? denial('RESERVED', ask, { rule: `policy line ${keeper.line}`, ...this.seats(ask) })
      : denial('NO_SEATS', ask, this.seats(ask));
  }

  /** All that is asked for, else as much as will do. What takes no seat may come from any of `usable`. */
  #partFor(open: readonly ModelPool[], ask: Ask, usable = open): Part | undefined {
    const pool = this.firstWithOffer(usable, ask) ?? this.firstWithSeats(open, ask);
    return pool === undefined ? this.firstWithPart(open, ask) : { pool, count: ask.count };
  }

  #serve(entry: Waiting, part: Part): ModelGrant {
    this.#leave(entry, null);
    return this.#take(this.clients.get(entry.session)!, part, entry);
  }

  #take(client: Client, { pool, count }: Part, wish: Ask & { readonly seq: number }): ModelGrant {
    const ask = { ...wish, count };
    const { seq } = ask;
    const leaseMs = leaseOf(pool);
    const key = keyOf(client.id, seq);
    const holder = this.holder(pool, ask);
    const taken = this.unshared(pool, ask);
    const open = this.openShare(pool, ask);
    this.#reuse(pool, holder?.terms, taken);
    const share = holder?.isShared === true ? (open ?? { first: key, terms: holder.terms }) : null;
    this.begun.push(key);
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

  #end(grant: Held, reason: EndReason, isUntold: boolean): void {
    this.#free(grant, grant.ending?.reason ?? reason);
    const client = this.clients.get(grant.session)!;
    const untoldSince = isUntold ? 'never told' : null;
    client.past.set(grant.seq, { type: 'ended', reason: grant.ending?.reason ?? reason, isGrant: true, untoldSince });
    this.#drop(client);
  }

  #leave(entry: Waiting, past: Past | null): void {
    this.waiting = this.waiting.filter((one) => one !== entry);
    const client = this.clients.get(entry.session)!;
    if (past !== null) client.past.set(entry.seq, past);
  }

  #endClient(client: Client, reason: EndReason): void {
    for (const grant of this.#heldBy(client)) this.#free(grant, grant.ending?.reason ?? reason);
    this.waiting = this.waiting.filter(({ session }) => session !== client.id);
    this.clients.delete(client.id);
    const longestMs = Math.max(hold(baseLeaseMs), ...poolsOf(this.features).map((pool) => hold(leaseOf(pool))));
    this.past.set(client.id, { reason, untilMs: this.timeMs + longestMs });
  }

  #heldBy(client: Client): Held[] {
    return this.held.filter(({ session }) => session === client.id);
  }

  #waitingOf(client: Client): Waiting[] {
    return this.waiting.filter(({ session }) => session === client.id);
  }

  #named(keys: readonly string[]): Held[] {
    return this.held.filter(({ key }) => keys.includes(key));
  }
}

/** What a checkout asks for, feature by feature; the numbers of its grants follow each other in this order. */
function itemsOf(command: CheckoutCommand): readonly CheckoutItem[] {
  return [command, ...(command.more ?? [])];
}

function lastSeqOf(request: Extract<ModelCommand, SessionRequest>): number {
  return request.seq + (request.kind === 'checkout' ? itemsOf(request).length - 1 : 0);
}

function granted(epoch: number, [grant, ...more]: readonly ModelGrant[], command: CheckoutCommand): ModelReply {
  return { kind: 'granted', epoch, grant: grant!, ...(command.more === undefined ? {} : { more }) };
}

function endingOf({ as, reason: note }: RevokeCommand): NonNullable<Held['ending']> {
  const reason = as ?? 'revoked';
  return note === '' ? { reason } : { reason, note };
}
