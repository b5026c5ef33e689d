import type { EndReason } from '@lic/core';
import type { Logger } from '@lic/interfaces';
import { Emitter, type Listenable } from './emitter.ts';
import type { GrantState, Holding } from './logic/holding.ts';
import type { GrantEvent } from './logic/outputs.ts';

/** What a grant's listeners are called with. */
export interface GrantEvents {
  /** The connection to the server in control is gone; the client looks for another. Work on. */
  readonly reconnecting: { readonly type: 'reconnecting' };
  /** The grant stands; `signal` is a fresh one where the old was aborted. */
  readonly resumed: { readonly type: 'resumed' };
  /** Control is about to move, on purpose. Nothing to do. */
  readonly moving: { readonly type: 'moving'; readonly reason: string };
  /** The lease has run out without an answer: the seat may be somebody else's. `resumed` or `ended` follows. */
  readonly lost: { readonly type: 'lost' };
  /** Final. */
  readonly ended: { readonly type: 'ended'; readonly code: EndReason; readonly note?: string };
}

/** A held checkout. */
export interface Grant extends Listenable<GrantEvents>, AsyncDisposable {
  readonly id: string;
  readonly feature: string;
  /** The version of the pool that the seats come from. */
  readonly version: string;
  /** Seats. */
  readonly count: number;
  /** When the servers granted it, in license time. */
  readonly since: Date;
  /** Taken after the licensed period was over, in its days of grace: tell the user to renew. */
  readonly inGrace: boolean;
  /** With it more seats were taken than are licensed; the vendor allows so many. */
  readonly overdraft: boolean;
  /** Grants, also of other clients, that name the same share have the same seats. Undefined: its seats are its own. */
  readonly share: string | undefined;
  /** What the vendor wrote into the license for the product, as the servers, which the license names, tell it. */
  readonly vendorData: string | undefined;
  /** How long it holds without an answer of the servers, ms. */
  readonly leaseMs: number;
  /** Computed from the clocks at each reading. */
  readonly state: GrantState;
  /** Whether the seats are held for sure at this moment; computed at each reading. True in `holding`, mostly in `reconnecting`. */
  readonly holds: boolean;
  /** Why it ended, once it has. */
  readonly ended: { readonly code: EndReason; readonly note?: string } | undefined;
  /** Aborts on `lost` and on `ended`; after `resumed` a fresh one stands here. */
  readonly signal: AbortSignal;
  /**
   * The user is at work with it. Call it as often as you like: the administrator's policy may end grants that are idle (`ended` says
   * `idle`). A grant for which it was never called is never idle, so call it once when work begins.
   */
  active(): void;
  /**
   * Gives the seats back. They are not held any more from the call on; resolves once the servers have committed it. Repeating
   * it is harmless. Rejects with `NO_QUORUM` or `NO_SERVER` after `controlWaitMs`; the client goes on trying all the same.
   */
  checkin(): Promise<void>;
  /** {@link Grant.checkin} that never throws and waits 2 s at most; the rest goes on in the background. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** What a grant needs of its client. */
export interface GrantParts {
  readonly logger: Logger;
  stateOf(holding: Holding): GrantState;
  holds(holding: Holding): boolean;
  active(holding: Holding): void;
  checkin(grant: string): Promise<void>;
  /** Resolves with the promise, or after so many milliseconds; never rejects. */
  atMost(promise: Promise<void>, limitMs: number): Promise<void>;
}

/** How long disposal waits, ms (architecture.md, public surface). */
const disposeWaitMs = 2_000;

/** The grant that a product holds in its hand; the logic's {@link Holding} stands behind it. */
export class HeldGrant extends Emitter<GrantEvents> implements Grant {
  readonly #holding: Holding;
  readonly #parts: GrantParts;
  #abort = new AbortController();
  #checkin: Promise<void> | undefined;

  constructor(holding: Holding, parts: GrantParts) {
    super(parts.logger);
    this.#holding = holding;
    this.#parts = parts;
  }

  get id(): string {
    return this.#holding.id;
  }

  get feature(): string {
    return this.#holding.feature;
  }

  get version(): string {
    return this.#holding.version;
  }

  get count(): number {
    return this.#holding.count;
  }

  get since(): Date {
    return new Date(this.#holding.sinceMs);
  }

  get inGrace(): boolean {
    return this.#holding.inGrace;
  }

  get overdraft(): boolean {
    return this.#holding.overdraft;
  }

  get share(): string | undefined {
    return this.#holding.share;
  }

  get vendorData(): string | undefined {
    return this.#holding.vendorData;
  }

  get leaseMs(): number {
    return this.#holding.leaseMs;
  }

  get state(): GrantState {
    return this.#parts.stateOf(this.#holding);
  }

  get holds(): boolean {
    return this.#parts.holds(this.#holding);
  }

  get ended(): { readonly code: EndReason; readonly note?: string } | undefined {
    return this.#holding.end ?? undefined;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  active(): void {
    this.#parts.active(this.#holding);
  }

  checkin(): Promise<void> {
    this.#checkin ??= this.#parts.checkin(this.#holding.id);
    return this.#checkin;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#parts.atMost(this.checkin(), disposeWaitMs);
  }

  /** Passes on what the logic says. */
  take(event: GrantEvent): void {
    if (event.type === 'lost' || event.type === 'ended') this.#abort.abort(event);
    if (event.type === 'resumed' && this.#abort.signal.aborted) this.#abort = new AbortController();
    this.emit(event.type, event);
  }
}
