import type { Timer } from '@lic/interfaces';
import { ClientLogic } from '../logic/client-logic.ts';
import { entropyBytesMin } from '../logic/entropy.ts';
import type { GrantState, Holding } from '../logic/holding.ts';
import type { CallId, Clocks, Input, LinkId, Wanted } from '../logic/inputs.ts';
import type { ClientEvent, Failure, GrantEvent, Output } from '../logic/outputs.ts';
import { defaultTiming } from '../logic/timing.ts';
import type { FakeConnection } from './fake-triad.ts';
import { fakeServers } from './licenses.ts';
import type { LogicWorld } from './logic-world.ts';

interface FakeLink {
  readonly rank: number;
  isOpen: boolean;
  isDialling: boolean;
  /** Frames vanish in both directions, and nobody is told. */
  isDead: boolean;
  upMs: number;
  downMs: number;
  readonly connection: FakeConnection;
}

export type Outcome =
  | { readonly kind: 'granted'; readonly grant: LogicGrant }
  | { readonly kind: 'grantedAll'; readonly grants: readonly LogicGrant[] }
  | { readonly kind: 'done' }
  | { readonly kind: 'answered' }
  | { readonly kind: 'failed'; readonly failure: Failure };

/** A grant with all that its holder was told. */
export interface LogicGrant {
  readonly holding: Holding;
  readonly events: GrantEvent[];
}

/** The logic of one client, with a network that the test may break. */
export class LogicClient {
  readonly logic: ClientLogic;
  readonly links = new Map<LinkId, FakeLink>();
  readonly outcomes = new Map<CallId, Outcome>();
  readonly grants = new Map<string, LogicGrant>();
  readonly clientEvents: ClientEvent[] = [];
  readonly queueNews: number[] = [];
  readonly sent: {
    readonly link: LinkId;
    readonly message: Record<string, unknown> & { readonly t: string };
    readonly atMs: number;
  }[] = [];
  readonly dialled: string[] = [];
  readonly dialledMs: number[] = [];
  /** Connections that were ended by this side, and whether in order. */
  readonly hungUp: { readonly link: LinkId; readonly isOrderly: boolean }[] = [];
  isKeptAlive = true;
  wallOffsetMs = 0;
  /** The dial to these ranks fails with this code. */
  readonly refuses = new Map<number, string>();
  wakes = 0;
  latencyMs: () => number;
  readonly #world: LogicWorld;
  #nextCall = 1;
  #timer: Timer | undefined;

  constructor(world: LogicWorld, name: string) {
    this.#world = world;
    this.latencyMs = () => world.latencyMs;
    this.logic = new ClientLogic(
      {
        addresses: world.options.addresses ?? fakeServers.map(({ address }) => address),
        schemes: ['mem'],
        identity: { user: name, host: 'here' },
        timing: { ...defaultTiming, ...world.options.timing },
      },
      world.random.bytes(4 * entropyBytesMin),
    );
  }

  get clocks(): Clocks {
    return { monotonicMs: this.#world.nowMs, wallMs: this.#world.nowMs + this.wallOffsetMs };
  }

  checkout(wanted: Partial<Wanted> = {}): CallId {
    const call = this.#nextCall++;
    this.input({
      kind: 'checkout',
      call,
      wanted: { feature: 'compare', version: undefined, count: 1, waitMs: 0, ...wanted },
    });
    return call;
  }

  /** Checks out and lets time go by until it is granted. */
  hold(wanted: Partial<Wanted> = {}): LogicGrant {
    const call = this.checkout(wanted);
    this.#world.runUntil(() => this.outcomes.has(call));
    const outcome = this.outcomes.get(call);
    if (outcome?.kind !== 'granted') throw new Error(`not granted: ${JSON.stringify(outcome)}`);
    return outcome.grant;
  }

  checkin(grant: LogicGrant): CallId {
    const call = this.#nextCall++;
    this.input({ kind: 'checkin', call, grant: grant.holding.id });
    return call;
  }

  status(): CallId {
    const call = this.#nextCall++;
    this.input({ kind: 'ask', call, question: { t: 'status' } });
    return call;
  }

  admin(): CallId {
    const call = this.#nextCall++;
    this.input({ kind: 'ask', call, question: { t: 'admin', token: 'token', request: { verb: 'drain' } } });
    return call;
  }

  abandon(call: CallId): void {
    this.input({ kind: 'abandon', call });
  }

  close(): CallId {
    const call = this.#nextCall++;
    this.input({ kind: 'close', call });
    return call;
  }

  stateOf(grant: LogicGrant): GrantState {
    return this.logic.stateOf(grant.holding, this.clocks);
  }

  holds(grant: LogicGrant): boolean {
    return this.logic.holds(grant.holding, this.clocks);
  }

  /** Seats that this client believes it holds now (I3). */
  heldSeats(feature = 'compare'): number {
    let seats = 0;
    for (const { holding } of this.grants.values()) {
      if (holding.feature === feature && this.logic.holds(holding, this.clocks)) seats += holding.count;
    }
    return seats;
  }

  openLinks(): FakeLink[] {
    return [...this.links.values()].filter(({ isOpen }) => isOpen);
  }

  failure(call: CallId): Failure | undefined {
    const outcome = this.outcomes.get(call);
    return outcome?.kind === 'failed' ? outcome.failure : undefined;
  }

  /** Breaks every connection to a server, so that both ends see it. */
  cut(rank: number): void {
    for (const [id, link] of [...this.links]) if (link.rank === rank && link.isOpen) this.#drop(id, link, 'reset');
  }

  /** Every open connection to the server goes dead without a word. */
  deaden(rank: number): void {
    for (const link of this.links.values()) if (link.rank === rank) link.isDead = true;
  }

  input(input: Input): void {
    if (this.logic.entropyLeft < entropyBytesMin) {
      this.logic.step({ kind: 'entropy', bytes: this.#world.random.bytes(4 * entropyBytesMin) }, this.clocks);
    }
    for (const output of this.logic.step(input, this.clocks)) this.#carryOut(output);
    this.#timer?.cancel();
    const wakeMs = this.logic.nextWakeMs();
    if (wakeMs === Infinity) return;
    // As a driver's timer: never early, and not finer than a millisecond.
    this.#timer = this.#world.schedule(Math.max(1, Math.ceil(wakeMs - this.#world.nowMs)), () => {
      this.wakes += 1;
      this.input({ kind: 'wake' });
    });
  }

  #carryOut(output: Output): void {
    switch (output.kind) {
      case 'dial':
        this.#dial(output.link, output.address);
        break;
      case 'send': {
        const link = this.links.get(output.link);
        if (link?.isOpen !== true)
          throw new Error(`sent on a connection that is not open: ${JSON.stringify(output.message)}`);
        const message = overWire(output.message);
        this.sent.push({ link: output.link, message, atMs: this.#world.nowMs });
        this.#carry(link, 'upMs', () => {
          if (link.isOpen) this.#world.triad.receive(link.rank, link.connection, message);
        });
        break;
      }
      case 'hangUp': {
        const link = this.links.get(output.link);
        if (link === undefined) throw new Error('hung up what was never dialled');
        this.hungUp.push({ link: output.link, isOrderly: output.isOrderly });
        this.links.delete(output.link);
        if (!link.isOpen) break;
        link.isOpen = false;
        this.#carry(link, 'upMs', () => this.#world.triad.disconnected(link.rank, link.connection, output.isOrderly));
        break;
      }
      case 'granted': {
        const grant: LogicGrant = { holding: output.holding, events: [] };
        this.grants.set(output.holding.id, grant);
        this.#settle(output.call, { kind: 'granted', grant });
        break;
      }
      case 'grantedAll': {
        const grants = output.holdings.map((holding): LogicGrant => ({ holding, events: [] }));
        for (const grant of grants) this.grants.set(grant.holding.id, grant);
        this.#settle(output.call, { kind: 'grantedAll', grants });
        break;
      }
      case 'queued':
        this.queueNews.push(output.news.position);
        break;
      case 'borrowed':
      case 'answered':
        this.#settle(output.call, { kind: 'answered' });
        break;
      case 'done':
        this.#settle(output.call, { kind: 'done' });
        break;
      case 'failed':
        this.#settle(output.call, { kind: 'failed', failure: output.failure });
        break;
      case 'grantEvent':
        this.grants.get(output.holding.id)?.events.push(output.event);
        break;
      case 'clientEvent':
        this.clientEvents.push(output.event);
        break;
      case 'keepAlive':
        this.isKeptAlive = output.on;
        break;
    }
  }

  #settle(call: CallId, outcome: Outcome): void {
    // A checkin that failed after its wait goes on, and its end is of no interest to anybody.
    const before = this.outcomes.get(call);
    if (before !== undefined) throw new Error(`call ${call} was settled twice: ${JSON.stringify([before, outcome])}`);
    this.outcomes.set(call, outcome);
  }

  #dial(id: LinkId, address: string): void {
    this.dialled.push(address);
    this.dialledMs.push(this.#world.nowMs);
    const { triad } = this.#world;
    const rank = fakeServers.findIndex(({ name }) => address.startsWith(`mem://${name}:`)) + 1;
    const link: FakeLink = {
      rank,
      isOpen: false,
      isDialling: true,
      isDead: false,
      upMs: 0,
      downMs: 0,
      connection: {
        send: (message) =>
          this.#carry(link, 'downMs', () => {
            if (link.isOpen && this.links.get(id) === link)
              this.input({ kind: 'message', link: id, message: overWire(message) });
          }),
        close: () => this.#carry(link, 'downMs', () => this.#drop(id, link, 'orderly')),
      },
    };
    this.links.set(id, link);
    this.#carry(link, 'upMs', () => {
      const failure = this.refuses.get(rank) ?? (rank > 0 && triad.server(rank).isUp ? undefined : 'DIAL_REFUSED');
      const welcome =
        failure === undefined
          ? triad.welcome(rank, { t: 'hello', protocol: { min: 1, max: 2 }, nonce: 'n', agent: 'test' })
          : undefined;
      if (welcome !== undefined) triad.connected(rank, link.connection);
      this.#carry(link, 'downMs', () => {
        if (this.links.get(id) !== link) {
          triad.disconnected(Math.max(1, rank), link.connection, false);
          return;
        }
        link.isDialling = false;
        if (welcome === undefined) {
          this.links.delete(id);
          this.input({
            kind: 'linkFailed',
            link: id,
            failure: { code: failure as string, message: `${address}: ${failure}` },
          });
        } else {
          link.isOpen = true;
          this.input({ kind: 'linkUp', link: id, welcome });
        }
      });
    });
  }

  #drop(id: LinkId, link: FakeLink, kind: 'reset' | 'orderly'): void {
    if (!link.isOpen) return;
    link.isOpen = false;
    this.#world.triad.disconnected(link.rank, link.connection, false);
    if (this.links.get(id) !== link) return;
    this.links.delete(id);
    this.input({ kind: 'linkDown', link: id, reason: { kind, message: kind } });
  }

  /** Keeps the order of each direction, as a connection does. */
  #carry(link: FakeLink, direction: 'upMs' | 'downMs', arrive: () => void): void {
    const atMs = Math.max(link[direction], this.#world.nowMs + this.latencyMs());
    link[direction] = atMs;
    this.#world.schedule(atMs - this.#world.nowMs, () => {
      if (!link.isDead) arrive();
    });
  }
}

/** What arrives is another object than what was sent, without the fields that are undefined. */
const overWire = <Message>(message: Message): Message & Record<string, unknown> => JSON.parse(JSON.stringify(message));
