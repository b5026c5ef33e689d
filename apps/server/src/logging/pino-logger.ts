import type { LogFields, Logger } from '@lic/interfaces';
import { runtime } from '@lic/runtime';
import { destination, type Level, type Logger as PinoLogger, pino, stdSerializers } from 'pino';

/** One JSON object a line on stderr: time, level, message, and the facts. */
export function createPinoLogger(level: Level): Logger {
  // Synchronous: the last lines before an exit are the ones that matter. A reader that is gone must not end the server.
  const stream = destination({ fd: 2, sync: true });
  stream.on('error', () => {});
  return adapt(
    pino(
      {
        level,
        base: { pid: process.pid },
        timestamp: () => `,"time":"${new Date(runtime.now()).toISOString()}"`,
        formatters: { level: (label) => ({ level: label }) },
        serializers: { err: stdSerializers.errWithCause },
      },
      stream,
    ),
  );
}

function adapt(logger: PinoLogger): Logger {
  const write =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (message: string, fields?: LogFields): void =>
      logger[level](fields ?? {}, message);
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: (fields) => adapt(logger.child(fields)),
  };
}
