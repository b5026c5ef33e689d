import { LicError, type Logger, type Runtime, type Transport, type TransportFactory } from '@lic/interfaces';
import { ClientError } from './errors.ts';

/** The transports of a client by the schemes that they serve. */
export interface TransportChoice {
  readonly schemes: readonly string[];
  /** Throws `ADDRESS_INVALID` where no transport serves the address. */
  transportFor(address: string): Transport;
}

/** Builds the transports; the first that serves a scheme has it. */
export function chooseTransports(
  factories: readonly TransportFactory[],
  context: { runtime: Runtime; logger: Logger },
): TransportChoice {
  if (factories.length === 0) {
    throw new ClientError('INVALID_ARGUMENT', 'No transport was given. Pass at least one, e.g. transports: [tcp()].', {
      argument: 'transports',
    });
  }
  const byScheme = new Map<string, Transport>();
  for (const factory of factories) {
    const transport = factory(context);
    for (const scheme of transport.schemes) if (!byScheme.has(scheme)) byScheme.set(scheme, transport);
  }
  const schemes = [...byScheme.keys()];
  return {
    schemes,
    transportFor(address) {
      const transport = byScheme.get(address.slice(0, Math.max(0, address.indexOf('://'))));
      if (transport !== undefined) return transport;
      throw new LicError(
        'ADDRESS_INVALID',
        `No transport serves the address "${address}". Known schemes: ${schemes.join(', ')}; expected for example ${schemes[0]}://host:7411.`,
        { details: { address, schemes } },
      );
    },
  };
}
