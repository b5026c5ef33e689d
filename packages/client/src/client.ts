import { type LicError, type Logger, type Runtime, silentLogger } from '@lic/interfaces';
import { type AdminRequest, protocolLimits, type StatusReport } from '@lic/protocol';
import { runtime as platformRuntime } from '@lic/runtime';
import { checkedEnd, checkedWish, checkName, checkNumber, checkSeveral, invalid } from './arguments.ts';
import { Borrowing } from './borrowing.ts';
import { Driver, entropyBytes } from './driver.ts';
import { Emitter, type Listenable } from './emitter.ts';
import { ClientError, errorOf } from './errors.ts';
import { type Grant, HeldGrant } from './grant.ts';
import type { BorrowStore } from './kept-borrow.ts';
import { ClientLogic } from './logic/client-logic.ts';
import type { Holding } from './logic/holding.ts';
import type { CallId, Question } from './logic/inputs.ts';
import type { CallOutput, ClientEvent } from './logic/outputs.ts';
import { defaultTiming } from './logic/timing.ts';
import type { Borrowed } from './open-borrow.ts';
import {
  agentDefault,
  type BorrowOptions,
  type CheckoutOptions,
  type ClientOptions,
  connectTimeoutMsDefault,
  type FeatureWish,
} from './options.ts';
import { chooseTransports } from './transport-choice.ts';
import { blindTrust, vendorTrust } from './trust.ts';

/** What a client's listeners are called with; for logs and tools, a product needs none of it. */
export type ClientEvents = { readonly [Type in ClientEvent['type']]: Extract<ClientEvent, { type: Type }> };

/** The outcome of an administrative request. */
export interface AdminResult {
  /** One sentence for people. */
  readonly message: string;
  /** Facts that belong to the verb. */
  readonly result: Readonly<Record<string, unknown>>;
}

/** A product's license client: one session at the servers, however many grants it holds. */
export interface Client extends Listenable<ClientEvents>, AsyncDisposable {
  /**
   * Takes seats of a feature. Rejects with a `DenialError` where the servers deny it, with `NO_QUORUM` or `NO_SERVER` where
   * none was in control within `controlWaitMs`, with the signal's reason, or with another code of `clientErrorCodes`.
   */
  checkout(feature: string, options?: CheckoutOptions): Promise<Grant>;
  /**
   * Takes seats of several features, all of them or none; they can't wait in a queue. Gives the grants in the order of `wanted`, each to
   * be checked in on its own. Rejects as {@link Client.checkout} does, with the denial of the first that can't be had.
   */
  checkoutAll(wanted: readonly FeatureWish[], options?: Pick<CheckoutOptions, 'signal'>): Promise<readonly Grant[]>;
  /** One operation under one seat: checks out, runs `operation`, checks in, whatever comes of it. */
  withLicense<Result>(
    feature: string,
    operation: (grant: Grant) => Promise<Result> | Result,
    options?: CheckoutOptions,
  ): Promise<Result>;
  /**
   * Takes seats until a time, for use where no server can be reached, and keeps them in `store`; see `openBorrow`. The same store never
   * costs two seats, whatever crashes on the way. Rejects as {@link Client.checkout} does; with `BORROW_EXISTS` where the store has a borrow
   * that is not over; and with what the store throws. After an error other than a denial the outcome is not known: the next call for the
   * store gives back first what there may be.
   */
  borrow(feature: string, options: BorrowOptions): Promise<Borrowed>;
  /**
   * Gives back what `store` keeps, at whatever server is in control; ends its use in this process first. Resolves where there is nothing,
   * too. Where it fails the borrow is not used any more, and the next call completes it.
   */
  returnBorrow(store: BorrowStore): Promise<void>;
  /** Shows a borrow to servers that may have lost it when they were recovered. Rejects with `REFUSED` where they do not take it. */
  presentBorrow(store: BorrowStore): Promise<void>;
  /** What the server in control reports, through any server that is reached. With the asked server's token users and hosts are shown. */
  status(options?: { readonly token?: string }): Promise<StatusReport>;
  /** An administrative request, sent once, with the token of the server that happens to be asked; for a certain one see `connectTo`. */
  admin(request: AdminRequest, token: string): Promise<AdminResult>;
  /** Checks in all grants and closes all connections. Waits 2 s at most, never rejects, may be repeated. */
  close(): Promise<void>;
  /** {@link Client.close}. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Makes a client. Nothing is dialled before the first call. Throws `INVALID_ARGUMENT`, or `ADDRESS_INVALID` for an address that no transport serves. */
export function createClient(options: ClientOptions): Client {
  return new LicenseClient(options);
}

interface Call {
  resolve(value: unknown): void;
  reject(error: Error): void;
  readonly onQueued: CheckoutOptions['onQueued'];
}

class LicenseClient extends Emitter<ClientEvents> implements Client {
  readonly #runtime: Runtime;
  readonly #logger: Logger;
  readonly #logic: ClientLogic;
  readonly #driver: Driver;
  readonly #calls = new Map<CallId, Call>();
  readonly #borrowing: Borrowing;
  readonly #isBlind: boolean;
  readonly #grants = new Map<Holding, HeldGrant>();
  #nextCall = 1;
  #closed: Promise<void> | undefined;

  constructor(options: ClientOptions) {
    const { servers, identity, logger = silentLogger, runtime = platformRuntime } = options;
    super(logger);
    this.#runtime = runtime;
    this.#logger = logger;
    if (servers.length === 0) throw invalid('servers', 'No server address was given.');
    checkName(identity.user, 'identity.user');
    checkName(identity.host, 'identity.host');
    if (identity.project !== undefined) checkName(identity.project, 'identity.project');
    if (identity.product !== undefined) checkName(identity.product, 'identity.product');
    if (options.vendorKey === undefined && options.insecure !== true) {
      throw invalid(
        'vendorKey',
        'No vendor key was given. Pass the one that is compiled into the product, or insecure: true in a tool.',
      );
    }
    const { schemes, transportFor } = chooseTransports(options.transports, { runtime, logger });
    for (const address of servers) transportFor(address);
    const timing = {
      ...defaultTiming,
      ...(options.controlWaitMs === undefined ? {} : { controlWaitMs: options.controlWaitMs }),
    };
    this.#isBlind = options.vendorKey === undefined;
    this.#borrowing = new Borrowing({
      runtime,
      vendorKey: options.vendorKey,
      host: identity.host,
      ask: (wanted, signal) =>
        this.#call<string>((call) => this.#driver.input({ kind: 'checkout', call, wanted }), { signal }),
      tell: (question) => this.#ask(question),
    });
    this.#logic = new ClientLogic({ addresses: servers, schemes, identity, timing }, runtime.random(entropyBytes));
    this.#driver = new Driver({
      runtime,
      logger,
      transportFor,
      logic: this.#logic,
      trust: options.vendorKey === undefined ? blindTrust() : vendorTrust(options.vendorKey),
      agent: options.agent ?? agentDefault,
      connectTimeoutMs: options.connectTimeoutMs ?? connectTimeoutMsDefault,
      onOutput: (output) => this.#take(output),
    });
  }

  async checkout(feature: string, options: CheckoutOptions = {}): Promise<Grant> {
    const { wait = 0, signal, onQueued } = options;
    const wanted = { ...checkedWish({ ...options, feature }), waitMs: wait };
    checkNumber(wait, 'wait', 0, protocolLimits.waitMsMax);
    signal?.throwIfAborted();
    return this.#call<Grant>((call) => this.#driver.input({ kind: 'checkout', call, wanted }), { signal, onQueued });
  }

  async checkoutAll(
    wanted: readonly FeatureWish[],
    { signal }: Pick<CheckoutOptions, 'signal'> = {},
  ): Promise<readonly Grant[]> {
    const [first, ...more] = wanted.map(checkedWish);
    checkSeveral(wanted);
    if (first === undefined) return [];
    signal?.throwIfAborted();
    if (more.length === 0) return [await this.checkout(first.feature, { ...wanted[0], ...(signal && { signal }) })];
    return this.#call<readonly Grant[]>(
      (call) => this.#driver.input({ kind: 'checkout', call, wanted: { ...first, more, waitMs: 0 } }),
      { signal },
    );
  }

  async borrow(feature: string, options: BorrowOptions): Promise<Borrowed> {
    const { store, signal } = options;
    const wanted = checkedWish({ ...options, feature });
    const ends = checkedEnd(options);
    this.#requireVendorKey();
    signal?.throwIfAborted();
    return this.#borrowing.borrow({ store, wanted, ends, signal });
  }

  async returnBorrow(store: BorrowStore): Promise<void> {
    this.#requireVendorKey();
    await this.#borrowing.giveBack(store);
  }

  presentBorrow(store: BorrowStore): Promise<void> {
    return this.#borrowing.present(store);
  }

  async withLicense<Result>(
    feature: string,
    operation: (grant: Grant) => Promise<Result> | Result,
    options?: CheckoutOptions,
  ): Promise<Result> {
    await using grant = await this.checkout(feature, options);
    return await operation(grant);
  }

  async status(options: { readonly token?: string } = {}): Promise<StatusReport> {
    const message = await this.#ask({ t: 'status', ...options });
    return message.t === 'statusAnswer' ? message.report : unexpected(message.t);
  }

  async admin(request: AdminRequest, token: string): Promise<AdminResult> {
    const message = await this.#ask({ t: 'admin', token, request });
    return message.t === 'adminAnswer' ? { message: message.message, result: message.result } : unexpected(message.t);
  }

  close(): Promise<void> {
    this.#closed ??= this.#call<void>((call) => this.#driver.input({ kind: 'close', call }));
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #requireVendorKey(): void {
    if (!this.#isBlind) return;
    const message =
      "To borrow and to give back needs the vendor's key: without it nobody can tell a token from any other text.";
    throw invalid('vendorKey', message);
  }

  #ask(question: Question): Promise<Extract<CallOutput, { kind: 'answered' }>['message']> {
    return this.#call((call) => this.#driver.input({ kind: 'ask', call, question }));
  }

  /** Begins something that the logic settles under the call's number. */
  #call<Value>(
    begin: (call: CallId) => void,
    options: { readonly signal?: AbortSignal | undefined; readonly onQueued?: CheckoutOptions['onQueued'] } = {},
  ): Promise<Value> {
    const { signal, onQueued } = options;
    const call = this.#nextCall++;
    if (this.#closed !== undefined)
      return Promise.reject(new ClientError('CLOSED', 'The client is closed. Make a new one with createClient.'));
    return new Promise<Value>((resolve, reject) => {
      const giveUp = (): void => {
        if (!this.#calls.delete(call)) return;
        reject(signal?.reason as Error);
        this.#driver.input({ kind: 'abandon', call });
      };
      signal?.addEventListener('abort', giveUp);
      const settled = (): void => signal?.removeEventListener('abort', giveUp);
      this.#calls.set(call, {
        resolve: (value) => {
          settled();
          resolve(value as Value);
        },
        reject: (error) => {
          settled();
          reject(error);
        },
        onQueued,
      });
      begin(call);
    });
  }

  #take(output: CallOutput): void {
    switch (output.kind) {
      case 'granted':
        this.#granted(output.call, [output.holding])?.resolve(this.#grants.get(output.holding));
        break;
      case 'grantedAll':
        this.#granted(output.call, output.holdings)?.resolve(
          output.holdings.map((holding) => this.#grants.get(holding)),
        );
        break;
      case 'borrowed':
        this.#settle(output.call)?.resolve(output.token);
        break;
      case 'queued':
        this.#calls.get(output.call)?.onQueued?.(output.news);
        break;
      case 'answered':
        this.#settle(output.call)?.resolve(output.message);
        break;
      case 'done':
        this.#settle(output.call)?.resolve(undefined);
        break;
      case 'failed':
        this.#settle(output.call)?.reject(errorOf(output.failure));
        break;
      case 'grantEvent':
        this.#grants.get(output.holding)?.take(output.event);
        if (output.event.type === 'ended') this.#grants.delete(output.holding);
        break;
      case 'clientEvent':
        this.emit(output.event.type, output.event);
        break;
    }
  }

  /** The call that is to get what was granted; undefined where it was aborted in the very step in which it was. */
  #granted(call: CallId, holdings: readonly Holding[]): Call | undefined {
    const waiting = this.#settle(call);
    for (const holding of holdings) {
      if (waiting === undefined) void this.#checkin(holding.id).catch(() => undefined);
      else this.#grants.set(holding, this.#newGrant(holding));
    }
    return waiting;
  }

  #newGrant(holding: Holding): HeldGrant {
    return new HeldGrant(holding, {
      logger: this.#logger,
      stateOf: (held) => this.#logic.stateOf(held, this.#driver.clocks()),
      holds: (held) => this.#logic.holds(held, this.#driver.clocks()),
      active: (held) => this.#logic.active(held, this.#driver.clocks()),
      checkin: (id) => this.#checkin(id),
      atMost: (promise, limitMs) => this.#atMost(promise, limitMs),
    });
  }

  #checkin(grant: string): Promise<void> {
    // After close() every grant has ended and its seat is given back or reclaimed.
    if (this.#closed !== undefined) return this.#closed;
    return this.#call<void>((call) => this.#driver.input({ kind: 'checkin', call, grant }));
  }

  #settle(call: CallId): Call | undefined {
    const waiting = this.#calls.get(call);
    this.#calls.delete(call);
    return waiting;
  }

  #atMost(promise: Promise<void>, limitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#runtime.setTimer(limitMs, resolve);
      const done = (): void => {
        timer.cancel();
        resolve();
      };
      promise.then(done, done);
    });
  }
}

function unexpected(what: string): never {
  throw new ClientError(
    'HANDSHAKE_FAILED',
    `The server answered with "${what}", which does not belong to the question.`,
  ) satisfies LicError;
}
