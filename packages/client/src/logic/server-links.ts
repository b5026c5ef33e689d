import type { ControlHint, ServerState, WelcomeMessage } from '@lic/protocol';
import { AddressBook, type AddressBookParts, type Endpoint, isOfNetwork } from './address-book.ts';
import type { LinkFailure, LinkId } from './inputs.ts';
import type { Emit } from './outputs.ts';

/** A connection to a server that has proved what it is. */
export interface ServerLink {
  readonly id: LinkId;
  readonly server: { readonly key: string; readonly name: string; readonly rank: number };
  readonly address: string;
  /** The protocol version that is spoken on it. */
  readonly protocol: number;
  state: ServerState;
  term: number;
  control: ControlHint | null;
  /** Since when it has named this one in control; monotonic ms. */
  hintedSinceMs: number;
  /** Unanswered for long: any other connection to a server in control is better. */
  isStale: boolean;
  /** Since when another server has said that this one is in control, in a newer term than it has told itself; monotonic ms. */
  doubtedSinceMs: number | null;
  /** A binding was sent on it and is without an answer: the servers may take it for the session's own connection. */
  hasBindingOut: boolean;
  /** The term in which it refused to relay to the one in control. */
  relayRefusedTerm: number | null;
}

/**
 * Where servers are and what they say of themselves (triad.md, S7): while a server in control is searched, all are dialled,
 * staggered, and every open connection tells the moment control is decided. At rest one connection is kept.
 */
export class ServerLinks {
  readonly #addresses: AddressBook;
  readonly #dialling = new Map<LinkId, Endpoint>();
  readonly #open = new Map<LinkId, ServerLink>();
  readonly #emit: Emit;
  #nextLink = 1;
  #searchSinceMs: number | null = null;

  constructor(parts: AddressBookParts & { readonly emit: Emit }) {
    this.#addresses = new AddressBook(parts);
    this.#emit = parts.emit;
  }

  get(link: LinkId): ServerLink | undefined {
    return this.#open.get(link);
  }

  /** Since when a server in control has been searched; null at rest. */
  get searchSinceMs(): number | null {
    return this.#searchSinceMs;
  }

  get hasOpen(): boolean {
    return this.#open.size > 0;
  }

  all(): IterableIterator<ServerLink> {
    return this.#open.values();
  }

  /** Why each address has no connection, as far as known. */
  failures(): ReturnType<AddressBook['failures']> {
    return this.#addresses.failures();
  }

  /** Whether every address was tried, and every one failed with `code`. */
  haveAllFailedWith(code: string): boolean {
    return !this.hasOpen && this.#addresses.haveAllFailedWith(code);
  }

  /** The best server in control: highest term, not stale, newest connection. */
  best(): ServerLink | undefined {
    let best: ServerLink | undefined;
    for (const link of this.#open.values()) {
      if (link.state === 'in-control' && (best === undefined || isBetter(link, best))) best = link;
    }
    return best;
  }

  /** A stand-by that has named for `afterMs` a server in control which can't be reached from here: it may relay (triad.md, S7). */
  relay(nowMs: number, afterMs: number): ServerLink | undefined {
    for (const link of this.#open.values()) if (nowMs >= this.#relaysFromMs(link, afterMs)) return link;
    return undefined;
  }

  nextRelayMs(nowMs: number, afterMs: number): number {
    let nextMs = Infinity;
    for (const link of this.#open.values()) {
      const atMs = this.#relaysFromMs(link, afterMs);
      if (atMs > nowMs && atMs < nextMs) nextMs = atMs;
    }
    return nextMs;
  }

  #relaysFromMs(
    { state, control, hintedSinceMs, isStale, relayRefusedTerm, term }: ServerLink,
    afterMs: number,
  ): number {
    if (state !== 'standby' || control === null || isStale || relayRefusedTerm === term) return Infinity;
    for (const { server } of this.#open.values()) if (server.key === control.key) return Infinity;
    return hintedSinceMs + afterMs;
  }

  /** Begins to dial all addresses; nothing changes where that goes on already. */
  search(nowMs: number): void {
    if (this.#searchSinceMs !== null) return;
    this.#searchSinceMs = nowMs;
    this.#addresses.stagger(nowMs);
  }

  /** Somebody asks anew: earlier failures shall neither make him wait nor be his answer. */
  hurry(nowMs: number): void {
    this.#addresses.hurry(nowMs);
  }

  /** Ends the search and all connections but one. */
  rest(keep: LinkId | null): void {
    this.#searchSinceMs = null;
    for (const link of [...this.#dialling.keys(), ...this.#open.keys()]) if (link !== keep) this.#hangUp(link);
    const kept = this.#addresses.of(keep);
    if (kept !== undefined) kept.failures = 0;
  }

  /** Dials what is due. */
  dialDue(nowMs: number): void {
    if (this.#searchSinceMs === null) return;
    for (const endpoint of this.#addresses.due(nowMs)) {
      const link = this.#nextLink++;
      endpoint.link = link;
      this.#dialling.set(link, endpoint);
      this.#emit({ kind: 'dial', link, address: endpoint.address });
    }
  }

  nextDialMs(): number {
    return this.#searchSinceMs === null ? Infinity : this.#addresses.nextDialMs();
  }

  /** The server at the far end has proved its identity. Answers undefined where the connection is not wanted any more. */
  up(id: LinkId, welcome: WelcomeMessage, nowMs: number): ServerLink | undefined {
    const endpoint = this.#dialling.get(id);
    if (endpoint === undefined) return undefined;
    this.#dialling.delete(id);
    const { server, state, term, control } = welcome;
    endpoint.key = server.key;
    endpoint.failure = null;
    const link: ServerLink = {
      id,
      server,
      address: endpoint.address,
      protocol: welcome.protocol,
      state,
      term,
      control,
      hintedSinceMs: nowMs,
      isStale: false,
      doubtedSinceMs: null,
      hasBindingOut: false,
      relayRefusedTerm: null,
    };
    const twin = [...this.#open.values()].find((other) => other.server.key === server.key && !other.isStale);
    this.#open.set(id, link);
    if (twin !== undefined) {
      this.#hangUp(id);
      return undefined;
    }
    this.#addresses.learn(welcome.servers);
    this.hint(control, nowMs);
    this.#doubt(link, nowMs);
    return link;
  }

  failed(id: LinkId, failure: LinkFailure, nowMs: number): void {
    const endpoint = this.#dialling.get(id);
    if (endpoint === undefined) return;
    this.#dialling.delete(id);
    this.#addresses.backOff(endpoint, failure, nowMs);
    if (!isOfNetwork(failure))
      this.#emit({ kind: 'clientEvent', event: { type: 'serverRefused', address: endpoint.address, ...failure } });
  }

  down(id: LinkId, failure: LinkFailure, nowMs: number): ServerLink | undefined {
    const link = this.#open.get(id);
    const endpoint = this.#addresses.of(id);
    this.#open.delete(id);
    if (endpoint !== undefined) this.#addresses.backOff(endpoint, failure, nowMs);
    return link;
  }

  /** What a server says of control now. */
  control(
    id: LinkId,
    said: { readonly state: ServerState; readonly term: number; readonly control: ControlHint | null },
    nowMs: number,
  ): void {
    const link = this.#open.get(id);
    if (link === undefined) return;
    if (said.control?.key !== link.control?.key) link.hintedSinceMs = nowMs;
    link.state = said.state;
    link.term = said.term;
    link.control = said.control;
    link.doubtedSinceMs = null;
    this.hint(said.control, nowMs);
    this.#doubt(link, nowMs);
  }

  /** A server that was taken to be in control, or to relay, says that it is not, or does not. */
  refused(id: LinkId, control: ControlHint | null, nowMs: number): void {
    const link = this.#open.get(id);
    if (link === undefined) return;
    if (link.state === 'in-control') link.state = 'standby';
    link.relayRefusedTerm = link.term;
    if (control !== null) link.control = control;
    this.hint(control, nowMs);
  }

  /** Follows a hint: it is dialled at once, and verified like any server. */
  hint(control: ControlHint | null, nowMs: number): void {
    if (control === null) return;
    this.#addresses.learn([control]);
    this.#addresses.hasten(control.key, nowMs);
  }

  /** The connection is not answered: its server is dialled anew, beside it. */
  goStale(id: LinkId, nowMs: number): void {
    const link = this.#open.get(id);
    const endpoint = this.#addresses.of(id);
    if (link === undefined || link.isStale) return;
    link.isStale = true;
    if (endpoint === undefined) return;
    endpoint.link = null;
    endpoint.nextDialMs = nowMs;
  }

  /**
   * Ends connections on which a server has not said within `afterMs` what another has heard of it: such a one is dead
   * without a word, and its server is dialled anew.
   */
  dropDoubtful(nowMs: number, afterMs: number): void {
    for (const link of [...this.#open.values()]) {
      if (link.doubtedSinceMs === null || nowMs < link.doubtedSinceMs + afterMs) continue;
      const endpoint = this.#addresses.of(link.id);
      this.#hangUp(link.id, false);
      if (endpoint !== undefined) endpoint.nextDialMs = nowMs;
    }
  }

  nextDoubtMs(afterMs: number): number {
    let nextMs = Infinity;
    if (this.#searchSinceMs === null) return nextMs;
    for (const { doubtedSinceMs } of this.#open.values()) {
      if (doubtedSinceMs !== null) nextMs = Math.min(nextMs, doubtedSinceMs + afterMs);
    }
    return nextMs;
  }

  #doubt({ control, term }: ServerLink, nowMs: number): void {
    for (const link of this.#open.values()) {
      if (link.server.key === control?.key && link.term < term) link.doubtedSinceMs ??= nowMs;
    }
  }

  #hangUp(id: LinkId, isOrderly = this.#open.get(id)?.hasBindingOut !== true): void {
    const endpoint = this.#addresses.of(id);
    if (endpoint !== undefined) endpoint.link = null;
    this.#dialling.delete(id);
    this.#open.delete(id);
    this.#emit({ kind: 'hangUp', link: id, isOrderly });
  }
}

function isBetter(link: ServerLink, than: ServerLink): boolean {
  if (link.isStale !== than.isStale) return !link.isStale;
  return link.term > than.term || (link.term === than.term && link.id > than.id);
}
