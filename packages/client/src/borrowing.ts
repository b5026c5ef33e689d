import { type BorrowToken, verifyBorrowToken } from '@lic/core';
import { isLicError, LicError, type Runtime } from '@lic/interfaces';
import { isDenialError } from './errors.ts';
import { type BorrowStore, type KeptBorrow, keepBorrow, loadBorrow } from './kept-borrow.ts';
import { base64url } from './logic/entropy.ts';
import type { Question, Wanted, WantedFeature } from './logic/inputs.ts';
import { type Borrowed, describe, stopUsing } from './open-borrow.ts';

/** What borrowing needs of a client. */
export interface BorrowingParts {
  readonly runtime: Runtime;
  /** Undefined: no token can be checked, so nothing is borrowed. */
  readonly vendorKey: string | undefined;
  readonly host: string;
  /** Asks for seats until it is answered; gives the token. */
  readonly ask: (wanted: Wanted, signal: AbortSignal | undefined) => Promise<string>;
  /** Asks the server in control what needs no session. */
  readonly tell: (question: Question) => Promise<unknown>;
}

/** What is borrowed, and where it is kept. */
export interface BorrowWish {
  readonly store: BorrowStore;
  readonly wanted: WantedFeature;
  readonly ends: { readonly inMs: number } | { readonly atMs: number };
  readonly signal: AbortSignal | undefined;
}

/**
 * Borrows, and gives back, so that a crash at any point costs no second seat: what is asked for stands in the store before it is asked, and
 * what is given back does no more before the servers hear of it.
 */
export class Borrowing {
  readonly #parts: BorrowingParts;

  constructor(parts: BorrowingParts) {
    this.#parts = parts;
  }

  borrow(wish: BorrowWish): Promise<Borrowed> {
    return inTurn(wish.store, () => this.#borrow(wish));
  }

  async #borrow({ store, wanted, ends, signal }: BorrowWish): Promise<Borrowed> {
    await this.#empty(store);
    signal?.throwIfAborted();
    const borrow = base64url(this.#parts.runtime.random(16));
    await keepBorrow(store, { pending: borrow });
    if (signal?.aborted === true) {
      // Nobody was asked yet.
      await store.remove();
      signal.throwIfAborted();
    }
    const text = await this.#ask({ ...wanted, waitMs: 0, borrow: { borrow, ends } }, store, signal);
    const token = await this.#verified(text, store, borrow);
    await keepBorrow(store, { token: text, markMs: token.sinceMs });
    return describe(token);
  }

  /** Gives back what the store keeps, and empties it. Nothing is borrowed any more afterwards, whatever was before. */
  giveBack(store: BorrowStore): Promise<void> {
    return inTurn(store, () => this.#giveBack(store));
  }

  async #giveBack(store: BorrowStore): Promise<void> {
    // A client stops holding before it sends a return (triad.md, I3).
    await stopUsing(store);
    const kept = await loadBorrow(store);
    if (kept === undefined) return;
    const borrow = await this.#idOf(kept);
    await keepBorrow(store, { returning: borrow });
    await this.#parts.tell({ t: 'return', borrow });
    await store.remove();
  }

  /** Shows the store's token to the servers. */
  async present(store: BorrowStore): Promise<void> {
    const kept = await loadBorrow(store);
    if (kept === undefined || !('token' in kept))
      throw new LicError('BORROW_UNKNOWN', 'Nothing is borrowed here that could be shown to the servers.');
    await this.#parts.tell({ t: 'present', token: kept.token });
  }

  /** Makes room for another borrow: what was asked for before and never heard of goes back first, whatever came of it. */
  async #empty(store: BorrowStore): Promise<void> {
    const kept = await loadBorrow(store).catch((error: unknown) => {
      // What is damaged is no borrow that anybody can use.
      if (isLicError(error, 'BORROW_INVALID')) return undefined;
      throw error;
    });
    if (kept === undefined) return;
    if ('token' in kept) {
      const { vendorKey = '', host, runtime } = this.#parts;
      // A folder may be shared by hosts: what another one has borrowed is not lost for this one's sake.
      const token = await verifyBorrowToken(kept.token, { vendorPublicKey: vendorKey }).catch(() => undefined);
      // Of no server that could be asked: nothing that could be given back.
      if (token === undefined) return;
      if (Math.max(kept.markMs, runtime.now()) < token.untilMs) throw existsError(token);
      // It stops there before it is given back: only that host can know. Its seats come free by themselves.
      if (token.host !== host) return;
    }
    // What is over here is taken at the servers for a while still.
    await this.#giveBack(store);
  }

  async #ask(wanted: Wanted, store: BorrowStore, signal: AbortSignal | undefined): Promise<string> {
    try {
      return await this.#parts.ask(wanted, signal);
    } catch (error) {
      // Anything else leaves open what becomes of it.
      if (isDenialError(error) || isLicError(error, 'REFUSED')) await store.remove();
      throw error;
    }
  }

  async #verified(text: string, store: BorrowStore, id: string): Promise<BorrowToken> {
    try {
      const token = await this.#verify(text);
      if (token.borrow === id) return token;
      throw new LicError('BORROW_INVALID', 'The server gave the token of another borrow. Ask again.');
    } catch (error) {
      await this.#giveBack(store);
      throw error;
    }
  }

  #verify(text: string): Promise<BorrowToken> {
    const { vendorKey = '', host } = this.#parts;
    return verifyBorrowToken(text, { vendorPublicKey: vendorKey, host });
  }

  /** The client's own id of what is kept. Throws where the token does not say it: then there is nothing that could be given back. */
  async #idOf(kept: KeptBorrow): Promise<string> {
    if ('pending' in kept) return kept.pending;
    return 'returning' in kept ? kept.returning : (await this.#verify(kept.token)).borrow;
  }
}

/** What was begun last with each store. */
const turns = new WeakMap<BorrowStore, Promise<unknown>>();

/** One deed with a store after the other: two that look at it at once would both find it empty, and take two seats. */
function inTurn<Result>(store: BorrowStore, deed: () => Promise<Result>): Promise<Result> {
  const turn = (turns.get(store) ?? Promise.resolve()).then(deed, deed);
  turns.set(store, turn);
  return turn;
}

function existsError({ feature, host, untilMs }: BorrowToken): LicError {
  return new LicError(
    'BORROW_EXISTS',
    `"${feature}" is borrowed here until ${new Date(untilMs).toISOString()}: return it first, or keep the new borrow elsewhere.`,
    { details: { feature, host, untilMs } },
  );
}
