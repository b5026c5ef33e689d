import type { CheckoutMessage, ClientMessage, ServerMessage, SessionMessage } from '@lic/protocol';
import { type Answer, base64url, type ScriptedLink } from './scripted-link.ts';

type Message<T extends ServerMessage['t']> = Extract<ServerMessage, { t: T }>;
type Wanted = Partial<Pick<CheckoutMessage, 'feature' | 'count' | 'version' | 'waitMs'>>;
type Envelope = Pick<SessionMessage, 'id' | 'session' | 'seq' | 'awaited' | 'attempt' | 'epoch'>;

/**
 * The bookkeeping of one session, and no more: it numbers its requests and notes its epoch. What is sent, when, on which
 * link and how often is the script's.
 */
export class ScriptedSession {
  readonly id: string;
  readonly secret: string;
  link: ScriptedLink;
  epoch: number;
  seq: number;
  #heartbeats = 0;

  /** A new session, or with `of` a copy of one as it is now. */
  constructor(link: ScriptedLink, of?: Pick<ScriptedSession, 'id' | 'secret' | 'epoch' | 'seq'>) {
    this.link = link;
    this.id = of?.id ?? base64url(link.runtime.random(16));
    this.secret = of?.secret ?? base64url(link.runtime.random(32));
    this.epoch = of?.epoch ?? 0;
    this.seq = of?.seq ?? 0;
  }

  /** The next checkout, not sent. The first of a session opens it. */
  checkoutMessage(wanted: Wanted = {}): CheckoutMessage {
    const { feature = 'compare', count = 1, ...more } = wanted;
    const envelope = this.nextRequest();
    const opening = { secret: this.secret, user: `user of ${this.link.host}`, host: this.link.host };
    return { t: 'checkout', ...envelope, ...(envelope.seq === 1 ? { opening } : {}), feature, count, ...more };
  }

  /** Checks out and answers what came of it. */
  async checkout(wanted: Wanted = {}): Promise<Answer> {
    return this.noting(await this.link.ask(this.checkoutMessage(wanted)));
  }

  /** Checks out; throws where it was not granted. */
  async hold(wanted: Wanted = {}): Promise<Message<'granted'>['grant']> {
    const answer = await this.checkout(wanted);
    if (answer.t !== 'granted') throw new Error(`not granted: ${JSON.stringify(answer)}`);
    return answer.grant;
  }

  checkin(grant: string): Promise<Answer> {
    return this.link.ask({ t: 'checkin', ...this.nextRequest(), grant });
  }

  acknowledge(...grants: string[]): Promise<Answer> {
    return this.link.ask({ t: 'acknowledge', ...this.nextRequest(), grants });
  }

  cancel(checkoutSeq: number): Promise<Answer> {
    return this.link.ask({ t: 'cancel', ...this.nextRequest(), checkoutSeq });
  }

  goodbye(): Promise<Answer> {
    return this.link.ask({ t: 'goodbye', ...this.nextRequest() });
  }

  /** Sends a message of this session once more, perhaps on another link, as its next attempt. */
  async repeat<M extends SessionMessage>(message: M, attempt = message.attempt + 1): Promise<Answer> {
    return this.noting(await this.link.ask({ ...message, id: this.link.nextId(), attempt }));
  }

  resumeMessage(): Extract<ClientMessage, { t: 'resume' }> {
    const { link, secret, epoch } = this;
    const request = base64url(link.runtime.random(16));
    return { t: 'resume', id: link.nextId(), session: this.id, secret, epoch, request, attempt: 1 };
  }

  /** Resumes, on another link if one is given. */
  async resume(link: ScriptedLink = this.link): Promise<Answer> {
    this.link = link;
    return this.noting(await link.ask(this.resumeMessage()));
  }

  /** Sends a heartbeat and answers its number. */
  beat(): number {
    this.#heartbeats++;
    this.link.send({ t: 'heartbeat', session: this.id, epoch: this.epoch, number: this.#heartbeats });
    return this.#heartbeats;
  }

  /** What a heartbeat of that number was answered with so far. */
  beatAnswer(number: number): Message<'heartbeatAnswer'> | Message<'heartbeatRefused'> | undefined {
    return this.link.heard.find(
      (message): message is Message<'heartbeatAnswer'> | Message<'heartbeatRefused'> =>
        (message.t === 'heartbeatAnswer' || message.t === 'heartbeatRefused') && message.number === number,
    );
  }

  /** Notes the epoch that an answer tells. */
  noting<A extends Answer>(answer: A): A {
    if ('epoch' in answer) this.epoch = Math.max(this.epoch, answer.epoch);
    return answer;
  }

  /** What makes the next request of the session one; takes its number. */
  nextRequest(): Envelope {
    this.seq++;
    const { id: session, seq, epoch, link } = this;
    return { id: link.nextId(), session, seq, awaited: seq, attempt: 1, epoch: seq === 1 ? 0 : epoch };
  }
}
