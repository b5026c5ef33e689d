import { LicError } from '@lic/interfaces';

/**
 * Where a product keeps a borrow between its runs: a file (`@lic/client/node`), a row, a browser's storage. One store is for one borrow at a
 * time. The text is opaque; a change of it is noticed.
 */
export interface BorrowStore {
  /** What was saved last; undefined: nothing. */
  load(): Promise<string | undefined>;
  /** Resolves once the text would outlast a crash. */
  save(text: string): Promise<void>;
  /** Nothing is kept any more. */
  remove(): Promise<void>;
}

/** What a store keeps, as JSON. An id is the client's own of a borrow. */
export type KeptBorrow =
  /** Asked for under this id; whether it was granted is not known. */
  | { readonly pending: string }
  /** Borrowed. `markMs`: the latest time that was seen, UTC ms (triad.md, Borrow). */
  | { readonly token: string; readonly markMs: number }
  /** Not used any more; whether the servers know is not known. */
  | { readonly returning: string };

/** Reads what a store keeps; undefined: nothing. Throws `BORROW_INVALID` where that is damaged, and what the store throws. */
export async function loadBorrow(store: BorrowStore): Promise<KeptBorrow | undefined> {
  const text = await store.load();
  if (text === undefined) return undefined;
  const kept = keptIn(text);
  if (kept !== undefined) return kept;
  throw new LicError(
    'BORROW_INVALID',
    'What is kept of the borrow is damaged: expected what was saved here. Borrow again while a license server can be reached.',
  );
}

/** Saves what a store is to keep. */
export async function keepBorrow(store: BorrowStore, kept: KeptBorrow): Promise<void> {
  await store.save(JSON.stringify(kept));
}

function keptIn(text: string): KeptBorrow | undefined {
  const { pending, token, markMs, returning } = parsed(text);
  if (typeof token === 'string' && typeof markMs === 'number' && markMs >= 0) return { token, markMs };
  if (typeof pending === 'string') return { pending };
  return typeof returning === 'string' ? { returning } : undefined;
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
