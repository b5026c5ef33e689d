import { type CheckoutMessage, protocolLimits, type SessionMessage } from '@lic/protocol';
import type { CallId } from './inputs.ts';
import { requestsInFlightMax } from './timing.ts';

type WithoutEnvelope<Message> = Message extends SessionMessage
  ? Omit<Message, 'id' | 'session' | 'seq' | 'awaited' | 'attempt' | 'epoch' | 'opening'>
  : never;

/** What a request asks for, without what makes it safe to repeat. */
export type RequestBody = WithoutEnvelope<SessionMessage>;

/** A command of the session, from its call until a quorum has answered it. */
export interface Request {
  readonly body: RequestBody;
  /** The call that awaits it, if any does. */
  readonly call: CallId | null;
  /** 0 until it is sent first: a number is only taken when nothing can come in between (I5: none may be skipped). */
  seq: number;
  /** The copies sent so far, oldest first. */
  readonly copies: Copy[];
  /** A copy is under way on the connection that the session is bound to. */
  isOut: boolean;
  /** Not sent again before; monotonic ms. */
  notBeforeMs: number;
  /** How often in a row a server had too much to do for it. */
  busyCount: number;
  /** What the servers said last where they did not carry it out. */
  refusal: { readonly code: string; readonly message: string } | null;
}

/** A sent copy of a request. */
export interface Copy {
  /** The message's id, which the answer repeats. */
  readonly id: number;
  /** Monotonic ms. */
  readonly sentMs: number;
}

/** What every message of the session has in common. */
export interface Envelope {
  readonly session: string;
  readonly epoch: number;
  /** The protocol version of the connection: what a server does not know it would refuse. */
  readonly protocol: number;
  readonly opening: NonNullable<CheckoutMessage['opening']>;
}

/**
 * The requests of one session in the order of their numbers, each repeated until it is answered (triad.md, I5): what was
 * sent without an answer goes again, same number, before anything new.
 */
export class RequestLine {
  readonly #fresh: Request[] = [];
  readonly #unanswered = new Map<number, Request>();
  readonly #byId = new Map<number, Request>();
  #nextSeq = 1;
  /** The lowest number without an answer, or the next one. Kept, since the first key of a map that is a queue is slow to find. */
  #awaited = 1;
  #outCount = 0;

  /** No request waits for an answer or to be sent. */
  get isEmpty(): boolean {
    return this.#unanswered.size === 0 && this.#fresh.length === 0;
  }

  /** No number was ever taken: the session does not exist yet at the servers. */
  get isUnused(): boolean {
    return this.#nextSeq === 1;
  }

  /** The session's first request is still without an answer. */
  get isOpening(): boolean {
    return this.#unanswered.has(1);
  }

  /** When the session's first request was sent for the first time, while it is without an answer; monotonic ms. */
  get openingSinceMs(): number {
    return this.#unanswered.get(1)?.copies[0]?.sentMs ?? Infinity;
  }

  /** When the first request that is under way was sent last, monotonic ms; Infinity where none is. */
  oldestOutMs(): number {
    if (this.#outCount === 0) return Infinity;
    const first = this.#unanswered.get(this.#awaited);
    if (first?.isOut === true) return first.copies.at(-1)?.sentMs ?? Infinity;
    for (const request of this.#unanswered.values())
      if (request.isOut) return request.copies.at(-1)?.sentMs ?? Infinity;
    return Infinity;
  }

  add(body: RequestBody, call: CallId | null): Request {
    const request: Request = {
      body,
      call,
      seq: 0,
      copies: [],
      isOut: false,
      notBeforeMs: 0,
      busyCount: 0,
      refusal: null,
    };
    this.#fresh.push(request);
    return request;
  }

  /** Takes a request that was never sent out of the line. */
  drop(request: Request): void {
    const at = this.#fresh.indexOf(request);
    if (at >= 0) this.#fresh.splice(at, 1);
  }

  /** The request that a message with this id carried, while it is without an answer. */
  byId(id: number): Request | undefined {
    return this.#byId.get(id);
  }

  unanswered(seq: number): Request | undefined {
    return this.#unanswered.get(seq);
  }

  /** The request without an answer that took this number, perhaps as one of several. */
  carrying(seq: number): Request | undefined {
    for (let first = seq; first > seq - featuresMax; first--) {
      const request = this.#unanswered.get(first);
      if (request !== undefined) return first + numbersOf(request.body) > seq ? request : undefined;
    }
    return undefined;
  }

  /** A quorum answered it: it is never sent again. */
  answered(request: Request): void {
    if (!this.#unanswered.delete(request.seq)) return;
    this.#setOut(request, false);
    for (const { id } of request.copies) this.#byId.delete(id);
    while (this.#awaited < this.#nextSeq && !this.#unanswered.has(this.#awaited)) this.#awaited += 1;
  }

  /** It was surely not carried out, or nobody knows: it goes again, at `notBeforeMs` or with the next binding. */
  repeat(request: Request, notBeforeMs: number): void {
    this.#setOut(request, false);
    request.notBeforeMs = notBeforeMs;
  }

  /** The connection that carried them is not the session's any more: all go again once it is bound. */
  repeatAll(): void {
    for (const request of this.#unanswered.values()) {
      request.isOut = false;
      request.notBeforeMs = 0;
    }
    this.#outCount = 0;
  }

  /** Whether a request before this one is still without an answer: then a refusal only means that its number came too early. */
  hasEarlier(request: Request): boolean {
    return this.#awaited < request.seq;
  }

  /** All that is in the line, in order; for a session that has ended. */
  all(): Request[] {
    return [...this.#unanswered.values(), ...this.#fresh];
  }

  /**
   * Gives what may be sent now, in order of numbers. A request that has to wait holds up those after it, and the session's
   * first one holds up all: the session's epoch is not known before its answer.
   */
  flush(nowMs: number, envelope: Envelope, nextId: () => number, send: (message: SessionMessage) => void): void {
    if (this.#outCount < this.#unanswered.size) {
      for (const request of this.#unanswered.values()) {
        if (request.isOut) continue;
        if (request.notBeforeMs > nowMs) return;
        this.#send(request, nowMs, envelope, nextId(), send);
      }
    }
    while (this.#fresh.length > 0 && !this.isOpening && this.#unanswered.size < requestsInFlightMax) {
      // A server of an older version would refuse it, and its numbers would be taken: it waits for one that knows it.
      if (envelope.protocol < 2 && !isKnownToFirst(this.#fresh[0]!.body)) return;
      const request = this.#fresh.shift() as Request;
      request.seq = this.#nextSeq;
      this.#nextSeq += numbersOf(request.body);
      this.#unanswered.set(request.seq, request);
      this.#send(request, nowMs, envelope, nextId(), send);
    }
  }

  /** When a request that waits may go again, monotonic ms. */
  nextRepeatMs(): number {
    if (this.#outCount === this.#unanswered.size) return Infinity;
    for (const request of this.#unanswered.values()) if (!request.isOut) return request.notBeforeMs;
    return Infinity;
  }

  #send(
    request: Request,
    nowMs: number,
    envelope: Envelope,
    id: number,
    send: (message: SessionMessage) => void,
  ): void {
    request.copies.push({ id, sentMs: nowMs });
    this.#byId.set(id, request);
    this.#setOut(request, true);
    send(compose(request, id, this.#awaited, envelope));
  }

  #setOut(request: Request, isOut: boolean): void {
    if (request.isOut === isOut) return;
    request.isOut = isOut;
    this.#outCount += isOut ? 1 : -1;
  }
}

/** How many sequence numbers a request takes: a checkout one for each of its features. */
export function numbersOf(body: RequestBody): number {
  return body.t === 'checkout' ? 1 + (body.more?.length ?? 0) : 1;
}

/** Whether a server of protocol version 1 knows such a request. */
function isKnownToFirst(body: RequestBody): boolean {
  return body.t !== 'borrow' && numbersOf(body) === 1;
}

const featuresMax = 1 + protocolLimits.moreFeaturesMax;

/** Written out field by field: an object that is spread first and added to afterwards takes several times as long to make. */
function compose({ body, seq, copies }: Request, id: number, awaited: number, envelope: Envelope): SessionMessage {
  const { session, epoch } = envelope;
  const attempt = copies.length;
  switch (body.t) {
    case 'checkout': {
      const { t, feature, version, count, waitMs } = body;
      const { releasedAt, display, shareKey, countMin, more }: Partial<typeof body> =
        envelope.protocol >= 2 ? body : {};
      const opening = seq === 1 ? envelope.opening : undefined;
      return {
        t,
        id,
        session,
        seq,
        awaited,
        attempt,
        epoch,
        opening,
        feature,
        version,
        releasedAt,
        display,
        shareKey,
        count,
        countMin,
        more,
        waitMs,
      };
    }
    case 'borrow': {
      const { t, borrow, feature, version, releasedAt, display, count, ends } = body;
      const opening = seq === 1 ? envelope.opening : undefined;
      return {
        t,
        id,
        session,
        seq,
        awaited,
        attempt,
        epoch,
        opening,
        borrow,
        feature,
        version,
        releasedAt,
        display,
        count,
        ends,
      };
    }
    case 'cancel':
      return { t: body.t, id, session, seq, awaited, attempt, epoch, checkoutSeq: body.checkoutSeq };
    case 'checkin':
      return { t: body.t, id, session, seq, awaited, attempt, epoch, grant: body.grant };
    case 'acknowledge':
      return { t: body.t, id, session, seq, awaited, attempt, epoch, grants: body.grants };
    case 'goodbye':
      return { t: body.t, id, session, seq, awaited, attempt, epoch };
  }
}
