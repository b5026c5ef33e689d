import { silentLogger, type TransportFactory } from '@lic/interfaces';
import type { TransportWorld } from '../transport-suite/transport-world.ts';
import { createVirtualWorld } from '../virtual/virtual-world.ts';
import { createMemoryNetwork } from './memory-network.ts';

/** How much virtual time a test may wait for one thing, ms. */
const waitMsMax = 60_000;

/** What {@link memoryWorld} takes. */
export interface MemoryWorldOptions {
  /** What stands before the transport of the dialing and of the listening host. */
  readonly wrap?: (factory: TransportFactory) => TransportFactory;
}

/** The world in which the memory transport, bare or wrapped, takes the transport suite: two hosts and a silent third. */
export function memoryWorld({ wrap = (factory) => factory }: MemoryWorldOptions = {}): TransportWorld {
  const world = createVirtualWorld({ seed: 1 });
  const network = createMemoryNetwork({ world });
  const make = (host: string, limits: Parameters<typeof network.transport>[1]) =>
    wrap(network.transport(host, limits))({ runtime: world.runtime(host), logger: silentLogger });
  return {
    anyPort: 'mem://acceptor:0',
    dialer: (limits) => make('dialer', limits),
    acceptor: (limits) => make('acceptor', limits),
    async run(promise) {
      let isSettled = false;
      const settled = (): void => {
        isSettled = true;
      };
      promise.then(settled, settled);
      const isDone = await world.run({ until: () => isSettled, forMs: waitMsMax });
      if (!isDone) throw new Error(`still pending after ${waitMsMax} ms of virtual time`);
      return promise;
    },
    async silentAddress() {
      const listener = await make('silent', {}).listen('mem://silent:0', {
        // Once the dialer has been told that it is connected.
        onConnection: () => void world.schedule(100, () => network.halfOpen('dialer', 'silent')),
      });
      return listener.address;
    },
    hangingAddress() {
      network.block('*', 'void');
      return Promise.resolve('mem://void:1');
    },
  };
}
