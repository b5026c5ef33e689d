export type { ServerAddresses, ServerOptions } from './server-options.ts';
