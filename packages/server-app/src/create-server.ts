import { LastingServer } from './life/lasting-server.ts';
import type { Server } from './server.ts';
import type { ServerOptions } from './server-options.ts';

/** Composes a license server. Nothing happens before {@link Server.start}. */
export function createServer(options: ServerOptions): Server {
  return new LastingServer(options);
}
