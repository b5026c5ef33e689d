import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import {
  errorCode,
  errorMessage,
  LicError,
  type Listener,
  type ListenOptions,
  type TransportContext,
} from '@lic/interfaces';
import { WebSocketServer } from 'ws';
import { type Address, formatAddress } from '../address.ts';
import type { WsLimits } from '../limits.ts';
import type { WsOptions } from './options.ts';
import { WsConnection } from './ws-connection.ts';

/** What {@link listenWs} needs. */
export interface ListenWsOptions {
  readonly address: Address;
  readonly options: WsOptions;
  readonly limits: WsLimits;
  readonly context: TransportContext;
  readonly listenOptions: ListenOptions;
}

/** Binds an address. */
export function listenWs(parts: ListenWsOptions): Promise<Listener> {
  const { address, limits, context, listenOptions } = parts;
  const { scheme, host, port } = address;
  const { runtime, logger } = context;
  const connectionsMax = listenOptions.connectionsMax ?? limits.connectionsMax;
  const server = makeServer(parts);
  const wsOptions = {
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: limits.frameBytesMax,
    closeTimeout: limits.lingerMsMax,
  };
  const webSockets = new WebSocketServer(wsOptions);
  let open = 0;
  // Counted from the first byte, or a thousand that never become WebSockets would count as none.
  server.on('connection', (socket: Socket) => {
    if (open >= connectionsMax) {
      logger.warn('connection turned away: connectionsMax reached', { connectionsMax, address: bound() });
      socket.on('error', () => {});
      socket.resetAndDestroy();
      return;
    }
    open++;
    socket.on('close', () => open--);
  });
  server.on('tlsClientError', (error: Error, socket: Socket) => {
    logger.debug('TLS handshake failed', { err: error, remote: socket.remoteAddress });
    socket.destroy();
  });
  server.on('upgrade', (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    webSockets.handleUpgrade(request, stream, head, (webSocket) => {
      const { socket } = request;
      const remote = formatAddress(scheme, socket.remoteAddress, socket.remotePort);
      listenOptions.onConnection(new WsConnection({ webSocket, socket, remote, runtime, limits }));
    });
  });

  function bound(): string {
    const found = server.address();
    return typeof found === 'object' && found !== null
      ? formatAddress(scheme, found.address, found.port)
      : formatAddress(scheme, host, port);
  }

  return new Promise((resolve, reject) => {
    const onError = (error: Error): void => reject(listenFailed(formatAddress(scheme, host, port), error));
    server.once('error', onError);
    server.listen({ host, port, exclusive: true }, () => {
      server.off('error', onError);
      server.on('error', (error) => logger.error('listener failed', { err: error, address: bound() }));
      resolve({
        address: bound(),
        close() {
          // Answers what is still on its way to become a WebSocket with 503.
          webSockets.close();
          // The address is free when this returns; its callback would wait for the open connections.
          server.close();
          return Promise.resolve();
        },
      });
    });
  });
}

function makeServer({ address, options, limits }: ListenWsOptions): Server {
  const { scheme, host, port } = address;
  // Node ends what takes longer to send its request.
  const waits = {
    headersTimeout: limits.handshakeMsMax,
    requestTimeout: limits.handshakeMsMax,
    connectionsCheckingInterval: limits.handshakeMsMax,
  };
  const answer = (request: IncomingMessage, response: ServerResponse): void => explain(scheme, request, response);
  if (scheme === 'ws') return createHttpServer(waits, answer);
  const named = formatAddress(scheme, host, port);
  if (options.tls?.listen === undefined)
    throw listenFailed(named, new Error('a key and a certificate are needed: pass tls.listen to ws()'));
  try {
    const tls = { minVersion: 'TLSv1.3', handshakeTimeout: limits.handshakeMsMax, ...options.tls.listen } as const;
    return createHttpsServer({ ...waits, ...tls }, answer);
  } catch (error) {
    throw listenFailed(named, error);
  }
}

/** Tells a person with a browser, or a health check, what this port is for. */
function explain(scheme: string, { socket }: IncomingMessage, response: ServerResponse): void {
  const here = formatAddress(scheme, socket.localAddress, socket.localPort);
  response.writeHead(426, {
    'Content-Type': 'text/plain; charset=utf-8',
    Upgrade: 'websocket',
    Connection: 'Upgrade, close',
  });
  response.end(`This port speaks WebSocket and nothing else: point a lic client at ${here}\n`);
}

function listenFailed(address: string, cause: unknown): LicError {
  const why =
    { EADDRINUSE: 'the address is in use', EACCES: 'not permitted', EADDRNOTAVAIL: 'this machine has no such address' }[
      errorCode(cause)
    ] ?? errorMessage(cause);
  return new LicError('LISTEN_FAILED', `can't listen on ${address}: ${why}`, { cause, details: { address } });
}
