import { type BorrowToken, borrowTimeMs, verifyBorrowToken } from '@lic/core';
import { LicError, type Runtime, type Timer } from '@lic/interfaces';
import { runtime as platformRuntime } from '@lic/runtime';
import { type BorrowStore, type KeptBorrow, keepBorrow, loadBorrow } from './kept-borrow.ts';

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

/** What is borrowed: from when until when is license time, UTC milliseconds. */
export type Borrowed = Pick<
  BorrowToken,
  'feature' | 'version' | 'count' | 'user' | 'host' | 'sinceMs' | 'untilMs' | 'vendorData'
>;

/** What a token says that is of use to a product. */
export function describe({ feature, version, count, user, host, sinceMs, untilMs, vendorData }: BorrowToken): Borrowed {
  const borrow = { feature, version, count, user, host, sinceMs, untilMs };
  return vendorData === undefined ? borrow : { ...borrow, vendorData };
}

/** Borrowed seats in use, without any server. */
export interface OpenBorrow extends AsyncDisposable {
  readonly borrow: Borrowed;
  /** Whether it is not over yet; computed from the clocks when asked. */
  readonly holds: boolean;
  /** Aborts when it is over. A product is never killed: it is told. */
  readonly signal: AbortSignal;
  /** Notes the time with the token and stops watching it. The borrow stands; to give it back see `lic return`. */
  close(): Promise<void>;
}

/** So often the time is noted with the token, ms: what a clock that is set back after a crash can win at most. */
const markEveryMs = 60_000;

/** The stores that are open in this process, with what ends the use of each. */
const opened = new WeakMap<BorrowStore, Set<() => Promise<void>>>();

/** Ends the use of a store's borrow in this process. Once it resolves nothing of it is saved there any more. */
export async function stopUsing(store: BorrowStore): Promise<void> {
  await Promise.all([...(opened.get(store) ?? [])].map((stop) => stop()));
}

/**
 * Opens a borrow off line: verified from the vendor's key alone, bound to this host, and not over by the wall clock or by the time that
 * has elapsed since, whichever is first (triad.md, Borrow). Throws `BORROW_UNKNOWN` where the store has none, `BORROW_OVER`, and what
 * `verifyBorrowToken` throws.
 */
export async function openBorrow(options: OpenBorrowOptions): Promise<OpenBorrow> {
  const { store, vendorKey, host, runtime = platformRuntime } = options;
  const { token: text, markMs } = await tokenIn(store);
  const token = await verifyBorrowToken(text, { vendorPublicKey: vendorKey, host });
  const startMs = Math.max(markMs, token.sinceMs);
  const openedMs = runtime.monotonic();
  const nowMs = () =>
    borrowTimeMs({ wallMs: runtime.now(), markMs: startMs, elapsedMs: runtime.monotonic() - openedMs });
  const over = new AbortController();
  let timer: Timer | undefined;
  // Once over it stays so, although the wall clock may be set back.
  const look = (): boolean => {
    if (!over.signal.aborted && nowMs() >= token.untilMs) over.abort(overError(token));
    return over.signal.aborted;
  };
  const end = (error: LicError): void => {
    timer?.cancel();
    if (!over.signal.aborted) over.abort(error);
  };
  let isReturned = false;
  let noted: Promise<void> = Promise.resolve();
  /** Notes the time, one note after the other. Another process may have given the borrow back: then it is over here, too. */
  const note = (): Promise<void> => {
    noted = noted
      .catch(() => undefined)
      .then(async () => {
        if (isReturned) return;
        const kept = await loadBorrow(store);
        if (kept === undefined || !('token' in kept) || kept.token !== text) end(returnedError(token));
        else await keepBorrow(store, { token: text, markMs: look() ? token.untilMs : nowMs() });
      });
    return noted;
  };
  const stop = async (): Promise<void> => {
    isReturned = true;
    end(returnedError(token));
    await noted.catch(() => undefined);
  };

  if (look()) {
    await note();
    throw overError(token);
  }
  const stops = opened.get(store) ?? new Set();
  opened.set(store, stops.add(stop));
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
    stops.delete(stop);
    await note();
  };
  return {
    borrow: describe(token),
    get holds() {
      return !look();
    },
    signal: over.signal,
    close,
    [Symbol.asyncDispose]: close,
  };
}

async function tokenIn(store: BorrowStore): Promise<Extract<KeptBorrow, { token: string }>> {
  const kept = await loadBorrow(store);
  if (kept !== undefined && 'token' in kept) return kept;
  const what =
    kept === undefined
      ? 'Nothing is borrowed here'
      : 'pending' in kept
        ? 'Whether the borrow was granted that was asked for here is not known'
        : 'The borrow that was here is being given back';
  throw new LicError('BORROW_UNKNOWN', `${what}: borrow while a license server can be reached.`);
}

function returnedError({ feature }: BorrowToken): LicError {
  return new LicError('BORROW_UNKNOWN', `The borrow of "${feature}" was given back. Borrow again to go on.`, {
    details: { feature },
  });
}

function overError({ feature, untilMs }: BorrowToken): LicError {
  const message = `The borrow of "${feature}" is over since ${new Date(untilMs).toISOString()}. Borrow again while a license server can be reached.`;
  return new LicError('BORROW_OVER', message, { details: { feature, untilMs } });
}
