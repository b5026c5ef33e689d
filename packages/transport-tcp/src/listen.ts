import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import {
  errorCode,
  errorMessage,
  LicError,
  type Listener,
  type ListenOptions,
  type TransportContext,
} from '@lic/interfaces';
import { type Address, formatAddress } from './address.ts';
import type { TcpLimits, TcpOptions } from './options.ts';
import { TcpConnection } from './tcp-connection.ts';

/** What {@link listenTcp} needs. */
export interface ListenTcpOptions {
  readonly address: Address;
  readonly options: TcpOptions;
  readonly limits: TcpLimits;
  readonly context: TransportContext;
  readonly listenOptions: ListenOptions;
}

/** Binds an address. */
export function listenTcp(parts: ListenTcpOptions): Promise<Listener> {
  const { address, limits, context, listenOptions } = parts;
  const { scheme, host, port } = address;
  const { runtime, logger } = context;
  const connectionsMax = listenOptions.connectionsMax ?? limits.connectionsMax;
  const isTls = scheme === 'tls';
  const server = makeServer(parts);
  let open = 0;
  let isClosed = false;
  // Counted from the first byte, or a thousand unfinished handshakes would count as none.
  server.on('connection', (socket: Socket) => {
    if (open >= connectionsMax) {
      logger.warn('connection turned away: connectionsMax reached', { connectionsMax, address: bound() });
      socket.on('error', () => {});
      socket.resetAndDestroy();
      return;
    }
    open++;
    socket.on('close', () => open--);
    if (!isTls) take(socket);
  });
  if (isTls) {
    server.on('secureConnection', take);
    server.on('tlsClientError', (error: Error, socket: Socket) => {
      logger.debug('TLS handshake failed', { err: error, remote: socket.remoteAddress });
      socket.destroy();
    });
  }

  function take(socket: Socket): void {
    // A handshake that was under way when the listener closed.
    if (isClosed) {
      socket.destroy();
      return;
    }
    const remote = formatAddress(scheme, socket.remoteAddress, socket.remotePort);
    listenOptions.onConnection(new TcpConnection({ socket, remote, isTls, runtime, limits }));
  }

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
      const listenAddress = bound();
      resolve({
        address: listenAddress,
        close() {
          isClosed = true;
          // The address is free when this returns; its callback would wait for the open connections.
          server.close();
          return Promise.resolve();
        },
      });
    });
  });
}

function makeServer({ address, options, limits }: ListenTcpOptions): Server {
  // Nothing is read before somebody receives frames.
  if (address.scheme !== 'tls') return createTcpServer({ pauseOnConnect: true });
  const named = formatAddress(address.scheme, address.host, address.port);
  if (options.tls?.listen === undefined)
    throw listenFailed(named, new Error('a key and a certificate are needed: pass tls.listen to tcp()'));
  try {
    // Node ends what takes longer for its handshake.
    return createTlsServer({ minVersion: 'TLSv1.3', handshakeTimeout: limits.handshakeMsMax, ...options.tls.listen });
  } catch (error) {
    throw listenFailed(named, error);
  }
}

function listenFailed(address: string, cause: unknown): LicError {
  const why =
    { EADDRINUSE: 'the address is in use', EACCES: 'not permitted', EADDRNOTAVAIL: 'this machine has no such address' }[
      errorCode(cause)
    ] ?? errorMessage(cause);
  return new LicError('LISTEN_FAILED', `can't listen on ${address}: ${why}`, { cause, details: { address } });
}
