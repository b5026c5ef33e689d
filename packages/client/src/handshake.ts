import {
  type Connection,
  errorCode,
  errorMessage,
  type Frame,
  isLicError,
  type Runtime,
  type Transport,
} from '@lic/interfaces';
import {
  decodeServerMessage,
  type ErrorMessage,
  encodeClientMessage,
  protocolVersions,
  type ServerMessage,
  type WelcomeMessage,
} from '@lic/protocol';
import { ClientError } from './errors.ts';
import { base64url } from './logic/entropy.ts';
import type { Trust } from './trust.ts';

/** What it takes to reach and verify a server. */
export interface HandshakeParts {
  readonly runtime: Runtime;
  readonly transport: Transport;
  readonly trust: Trust;
  /** Name and version of the library or tool, for the server's log. */
  readonly agent: string;
  /** For dial and welcome together, ms. */
  readonly timeoutMs: number;
  readonly keepAlive: boolean;
  readonly signal: AbortSignal;
}

/** A connection whose server has proved what it is. Messages wait until {@link OpenedConnection.receive} is called. */
export interface OpenedConnection {
  readonly connection: Connection;
  readonly welcome: WelcomeMessage;
  /** Sets the one receiver. A message that can't be read ends the connection. */
  receive(receiver: (message: ServerMessage) => void): void;
}

/**
 * Dials `address`, says hello and verifies the welcome. Throws the transport's errors, `SERVER_NOT_TRUSTED`, `PROTOCOL_UNSUPPORTED`,
 * `TIMEOUT` or `HANDSHAKE_FAILED`; then no connection stays behind.
 */
export async function openConnection(address: string, parts: HandshakeParts): Promise<OpenedConnection> {
  const { runtime, transport, trust, agent, timeoutMs, keepAlive, signal } = parts;
  const limit = new AbortController();
  const giveUp = (): void => limit.abort(signal.reason);
  const timer = runtime.setTimer(
    timeoutMs,
    () =>
      limit.abort(
        new ClientError(
          'TIMEOUT',
          `${address} did not answer within ${timeoutMs / 1000} s. Check that the server runs and that no firewall is in between.`,
        ),
      ),
    { keepAlive },
  );
  signal.addEventListener('abort', giveUp);
  let connection: Connection | undefined;
  try {
    signal.throwIfAborted();
    connection = await transport.dial(address, { signal: limit.signal });
    limit.signal.throwIfAborted();
    connection.setKeepAlive(keepAlive);
    const nonce = base64url(runtime.random(32));
    const inbox = new Inbox(connection);
    connection.send(
      encodeClientMessage({
        t: 'hello',
        protocol: { ...protocolVersions },
        nonce,
        agent,
        ...(trust.licenseHash === undefined ? {} : { licenseHash: trust.licenseHash }),
      }),
    );
    const text = await inbox.first(limit.signal);
    const welcome = readWelcome(text, address);
    await trust.check(welcome, JSON.parse(text) as object, nonce);
    limit.signal.throwIfAborted();
    return { connection, welcome, receive: (receiver) => inbox.receive(receiver) };
  } catch (error) {
    connection?.abort();
    throw error;
  } finally {
    timer.cancel();
    signal.removeEventListener('abort', giveUp);
  }
}

/** The frames of a connection from its beginning: the first is awaited, those behind it wait for a receiver. */
class Inbox {
  readonly #connection: Connection;
  readonly #frames: Frame[] = [];
  #onArrival: () => void = () => {};

  constructor(connection: Connection) {
    this.#connection = connection;
    connection.onFrame((frame) => {
      this.#frames.push(frame);
      this.#onArrival();
    });
  }

  first(signal: AbortSignal): Promise<string> {
    return new Promise((resolve, reject) => {
      const take = (): void => {
        const frame = this.#frames.shift();
        this.#onArrival = () => {};
        if (typeof frame === 'string') resolve(frame);
        else reject(notAServer());
      };
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      this.#connection.onClose(({ message }) =>
        reject(new ClientError('HANDSHAKE_FAILED', `The connection ended before the server's welcome: ${message}`)),
      );
      if (this.#frames.length > 0) take();
      else this.#onArrival = take;
    });
  }

  receive(receiver: (message: ServerMessage) => void): void {
    const take = (frame: Frame): void => {
      const message = this.#read(frame);
      if (message !== undefined) receiver(message);
    };
    this.#connection.onFrame(take);
    for (const frame of this.#frames.splice(0)) take(frame);
  }

  /** A server whose words can't be understood may be telling that a grant has ended: it must not be taken for healthy. */
  #read(frame: Frame): ServerMessage | undefined {
    try {
      if (typeof frame === 'string') return decodeServerMessage(frame);
    } catch {
      // It ends like a connection that sent bytes.
    }
    this.#connection.abort();
    return undefined;
  }
}

const notAServer = (): ClientError =>
  new ClientError(
    'HANDSHAKE_FAILED',
    'The server sent bytes where text was expected: is this the port of a license server?',
  );

function readWelcome(text: string, address: string): WelcomeMessage {
  let message: ServerMessage;
  try {
    message = decodeServerMessage(text);
  } catch (cause) {
    throw new ClientError(
      'HANDSHAKE_FAILED',
      `${address} did not answer like a license server: ${errorMessage(cause)}`,
      {},
      cause,
    );
  }
  if (message.t === 'welcome') return message;
  if (message.t === 'error') throw refusal(message, address);
  throw new ClientError('HANDSHAKE_FAILED', `${address} answered the hello with "${message.t}" instead of a welcome.`);
}

function refusal({ code, message, details }: ErrorMessage, address: string): ClientError {
  const known = code === 'PROTOCOL_UNSUPPORTED' ? code : 'HANDSHAKE_FAILED';
  return new ClientError(known, `${address} refused the connection: ${message}`, { ...details, code });
}

/** A failure of {@link openConnection} as the logic knows it. */
export function linkFailure(error: unknown): { readonly code: string; readonly message: string } {
  return { code: isLicError(error) ? error.code : errorCode(error), message: errorMessage(error) };
}
