import {
  type CloseReason,
  type Connection,
  errorMessage,
  type Frame,
  isLicError,
  type Logger,
  type Runtime,
} from '@lic/interfaces';
import {
  type ClientMessage,
  decodeClientMessage,
  type ErrorCode,
  encodeServerMessage,
  type HelloMessage,
  type ServerMessage,
  type WelcomeMessage,
} from '@lic/protocol';
import type { ClientLink } from './client-link.ts';
import { errorReply } from './refusals.ts';

/** What a connection may do before it is closed to protect the server. */
export const clientLimits = {
  /** From the connection's beginning to its first frame, ms. A first message that is no hello ends it. */
  helloMsMax: 5_000,
  /** Messages in a row that could not be read, or came out of turn. */
  badMessagesMax: 16,
} as const;

/** Who does what clients ask for. */
export interface ClientHandlers {
  /** Answers a hello. Throws `PROTOCOL_UNSUPPORTED`. */
  welcome(hello: HelloMessage): Promise<WelcomeMessage>;
  /** The welcome was sent: from now on the client is told of changes. What changed since the welcome was written is told now. */
  greeted(link: ClientLink, welcome: WelcomeMessage): void;
  /** A message after the hello. */
  message(link: ClientLink, message: Exclude<ClientMessage, HelloMessage>): void;
  closed(link: ClientLink, reason: CloseReason): void;
}

/** What the hub is given. */
export interface ClientHubParts {
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly handlers: ClientHandlers;
  /** A connection whose first frame is binary is a peer's. */
  acceptPeer(connection: Connection, firstFrame: Uint8Array): void;
}

/** All connections of clients: tells clients from peers, greets them, and gives their messages on. */
export class ClientHub {
  readonly #parts: ClientHubParts;
  readonly #links = new Set<HubLink>();
  /** Connections that have not said anything yet. */
  readonly #silent = new Set<Connection>();
  #nextId = 1;

  constructor(parts: ClientHubParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#links.size;
  }

  /** Takes over an accepted connection. */
  accept(connection: Connection): void {
    const timer = this.#parts.runtime.setTimer(clientLimits.helloMsMax, () => connection.close(), { keepAlive: false });
    const heard = (): void => {
      timer.cancel();
      this.#silent.delete(connection);
    };
    this.#silent.add(connection);
    connection.onClose(heard);
    connection.onFrame((frame) => {
      heard();
      if (typeof frame === 'string') this.#addClient(connection).receive(frame);
      else this.#parts.acceptPeer(connection, frame);
    });
  }

  /** Tells every client that was greeted. */
  broadcast(message: ServerMessage): void {
    const text = encodeServerMessage(message);
    for (const link of this.#links) if (link.isGreeted) link.sendText(text);
  }

  closeAll(): void {
    for (const link of this.#links) link.close();
    for (const connection of this.#silent) connection.close();
  }

  #addClient(connection: Connection): HubLink {
    const link = new HubLink(this.#nextId++, connection, this.#parts);
    this.#links.add(link);
    connection.onClose((reason) => {
      this.#links.delete(link);
      link.ended(reason);
      this.#parts.handlers.closed(link, reason);
    });
    connection.onFrame((frame) => link.receive(frame));
    return link;
  }
}

class HubLink implements ClientLink {
  readonly id: number;
  readonly remote: string;
  isGreeted = false;
  end: CloseReason | undefined;
  readonly #connection: Connection;
  readonly #parts: ClientHubParts;
  #isGreeting = false;
  /** This server has closed it: what still arrives is not read. */
  #isClosed = false;
  #badMessages = 0;

  constructor(id: number, connection: Connection, parts: ClientHubParts) {
    this.id = id;
    this.remote = connection.remote;
    this.#connection = connection;
    this.#parts = parts;
  }

  get isOpen(): boolean {
    return !this.#isClosed && this.end === undefined;
  }

  send(message: ServerMessage): void {
    this.sendText(encodeServerMessage(message));
  }

  sendText(text: string): void {
    if (this.isOpen) this.#connection.send(text);
  }

  close(): void {
    this.#isClosed = true;
    this.#connection.close();
  }

  ended(reason: CloseReason): void {
    this.end = reason;
  }

  receive(frame: Frame): void {
    if (!this.isOpen) return;
    if (typeof frame !== 'string') {
      this.#refuse('BAD_MESSAGE', 'A client speaks JSON in text frames; this one was binary.', {});
      return;
    }
    let message: ClientMessage;
    try {
      message = decodeClientMessage(frame);
    } catch (error) {
      const details = isLicError(error) ? error.details : {};
      this.#refuse('BAD_MESSAGE', errorMessage(error), details);
      return;
    }
    if (message.t === 'hello') {
      if (this.#isGreeting) this.#refuse('HELLO_EXPECTED', 'A connection says hello once; open another one.', {});
      else void this.#greet(message);
    } else if (this.isGreeted) {
      this.#badMessages = 0;
      this.#parts.handlers.message(this, message);
    } else {
      this.#refuse(
        'HELLO_EXPECTED',
        'The first message of a connection is a hello, and its welcome is awaited.',
        message,
      );
    }
  }

  async #greet(hello: HelloMessage): Promise<void> {
    this.#isGreeting = true;
    try {
      const welcome = await this.#parts.handlers.welcome(hello);
      this.isGreeted = true;
      this.send(welcome);
      this.#parts.handlers.greeted(this, welcome);
    } catch (error) {
      const code = isLicError(error, 'PROTOCOL_UNSUPPORTED') ? 'PROTOCOL_UNSUPPORTED' : 'INTERNAL';
      if (code === 'INTERNAL') this.#parts.logger.error('a welcome could not be made', { err: error });
      this.send(errorReply(code, errorMessage(error), isLicError(error) ? { details: { ...error.details } } : {}));
      this.close();
    }
  }

  #refuse(code: ErrorCode, message: string, facts: object): void {
    const { id, ...details } = facts as { readonly id?: unknown };
    this.send(
      errorReply(code, message, {
        ...(typeof id === 'number' ? { id } : {}),
        ...(code === 'BAD_MESSAGE' ? { details } : {}),
      }),
    );
    this.#badMessages++;
    if (this.#badMessages < clientLimits.badMessagesMax && (this.isGreeted || this.#isGreeting)) return;
    this.#parts.logger.warn('a client was turned away', { remote: this.remote, code });
    this.close();
  }
}
