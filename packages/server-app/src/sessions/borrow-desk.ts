import { type GrantView, type Ledger, parseLicense, signBorrowToken, verifyBorrowToken } from '@lic/core';
import { errorMessage, isLicError, LicError } from '@lic/interfaces';
import type { BorrowMessage, ServerMessage } from '@lic/protocol';
import type { Propose } from '../propose.ts';
import type { ServerOptions } from '../server-options.ts';

/** What borrows are answered with. */
export interface BorrowDeskParts {
  readonly ledger: Ledger;
  readonly propose: Propose;
  readonly options: Pick<ServerOptions, 'identity' | 'scheme' | 'vendorKey'>;
  /** The triad instance that lends. */
  readonly instance: () => string;
}

/** Signs borrow tokens, and takes them back: what a borrow needs besides the log. */
export class BorrowDesk {
  readonly #parts: BorrowDeskParts;

  constructor(parts: BorrowDeskParts) {
    this.#parts = parts;
  }

  /** The answer to a borrow that the ledger gave: with the token that proves it off line. */
  async borrowed({ id, seq, borrow }: BorrowMessage, epoch: number, view: GrantView): Promise<ServerMessage> {
    const { ledger, options, instance } = this.#parts;
    const { feature, version, count, user, host, sinceMs, untilMs = sinceMs, vendorData } = view;
    const token = await signBorrowToken(
      {
        borrow,
        feature,
        version,
        count,
        user,
        host,
        sinceMs,
        untilMs,
        ...(vendorData === undefined ? {} : { vendorData }),
        instance: instance(),
        licenses: [...ledger.licenseTexts()],
        server: options.identity.publicKey,
      },
      options.identity.privateKeyPem,
      options.scheme,
    );
    return {
      t: 'borrowed',
      id,
      seq,
      epoch,
      borrow: { id: view.id, feature, version, count, sinceMs, untilMs },
      token,
    };
  }

  /** Gives a borrow back, by the client's own id or the one in reports. Throws what `Propose` throws, and what the ledger rejects. */
  async giveBack(borrow: string): Promise<void> {
    await this.#commit({ kind: 'return', borrow });
  }

  /**
   * A borrow that this triad may have lost when it was recovered. Throws `BORROW_REFUSED` where the token is of no use, of another triad, or
   * names what was never lost, and what `Propose` throws.
   */
  async present(text: string): Promise<void> {
    const { vendorKey } = this.#parts.options;
    const token = await verifyBorrowToken(text, { vendorPublicKey: vendorKey }).catch((cause: unknown) => {
      throw new LicError('BORROW_REFUSED', errorMessage(cause), { cause, details: { reason: codeOf(cause) } });
    });
    const { borrow, user, host, feature, version, count, sinceMs, untilMs } = token;
    if (!this.#isOfThisTriad(token.licenses)) {
      const message =
        'The borrow is of other servers: none that its license names is one of these. Show it to the servers that lent it.';
      throw new LicError('BORROW_REFUSED', message, { details: { reason: 'BORROW_OTHER_TRIAD' } });
    }
    // A recovery begins another instance. License time does not tell: it may have been behind when the survivor was recovered.
    if (token.instance === this.#parts.instance() && this.#parts.ledger.borrow(borrow) === undefined) {
      const message =
        'The borrow is of this triad as it is, which has lost nothing: it was returned, or is over. Borrow again.';
      throw new LicError('BORROW_REFUSED', message, { details: { reason: 'BORROW_NOT_LOST' } });
    }
    await this.#commit({ kind: 'acceptBorrow', borrow, user, host, feature, version, count, sinceMs, untilMs });
  }

  /**
   * Whether a license of the token names a server that the one in force names. An identity is of one triad, and a reload exchanges one server at
   * a time: so older licenses are recognised, and those that the vendor has signed for somebody else are not.
   */
  #isOfThisTriad(licenses: readonly string[]): boolean {
    const own = new Set(this.#parts.ledger.license()?.servers.map(({ key }) => key));
    return licenses.some((text) => parseLicense(text).servers.some(({ key }) => own.has(key)));
  }

  async #commit(command: Parameters<Propose>[0]): Promise<void> {
    const { reply } = await this.#parts.propose(command);
    if (reply.kind === 'rejected')
      throw new LicError('BORROW_REFUSED', reply.message, { details: { reason: reply.code } });
  }
}

function codeOf(error: unknown): string {
  return isLicError(error) ? error.code : 'INTERNAL';
}
