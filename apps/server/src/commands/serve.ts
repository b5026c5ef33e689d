import { errorCode, errorMessage } from '@lic/interfaces';
import { readServerConfig, timingOf } from '../config/server-config.ts';
import { createPinoLogger } from '../logging/pino-logger.ts';
import { print } from '../output/print.ts';
import { composeServer, runServer, type StopReason } from '../serve/serve.ts';

/** Options of `lic serve`. */
export interface ServeOptions {
  readonly config: string;
  readonly new?: boolean;
  readonly json?: boolean;
  readonly exitWithParent?: boolean;
}

/** `lic serve`: one server, until SIGTERM or SIGINT. */
export async function serve(options: ServeOptions): Promise<number> {
  const config = await readServerConfig(options.config);
  const logger = createPinoLogger(config.logLevel);
  const stopped = stopSignal(options.exitWithParent === true);
  process.on('uncaughtException', (error) => {
    logger.error('an error that nobody handled ends this server', { err: error });
    process.exit(1);
  });
  if (config.allowShortLeases) logger.warn('leases under 10 s are honoured (allowShortLeases): for tests only');
  const server = await composeServer(config, { isNew: options.new === true, logger });
  try {
    await server.start();
  } catch (error) {
    logger.error('this server could not start', { code: errorCode(error), reason: errorMessage(error) });
    process.exit(errorCode(error) === 'ADDRESS_INVALID' ? 2 : 1);
  }
  if (options.json === true) {
    print(JSON.stringify({ ready: true, pid: process.pid, addresses: server.addresses }));
  }
  const code = await runServer(server, {
    logger,
    stopped,
    electionTimeoutMaxMs: timingOf(config.profile).electionTimeoutMaxMs,
  });
  // Whatever still keeps the process alive (a client that does not close) has had its time.
  process.exit(code);
}

/** Resolves at the first SIGTERM or SIGINT, or where the parent is gone: its end of our standard input closes. */
function stopSignal(exitWithParent: boolean): Promise<StopReason> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => resolve(signal));
    if (!exitWithParent) return;
    process.stdin.on('end', () => resolve('parent'));
    process.stdin.on('error', () => resolve('parent'));
    process.stdin.resume();
  });
}
