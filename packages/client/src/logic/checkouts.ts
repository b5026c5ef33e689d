import type { WireDenial, WireGrant, WireQueuePlace } from '@lic/protocol';
import type { CallId, Wanted } from './inputs.ts';
import type { Emit, Failure } from './outputs.ts';
import type { Request } from './request-line.ts';
import type { Session } from './session.ts';
import { waitGraceMs } from './timing.ts';

/** A checkout that the product waits for. */
interface Checkout {
  readonly call: CallId;
  readonly wanted: Wanted;
  /** When the product asked; monotonic ms. */
  readonly startedMs: number;
  /** Since when it looks for a server in control: from the call, or from the loss of its queue place. */
  seekingSinceMs: number;
  request: Request;
  /** It has a place in the queue under its request's number. */
  isQueued: boolean;
  /** The product has gone: what is granted now is given back silently. */
  isAbandoned: boolean;
}

/** The checkouts without an outcome, over all sessions of a client. */
export class Checkouts {
  readonly #emit: Emit;
  readonly #byCall = new Map<CallId, Checkout>();
  readonly #queued = new Map<number, Checkout>();
  /** No deadline lies before this; monotonic ms. */
  #nextDeadlineMs = Infinity;
  #wantedCount = 0;

  constructor(emit: Emit) {
    this.#emit = emit;
  }

  /** Checkouts that somebody still waits for. */
  get wantedCount(): number {
    return this.#wantedCount;
  }

  get queuedCount(): number {
    return this.#queued.size;
  }

  get nextDeadlineMs(): number {
    return this.#nextDeadlineMs;
  }

  begin(call: CallId, wanted: Wanted, session: Session, nowMs: number, controlWaitMs: number): void {
    const request = session.line.add(bodyOf(wanted, wanted.waitMs), call);
    this.#put({
      call,
      wanted,
      startedMs: nowMs,
      seekingSinceMs: nowMs,
      request,
      isQueued: false,
      isAbandoned: false,
    });
    this.#nextDeadlineMs = Math.min(this.#nextDeadlineMs, nowMs + controlWaitMs);
  }

  /** Nobody waits for it any more. What was sent is seen through: a number must not be skipped, a seat not be forgotten. */
  abandon(call: CallId, session: Session): void {
    const checkout = this.#byCall.get(call);
    if (checkout === undefined || checkout.isAbandoned) return;
    checkout.isAbandoned = true;
    this.#wantedCount -= 1;
    if (checkout.request.seq === 0) {
      session.line.drop(checkout.request);
      this.#remove(checkout);
    } else if (checkout.isQueued) this.#cancel(checkout, session);
  }

  /** A seat was granted for this number. Answers whether somebody took it. */
  granted(seq: number, request: Request | undefined, grant: WireGrant, session: Session): boolean {
    const checkout = this.#take(seq, request);
    if (checkout === undefined || checkout.isAbandoned) return false;
    this.#emit({ kind: 'granted', call: checkout.call, holding: session.holdings.add(grant) });
    return true;
  }

  /** All seats that a checkout of several features asked for. Answers whether somebody took them. */
  grantedAll(request: Request, grants: readonly WireGrant[], session: Session): boolean {
    const checkout = this.#take(request.seq, request);
    if (checkout === undefined || checkout.isAbandoned) return false;
    const holdings = grants.map((grant) => session.holdings.add(grant));
    this.#emit({ kind: 'grantedAll', call: checkout.call, holdings });
    return true;
  }

  /** The seats are borrowed. Answers whether somebody took the token. */
  borrowed(request: Request, token: string): boolean {
    const checkout = this.#take(request.seq, request);
    if (checkout === undefined || checkout.isAbandoned) return false;
    this.#emit({ kind: 'borrowed', call: checkout.call, token });
    return true;
  }

  queued(seq: number, request: Request | undefined, place: WireQueuePlace, session: Session, nowMs: number): void {
    const checkout = this.#find(seq, request);
    if (checkout === undefined) return;
    if (!checkout.isQueued) {
      checkout.isQueued = true;
      this.#queued.set(seq, checkout);
      this.#nextDeadlineMs = Math.min(this.#nextDeadlineMs, Math.max(nowMs, waitEndMs(checkout)));
      session.heartbeats.force();
    }
    if (checkout.isAbandoned) this.#cancel(checkout, session);
    else this.#emit({ kind: 'queued', call: checkout.call, news: { position: place.position } });
  }

  denied(seq: number, request: Request | undefined, denial: WireDenial): void {
    const checkout = this.#take(seq, request);
    if (checkout !== undefined) this.#fail(checkout, { code: 'DENIED', denial });
  }

  /** The servers refused it for good. */
  refused(request: Request, failure: Failure): void {
    const checkout = this.#take(request.seq, request);
    if (checkout !== undefined) this.#fail(checkout, failure);
  }

  /** What it obtained has ended before the answer came: it is asked for anew. */
  again(seq: number, request: Request | undefined, session: Session, nowMs: number): void {
    const checkout = this.#take(seq, request);
    if (checkout !== undefined) this.#ask(checkout, session, nowMs);
  }

  /** After a resume: places that are not in the list are gone; their checkouts queue anew with the rest of their wait. */
  keepPlaces(standing: ReadonlySet<number>, session: Session, nowMs: number): void {
    for (const [seq, checkout] of [...this.#queued]) {
      if (standing.has(seq)) continue;
      this.#remove(checkout);
      this.#ask(checkout, session, nowMs);
    }
  }

  /**
   * The session has ended with all its places: everything that is still wanted is asked for in `session`, the next one. Gives the ids of
   * borrows that nobody wants any more and that may have been granted.
   */
  moveTo(session: Session, nowMs: number): string[] {
    const forsaken: string[] = [];
    for (const checkout of [...this.#byCall.values()]) {
      const { wanted, isAbandoned } = checkout;
      if (isAbandoned && wanted.borrow !== undefined) forsaken.push(wanted.borrow.borrow);
      this.#remove(checkout);
      this.#ask(checkout, session, nowMs);
    }
    return forsaken;
  }

  /** Fails what has waited too long. `unhealthySinceMs`: since when no server in control answers, or null. */
  expire(
    nowMs: number,
    controlWaitMs: number,
    unhealthySinceMs: number | null,
    session: Session,
    failureOf: (request: Request) => Failure,
  ): void {
    if (nowMs < this.#nextDeadlineMs) return;
    let nextMs = Infinity;
    for (const checkout of this.#byCall.values()) {
      if (checkout.isAbandoned) continue;
      const seekEndMs = this.#seekEndMs(checkout, controlWaitMs, unhealthySinceMs);
      const waitMs = checkout.isQueued ? waitEndMs(checkout) : Infinity;
      if (nowMs < seekEndMs && nowMs < waitMs) {
        nextMs = Math.min(nextMs, seekEndMs, waitMs);
        continue;
      }
      const failure = nowMs >= waitMs ? waitOver(checkout.wanted) : failureOf(checkout.request);
      this.#emit({ kind: 'failed', call: checkout.call, failure });
      this.abandon(checkout.call, session);
    }
    this.#nextDeadlineMs = nextMs;
  }

  /** Contact was lost: queued checkouts have a deadline from now on. */
  lookAgain(): void {
    if (this.#queued.size > 0) this.#nextDeadlineMs = -Infinity;
  }

  failAll(failure: Failure, session: Session): void {
    for (const checkout of [...this.#byCall.values()]) {
      if (checkout.isAbandoned) continue;
      this.#emit({ kind: 'failed', call: checkout.call, failure });
      this.abandon(checkout.call, session);
    }
  }

  #seekEndMs(checkout: Checkout, controlWaitMs: number, unhealthySinceMs: number | null): number {
    if (!checkout.isQueued) return checkout.seekingSinceMs + controlWaitMs;
    return unhealthySinceMs === null ? Infinity : unhealthySinceMs + controlWaitMs;
  }

  #ask(checkout: Checkout, session: Session, nowMs: number): void {
    if (checkout.isAbandoned) return;
    const leftMs = Math.max(0, checkout.startedMs + checkout.wanted.waitMs - nowMs);
    if (checkout.wanted.waitMs > 0 && leftMs === 0) {
      this.#fail(checkout, waitOver(checkout.wanted));
      return;
    }
    // A wait looks for a server in control from the loss of its place on; what never waits has only its first time.
    if (checkout.isQueued) checkout.seekingSinceMs = nowMs;
    checkout.isQueued = false;
    checkout.request = session.line.add(bodyOf(checkout.wanted, leftMs), checkout.call);
    this.#put(checkout);
    this.#nextDeadlineMs = -Infinity;
  }

  #find(seq: number, request: Request | undefined): Checkout | undefined {
    if (request === undefined) return this.#queued.get(seq);
    return request.call === null ? undefined : this.#byCall.get(request.call);
  }

  #take(seq: number, request: Request | undefined): Checkout | undefined {
    const checkout = this.#find(seq, request);
    if (checkout !== undefined) this.#remove(checkout);
    return checkout;
  }

  #put(checkout: Checkout): void {
    this.#byCall.set(checkout.call, checkout);
    this.#wantedCount += 1;
  }

  #remove(checkout: Checkout): void {
    this.#byCall.delete(checkout.call);
    if (checkout.isQueued) this.#queued.delete(checkout.request.seq);
    if (!checkout.isAbandoned) this.#wantedCount -= 1;
  }

  #fail(checkout: Checkout, failure: Failure): void {
    if (!checkout.isAbandoned) this.#emit({ kind: 'failed', call: checkout.call, failure });
  }

  #cancel(checkout: Checkout, session: Session): void {
    session.line.add({ t: 'cancel', checkoutSeq: checkout.request.seq }, null);
    this.#remove(checkout);
  }
}

const waitEndMs = ({ startedMs, wanted }: Checkout): number => startedMs + wanted.waitMs + waitGraceMs;

function bodyOf(wanted: Wanted, waitMs: number): Request['body'] {
  const { feature, version, releasedAt, display, shareKey, count, countMin, more, borrow } = wanted;
  if (borrow !== undefined) return { t: 'borrow', ...borrow, feature, count, version, releasedAt, display };
  return {
    t: 'checkout',
    feature,
    count,
    countMin,
    version,
    releasedAt,
    display,
    shareKey,
    more: more?.map((item) => ({ ...item })),
    waitMs: waitMs > 0 ? waitMs : undefined,
  };
}

function waitOver({ feature, count, waitMs }: Wanted): Failure {
  const message =
    `No seat of "${feature}" became free within ${waitMs / 1000} s. ` +
    'Try again later, wait longer, or ask the administrator who holds the seats (lic status).';
  return { code: 'DENIED', denial: { code: 'WAIT_OVER', feature, message, requested: count } };
}
