import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { type Connection, errorCode, errorMessage, LicError, type TransportContext } from '@lic/interfaces';
import { WebSocket } from 'ws';
import { type Address, formatAddress } from '../address.ts';
import type { WsLimits } from '../limits.ts';
import type { WsOptions } from './options.ts';
import { WsConnection } from './ws-connection.ts';

/** What {@link dialWs} needs. */
export interface DialWsOptions {
  readonly address: Address;
  readonly options: WsOptions;
  readonly limits: WsLimits;
  readonly context: TransportContext;
  readonly signal: AbortSignal | undefined;
}

/** Opens a connection; whatever keeps it from that leaves no socket and no timer behind. */
export function dialWs({ address, options, limits, context, signal }: DialWsOptions): Promise<Connection> {
  const { runtime } = context;
  const named = formatAddress(address.scheme, address.host, address.port);
  return new Promise((resolve, reject) => {
    const wsOptions = {
      minVersion: 'TLSv1.3' as const,
      ...(options.lookup === undefined ? {} : { lookup: options.lookup }),
      ...options.tls?.dial,
      perMessageDeflate: false,
      maxPayload: limits.frameBytesMax,
      closeTimeout: limits.lingerMsMax,
    };
    const webSocket = new WebSocket(named, wsOptions);
    let socket: Socket | undefined;
    const settle = (): void => {
      timer.cancel();
      signal?.removeEventListener('abort', onAbort);
      webSocket.removeAllListeners();
    };
    const fail = (error: Error): void => {
      settle();
      // What ws says about being given up.
      webSocket.on('error', () => {});
      webSocket.terminate();
      reject(error);
    };
    const onAbort = (): void => fail(signal?.reason as Error);
    const timer = runtime.setTimer(
      limits.dialMsMax,
      () => fail(refusal(named, 'DIAL_TIMEOUT', `no answer within ${limits.dialMsMax} ms`)),
      { keepAlive: false },
    );
    signal?.addEventListener('abort', onAbort);
    webSocket.once('upgrade', (response: IncomingMessage) => {
      socket = response.socket;
    });
    webSocket.once('open', () => {
      settle();
      if (socket === undefined) throw new TypeError('ws opened without an upgrade');
      const remote = formatAddress(address.scheme, socket.remoteAddress, socket.remotePort);
      resolve(new WsConnection({ webSocket, socket, remote, runtime, limits }));
    });
    webSocket.once('error', (error) => {
      const isRefused = errorCode(error) === 'ECONNREFUSED';
      const why = isRefused ? 'nobody listens there' : errorMessage(error) || errorCode(error);
      fail(refusal(named, isRefused ? 'DIAL_REFUSED' : 'DIAL_FAILED', why, error));
    });
  });
}

function refusal(address: string, code: string, why: string, cause?: Error): LicError {
  return new LicError(code, `can't connect to ${address}: ${why}`, { retryable: true, cause, details: { address } });
}
