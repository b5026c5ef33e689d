import {
  type Connection,
  type Listener,
  type Runtime,
  silentLogger,
  type Transport,
  type TransportFactory,
} from '@lic/interfaces';
import type { TransportLimits, TransportWorld } from './transport-world.ts';

/** What {@link realTransportWorld} takes. */
export interface RealTransportWorldOptions {
  /** The real one. */
  readonly runtime: Runtime;
  readonly anyPort: string;
  readonly make: (limits: Partial<TransportLimits>) => TransportFactory;
  readonly silentAddress?: () => Promise<string>;
  readonly hangingAddress?: () => Promise<string>;
  /** Called after all connections and listeners are gone. */
  readonly dispose?: () => Promise<void>;
}

/** How long a test waits for one thing before it fails, ms of real time. */
const waitMsMax = 10_000;

/** The world of a transport over a real network: it waits for events with a bound, and leaves nothing open behind. */
export function realTransportWorld({ runtime, make, dispose, ...rest }: RealTransportWorldOptions): TransportWorld {
  const connections: Connection[] = [];
  const listeners: Listener[] = [];
  const transport = (limits: Partial<TransportLimits>): Transport => {
    const inner = make(limits)({ runtime, logger: silentLogger });
    return {
      schemes: inner.schemes,
      async dial(address, options) {
        const connection = await inner.dial(address, options);
        connections.push(connection);
        return connection;
      },
      async listen(address, options) {
        const listener = await inner.listen(address, {
          ...options,
          onConnection(connection) {
            connections.push(connection);
            options.onConnection(connection);
          },
        });
        listeners.push(listener);
        return listener;
      },
    };
  };
  return {
    ...rest,
    dialer: transport,
    acceptor: transport,
    run: (promise) =>
      new Promise((resolve, reject) => {
        const timer = runtime.setTimer(waitMsMax, () => reject(new Error(`still pending after ${waitMsMax} ms`)));
        promise.then(resolve, reject).finally(() => timer.cancel());
      }),
    async dispose() {
      for (const listener of listeners) await listener.close();
      for (const connection of connections) connection.abort();
      await dispose?.();
    },
  };
}
