import type { LogFields, Logger } from '@lic/interfaces';

/** A line of a log. */
export interface LogLine {
  readonly atMs: number;
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: LogFields | undefined;
}

/** A logger that keeps the newest lines. */
export interface KeepingLogger extends Logger {
  readonly lines: readonly LogLine[];
}

/** A run may be long: so many lines tell what happened last. */
const linesMax = 10_000;

/** `nowMs`: the time that lines are stamped with. `onLine` is called with each. */
export function keepingLogger(nowMs: () => number, onLine?: (line: LogLine) => void): KeepingLogger {
  const lines: LogLine[] = [];
  const at = (level: LogLine['level']) => (message: string, fields?: LogFields) => {
    const line = { atMs: nowMs(), level, message, fields };
    lines.push(line);
    onLine?.(line);
    if (lines.length > linesMax) lines.splice(0, linesMax / 10);
  };
  const logger: KeepingLogger = {
    lines,
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: () => logger,
  };
  return logger;
}
