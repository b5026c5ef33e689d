import type { ClientMessage, ResumeMessage } from '@lic/protocol';
import type { Entropy } from './entropy.ts';
import { Heartbeats } from './heartbeats.ts';
import { Holdings } from './holdings.ts';
import type { Clocks, LinkId } from './inputs.ts';
import type { Emit } from './outputs.ts';
import { RequestLine } from './request-line.ts';
import type { ServerLink } from './server-links.ts';

/** Where the session is bound, or is being bound: a connection and the term that its server then stood in. */
export interface Place {
  readonly link: LinkId;
  readonly term: number;
  /** The server there is a stand-by that passes on to the one in control. */
  readonly isRelay: boolean;
  /** The protocol version that is spoken there. */
  readonly protocol: number;
}

/** A binding under way: a new session's first request, or a resume. */
interface Binding extends Place {
  readonly isOpening: boolean;
  readonly sentMs: number;
}

/** What a session is made with. */
export interface SessionParts {
  readonly entropy: Entropy;
  readonly user: string;
  readonly host: string;
  readonly emit: Emit;
  /** Ids of messages, never used twice by one client. */
  readonly nextId: () => number;
}

/**
 * One client instance at the servers (triad.md, Sessions and the queue): its number of requests, its grants, and the one
 * connection that it is bound to. Knows how to bind, not when: that is the machine's.
 */
export class Session {
  readonly id: string;
  readonly line = new RequestLine();
  readonly holdings: Holdings;
  readonly heartbeats: Heartbeats;
  /** Grants whose checkin or acknowledgement is in the line. */
  readonly releasing = new Set<string>();
  readonly #parts: SessionParts;
  readonly #secret: string;
  /** Ids of resumes without an answer, with the time of sending. */
  readonly #resumesOut = new Map<number, number>();
  #resume: { readonly request: string; attempt: number } | null = null;
  #epoch = 0;
  #bound: Place | null = null;
  #binding: Binding | null = null;
  #mayHaveNewerEpoch = false;
  #bindNotBeforeMs = -Infinity;
  #troubleSinceMs = Infinity;
  #roundTripMs = 0;

  constructor(parts: SessionParts) {
    this.#parts = parts;
    this.id = parts.entropy.id();
    this.#secret = parts.entropy.secret();
    this.holdings = new Holdings(parts.emit);
    this.heartbeats = new Heartbeats((link, number, nowMs) => {
      const idle = (this.#bound?.protocol ?? 1) < 2 ? [] : this.holdings.idle(nowMs);
      const told = idle.length === 0 ? {} : { idle: [...idle] };
      const message = { t: 'heartbeat' as const, session: this.id, epoch: this.#epoch, number, ...told };
      parts.emit({ kind: 'send', link, message });
    });
  }

  get epoch(): number {
    return this.#epoch;
  }

  /** Where it is bound; null while it is not, also while a binding is under way. */
  get bound(): Place | null {
    return this.#bound;
  }

  get binding(): Binding | null {
    return this.#binding;
  }

  get bindNotBeforeMs(): number {
    return this.#bindNotBeforeMs;
  }

  /** How long the newest answer took, ms. */
  get roundTripMs(): number {
    return this.#roundTripMs;
  }

  /** Since when the server that it is bound to says that it has no quorum; Infinity where it does not. */
  get troubleSinceMs(): number {
    return this.#troubleSinceMs;
  }

  /** A repeat of a binding may have committed although its answer was never seen. */
  get mayHaveNewerEpoch(): boolean {
    return this.#mayHaveNewerEpoch || this.#resumesOut.size > 0;
  }

  /** When the oldest thing was sent that should have been answered by now, monotonic ms; Infinity where nothing is awaited. */
  awaitedSinceMs(): number {
    const boundMs = this.#bound === null ? Infinity : Math.min(this.line.oldestOutMs(), this.heartbeats.oldestOutMs());
    return Math.min(boundMs, this.#binding?.sentMs ?? Infinity);
  }

  /** Binds over `link`: with the first request where there is one that never was answered, else with a resume. */
  bind(link: ServerLink, nowMs: number): void {
    this.unbind();
    const isOpening = this.#epoch === 0;
    if (isOpening && this.line.isEmpty) return;
    this.#binding = { ...placeOf(link), isOpening, sentMs: nowMs };
    link.hasBindingOut = true;
    if (isOpening) return;
    this.#resume ??= { request: this.#parts.entropy.id(), attempt: 0 };
    this.#resume.attempt += 1;
    const id = this.#parts.nextId();
    this.#resumesOut.set(id, nowMs);
    const { request, attempt } = this.#resume;
    const message: ResumeMessage = {
      t: 'resume',
      id,
      session: this.id,
      secret: this.#secret,
      epoch: this.#epoch,
      request,
      attempt,
    };
    this.#send(link.id, message);
  }

  /** A quorum's word on what was sent at `sentMs`. */
  confirm(sentMs: number, clocks: Clocks): void {
    this.#troubleSinceMs = Infinity;
    this.#roundTripMs = clocks.monotonicMs - sentMs;
    this.holdings.confirm(sentMs, clocks);
    if (this.#bound !== null) this.holdings.resumed();
  }

  /** The server says that it can't have a quorum's word now. */
  trouble(nowMs: number): void {
    this.#troubleSinceMs = Math.min(this.#troubleSinceMs, nowMs);
  }

  /** Bound nowhere from now on; requests without an answer go again after the next binding. */
  unbind(): void {
    this.#bound = null;
    this.#binding = null;
    this.#troubleSinceMs = Infinity;
    this.line.repeatAll();
    this.heartbeats.reset();
    if (this.holdings.size > 0) this.holdings.reconnecting();
  }

  /** Whether `id` is that of a resume of this session that is still open. */
  isResume(id: number): boolean {
    return this.#resumesOut.has(id);
  }

  /** The answer to a binding: the session is bound there. */
  accept(link: ServerLink, epoch: number): void {
    link.hasBindingOut = false;
    link.isStale = false;
    this.#epoch = epoch;
    this.#bound = placeOf(link);
    this.#binding = null;
  }

  /** The first request was answered: whether copies of it may raise the epoch yet. */
  opened(copies: number): void {
    this.#mayHaveNewerEpoch = copies > 1;
  }

  /** How often the resume under way was sent. */
  get resumeAttempts(): number {
    return this.#resume?.attempt ?? 0;
  }

  /** A resume was answered; gives when it was sent. */
  resumed(id: number): number {
    const sentMs = this.#resumesOut.get(id) ?? -Infinity;
    this.#mayHaveNewerEpoch = (this.#resume?.attempt ?? 0) > 1;
    this.#resumesOut.clear();
    this.#resume = null;
    return sentMs;
  }

  /** A resume was refused in a way that one after `notBeforeMs`, or elsewhere, may mend. */
  resumeFailed(id: number, notBeforeMs: number): void {
    this.#resumesOut.delete(id);
    this.#binding = null;
    this.#bindNotBeforeMs = notBeforeMs;
  }

  /** A newer connection of this session exists, by a repeat of its own: one more resume finds out. */
  seekNewerEpoch(): void {
    this.#mayHaveNewerEpoch = false;
    this.#resumesOut.clear();
    this.unbind();
  }

  /** Sends what may be sent now. */
  flush(nowMs: number): void {
    const place = this.#binding === null ? this.#bound : this.#binding.isOpening ? this.#binding : null;
    if (place === null) return;
    const { link, protocol } = place;
    const { user, host, nextId } = this.#parts;
    const envelope = { session: this.id, epoch: this.#epoch, protocol, opening: { secret: this.#secret, user, host } };
    this.line.flush(nowMs, envelope, nextId, (message) => this.#send(link, message));
  }

  /** Sends a heartbeat where the session is bound. */
  beat(nowMs: number): void {
    if (this.#bound !== null) this.heartbeats.beat(this.#bound.link, nowMs);
  }

  #send(link: LinkId, message: ClientMessage): void {
    this.#parts.emit({ kind: 'send', link, message });
  }
}

const placeOf = (link: ServerLink): Place => ({
  link: link.id,
  term: link.term,
  isRelay: link.state !== 'in-control',
  protocol: link.protocol,
});
