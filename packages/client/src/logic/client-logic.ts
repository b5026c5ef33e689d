import type { EndReason } from '@lic/core';
import type { WelcomeMessage } from '@lic/protocol';
import type { Identity } from '../options.ts';
import { Checkins } from './checkins.ts';
import { Checkouts } from './checkouts.ts';
import { type Scene, takeMessage } from './conversation.ts';
import { Entropy } from './entropy.ts';
import { hopelessFailure, noControlFailure } from './failures.ts';
import type { GrantState, Holding } from './holding.ts';
import type { CallId, Clocks, Input, LinkId } from './inputs.ts';
import type { Failure, Output } from './outputs.ts';
import { Questions } from './questions.ts';
import type { Request } from './request-line.ts';
import { ServerLinks } from './server-links.ts';
import { Session } from './session.ts';
import { isHealthy, nextSteerMs, type SteeringView, steer } from './steering.ts';
import {
  closeWaitMs,
  idleSessionFraction,
  type LogicTiming,
  leaseMsDefault,
  movingMsMax,
  repeatAfterMsDefault,
} from './timing.ts';

/** What a client's logic is made with. */
export interface LogicOptions {
  /** The product's addresses, in the order in which they are tried. */
  readonly addresses: readonly string[];
  /** URL schemes that the driver can dial. */
  readonly schemes: readonly string[];
  readonly identity: Identity;
  readonly timing: LogicTiming;
}

/**
 * The whole conduct of a client as a function of its inputs (architecture.md, Sans-IO): which servers to dial, where the
 * session is bound, what is repeated when, and what every grant's holder is told. No promise, socket, clock or
 * randomness inside; after each step {@link ClientLogic.nextWakeMs} says when it wants to be woken.
 */
export class ClientLogic {
  readonly #options: LogicOptions;
  readonly #entropy = new Entropy();
  readonly #links: ServerLinks;
  readonly #checkouts: Checkouts;
  readonly #questions: Questions;
  readonly #scene: Scene;
  readonly #outputs: Output[] = [];
  readonly #checkins: Checkins;
  #session: Session;
  #clocks: Clocks = { monotonicMs: 0, wallMs: 0 };
  #settings = { repeatAfterMs: repeatAfterMsDefault, leaseMs: leaseMsDefault };
  #nextId = 1;
  /** The server that has announced that control leaves it, until it has or was wrong. */
  #moving: { readonly from: LinkId | undefined; readonly untilMs: number } | null = null;
  #unhealthySinceMs: number | null = null;
  #isKeptAlive = true;
  #closing: { readonly call: CallId; readonly untilMs: number } | null = null;
  #isClosed = false;
  /** Since when the session has nothing to live for but a word that it can't deliver; monotonic ms. */
  #leftoverSinceMs: number | null = null;

  constructor(options: LogicOptions, entropy: Uint8Array) {
    this.#options = options;
    this.#entropy.fill(entropy);
    const emit = (output: Output) => void this.#outputs.push(output);
    this.#links = new ServerLinks({ ...options, entropy: this.#entropy, emit });
    this.#checkouts = new Checkouts(emit);
    this.#checkins = new Checkins(emit);
    this.#questions = new Questions(emit, () => this.#nextId++);
    this.#session = this.#newSession();
    this.#scene = this.#makeScene();
  }

  /** Random bytes in stock; below `entropyBytesMin` an `entropy` input is due before the next step. */
  get entropyLeft(): number {
    return this.#entropy.left;
  }

  /** Takes one input and gives what is to be done, in order. */
  step(input: Input, clocks: Clocks): readonly Output[] {
    if (input.kind === 'entropy') {
      this.#entropy.fill(input.bytes);
      return [];
    }
    this.#clocks = clocks;
    if (!this.#isClosed) {
      this.#take(input);
      if (!this.#isClosed) this.#settle();
    } else if (input.kind === 'close') this.#outputs.push({ kind: 'done', call: input.call });
    return this.#outputs.splice(0);
  }

  /** When `wake` is due, monotonic ms; Infinity: not before another input. */
  nextWakeMs(): number {
    if (this.#isClosed) return Infinity;
    const nowMs = this.#clocks.monotonicMs;
    const { controlWaitMs } = this.#options.timing;
    const session = this.#session;
    return Math.min(
      nextSteerMs(this.#view(), nowMs),
      session.holdings.nextLookMs(nowMs),
      this.#checkouts.nextDeadlineMs,
      this.#questions.nextDeadlineMs(controlWaitMs),
      this.#checkins.nextDeadlineMs(controlWaitMs),
      session.bound === null && session.binding?.isOpening !== true ? Infinity : session.line.nextRepeatMs(),
      this.#beatDueMs(),
      this.#moving?.untilMs ?? Infinity,
      this.#uselessFromMs(),
      this.#closing?.untilMs ?? Infinity,
    );
  }

  stateOf(holding: Holding, clocks: Clocks): GrantState {
    return this.#session.holdings.stateOf(holding, clocks);
  }

  holds(holding: Holding, clocks: Clocks): boolean {
    return this.#session.holdings.holds(holding, clocks);
  }

  /** The product is active with the grant; the next heartbeats say how long that was ago. */
  active(holding: Holding, clocks: Clocks): void {
    this.#session.holdings.active(holding, clocks);
  }

  #take(input: Exclude<Input, { kind: 'entropy' }>): void {
    const nowMs = this.#clocks.monotonicMs;
    switch (input.kind) {
      case 'wake':
        break;
      case 'linkUp':
        this.#linkUp(input.link, input.welcome);
        break;
      case 'linkFailed':
        this.#links.failed(input.link, input.failure, nowMs);
        break;
      case 'linkDown':
        this.#linkDown(input.link, input.reason.kind === 'local', input.reason.message);
        break;
      case 'message': {
        const link = this.#links.get(input.link);
        if (link !== undefined) takeMessage(this.#scene, link, input.message);
        break;
      }
      case 'checkout':
        this.#leaveIdleSession();
        this.#checkouts.begin(input.call, input.wanted, this.#session, nowMs, this.#options.timing.controlWaitMs);
        if (this.#session.bound === null) this.#links.hurry(nowMs);
        break;
      case 'abandon':
        this.#checkouts.abandon(input.call, this.#session);
        this.#questions.abandon(input.call);
        break;
      case 'checkin':
        this.#checkin(input.call, input.grant);
        break;
      case 'ask':
        this.#questions.ask(input.call, input.question, nowMs);
        if (!this.#links.hasOpen) this.#links.hurry(nowMs);
        break;
      case 'close':
        this.#close(input.call);
        break;
    }
  }

  #linkUp(id: LinkId, welcome: WelcomeMessage): void {
    this.#settings = welcome.settings;
    const link = this.#links.up(id, welcome, this.#clocks.monotonicMs);
    if (link === undefined) return;
    const { server, term } = link;
    this.#outputs.push({
      kind: 'clientEvent',
      event: { type: 'connected', server: server.name, rank: server.rank, term },
    });
  }

  #linkDown(id: LinkId, isOurs: boolean, message: string): void {
    const session = this.#session;
    const link = this.#links.down(id, { code: 'DISCONNECTED', message }, this.#clocks.monotonicMs);
    if (link === undefined) return;
    this.#outputs.push({
      kind: 'clientEvent',
      event: { type: 'disconnected', server: link.server.name, why: message },
    });
    this.#questions.linkDown(id);
    const isBound = session.bound?.link === id;
    if (isBound || session.binding?.link === id) session.unbind();
    if (!isBound || !isOurs) return;
    // What this side closes is the end of such a grant (triad.md, Time, `reclaim: disconnect`).
    for (const holding of session.holdings.all()) {
      if (holding.reclaim === 'disconnect') session.holdings.end(holding, 'disconnected');
    }
  }

  #checkin(call: CallId, grant: string): void {
    const session = this.#session;
    const holding = session.holdings.get(grant);
    if (holding === undefined) {
      this.#outputs.push({ kind: 'done', call });
      return;
    }
    // It stops holding before a word is sent (triad.md, Time).
    session.holdings.end(holding, 'checkedIn');
    session.releasing.add(grant);
    session.line.add({ t: 'checkin', grant }, call);
    this.#checkins.begin(call, this.#clocks.monotonicMs);
  }

  #close(call: CallId): void {
    const session = this.#session;
    if (this.#closing !== null) return;
    this.#closing = { call, untilMs: this.#clocks.monotonicMs + closeWaitMs };
    const isKnown =
      !session.line.isUnused && (session.bound !== null || session.holdings.size > 0 || !session.line.isEmpty);
    this.#failAll({ code: 'CLOSED', message: 'The client was closed while this was under way.' });
    for (const holding of session.holdings.all()) session.holdings.end(holding, 'checkedIn');
    if (isKnown) session.line.add({ t: 'goodbye' }, null);
    else this.#finishClose();
  }

  #finishClose(): void {
    if (this.#closing === null || this.#isClosed) return;
    const message =
      'The client was closed before a server confirmed the checkin; the seat comes free when its hold has passed.';
    this.#checkins.failAll({ code: 'CLOSED', message });
    this.#links.rest(null);
    this.#outputs.push({ kind: 'done', call: this.#closing.call });
    this.#isClosed = true;
  }

  /** What follows from any input: what time has brought, where the session belongs, and what may be sent now. */
  #settle(): void {
    const nowMs = this.#clocks.monotonicMs;
    if (this.#session.holdings.look(this.#clocks)) this.#session.heartbeats.force();
    if (this.#moving !== null && (nowMs >= this.#moving.untilMs || this.#session.bound?.link !== this.#moving.from))
      this.#moving = null;
    this.#expire(nowMs);
    if (this.#isClosed) return;
    steer(this.#view(), nowMs);
    this.#noteHealth(nowMs);
    this.#session.flush(nowMs);
    if (nowMs >= this.#beatDueMs()) this.#session.beat(nowMs);
    this.#questions.flush(this.#links, nowMs);
    this.#links.dialDue(nowMs);
    this.#keepAlive();
  }

  #expire(nowMs: number): void {
    const { controlWaitMs } = this.#options.timing;
    const hopeless = hopelessFailure(this.#links);
    if (hopeless !== undefined) this.#failAll(hopeless);
    this.#checkouts.expire(nowMs, controlWaitMs, this.#unhealthySinceMs, this.#session, (request) =>
      this.#failureOf(request),
    );
    const noControl = (): Failure => noControlFailure(this.#links, controlWaitMs);
    this.#questions.expire(nowMs, controlWaitMs, noControl);
    // The requests go on in the background.
    this.#checkins.expire(nowMs, controlWaitMs, noControl);
    if (nowMs >= this.#uselessFromMs()) {
      // Nobody has confirmed them: the seats come free when their hold has passed.
      this.#checkins.failAll(noControl());
      this.#sessionOver('reclaimed');
    }
    if (this.#closing !== null && nowMs >= this.#closing.untilMs) this.#finishClose();
  }

  #failureOf({ refusal }: Request): Failure {
    const { controlWaitMs } = this.#options.timing;
    if (this.#session.bound === null || refusal?.code !== 'BUSY') return noControlFailure(this.#links, controlWaitMs);
    return {
      code: 'BUSY',
      message: `The server in control had too much to do for ${controlWaitMs / 1000} s: ${refusal.message} Try again later.`,
    };
  }

  #failAll(failure: Failure): void {
    this.#checkouts.failAll(failure, this.#session);
    this.#questions.failAll(failure);
  }

  #noteHealth(nowMs: number): void {
    const isWanted = this.#isWanted();
    const isUnhealthy = isWanted && !isHealthy(this.#view(), nowMs);
    if (!isUnhealthy) this.#unhealthySinceMs = null;
    else if (this.#unhealthySinceMs === null) {
      this.#unhealthySinceMs = nowMs;
      this.#checkouts.lookAgain();
    }
    const isLeftover = !isWanted && !this.#session.line.isEmpty && this.#session.bound === null;
    this.#leftoverSinceMs = isLeftover ? (this.#leftoverSinceMs ?? nowMs) : null;
  }

  /** Somebody holds or awaits something of the session. */
  #isWanted(): boolean {
    return this.#session.holdings.size > 0 || this.#checkouts.wantedCount > 0;
  }

  #view(): SteeringView {
    return {
      links: this.#links,
      session: this.#session,
      repeatAfterMs: this.#settings.repeatAfterMs,
      isNeeded: this.#isWanted() || !this.#session.line.isEmpty,
      hasQuestions: this.#questions.size > 0,
      isMoving: this.#moving !== null,
    };
  }

  /**
   * When the session is given up for another: the servers may have ended and forgotten it by then, and must not be asked to
   * begin it a second time (triad.md, Sessions and the queue).
   */
  #uselessFromMs(): number {
    return Math.min(this.#leftoverSinceMs ?? Infinity, this.#session.line.openingSinceMs) + this.#settings.leaseMs;
  }

  #beatDueMs(): number {
    const session = this.#session;
    if (session.bound === null) return Infinity;
    let leaseMs = session.holdings.shortestLeaseMs;
    if (this.#checkouts.queuedCount > 0)
      leaseMs = Math.min(leaseMs, session.heartbeats.toldLeaseMs ?? this.#settings.leaseMs);
    if (leaseMs === Infinity) return Infinity;
    // What a command confirms spares a heartbeat, but not its word of who is idle.
    const confirmedMs = session.holdings.hasActivity ? -Infinity : session.holdings.confirmedMs;
    return session.heartbeats.dueMs(leaseMs, confirmedMs, session.troubleSinceMs < Infinity);
  }

  #keepAlive(): void {
    const on = this.#isWanted() || this.#checkins.size > 0 || this.#questions.size > 0 || this.#closing !== null;
    if (on === this.#isKeptAlive) return;
    this.#isKeptAlive = on;
    this.#outputs.push({ kind: 'keepAlive', on });
  }

  /** A session that holds nothing may be ending at the servers: where it is not surely alive, a new one costs less than asking. */
  #leaveIdleSession(): void {
    const session = this.#session;
    if (this.#isWanted() || !session.line.isEmpty || session.line.isUnused) return;
    const idleMs = this.#clocks.monotonicMs - session.holdings.confirmedMs;
    if (session.bound === null || idleMs > idleSessionFraction * this.#settings.leaseMs)
      this.#session = this.#newSession();
  }

  #sessionOver(reason: EndReason): void {
    const { holdings, line } = this.#session;
    for (const holding of holdings.all()) holdings.end(holding, reason);
    for (const { body, call } of line.all()) {
      if (body.t !== 'checkin' || call === null) continue;
      if (reason === 'superseded') this.#checkins.unknown(call);
      else this.#checkins.done(call);
    }
    this.#session = this.#newSession();
    const nowMs = this.#clocks.monotonicMs;
    for (const borrow of this.#checkouts.moveTo(this.#session, nowMs))
      this.#questions.tell({ t: 'return', borrow }, nowMs);
    this.#finishClose();
  }

  #newSession(): Session {
    const { identity } = this.#options;
    const emit = (output: Output) => void this.#outputs.push(output);
    return new Session({ entropy: this.#entropy, identity, emit, nextId: () => this.#nextId++ });
  }

  #makeScene(): Scene {
    const logic = this;
    return {
      links: this.#links,
      checkouts: this.#checkouts,
      checkins: this.#checkins,
      questions: this.#questions,
      entropy: this.#entropy,
      get clocks() {
        return logic.#clocks;
      },
      get session() {
        return logic.#session;
      },
      get repeatAfterMs() {
        return logic.#settings.repeatAfterMs;
      },
      sessionOver: (reason) => this.#sessionOver(reason),
      goodbyeDone: () => this.#finishClose(),
      moving: (reason, to) => {
        this.#moving = { from: this.#session.bound?.link, untilMs: this.#clocks.monotonicMs + movingMsMax };
        this.#session.holdings.tellAll({ type: 'moving', reason });
        this.#outputs.push({ kind: 'clientEvent', event: { type: 'moving', to, reason } });
      },
    };
  }
}
