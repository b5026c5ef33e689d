import type { ControlHint } from '@lic/protocol';
import type { Entropy } from './entropy.ts';
import type { LinkFailure, LinkId } from './inputs.ts';
import type { LogicTiming } from './timing.ts';

/** Addresses that were learned from servers, at most; the product's own come on top. */
export const learnedAddressesMax = 16;

/** A refusal counts like so many failures in a row: a server that answers, but not as it should, won't have changed its mind in a moment. */
const refusedFailures = 5;

/** An address and how dialling it went. */
export interface Endpoint {
  readonly address: string;
  /** Given by the product; the others were learned from servers. */
  readonly isConfigured: boolean;
  /** The identity key that answered there last, or that servers say is there. */
  key: string | null;
  /** The connection or dial that it has. */
  link: LinkId | null;
  /** In a row. */
  failures: number;
  nextDialMs: number;
  failure: LinkFailure | null;
}

/** What an address book is made with. */
export interface AddressBookParts {
  readonly addresses: readonly string[];
  /** Schemes that can be dialled. */
  readonly schemes: readonly string[];
  readonly timing: LogicTiming;
  readonly entropy: Entropy;
}

/** Where servers may be found, which of it is worth a dial, and when. */
export class AddressBook {
  readonly #endpoints: Endpoint[];
  readonly #schemes: ReadonlySet<string>;
  readonly #timing: LogicTiming;
  readonly #entropy: Entropy;

  constructor({ addresses, schemes, timing, entropy }: AddressBookParts) {
    this.#endpoints = addresses.map((address) => newEndpoint(address, true));
    this.#schemes = new Set(schemes);
    this.#timing = timing;
    this.#entropy = entropy;
  }

  /** The address that a connection or dial belongs to. */
  of(link: LinkId | null): Endpoint | undefined {
    return link === null ? undefined : this.#endpoints.find((endpoint) => endpoint.link === link);
  }

  /** Why each address has no connection, as far as known. */
  failures(): { readonly address: string; readonly code: string; readonly message: string }[] {
    return this.#endpoints.flatMap(({ address, failure }) => (failure === null ? [] : [{ address, ...failure }]));
  }

  /** Whether every address was tried, and every one failed with `code`. */
  haveAllFailedWith(code: string): boolean {
    return this.#endpoints.every(({ failure }) => failure?.code === code);
  }

  /** All are to be dialled, one after the other. */
  stagger(nowMs: number): void {
    let order = 0;
    for (const endpoint of this.#endpoints) {
      if (endpoint.link !== null) continue;
      endpoint.nextDialMs = Math.max(endpoint.nextDialMs, nowMs + order * this.#timing.staggerMs);
      order += 1;
    }
  }

  /** Somebody asks anew: earlier failures shall neither make him wait nor be his answer. */
  hurry(nowMs: number): void {
    for (const endpoint of this.#endpoints) {
      if (endpoint.link !== null || endpoint.failures <= 1) continue;
      endpoint.failures = 1;
      endpoint.nextDialMs = Math.min(endpoint.nextDialMs, nowMs + this.#timing.redialMsMin);
      if (endpoint.failure !== null && !isOfNetwork(endpoint.failure)) endpoint.failure = null;
    }
  }

  /** The addresses whose turn it is. Each is to be given a link before the next is asked for. */
  *due(nowMs: number): IterableIterator<Endpoint> {
    for (const endpoint of this.#endpoints)
      if (endpoint.nextDialMs <= nowMs && this.#isWanted(endpoint)) yield endpoint;
  }

  nextDialMs(): number {
    let nextMs = Infinity;
    for (const endpoint of this.#endpoints) {
      if (endpoint.nextDialMs < nextMs && this.#isWanted(endpoint)) nextMs = endpoint.nextDialMs;
    }
    return nextMs;
  }

  /** Takes up where servers say that servers are. */
  learn(servers: readonly ControlHint[]): void {
    for (const { key, addresses } of servers) {
      if (this.#endpoints.some((endpoint) => endpoint.key === key)) continue;
      const known = this.#endpoints.find((endpoint) => addresses.includes(endpoint.address));
      if (known !== undefined) {
        known.key ??= key;
        continue;
      }
      const address = addresses.find((text) => this.#schemes.has(text.slice(0, text.indexOf(':'))));
      if (address === undefined) continue;
      this.#makeRoom();
      this.#endpoints.push({ ...newEndpoint(address, false), key });
    }
  }

  /** The server with this key is dialled at once, unless that has just failed more than once. */
  hasten(key: string, nowMs: number): void {
    for (const endpoint of this.#endpoints) {
      if (endpoint.key === key && endpoint.failures <= 1) endpoint.nextDialMs = Math.min(endpoint.nextDialMs, nowMs);
    }
  }

  /** The connection or dial has failed: the next comes later with each failure, with a jitter of half of the pause. */
  backOff(endpoint: Endpoint, failure: LinkFailure, nowMs: number): void {
    const { redialMsMin, redialMsMax } = this.#timing;
    if (!isOfNetwork(failure)) endpoint.failures = Math.max(endpoint.failures, refusedFailures);
    const pauseMs = Math.min(redialMsMax, redialMsMin * 2 ** Math.min(endpoint.failures, 20));
    endpoint.link = null;
    endpoint.failure = failure;
    endpoint.failures += 1;
    endpoint.nextDialMs = nowMs + pauseMs * (0.5 + this.#entropy.fraction());
  }

  /** An address is worth a dial unless its server is connected already, or has an address of the product's own that works. */
  #isWanted(endpoint: Endpoint): boolean {
    if (endpoint.link !== null) return false;
    if (endpoint.key === null) return true;
    for (const other of this.#endpoints) {
      if (other === endpoint || other.key !== endpoint.key) continue;
      if (other.link !== null || (other.isConfigured && !endpoint.isConfigured && other.failure === null)) return false;
    }
    return true;
  }

  #makeRoom(): void {
    const learned = this.#endpoints.filter((endpoint) => !endpoint.isConfigured);
    if (learned.length < learnedAddressesMax) return;
    const oldest = learned.find((endpoint) => endpoint.link === null);
    if (oldest !== undefined) this.#endpoints.splice(this.#endpoints.indexOf(oldest), 1);
  }
}

const newEndpoint = (address: string, isConfigured: boolean): Endpoint => ({
  address,
  isConfigured,
  key: null,
  link: null,
  failures: 0,
  nextDialMs: -Infinity,
  failure: null,
});

const networkFailures: ReadonlySet<string> = new Set([
  'DIAL_REFUSED',
  'DIAL_FAILED',
  'DIAL_TIMEOUT',
  'TIMEOUT',
  'DISCONNECTED',
]);

/** Whether the way is to blame, not the server. */
export const isOfNetwork = ({ code }: LinkFailure): boolean => networkFailures.has(code);
