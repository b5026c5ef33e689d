import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { type Connection, errorCode, errorMessage, LicError, type TransportContext } from '@lic/interfaces';
import { type Address, formatAddress } from './address.ts';
import type { TcpLimits, TcpOptions } from './options.ts';
import { TcpConnection } from './tcp-connection.ts';

/** What {@link dialTcp} needs. */
export interface DialTcpOptions {
  readonly address: Address;
  readonly options: TcpOptions;
  readonly limits: TcpLimits;
  readonly context: TransportContext;
  readonly signal: AbortSignal | undefined;
}

/** Opens a connection; whatever keeps it from that leaves no socket and no timer behind. */
export function dialTcp({ address, options, limits, context, signal }: DialTcpOptions): Promise<Connection> {
  const { runtime } = context;
  const isTls = address.scheme === 'tls';
  const named = formatAddress(address.scheme, address.host, address.port);
  return new Promise((resolve, reject) => {
    const socket = isTls ? openTls(address, options) : openTcp(address, options);
    const openEvent = isTls ? 'secureConnect' : 'connect';
    const settle = (): void => {
      timer.cancel();
      signal?.removeEventListener('abort', onAbort);
      socket.off('error', onError).off(openEvent, onOpen);
    };
    const fail = (error: Error): void => {
      settle();
      // An error may still be on its way to nobody.
      socket.on('error', () => {});
      socket.destroy();
      reject(error);
    };
    const onAbort = (): void => fail(signal?.reason as Error);
    const onOpen = (): void => {
      settle();
      const remote = formatAddress(address.scheme, socket.remoteAddress, socket.remotePort);
      resolve(new TcpConnection({ socket, remote, isTls, runtime, limits }));
    };
    const onError = (error: Error): void => {
      const isRefused = errorCode(error) === 'ECONNREFUSED';
      const why = isRefused ? 'nobody listens there' : errorMessage(error) || errorCode(error);
      fail(refusal(named, isRefused ? 'DIAL_REFUSED' : 'DIAL_FAILED', why, error));
    };
    const timer = runtime.setTimer(
      limits.dialMsMax,
      () => fail(refusal(named, 'DIAL_TIMEOUT', `no answer within ${limits.dialMsMax} ms`)),
      { keepAlive: false },
    );
    signal?.addEventListener('abort', onAbort);
    socket.once(openEvent, onOpen);
    socket.once('error', onError);
  });
}

function openTcp({ host, port }: Address, { lookup }: TcpOptions): Socket {
  return connectTcp({ host, port, ...(lookup === undefined ? {} : { lookup }) });
}

function openTls({ host, port }: Address, { tls, lookup }: TcpOptions): Socket {
  return connectTls({
    minVersion: 'TLSv1.3',
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(lookup === undefined ? {} : { lookup }),
    ...tls?.dial,
    host,
    port,
  });
}

function refusal(address: string, code: string, why: string, cause?: Error): LicError {
  return new LicError(code, `can't connect to ${address}: ${why}`, { retryable: true, cause, details: { address } });
}
