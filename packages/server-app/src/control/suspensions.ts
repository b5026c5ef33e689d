import type { Consensus } from '@lic/interfaces';

/** What may keep a server from taking part, each for a reason of its own. */
export type SuspensionCause = 'identity' | 'clone' | 'state';

/** Why this server takes no part, by cause: consensus is suspended while there is any reason, and is told one of them. */
export class Suspensions {
  readonly #consensus: Pick<Consensus<unknown>, 'suspend'>;
  readonly #reasons = new Map<SuspensionCause, string>();
  #told: string | null = null;

  constructor(consensus: Pick<Consensus<unknown>, 'suspend'>) {
    this.#consensus = consensus;
  }

  /** Sets the reason of one cause; null: there is none any more. */
  set(cause: SuspensionCause, why: string | null): void {
    if (why === null) this.#reasons.delete(cause);
    else this.#reasons.set(cause, why);
    const [first = null] = this.#reasons.values();
    if (first === this.#told) return;
    this.#told = first;
    this.#consensus.suspend(first);
  }
}
