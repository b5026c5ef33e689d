import {
  type Connection,
  type DialOptions,
  LicError,
  type Listener,
  type ListenOptions,
  type Transport,
  type TransportContext,
} from '@lic/interfaces';
import type { TransportLimits } from '../transport-suite/transport-world.ts';
import { deliver, MemoryConnection } from './memory-connection.ts';
import {
  breakLink,
  type MemoryLink,
  type MemoryListener,
  type MemoryProcess,
  type NetworkCore,
} from './memory-link.ts';

/** What one transport is made from. */
export interface MemoryTransportOptions {
  readonly core: NetworkCore;
  readonly process: MemoryProcess;
  readonly context: TransportContext;
  readonly limits: TransportLimits;
}

const scheme = 'mem';

/** The transport of one process in a memory network. */
export function memoryTransport(options: MemoryTransportOptions): Transport {
  return {
    schemes: [scheme],
    dial: (address, dialOptions) => dial(options, address, dialOptions ?? {}),
    listen: (address, listenOptions) => listen(options, address, listenOptions),
  };
}

async function dial(options: MemoryTransportOptions, address: string, { signal }: DialOptions): Promise<Connection> {
  const { core, process, context, limits } = options;
  const { host } = parse(address, 1);
  signal?.throwIfAborted();
  // Code of a killed process may still run; the network no longer knows it.
  if (!process.isAlive) return new Promise(() => {});
  const link = core.openLink(process.host, host);
  link.up.onItem = () => {
    const listener = core.listeners.get(address);
    if (listener === undefined) link.down.push({ kind: 'refused' });
    else listener.accept(link);
  };
  return new Promise((resolve, reject) => {
    let isPending = true;
    const settle = (outcome: () => void): void => {
      if (!isPending) return;
      isPending = false;
      timer.cancel();
      signal?.removeEventListener('abort', onAbort);
      outcome();
    };
    const fail = (code: string, message: string): void => settle(() => reject(refused(code, address, message)));
    const onAbort = (): void => settle(() => reject(signal?.reason as Error));
    const timer = context.runtime.setTimer(limits.dialMsMax, () =>
      fail('DIAL_TIMEOUT', `no answer within ${limits.dialMsMax} ms`),
    );
    signal?.addEventListener('abort', onAbort);
    link.down.onItem = ({ kind }) => {
      link.isDialing = false;
      if (kind !== 'accepted') {
        core.release(link);
        return deliver(context.runtime, () =>
          kind === 'refused'
            ? fail('DIAL_REFUSED', 'nobody listens there')
            : fail('DIAL_FAILED', 'the connection was reset'),
        );
      }
      // Given up meanwhile, or its process was killed.
      if (!isPending || !process.isAlive) return link.up.push({ kind: 'reset' });
      const connection = openEnd(options, link, 'dialed', address);
      deliver(context.runtime, () => {
        if (!isPending) connection.abort();
        else settle(() => resolve(connection));
      });
    };
    link.up.push({ kind: 'open' });
  });
}

async function listen(
  options: MemoryTransportOptions,
  address: string,
  listenOptions: ListenOptions,
): Promise<Listener> {
  const { core, process, context, limits } = options;
  const { host, port } = parse(address, 0);
  const bound = `${scheme}://${host}:${port === 0 ? core.freePort() : port}`;
  const problem = listenProblem(options, host, bound);
  if (problem !== undefined)
    throw new LicError('LISTEN_FAILED', `can't listen on ${bound}: ${problem}`, { details: { address: bound } });
  const connectionsMax = listenOptions.connectionsMax ?? limits.connectionsMax;
  const open = new Set<MemoryLink>();
  const listener: MemoryListener = {
    host,
    accept(link) {
      link.down.push({ kind: 'accepted' });
      if (open.size >= connectionsMax) {
        context.logger.warn('connection turned away: connectionsMax reached', { address: bound, connectionsMax });
        return link.down.push({ kind: 'reset' });
      }
      open.add(link);
      const remote = `${scheme}://${core.seenAs(link.hosts[0])}:${core.freePort()}`;
      const connection = openEnd(options, link, 'accepted', remote, () => open.delete(link));
      deliver(context.runtime, () => listenOptions.onConnection(connection));
    },
  };
  core.listeners.set(bound, listener);
  return {
    address: bound,
    close() {
      if (process.isAlive && core.listeners.get(bound) === listener) core.listeners.delete(bound);
      return Promise.resolve();
    },
  };
}

function listenProblem({ core, process }: MemoryTransportOptions, host: string, bound: string): string | undefined {
  if (!process.isAlive) return 'its process was killed';
  if (host !== process.host) return `this host is ${process.host}`;
  return core.listeners.has(bound) ? 'the address is in use' : undefined;
}

/** Makes one end of a link and keeps it there for as long as it lives. */
function openEnd(
  { core, context, limits }: MemoryTransportOptions,
  link: MemoryLink,
  end: 'dialed' | 'accepted',
  remote: string,
  onGone: () => void = () => {},
): MemoryConnection {
  const [out, into] = end === 'dialed' ? [link.up, link.down] : [link.down, link.up];
  const connection = new MemoryConnection({
    remote,
    runtime: context.runtime,
    limits,
    out,
    into,
    isTaken() {
      const isTaken = core.takesConnection();
      if (isTaken) breakLink(link);
      return isTaken;
    },
    onGone() {
      link[end] = undefined;
      onGone();
      core.release(link);
    },
  });
  link[end] = connection;
  return connection;
}

function parse(address: string, portMin: number): { host: string; port: number } {
  const [, host, digits] = /^mem:\/\/([\w.-]+):(\d{1,5})$/.exec(address) ?? [];
  const port = Number(digits);
  if (host === undefined || port > 65_535 || port < portMin)
    throw new LicError('ADDRESS_INVALID', `"${address}" is no address of this transport: write mem://host:port`);
  return { host, port };
}

function refused(code: string, address: string, message: string): LicError {
  return new LicError(code, `can't connect to ${address}: ${message}`, { retryable: true, details: { address } });
}
