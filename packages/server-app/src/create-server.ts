import { LicenseServer } from './license-server.ts';
import type { Server } from './server.ts';
import type { ServerOptions } from './server-options.ts';

/** Composes a license server. Nothing happens before {@link Server.start}. */
export function createServer(options: ServerOptions): Server {
  return new LicenseServer(options);
}
