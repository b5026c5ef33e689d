/** Facts beside a log line. Values must survive `JSON.stringify`; an `Error` under `err` is written with its code and stack. */
export type LogFields = Readonly<Record<string, unknown>>;

/** The small logger that packages see. The application decides what stands behind it. No method throws. */
export interface Logger {
  /** For those who debug this product. */
  debug(message: string, fields?: LogFields): void;
  /** What an administrator wants to find afterwards: control gained, a license loaded. */
  info(message: string, fields?: LogFields): void;
  /** Degraded, or about to be: a stand-by lost, a clock alarm. */
  warn(message: string, fields?: LogFields): void;
  /** Something was refused or stopped that should not have been. */
  error(message: string, fields?: LogFields): void;
  /** A logger that adds `fields` to every line. */
  child(fields: LogFields): Logger;
}

/** Says nothing. The default where a caller passes no logger. */
export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLogger,
};
