import type { ErrorMessage, ServerMessage } from '@lic/protocol';
import type { ClientErrorCode } from '../error-codes.ts';
import type { CallId, LinkId, Question } from './inputs.ts';
import type { Emit, Failure } from './outputs.ts';
import type { ServerLink, ServerLinks } from './server-links.ts';

/** What may be asked again is asked elsewhere where it is not answered for so long, ms. */
const askElsewhereMs = 1_000;
/** Where every server has said that it can't answer yet, all are asked again after so long, ms. */
const askAgainMs = 250;

/** A question without an answer. */
interface Open {
  /** Null: nobody waits for it. */
  readonly call: CallId | null;
  readonly question: Question;
  readonly startedMs: number;
  id: number;
  link: LinkId | null;
  sentMs: number;
  /** All have been asked in vain: when to begin anew, monotonic ms; else Infinity. */
  againMs: number;
  /** Servers that could not answer it in this state. */
  readonly askedInVain: Set<LinkId>;
}

/**
 * Questions that belong to no session: `status`, which any server answers; `return` and `present`, which the server in control answers; and
 * administrative requests. The last are sent once, the others again elsewhere until they are answered.
 */
export class Questions {
  readonly #emit: Emit;
  readonly #nextId: () => number;
  readonly #open = new Set<Open>();

  constructor(emit: Emit, nextId: () => number) {
    this.#emit = emit;
    this.#nextId = nextId;
  }

  get size(): number {
    return this.#open.size;
  }

  ask(call: CallId, question: Question, nowMs: number): void {
    this.#add(call, question, nowMs);
  }

  /** Asks where nobody waits for the answer: given up in silence where none comes. */
  tell(question: Question, nowMs: number): void {
    this.#add(null, question, nowMs);
  }

  #add(call: CallId | null, question: Question, nowMs: number): void {
    const sent = { id: 0, link: null, sentMs: 0, againMs: Infinity };
    this.#open.add({ call, question, startedMs: nowMs, ...sent, askedInVain: new Set() });
  }

  /** Gives up; the driver has rejected the promise. */
  abandon(call: CallId): void {
    for (const open of this.#open) if (open.call === call) this.#open.delete(open);
  }

  /** Sends what has no connection yet: to the server in control where one is known, else to any. */
  flush(links: ServerLinks, nowMs: number): void {
    for (const open of this.#open) {
      if (isRepeatable(open) && open.link !== null && nowMs >= open.sentMs + askElsewhereMs) this.#askElsewhere(open);
      if (open.link !== null || (open.againMs < Infinity && nowMs < open.againMs)) continue;
      open.againMs = Infinity;
      const link = this.#linkFor(open, links, nowMs);
      if (link === undefined) continue;
      open.link = link.id;
      open.id = this.#nextId();
      open.sentMs = nowMs;
      this.#emit({ kind: 'send', link: link.id, message: { ...open.question, id: open.id } });
    }
  }

  /** Whom to ask. What only the server in control can answer goes round until there is one. */
  #linkFor(open: Open, links: ServerLinks, nowMs: number): ServerLink | undefined {
    const needsControl = open.question.t === 'return' || open.question.t === 'present';
    const known = [links.best(), ...links.all()].filter((link) => link !== undefined);
    const candidates = needsControl ? known.filter(({ protocol }) => protocol >= 2) : known;
    const link = candidates.find(({ id }) => !open.askedInVain.has(id));
    if (link !== undefined || !needsControl || candidates.length === 0) return link;
    open.askedInVain.clear();
    open.againMs = nowMs + askAgainMs;
    return undefined;
  }

  /** Answers whether the message was one of its own. */
  answered(message: Extract<ServerMessage, { t: 'statusAnswer' | 'adminAnswer' | 'returned' | 'presented' }>): boolean {
    const open = this.#byId(message.id);
    if (open === undefined) return false;
    this.#open.delete(open);
    if (open.call !== null) this.#emit({ kind: 'answered', call: open.call, message });
    return true;
  }

  refused(message: ErrorMessage): boolean {
    const open = message.id === undefined ? undefined : this.#byId(message.id);
    if (open === undefined) return false;
    if (isRepeatable(open) && message.retryable) this.#askElsewhere(open);
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
    for (const open of [...this.#open]) {
      if (open.link !== link) continue;
      if (open.question.t !== 'admin') this.#askElsewhere(open);
      else {
        const message = `The connection ended before the "${open.question.request.verb}" was answered: it may have been carried out. Look with lic status.`;
        this.#fail(open, { code: 'UNKNOWN', message });
      }
    }
  }

  expire(nowMs: number, waitMs: number, failureOf: () => Failure): void {
    for (const open of [...this.#open]) {
      if (nowMs < open.startedMs + waitMs) continue;
      this.#fail(open, open.link === null ? failureOf() : timeout(open.question.t, waitMs));
    }
  }

  failAll(failure: Failure): void {
    for (const open of [...this.#open]) this.#fail(open, failure);
  }

  nextDeadlineMs(waitMs: number): number {
    let nextMs = Infinity;
    for (const { startedMs, sentMs, link, againMs } of this.#open)
      nextMs = Math.min(nextMs, startedMs + waitMs, link === null ? againMs : sentMs + askElsewhereMs);
    return nextMs;
  }

  #askElsewhere(open: Open): void {
    if (open.link !== null) open.askedInVain.add(open.link);
    open.link = null;
  }

  #byId(id: number): Open | undefined {
    for (const open of this.#open) if (open.id === id) return open;
    return undefined;
  }

  #fail(open: Open, failure: Failure): void {
    this.#open.delete(open);
    if (open.call !== null) this.#emit({ kind: 'failed', call: open.call, failure });
  }
}

function isRepeatable({ question }: Open): boolean {
  return question.t !== 'admin';
}

function timeout(what: string, waitMs: number): { code: ClientErrorCode; message: string } {
  return {
    code: 'TIMEOUT',
    message: `The server did not answer the ${what} request within ${waitMs / 1000} s. Try another server.`,
  };
}
