import { type BorrowToken, borrowTimeMs, verifyBorrowToken } from '@lic/core';
import { LicError, type Runtime, type Timer } from '@lic/interfaces';
import { runtime as platformRuntime } from '@lic/runtime';

/** Where a product keeps a borrow between its runs: a file, a row, a browser's storage. The text is opaque; a change of it is noticed. */
export interface BorrowStore {
  /** What was saved last; undefined: nothing. */
  load(): Promise<string | undefined>;
  save(text: string): Promise<void>;
}

/** What {@link openBorrow} takes. */
export interface OpenBorrowOptions {
  readonly store: BorrowStore;
  /** The vendor's public key, compiled into the product. */
  readonly vendorKey: string;
  /** This host, as the borrow named it. */
  readonly host: string;
  /** Default: the platform's, of `@lic/runtime`. */
  readonly runtime?: Runtime;
}

/** Borrowed seats in use, without any server. */
export interface OpenBorrow extends AsyncDisposable {
  readonly borrow: Pick<BorrowToken, 'feature' | 'version' | 'count' | 'user' | 'host' | 'untilMs' | 'vendorData'>;
  /** Whether it is not over yet; computed from the clocks when asked. */
  readonly holds: boolean;
  /** Aborts when it is over. A product is never killed: it is told. */
  readonly signal: AbortSignal;
  /** Notes the time with the token and stops watching it. The borrow stands; to give it back see `lic return`. */
  close(): Promise<void>;
}

/** So often the time is noted with the token, ms: what a clock that is set back after a crash can win at most. */
const markEveryMs = 60_000;

/** What the store keeps, as JSON. */
interface Kept {
  readonly token: string;
  readonly markMs: number;
}

/** Keeps a token as {@link openBorrow} wants it. `sinceMs`: the borrow's own beginning. */
export async function keepBorrow(store: BorrowStore, token: string, sinceMs: number): Promise<void> {
  await store.save(JSON.stringify({ token, markMs: sinceMs }));
}

/**
 * Opens a borrow off line: verified from the vendor's key alone, bound to this host, and not over by the wall clock or by the time that
 * has elapsed since, whichever is first (triad.md, Borrow). Throws `BORROW_UNKNOWN` where the store has none, `BORROW_OVER`, and what
 * `verifyBorrowToken` throws.
 */
export async function openBorrow(options: OpenBorrowOptions): Promise<OpenBorrow> {
  const { store, vendorKey, host, runtime = platformRuntime } = options;
  const { token: text, markMs } = read(await store.load());
  const token = await verifyBorrowToken(text, { vendorPublicKey: vendorKey, host });
  const startMs = Math.max(markMs, token.sinceMs);
  const openedMs = runtime.monotonic();
  const nowMs = () =>
    borrowTimeMs({ wallMs: runtime.now(), markMs: startMs, elapsedMs: runtime.monotonic() - openedMs });
  const over = new AbortController();
  // Once over it stays so, although the wall clock may be set back.
  const look = (): boolean => {
    if (!over.signal.aborted && nowMs() >= token.untilMs) over.abort(overError(token));
    return over.signal.aborted;
  };
  const note = () => store.save(JSON.stringify({ token: text, markMs: over.signal.aborted ? token.untilMs : nowMs() }));

  if (look()) {
    await note();
    throw overError(token);
  }
  let timer: Timer | undefined;
  const watch = (): void => {
    const waitMs = Math.max(1, Math.min(markEveryMs, token.untilMs - nowMs()));
    timer = runtime.setTimer(
      waitMs,
      () => {
        if (!look()) watch();
        // A store that fails now is tried again with the next note; the borrow goes on.
        note().catch(() => undefined);
      },
      { keepAlive: false },
    );
  };
  await note();
  watch();
  const close = async (): Promise<void> => {
    timer?.cancel();
    look();
    await note();
  };
  const { feature, version, count, user, untilMs, vendorData } = token;
  return {
    borrow: { feature, version, count, user, host, untilMs, ...(vendorData === undefined ? {} : { vendorData }) },
    get holds() {
      return !look();
    },
    signal: over.signal,
    close,
    [Symbol.asyncDispose]: close,
  };
}

function read(text: string | undefined): Kept {
  if (text === undefined)
    throw new LicError('BORROW_UNKNOWN', 'Nothing is borrowed here: borrow while a license server can be reached.');
  const { token, markMs } = parse(text) ?? {};
  if (typeof token === 'string' && typeof markMs === 'number' && markMs >= 0) return { token, markMs };
  throw new LicError(
    'BORROW_INVALID',
    'What is kept of the borrow is damaged: expected what was saved here. Borrow again while a license server can be reached.',
  );
}

function parse(text: string): Partial<Kept> | null {
  try {
    return JSON.parse(text) as Partial<Kept> | null;
  } catch {
    return null;
  }
}

function overError({ feature, untilMs }: BorrowToken): LicError {
  const message = `The borrow of "${feature}" is over since ${new Date(untilMs).toISOString()}. Borrow again while a license server can be reached.`;
  return new LicError('BORROW_OVER', message, { details: { feature, untilMs } });
}
