import type { ErrorMessage, ServerMessage } from '@lic/protocol';
import type { ClientErrorCode } from '../error-codes.ts';
import type { CallId, LinkId, Question } from './inputs.ts';
import type { Emit, Failure } from './outputs.ts';
import type { ServerLinks } from './server-links.ts';

/** A status that is not answered for so long is asked for elsewhere, ms. */
const askElsewhereMs = 1_000;

/** A question without an answer. */
interface Open {
  readonly call: CallId;
  readonly question: Question;
  readonly startedMs: number;
  id: number;
  link: LinkId | null;
  sentMs: number;
  /** Servers that could not answer it in this state. */
  readonly askedInVain: Set<LinkId>;
}

/**
 * Questions that belong to no session: `status`, which any server answers and which may be asked again elsewhere, and
 * administrative requests, which are sent once.
 */
export class Questions {
  readonly #emit: Emit;
  readonly #nextId: () => number;
  readonly #open = new Map<CallId, Open>();

  constructor(emit: Emit, nextId: () => number) {
    this.#emit = emit;
    this.#nextId = nextId;
  }

  get size(): number {
    return this.#open.size;
  }

  ask(call: CallId, question: Question, nowMs: number): void {
    this.#open.set(call, { call, question, startedMs: nowMs, id: 0, link: null, sentMs: 0, askedInVain: new Set() });
  }

  /** Gives up; the driver has rejected the promise. */
  abandon(call: CallId): void {
    this.#open.delete(call);
  }

  /** Sends what has no connection yet: to the server in control where one is known, else to any. */
  flush(links: ServerLinks, nowMs: number): void {
    for (const open of this.#open.values()) {
      if (open.question.t === 'status' && open.link !== null && nowMs >= open.sentMs + askElsewhereMs)
        this.#askElsewhere(open);
      if (open.link !== null) continue;
      const candidates = [links.best(), ...links.all()];
      const link = candidates.find((candidate) => candidate !== undefined && !open.askedInVain.has(candidate.id));
      if (link === undefined) continue;
      open.link = link.id;
      open.id = this.#nextId();
      open.sentMs = nowMs;
      this.#emit({ kind: 'send', link: link.id, message: { ...open.question, id: open.id } });
    }
  }

  /** Answers whether the message was one of its own. */
  answered(message: Extract<ServerMessage, { t: 'statusAnswer' | 'adminAnswer' }>): boolean {
    const open = this.#byId(message.id);
    if (open === undefined) return false;
    this.#open.delete(open.call);
    this.#emit({ kind: 'answered', call: open.call, message });
    return true;
  }

  refused(message: ErrorMessage): boolean {
    const open = message.id === undefined ? undefined : this.#byId(message.id);
    if (open === undefined) return false;
    if (open.question.t === 'status' && message.retryable) this.#askElsewhere(open);
    else
      this.#fail(open, {
        code: 'REFUSED',
        message: message.message,
        details: { ...message.details, code: message.code },
      });
    return true;
  }

  /** A connection has ended: what was asked on it is asked elsewhere, or may have been carried out. */
  linkDown(link: LinkId): void {
    for (const open of [...this.#open.values()]) {
      if (open.link !== link) continue;
      if (open.question.t === 'status') this.#askElsewhere(open);
      else {
        const message = `The connection ended before the "${open.question.request.verb}" was answered: it may have been carried out. Look with lic status.`;
        this.#fail(open, { code: 'UNKNOWN', message });
      }
    }
  }

  expire(nowMs: number, waitMs: number, failureOf: () => Failure): void {
    for (const open of [...this.#open.values()]) {
      if (nowMs < open.startedMs + waitMs) continue;
      this.#fail(open, open.link === null ? failureOf() : timeout(open.question.t, waitMs));
    }
  }

  failAll(failure: Failure): void {
    for (const open of [...this.#open.values()]) this.#fail(open, failure);
  }

  nextDeadlineMs(waitMs: number): number {
    let nextMs = Infinity;
    for (const { startedMs, sentMs, link } of this.#open.values()) {
      nextMs = Math.min(nextMs, startedMs + waitMs, link === null ? Infinity : sentMs + askElsewhereMs);
    }
    return nextMs;
  }

  #askElsewhere(open: Open): void {
    if (open.link !== null) open.askedInVain.add(open.link);
    open.link = null;
  }

  #byId(id: number): Open | undefined {
    for (const open of this.#open.values()) if (open.id === id) return open;
    return undefined;
  }

  #fail(open: Open, failure: Failure): void {
    this.#open.delete(open.call);
    this.#emit({ kind: 'failed', call: open.call, failure });
  }
}

function timeout(what: string, waitMs: number): { code: ClientErrorCode; message: string } {
  return {
    code: 'TIMEOUT',
    message: `The server did not answer the ${what} request within ${waitMs / 1000} s. Try another server.`,
  };
}
