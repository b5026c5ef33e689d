import { errorCode, errorMessage, isLicError, type Logger } from '@lic/interfaces';
import {
  type AdminMessage,
  type ClientMessage,
  type ControlHint,
  type ErrorCode,
  errorCodes,
  type HelloMessage,
} from '@lic/protocol';
import type { AdminDesk } from '../admin/admin-desk.ts';
import type { LifeDesk } from '../admin/life-desk.ts';
import { type AdminOutcome, isLifeRequest } from '../admin/verbs.ts';
import type { ControlView } from '../control/control-view.ts';
import type { TermDesk } from '../sessions/term-desk.ts';
import type { StatusDesk } from '../status/status-desk.ts';
import type { ClientLink } from './client-link.ts';
import { consensusErrorReply, errorReply } from './refusals.ts';

/** Who answers what. */
export interface ClientRouterParts {
  readonly logger: Logger;
  readonly adminToken: string;
  readonly view: () => ControlView;
  readonly controlHint: () => ControlHint | null;
  readonly status: StatusDesk;
  /** Undefined while this server serves no sessions. */
  readonly desk: () => TermDesk | undefined;
  /** Undefined while the triad is forming. */
  readonly admin: () => AdminDesk | undefined;
  readonly life: LifeDesk;
}

/** Gives each message of a greeted client to the desk that answers it, or says why none does. */
export class ClientRouter {
  readonly #parts: ClientRouterParts;

  constructor(parts: ClientRouterParts) {
    this.#parts = parts;
  }

  receive(link: ClientLink, message: Exclude<ClientMessage, HelloMessage>): void {
    this.#answer(link, message)?.catch((error: unknown) => this.#fail(link, message, error));
  }

  #answer(link: ClientLink, message: Exclude<ClientMessage, HelloMessage>): Promise<void> | undefined {
    if (message.t === 'status') return this.#sendStatus(link, message.id, message.token);
    if (message.t === 'admin') return this.#runAdmin(link, message);
    const desk = this.#parts.desk();
    if (message.t === 'heartbeat') {
      if (desk !== undefined) return desk.heartbeat(link, message);
      this.#refuseHeartbeat(link, message.number);
    } else if (desk === undefined) this.#refuse(link, message.id);
    else if (message.t === 'return' || message.t === 'present') return desk.borrowed(link, message);
    else return message.t === 'resume' ? desk.resume(link, message) : desk.request(link, message);
    return undefined;
  }

  /** A bug of ours: it costs one connection an answer, never the server its life. */
  #fail(link: ClientLink, message: Exclude<ClientMessage, HelloMessage>, error: unknown): void {
    this.#parts.logger.error('a message could not be answered', { remote: link.remote, t: message.t, err: error });
    const id = 'id' in message ? { id: message.id } : {};
    link.send(errorReply('INTERNAL', `The request failed: ${errorMessage(error)}`, id));
  }

  #refuseHeartbeat(link: ClientLink, number: number): void {
    const { state, isStopping } = this.#parts.view();
    const code = state === 'isolated' && isStopping !== true ? 'NO_QUORUM' : 'NOT_IN_CONTROL';
    link.send({ t: 'heartbeatRefused', number, code, control: this.#parts.controlHint() });
  }

  /** Why this server serves no session now. */
  #refuse(link: ClientLink, id: number): void {
    const { state, trouble, isStopping } = this.#parts.view();
    const control = this.#parts.controlHint();
    if (isStopping === true) {
      link.send(errorReply('NOT_READY', 'This server is stopping. Ask another one.', { id }));
      return;
    }
    if (state === 'isolated' || state === 'standby' || state === 'candidate') {
      link.send(consensusErrorReply({ code: state === 'isolated' ? 'NO_QUORUM' : 'NOT_IN_CONTROL' }, id, control));
      return;
    }
    const what = state === 'in-control' ? 'is about to serve' : `is ${state}`;
    link.send(
      errorReply('NOT_READY', `This server ${what}${trouble === null ? '' : `: ${trouble}`}.`, { id, control }),
    );
  }

  async #sendStatus(link: ClientLink, id: number, token: string | undefined): Promise<void> {
    const isFull = token !== undefined && isSameText(token, this.#parts.adminToken);
    if (token !== undefined && !isFull) this.#refuseToken(link, id, 'status');
    else link.send({ t: 'statusAnswer', id, report: await this.#parts.status.report(isFull) });
  }

  async #runAdmin(link: ClientLink, { id, token, request }: AdminMessage): Promise<void> {
    const { adminToken, admin, life } = this.#parts;
    const desk = admin();
    if (!isSameText(token, adminToken)) this.#refuseToken(link, id, request.verb);
    else if (isLifeRequest(request)) await this.#run(link, id, request.verb, () => life.run(request));
    else if (desk === undefined) this.#refuse(link, id);
    else await this.#run(link, id, request.verb, () => desk.run(request));
  }

  async #run(link: ClientLink, id: number, verb: string, carryOut: () => Promise<AdminOutcome>): Promise<void> {
    this.#parts.logger.info('an administrative verb', { remote: link.remote, verb });
    try {
      const { message, result } = await carryOut();
      link.send({ t: 'adminAnswer', id, message, result });
    } catch (error) {
      const code = errorCode(error);
      const details = isLicError(error) ? error.details : {};
      if (code in errorCodes)
        link.send(errorReply(code as ErrorCode, errorMessage(error), { id, details: { ...details } }));
      else link.send(errorReply('ADMIN_FAILED', errorMessage(error), { id, details: { reason: code, ...details } }));
    }
  }

  #refuseToken(link: ClientLink, id: number, verb: string): void {
    this.#parts.logger.warn('a wrong admin token', { remote: link.remote, verb });
    link.send(
      errorReply('UNAUTHORIZED', "The token is not this server's: it is in the file admin.token of its data folder.", {
        id,
      }),
    );
  }
}

/** Compares without telling by its time where the first difference is. */
function isSameText(a: string, b: string): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let at = 0; at < a.length; at++) difference |= a.charCodeAt(at) ^ b.charCodeAt(at);
  return difference === 0;
}
