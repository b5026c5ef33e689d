/**
 * A license server composed from contracts: give it transports, a consensus engine, a log store, an identity and a
 * signed license. It names no concrete plug-in.
 *
 * @packageDocumentation
 */
export { createServer } from './create-server.ts';
export type { Server, ServerInspection } from './server.ts';
export type { ServerAddresses, ServerOptions } from './server-options.ts';
