import type { TransportFactory } from '@lic/interfaces';
import { type FaultControls, faultStateOf } from './fault-controls.ts';
import { FaultyConnection } from './faulty-connection.ts';

/** Wraps a transport, real or not, so that `controls` may delay, hold and drop what it carries. */
export function faultyTransport(factory: TransportFactory, controls: FaultControls): TransportFactory {
  const state = faultStateOf(controls);
  return (context) => {
    const inner = factory(context);
    return {
      schemes: inner.schemes,
      dial: async (address, options) =>
        new FaultyConnection(await inner.dial(address, options), state, context.runtime),
      listen: (address, options) =>
        inner.listen(address, {
          ...options,
          onConnection: (connection) => options.onConnection(new FaultyConnection(connection, state, context.runtime)),
        }),
    };
  };
}
