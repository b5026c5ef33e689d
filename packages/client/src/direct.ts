import { type Logger, type Runtime, silentLogger, type TransportFactory } from '@lic/interfaces';
import {
  type AdminRequest,
  type ClientMessage,
  encodeClientMessage,
  type ServerMessage,
  type StatusReport,
  type WelcomeMessage,
} from '@lic/protocol';
import { runtime as platformRuntime } from '@lic/runtime';
import type { AdminResult } from './client.ts';
import { ClientError } from './errors.ts';
import { openConnection } from './handshake.ts';
import { agentDefault, connectTimeoutMsDefault, type TrustOptions } from './options.ts';
import { chooseTransports } from './transport-choice.ts';
import { blindTrust, vendorTrust } from './trust.ts';

/** What {@link connectTo} takes. */
export type ConnectOptions = TrustOptions & {
  readonly transports: readonly TransportFactory[];
  readonly logger?: Logger;
  readonly runtime?: Runtime;
  /** For dial and welcome together, ms. Default 5 000. */
  readonly connectTimeoutMs?: number;
  /** For each answer, ms. Default 10 000. */
  readonly answerTimeoutMs?: number;
  readonly agent?: string;
  readonly signal?: AbortSignal;
};

/** A connection to one certain server: for status and administration. It has no session. */
export interface ServerConnection extends AsyncDisposable {
  /** What the server said of itself when it was reached. */
  readonly welcome: WelcomeMessage;
  status(options?: { readonly token?: string }): Promise<StatusReport>;
  admin(request: AdminRequest, token: string): Promise<AdminResult>;
  /** Idempotent. */
  close(): void;
}

const answerTimeoutMsDefault = 10_000;

interface Waiting {
  resolve(message: ServerMessage): void;
  reject(error: ClientError): void;
}

/**
 * Connects to the server at `address` and no other. Throws what a dial throws, or `SERVER_NOT_TRUSTED`, `PROTOCOL_UNSUPPORTED`, `TIMEOUT`,
 * `HANDSHAKE_FAILED`. Its questions throw `REFUSED` (with the server's code in `details.code`), `TIMEOUT` or `UNKNOWN`.
 */
export async function connectTo(address: string, options: ConnectOptions): Promise<ServerConnection> {
  const { logger = silentLogger, runtime = platformRuntime } = options;
  const { transportFor } = chooseTransports(options.transports, { runtime, logger });
  const opened = await openConnection(address, {
    runtime,
    transport: transportFor(address),
    trust: options.vendorKey === undefined ? blindTrust() : vendorTrust(options.vendorKey),
    agent: options.agent ?? agentDefault,
    timeoutMs: options.connectTimeoutMs ?? connectTimeoutMsDefault,
    keepAlive: true,
    signal: options.signal ?? new AbortController().signal,
  });
  const { connection, welcome } = opened;
  const answerTimeoutMs = options.answerTimeoutMs ?? answerTimeoutMsDefault;
  const waiting = new Map<number, Waiting>();
  let nextId = 1;

  connection.onClose(({ message }) => {
    for (const { reject } of waiting.values()) {
      reject(new ClientError('UNKNOWN', `The connection to ${address} ended before the answer: ${message}`));
    }
    waiting.clear();
  });
  opened.receive((message) => {
    if (!('id' in message) || message.id === undefined) return;
    const asked = waiting.get(message.id);
    waiting.delete(message.id);
    if (message.t !== 'error') asked?.resolve(message);
    else asked?.reject(new ClientError('REFUSED', message.message, { ...message.details, code: message.code }));
  });

  const ask = (compose: (id: number) => ClientMessage): Promise<ServerMessage> =>
    new Promise((resolve, reject) => {
      const id = nextId++;
      const timer = runtime.setTimer(answerTimeoutMs, () => {
        waiting.delete(id);
        reject(new ClientError('TIMEOUT', `${address} did not answer within ${answerTimeoutMs / 1000} s.`));
      });
      waiting.set(id, {
        resolve: (message) => {
          timer.cancel();
          resolve(message);
        },
        reject: (error) => {
          timer.cancel();
          reject(error);
        },
      });
      connection.send(encodeClientMessage(compose(id)));
    });
  const unexpected = (message: ServerMessage): ClientError =>
    new ClientError(
      'HANDSHAKE_FAILED',
      `${address} answered with "${message.t}", which does not belong to the question.`,
    );

  return {
    welcome,
    async status({ token } = {}) {
      const message = await ask((id) => ({ t: 'status', id, ...(token === undefined ? {} : { token }) }));
      if (message.t !== 'statusAnswer') throw unexpected(message);
      return message.report;
    },
    async admin(request, token) {
      const message = await ask((id) => ({ t: 'admin', id, token, request }));
      if (message.t !== 'adminAnswer') throw unexpected(message);
      return { message: message.message, result: message.result };
    },
    close: () => connection.close(),
    async [Symbol.asyncDispose]() {
      connection.close();
    },
  };
}
