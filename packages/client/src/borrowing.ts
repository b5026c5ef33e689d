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
  /** Ids of borrows whose outcome this client was not told: their requests may be under way still, and go back by themselves. */
  readonly #forsaken = new Set<string>();

  constructor(parts: BorrowingParts) {
    this.#parts = parts;
  }

  async borrow(wish: BorrowWish): Promise<Borrowed> {
    const { store, wanted, ends, signal } = wish;
    const id = await this.#idFor(store);
    await keepBorrow(store, { pending: id });
    const text = await this.#ask({ ...wanted, waitMs: 0, borrow: { borrow: id, ends } }, wish);
    const token = await this.#verified(text, store, id);
    if (token.feature !== wanted.feature || token.count !== wanted.count) {
      // Asked for before a crash, and for something else: what is wanted now is another borrow.
      await this.giveBack(store);
      return this.borrow({ ...wish, signal });
    }
    await keepBorrow(store, { token: text, markMs: token.sinceMs });
    return describe(token);
  }

  /** Gives back what the store keeps, and empties it. Nothing is borrowed any more afterwards, whatever was before. */
  async giveBack(store: BorrowStore): Promise<void> {
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

  /** The id to ask under: that of an earlier attempt which may have succeeded, or a new one. */
  async #idFor(store: BorrowStore): Promise<string> {
    const kept = await loadBorrow(store).catch((error: unknown) => {
      // What is damaged is no borrow that anybody can use.
      if (isLicError(error, 'BORROW_INVALID')) return undefined;
      throw error;
    });
    if (kept !== undefined && 'token' in kept) await this.#refuseStanding(kept);
    if (kept !== undefined && 'pending' in kept && !this.#forsaken.has(kept.pending)) return kept.pending;
    if (kept !== undefined && !('token' in kept)) await this.giveBack(store);
    return base64url(this.#parts.runtime.random(16));
  }

  async #refuseStanding({ token: text, markMs }: Extract<KeptBorrow, { token: string }>): Promise<void> {
    const token = await this.#verify(text).catch(() => undefined);
    if (token === undefined || Math.max(markMs, this.#parts.runtime.now()) >= token.untilMs) return;
    const { feature, untilMs } = token;
    throw new LicError(
      'BORROW_EXISTS',
      `"${feature}" is borrowed here until ${new Date(untilMs).toISOString()}: return it first, or keep the new borrow elsewhere.`,
      { details: { feature, untilMs } },
    );
  }

  async #ask(wanted: Wanted, { store, signal }: BorrowWish): Promise<string> {
    try {
      return await this.#parts.ask(wanted, signal);
    } catch (error) {
      const isDecided = isDenialError(error) || isLicError(error, 'REFUSED');
      if (isDecided) await store.remove();
      else this.#forsaken.add(wanted.borrow?.borrow ?? '');
      throw error;
    }
  }

  async #verified(text: string, store: BorrowStore, id: string): Promise<BorrowToken> {
    try {
      const token = await this.#verify(text);
      if (token.borrow === id) return token;
      throw new LicError('BORROW_INVALID', 'The server gave the token of another borrow. Ask again.');
    } catch (error) {
      await this.giveBack(store);
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
