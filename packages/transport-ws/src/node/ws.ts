import type { TransportFactory } from '@lic/interfaces';
import { parseAddress } from '../address.ts';
import { limitsOf } from '../limits.ts';
import { dialWs } from './dial.ts';
import { listenWs } from './listen.ts';
import type { WsOptions } from './options.ts';

const schemes = ['ws', 'wss'];

/**
 * Frames as WebSocket messages, over `ws://host:port` and, with TLS, `wss://host:port`; an IPv6 host stands in brackets.
 * Throws `OPTION_INVALID` where options contradict each other.
 */
export function ws(options: WsOptions = {}): TransportFactory {
  const limits = limitsOf(options);
  return (context) => ({
    schemes,
    async dial(address, { signal } = {}) {
      const parsed = parseAddress(address, schemes, 1);
      signal?.throwIfAborted();
      return dialWs({ address: parsed, options, limits, context, signal });
    },
    async listen(address, listenOptions) {
      return listenWs({ address: parseAddress(address, schemes, 0), options, limits, context, listenOptions });
    },
  });
}
