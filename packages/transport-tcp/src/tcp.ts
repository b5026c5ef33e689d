import type { TransportFactory } from '@lic/interfaces';
import { parseAddress } from './address.ts';
import { dialTcp } from './dial.ts';
import { listenTcp } from './listen.ts';
import { limitsOf, type TcpOptions } from './options.ts';

const schemes = ['tcp', 'tls'];

/**
 * Frames over TCP (`tcp://host:port`) and TLS (`tls://host:port`); an IPv6 host stands in brackets. The wire format is
 * described in the package's README. Throws `OPTION_INVALID` where options contradict each other.
 */
export function tcp(options: TcpOptions = {}): TransportFactory {
  const limits = limitsOf(options);
  return (context) => ({
    schemes,
    async dial(address, { signal } = {}) {
      const parsed = parseAddress(address, schemes, 1);
      signal?.throwIfAborted();
      return dialTcp({ address: parsed, options, limits, context, signal });
    },
    async listen(address, listenOptions) {
      return listenTcp({ address: parseAddress(address, schemes, 0), options, limits, context, listenOptions });
    },
  });
}
