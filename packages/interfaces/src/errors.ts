const brand = Symbol.for('@lic/error');

/** What a {@link LicError} is made from. */
export interface LicErrorOptions {
  /** Whether trying the same again, perhaps elsewhere, can help. Default `false`. */
  readonly retryable?: boolean;
  /** The error underneath, kept for the log. */
  readonly cause?: unknown;
  /** Machine-readable facts that belong to the code (a field's path, a limit, a hint). Survives `JSON.stringify`. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/**
 * The base of every error that this system throws on purpose. The message says what happened, to what, what was
 * expected and what the person can do; `code` is stable and stands in the docs.
 */
export class LicError extends Error {
  /** Stable, upper-case with underscores. */
  readonly code: string;
  /** Whether trying the same again, perhaps elsewhere, can help. */
  readonly retryable: boolean;
  /** Machine-readable facts that belong to the code. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: string, message: string, options: LicErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'LicError';
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.details = options.details ?? {};
    Object.defineProperty(this, brand, { value: true });
  }
}

/** Whether `error` is a {@link LicError}, also one of another copy of this package; with `code`, of that code. */
export function isLicError(error: unknown, code?: string): error is LicError {
  return (
    typeof error === 'object' &&
    error !== null &&
    brand in error &&
    (code === undefined || (error as { code?: unknown }).code === code)
  );
}

/** The code of any thrown value: its own where it has one (also Node's `ENOENT`), else `INTERNAL`. */
export function errorCode(error: unknown): string {
  const code = typeof error === 'object' && error !== null ? (error as { code?: unknown }).code : undefined;
  return typeof code === 'string' ? code : 'INTERNAL';
}

/** The message of any thrown value. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
