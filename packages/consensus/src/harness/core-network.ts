import { LicError, type PeerId } from '@lic/interfaces';
import type { Message } from '../core/messages.ts';
import { decodeMessage, encodeMessage } from '../wire/codec.ts';
import { CoreHarness } from './core-harness.ts';
import type { CoreHarnessOptions, RestartOptions } from './core-harness-options.ts';
import { harnessMember } from './harness-entries.ts';
import { defaultMembers } from './harness-state.ts';
import { transitText } from './message-text.ts';

/** A message under way between two servers of a {@link CoreNetwork}. */
export interface InTransit {
  readonly from: PeerId;
  readonly to: PeerId;
  readonly message: Message;
}

/** Which messages: all that fit everything that is said. */
export interface MessageFilter {
  readonly from?: PeerId;
  readonly to?: PeerId;
  readonly type?: Message['type'];
}

/** What a {@link CoreNetwork} is made of. What is not said of one server holds for all. */
export interface CoreNetworkOptions extends Omit<CoreHarnessOptions, 'id' | 'incarnation' | 'now' | 'trace'> {
  /** The servers to start, and what differs in each. Default: all `members`. */
  readonly servers?: Readonly<Record<PeerId, Omit<CoreHarnessOptions, 'now' | 'trace'>>>;
  /** Told, line by line, everything that happens. */
  readonly trace?: (line: string) => void;
}

/** Rounds of delivery after which {@link CoreNetwork.stabilize} gives up: two servers must be talking in circles. */
const STABILIZE_ROUNDS_MAX = 1_000;

/**
 * Several cores and the messages between them, which arrive when told to, and in the order told. Nothing is delivered and no time passes
 * by itself. Each server has a clock of its own, which may be ahead where only that server was advanced.
 *
 * ```ts
 * const net = new CoreNetwork({ members: ['a', 'b', 'c'] });
 * net.at('a').campaign();
 * net.stabilize();
 * net.leader?.propose('x');
 * net.partition(['a'], ['b', 'c']);
 * ```
 */
export class CoreNetwork {
  readonly options: CoreNetworkOptions;
  readonly #servers = new Map<PeerId, CoreHarness>();
  /** Servers that are down, as they were when they crashed. */
  readonly #down = new Map<PeerId, CoreHarness>();
  readonly #cut = new Set<string>();
  #transit: InTransit[] = [];
  /** How much time has passed for all. Milliseconds. */
  now = 0;

  constructor(options: CoreNetworkOptions = {}) {
    this.options = options;
    const { servers } = options;
    const ids = servers === undefined ? (options.members ?? defaultMembers) : Object.keys(servers);
    for (const each of ids) {
      const { id } = harnessMember(each);
      this.start(id, servers?.[id]);
    }
  }

  /** The servers that are up, by name. */
  get servers(): ReadonlyMap<PeerId, CoreHarness> {
    return this.#servers;
  }

  /** The server of that name. Throws `HARNESS_STATE` where it is not up. */
  at(id: PeerId): CoreHarness {
    const server = this.#servers.get(id);
    if (server === undefined) {
      const up = [...this.#servers.keys()].join(', ');
      throw new LicError('HARNESS_STATE', `No server ${id} is up in this network: there are ${up || 'none'}.`);
    }
    return server;
  }

  /** Who leads the highest term that anybody leads. */
  get leader(): CoreHarness | undefined {
    const leaders = [...this.#servers.values()].filter((server) => server.isLeader);
    return leaders.sort((a, b) => b.state.term - a.state.term)[0];
  }

  /** The messages under way, oldest first. */
  get messages(): readonly InTransit[] {
    this.#collect();
    return this.#transit;
  }

  /** Starts a server; one that is up already is replaced by it, and forgotten. */
  start(id: PeerId, options: Omit<CoreHarnessOptions, 'now' | 'trace'> = {}): CoreHarness {
    const { servers: _, trace, ...common } = this.options;
    const given = { snapshots: 'auto' as const, ...common, ...options };
    return this.#add(new CoreHarness({ ...given, id, now: this.now, ...this.#tracing(id, trace) }));
  }

  /** Puts a harness that was made elsewhere into the network. */
  put(server: CoreHarness): CoreHarness {
    return this.#add(server);
  }

  /** The server loses power: what was not on its disk is gone. Messages that it sent before are still under way. */
  crash(id: PeerId): void {
    this.#collect();
    this.#down.set(id, this.at(id));
    this.#servers.delete(id);
    this.options.trace?.(`${id} crashed`);
  }

  /** Starts a server again on what its disk holds; one that is up crashes first. */
  restart(id: PeerId, options: RestartOptions = {}): CoreHarness {
    if (this.#servers.has(id)) this.crash(id);
    const before = this.#down.get(id);
    if (before === undefined) throw new LicError('HARNESS_STATE', `No server ${id} was ever in this network.`);
    this.options.trace?.(`${id} restarted`);
    return this.#add(before.restart({ now: Math.max(this.now, before.now), ...options }));
  }

  /** Messages that fit, oldest first. */
  pending(which: MessageFilter = {}): InTransit[] {
    return this.messages.filter((each) => fits(each, which));
  }

  /**
   * Delivers messages that are under way now, oldest first; what comes of them is not delivered yet. Answers how many went. What meets a
   * cut or a server that is down is lost.
   */
  deliver(which: MessageFilter | InTransit = {}, most = Number.POSITIVE_INFINITY): number {
    const wanted = 'message' in which ? [which] : this.pending(which).slice(0, most);
    for (const each of wanted) this.#arrive(each);
    this.#collect();
    return wanted.length;
  }

  /** Loses messages. Answers how many. */
  drop(which: MessageFilter | InTransit = {}, most = Number.POSITIVE_INFINITY): number {
    const wanted = 'message' in which ? [which] : this.pending(which).slice(0, most);
    for (const each of wanted) this.#remove(each, 'lost');
    return wanted.length;
  }

  /** Each of these messages is under way twice from now on. */
  duplicate(which: MessageFilter = {}): void {
    this.#transit.push(...this.pending(which).map((each) => ({ ...each })));
  }

  /** Puts what is under way into another order: reversed, or as `order` says. */
  reorder(order: (messages: InTransit[]) => InTransit[] = (messages) => messages.reverse()): void {
    this.#transit = order([...this.messages]);
  }

  /** Only servers of one group reach each other; a server in no group reaches nobody. */
  partition(...groups: readonly (readonly PeerId[])[]): void {
    this.heal();
    const ids = [...this.#servers.keys(), ...this.#down.keys()];
    for (const from of ids) {
      for (const to of ids) {
        if (!groups.some((group) => group.includes(from) && group.includes(to))) this.cut(from, to);
      }
    }
  }

  /** Nothing gets from `from` to `to` any more: a partition in one direction. */
  cut(from: PeerId, to: PeerId): void {
    this.#cut.add(`${from}>${to}`);
  }

  /** Nothing gets to or from this server any more. */
  isolate(id: PeerId): void {
    for (const other of [...this.#servers.keys(), ...this.#down.keys()]) {
      this.cut(id, other);
      this.cut(other, id);
    }
  }

  /** Everything gets through again. */
  heal(): void {
    this.#cut.clear();
  }

  /**
   * Delivers everything and finishes every write, again and again, until nothing moves; with `ids` only messages and writes of those servers.
   * No time passes.
   */
  stabilize(...ids: readonly PeerId[]): void {
    const takesPart = (id: PeerId) => ids.length === 0 || ids.includes(id);
    for (let round = 0; round < STABILIZE_ROUNDS_MAX; round += 1) {
      let moved = 0;
      for (const server of this.#servers.values()) {
        if (server.write === null || !takesPart(server.id)) continue;
        server.finishWrite();
        moved += 1;
      }
      for (const each of this.pending().filter(({ from, to }) => takesPart(from) && takesPart(to))) {
        this.#arrive(each);
        moved += 1;
      }
      if (moved === 0) return;
    }
    const last = this.#transit.slice(0, 5).map(transitText).join('; ');
    throw new LicError('HARNESS_STATE', `The servers did not come to rest in ${STABILIZE_ROUNDS_MAX} rounds: ${last}.`);
  }

  /** Lets time pass for all servers, each ticking when it wants to. Nothing is delivered. */
  advance(byMs: number): void {
    this.now += byMs;
    for (const server of this.#servers.values()) server.advance(byMs);
    this.#collect();
  }

  /** Lets time pass in a network that is faster than any timer: after each tick of any server everything is delivered. */
  run(forMs: number): void {
    const end = this.now + forMs;
    this.stabilize();
    while (this.now < end) {
      const soonest = Math.min(...[...this.#servers.values()].map((server) => server.core.wakeAt() - server.now));
      this.advance(Math.min(end - this.now, Math.max(soonest, 1)));
      this.stabilize();
    }
  }

  /** A second network in the very same state, to see what else could come of it. */
  fork(): CoreNetwork {
    const copy = new CoreNetwork({ ...this.options, servers: {} });
    copy.now = this.now;
    for (const [id, server] of this.#servers) copy.#servers.set(id, server.fork());
    for (const [id, server] of this.#down) copy.#down.set(id, server.fork());
    for (const cut of this.#cut) copy.#cut.add(cut);
    copy.#transit = [...this.messages];
    for (const server of copy.#servers.values()) server.takeAll();
    return copy;
  }

  /** One line for each server. */
  describe(): string[] {
    return [...this.#servers.values()].map((server) => `${server.id}: ${server.describe()}`);
  }

  #tracing(id: PeerId, trace: ((line: string) => void) | undefined): Pick<CoreHarnessOptions, 'trace'> {
    return trace === undefined ? {} : { trace: (line) => trace(`${id} ${line}`) };
  }

  #add(server: CoreHarness): CoreHarness {
    this.#down.delete(server.id);
    this.#servers.set(server.id, server);
    return server;
  }

  #collect(): void {
    for (const server of this.#servers.values()) {
      for (const { to, message } of server.takeAll()) {
        // Through the codec, as on a real link: what a core keeps of a message it shares with nobody.
        this.#transit.push({ from: server.id, to, message: decodeMessage(encodeMessage(message)) });
      }
    }
  }

  #remove(each: InTransit, what: string): void {
    const at = this.#transit.indexOf(each);
    if (at < 0) throw new LicError('HARNESS_STATE', `That message is not under way (any more): ${transitText(each)}.`);
    this.#transit.splice(at, 1);
    this.options.trace?.(`${transitText(each)} (${what})`);
  }

  #arrive(each: InTransit): void {
    const { from, to, message } = each;
    const server = this.#servers.get(to);
    if (server === undefined || this.#cut.has(`${from}>${to}`)) {
      this.#remove(each, 'lost');
      return;
    }
    this.#remove(each, 'delivered');
    server.deliver(from, message);
  }
}

function fits({ from, to, message }: InTransit, which: MessageFilter): boolean {
  return (
    (which.from === undefined || which.from === from) &&
    (which.to === undefined || which.to === to) &&
    (which.type === undefined || which.type === message.type)
  );
}
