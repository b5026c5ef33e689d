import { compareVersions } from '../../license/versions.ts';
import type { CheckoutCommand, LedgerCommand, ResumeCommand, SessionRequest } from '../commands.ts';
import type { Denial, DenialCode, EndReason, GrantView, LedgerReply } from '../results.ts';
import type { TestFeature } from './ledger-rig.ts';

/** A grant is known by its session and checkout, so that the model needs no ids. */
export type Key = `${string}/${number}`;

interface Held {
  readonly key: Key;
  readonly session: string;
  readonly seq: number;
  readonly pool: string;
  readonly count: number;
  readonly sinceMs: number;
  readonly leaseMs: number;
  readonly holdMs: number;
  readonly reclaim: 'lease' | 'disconnect';
  ending: { readonly reason: EndReason; readonly note?: string } | null;
}

interface Waiting {
  readonly key: Key;
  readonly session: string;
  readonly seq: number;
  readonly feature: string;
  readonly version: string | undefined;
  readonly count: number;
  readonly untilMs: number;
  readonly leaseMs: number;
  readonly holdMs: number;
}

type Past =
  | { readonly type: 'done' | 'refused' }
  | { readonly type: 'denied'; readonly denial: ModelDenial }
  | {
      readonly type: 'ended';
      readonly reason: EndReason;
      readonly isGrant: boolean;
      untoldSince: 'never told' | number | null;
    };

interface Client {
  readonly id: string;
  readonly secretHash: string;
  readonly user: string;
  readonly host: string;
  epoch: number;
  floor: number;
  openAttempt: number;
  resume: { readonly request: string; attempt: number } | null;
  lastSeq: number;
  awaited: number;
  readonly past: Map<number, Past>;
}

type ModelDenial = Omit<Denial, 'message' | 'feature'>;
type ModelGrant = Omit<GrantView, 'id'>;

/** A ledger reply without texts and ids. */
export type ModelReply =
  | { readonly kind: 'granted'; readonly epoch: number; readonly grant: ModelGrant }
  | {
      readonly kind: 'queued';
      readonly epoch: number;
      readonly key: Key;
      readonly position: number;
      readonly untilMs: number;
    }
  | { readonly kind: 'denied'; readonly epoch: number; readonly denial: ModelDenial }
  | { readonly kind: 'done'; readonly epoch: number }
  | {
      readonly kind: 'resumed';
      readonly epoch: number;
      readonly grants: readonly ModelGrant[];
      readonly queue: readonly Key[];
      readonly ended: readonly string[];
    }
  | { readonly kind: 'refused'; readonly code: string; readonly reason: EndReason | undefined }
  | { readonly kind: 'ok' }
  | { readonly kind: 'rejected'; readonly code: string };

/** A command whose grants and queue places are named by key. */
export type ModelCommand = LedgerCommand;

const hold = (leaseMs: number) => Math.ceil(leaseMs * 1.01 + 1000);
const baseLeaseMs = 60_000;

/**
 * The rules of the ledger written for reading, not for speed: lists that are searched from end to end, nothing counted
 * along, nothing kept that could be found by looking. It has no limits, and ends everything due at once. Ids in commands
 * are keys.
 */
export class ReferenceModel {
  timeMs: number;
  features: readonly (TestFeature & { readonly version: string })[];
  held: Held[] = [];
  waiting: Waiting[] = [];
  readonly clients = new Map<string, Client>();
  readonly past = new Map<string, { readonly reason: EndReason; readonly untilMs: number }>();
  isOpen = true;
  recoveredAtMs: number | null = null;

  constructor(features: ReferenceModel['features'], timeMs: number) {
    this.features = features;
    this.timeMs = timeMs;
  }

  apply(command: ModelCommand): ModelReply {
    this.timeMs = Math.max(this.timeMs, command.at);
    this.#passTime();
    for (const [id, ended] of this.past) if (ended.untilMs <= this.timeMs) this.past.delete(id);
    switch (command.kind) {
      case 'checkout':
      case 'cancel':
      case 'checkin':
      case 'goodbye':
      case 'acknowledge':
        return this.#request(command);
      case 'resume':
        return this.#resume(command);
      case 'assign': {
        const entry = this.waiting.find(({ key }) => key === command.entry);
        if (entry === undefined) return rejected('UNKNOWN_ENTRY');
        const client = this.clients.get(entry.session)!;
        if (!this.isOpen) return rejected('NOT_OPEN_YET');
        if (client.epoch !== command.epoch) return rejected('SUPERSEDED');
        const pool = this.#usable(entry.feature, entry.version).find((one) => this.#free(one) >= entry.count);
        if (pool === undefined) return rejected('NO_SEATS');
        this.#leave(entry, null);
        return { kind: 'granted', epoch: client.epoch, grant: this.#take(client, pool, entry.count, entry.seq) };
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
        for (const grant of grants) grant.ending ??= { reason: 'revoked', note: command.reason };
        return grants.length === 0 ? rejected('UNKNOWN_GRANT') : { kind: 'ok' };
      }
      case 'install': {
        const license = JSON.parse(command.license) as { features: ReferenceModel['features'] };
        this.features = license.features;
        for (const grant of this.held)
          if (!this.features.some((feature) => poolOf(feature) === grant.pool)) grant.ending ??= { reason: 'removed' };
        this.#passTime();
        return { kind: 'ok' };
      }
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

  /** Seats taken of a pool. */
  inUse(pool: string): number {
    return sum(this.held.filter((grant) => grant.pool === pool).map(({ count }) => count));
  }

  #passTime(): void {
    for (const entry of [...this.waiting].sort((a, b) => a.untilMs - b.untilMs)) {
      if (entry.untilMs > this.timeMs) continue;
      this.#leave(entry, null);
      const denial = this.#denial('WAIT_OVER', entry.count, this.#seats(entry.feature, entry.version));
      this.clients.get(entry.session)!.past.set(entry.seq, { type: 'denied', denial });
    }
    for (const feature of this.features)
      if (endMs(feature) <= this.timeMs)
        for (const grant of this.held.filter(({ pool }) => pool === poolOf(feature))) this.#end(grant, 'expired', true);
    for (const entry of [...this.waiting]) {
      const pools = this.#sufficient(entry.feature, entry.version);
      if (pools.some((pool) => endMs(pool) > this.timeMs && countOf(pool) >= entry.count)) continue;
      const denial = this.#unfit(entry.feature, entry.version, entry.count)!;
      this.#leave(entry, { type: 'denied', denial });
    }
  }

  #request(request: Extract<ModelCommand, SessionRequest>): ModelReply {
    if (request.awaited > request.seq) return refused('REFUSED');
    let client = this.clients.get(request.session);
    if (client === undefined) {
      const ended = this.past.get(request.session);
      if (ended !== undefined)
        return request.kind === 'goodbye' ? { kind: 'done', epoch: 0 } : refused('ENDED', ended.reason);
      if (request.kind !== 'checkout' || request.seq !== 1 || request.epoch !== 0) return this.#unknown(request.kind);
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
      if (request.kind !== 'checkout' || request.opening?.secretHash !== client.secretHash) return refused('REFUSED');
      if (client.lastSeq > 1 || client.resume !== null || request.attempt < client.openAttempt)
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
      client.lastSeq = request.seq;
      return this.#run(client, request);
    }
    if (request.seq < client.awaited) return refused('REFUSED');
    if (request.kind === 'cancel' && client.past.get(request.seq)?.type === 'done')
      return this.#cancel(client, request.checkoutSeq);
    return this.#became(client, request.seq);
  }

  #run(client: Client, request: Extract<ModelCommand, SessionRequest>): ModelReply {
    const done = { kind: 'done' as const, epoch: client.epoch };
    const refuse = () => {
      client.past.set(request.seq, { type: 'refused' });
      return refused('REFUSED');
    };
    switch (request.kind) {
      case 'checkout':
        return this.#checkout(client, request);
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

  #checkout(
    client: Client,
    { feature, version, count, seq, waitMs = 0, pastQueue = false }: CheckoutCommand,
  ): ModelReply {
    const { epoch } = client;
    const denied = (denial: ModelDenial): ModelReply => {
      client.past.set(seq, { type: 'denied', denial });
      return { kind: 'denied', epoch, denial };
    };
    const unfit = this.#unfit(feature, version, count);
    if (unfit !== null) return denied(unfit);
    if (!this.isOpen) return denied(this.#denial('NOT_OPEN_YET', count, { leftMs: this.#msUntilOpen() }));
    for (const pool of this.#usable(feature, version)) {
      const rivals = this.waiting.filter(
        (entry) => entry.feature === feature && this.#sufficient(feature, entry.version).includes(pool),
      );
      if (this.#free(pool) < count || (rivals.length > 0 && !pastQueue)) continue;
      return { kind: 'granted', epoch, grant: this.#take(client, pool, count, seq) };
    }
    if (waitMs === 0) return denied(this.#denial('NO_SEATS', count, this.#seats(feature, version)));
    const leaseMs = leaseOf(this.#sufficient(feature, version)[0]!);
    const key = keyOf(client.id, seq);
    const untilMs = this.timeMs + waitMs;
    this.waiting.push({
      key,
      session: client.id,
      seq,
      feature,
      version,
      count,
      untilMs,
      leaseMs,
      holdMs: hold(leaseMs),
    });
    return this.#became(client, seq);
  }

  /** Neither the session is known, nor its end: a recovery may have lost it. */
  #unknown(kind: string): ModelReply {
    if (this.recoveredAtMs === null) return refused('UNKNOWN_SESSION');
    return kind === 'goodbye' ? { kind: 'done', epoch: 0 } : refused('ENDED', 'recovered');
  }

  #msUntilOpen(): number {
    const longest = Math.max(hold(baseLeaseMs), ...this.features.map((feature) => hold(leaseOf(feature))));
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
      const queue = this.waiting.filter(({ feature }) => feature === entry.feature);
      return { kind: 'queued', epoch, key, position: queue.indexOf(entry) + 1, untilMs: entry.untilMs };
    }
    const past = client.past.get(seq);
    if (past === undefined || past.type === 'refused') return refused('REFUSED');
    if (past.type === 'denied') return { kind: 'denied', epoch, denial: past.denial };
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

  #take(client: Client, pool: ReferenceModel['features'][number], count: number, seq: number): ModelGrant {
    const leaseMs = leaseOf(pool);
    const grant: Held = {
      key: keyOf(client.id, seq),
      session: client.id,
      seq,
      pool: poolOf(pool),
      count,
      sinceMs: this.timeMs,
      leaseMs,
      holdMs: hold(leaseMs),
      reclaim: pool.reclaim ?? 'lease',
      ending: null,
    };
    this.held.push(grant);
    return this.view(grant);
  }

  #end(grant: Held, reason: EndReason, isUntold: boolean): void {
    this.held = this.held.filter((one) => one !== grant);
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
    this.held = this.held.filter(({ session }) => session !== client.id);
    this.waiting = this.waiting.filter(({ session }) => session !== client.id);
    this.clients.delete(client.id);
    const longestMs = Math.max(hold(baseLeaseMs), ...this.features.map((feature) => hold(leaseOf(feature))));
    this.past.set(client.id, { reason, untilMs: this.timeMs + longestMs });
  }

  #unfit(name: string, version: string | undefined, count: number): ModelDenial | null {
    const all = this.features.filter((feature) => feature.name === name);
    if (all.length === 0) return this.#denial('UNKNOWN_FEATURE', count);
    const pools = this.#sufficient(name, version);
    const versions = all.map((feature) => feature.version).sort(compareVersions);
    if (pools.length === 0) return this.#denial('VERSION_NOT_LICENSED', count, { versions });
    const usable = this.#usable(name, version);
    if (usable.length === 0) {
      const isEarly = pools.some((pool) => startMsOf(pool) > this.timeMs);
      return this.#denial(isEarly ? 'NOT_STARTED' : 'EXPIRED', count);
    }
    const most = Math.max(...usable.map(countOf));
    return count > most ? this.#denial('COUNT_TOO_HIGH', count, { count: most }) : null;
  }

  #denial(code: DenialCode, requested: number, facts: Partial<ModelDenial> = {}): ModelDenial {
    return { code, requested, ...facts };
  }

  #seats(feature: string, version: string | undefined): Partial<ModelDenial> {
    const pools = this.#usable(feature, version);
    const count = sum(pools.map(countOf));
    return {
      ...(count === Number.POSITIVE_INFINITY ? {} : { count }),
      inUse: sum(pools.map((pool) => this.inUse(poolOf(pool)))),
      queued: this.waiting.filter((entry) => entry.feature === feature).length,
      holders: this.held
        .filter((grant) => pools.some((pool) => poolOf(pool) === grant.pool))
        .slice(0, 10)
        .map((grant) => {
          const { user, host } = this.clients.get(grant.session)!;
          return { user, host, count: grant.count, sinceMs: grant.sinceMs };
        }),
    };
  }

  #sufficient(name: string, version: string | undefined) {
    return this.features
      .filter(
        (feature) => feature.name === name && (version === undefined || compareVersions(feature.version, version) >= 0),
      )
      .sort((a, b) => compareVersions(a.version, b.version));
  }

  #usable(name: string, version: string | undefined) {
    return this.#sufficient(name, version).filter(
      (pool) => startMsOf(pool) <= this.timeMs && this.timeMs < endMs(pool),
    );
  }

  #free(pool: ReferenceModel['features'][number]): number {
    return countOf(pool) - this.inUse(poolOf(pool));
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

  view(grant: Held): ModelGrant {
    const { user, host } = this.clients.get(grant.session)!;
    const [feature = '', version = ''] = grant.pool.split(' ');
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
      ...(grant.ending === null ? {} : { ending: grant.ending }),
    };
  }
}

/** What the model says of a ledger's reply: its texts and ids left out. `keyOfGrant`: by the ledger's id. */
export function withoutIds(reply: LedgerReply, keyOfGrant: (id: string) => Key): ModelReply {
  switch (reply.kind) {
    case 'granted':
      return { ...reply, grant: withoutId(reply.grant) };
    case 'queued': {
      const { session, checkoutSeq, position, untilMs } = reply.entry;
      return { kind: 'queued', epoch: reply.epoch, key: keyOf(session, checkoutSeq), position, untilMs };
    }
    case 'denied': {
      const { message: _message, feature: _feature, ...denial } = reply.denial;
      return { kind: 'denied', epoch: reply.epoch, denial };
    }
    case 'resumed':
      return {
        kind: 'resumed',
        epoch: reply.epoch,
        grants: reply.grants.map(withoutId),
        queue: reply.queue.map(({ session, checkoutSeq }) => keyOf(session, checkoutSeq)),
        ended: reply.ended.map(({ grant, reason }) => `${keyOfGrant(grant)} ${reason}`).sort(),
      };
    case 'refused':
      return refused(reply.code, reply.reason);
    case 'rejected':
      return rejected(reply.code);
    default:
      return reply;
  }
}

export function keyOf(session: string, seq: number): Key {
  return `${session}/${seq}`;
}

function withoutId({ id: _id, ...grant }: GrantView): ModelGrant {
  return grant;
}

function refused(code: string, reason?: EndReason): ModelReply {
  return { kind: 'refused', code, reason };
}

function rejected(code: string): ModelReply {
  return { kind: 'rejected', code };
}

function poolOf({ name, version }: { readonly name: string; readonly version: string }): string {
  return `${name} ${version}`;
}

function countOf({ count }: TestFeature): number {
  return count === 'uncounted' ? Number.POSITIVE_INFINITY : count;
}

function leaseOf({ leaseSeconds }: TestFeature): number {
  return Math.max(10_000, leaseSeconds === undefined ? baseLeaseMs : leaseSeconds * 1000);
}

function startMsOf({ startsAt }: TestFeature): number {
  return startsAt === undefined ? 0 : Date.parse(startsAt);
}

function endMs({ expiresAt }: TestFeature): number {
  return expiresAt === undefined ? Number.POSITIVE_INFINITY : Date.parse(expiresAt);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
