/** What may keep a server from taking part as it should, the worst first: that one is told. */
const kinds = ['fenced', 'suspended', 'stored', 'disk'] as const;

/**
 * - `fenced`: it can't go on behind its index, or broke an invariant; for good.
 * - `suspended`: its owner wants it to wait.
 * - `stored`: its disk was found damaged, or an older copy.
 * - `disk`: it takes no writes now.
 */
export type TroubleKind = (typeof kinds)[number];

/** Why a server does not take part as it should, each a sentence for an operator. */
export class Troubles {
  readonly #texts = new Map<TroubleKind, string>();

  /** The worst of them; null while all is well. */
  get worst(): string | null {
    for (const kind of kinds) {
      const text = this.#texts.get(kind);
      if (text !== undefined) return text;
    }
    return null;
  }

  /** Whether the server's state is `fenced`. */
  get isFenced(): boolean {
    return this.#texts.has('fenced') || this.#texts.has('suspended');
  }

  /** Whether there is one of that kind. */
  has(kind: TroubleKind): boolean {
    return this.#texts.has(kind);
  }

  /** Notes one; answers whether it is the first of its kind. */
  set(kind: TroubleKind, text: string): boolean {
    const isFirst = !this.#texts.has(kind);
    this.#texts.set(kind, text);
    return isFirst;
  }

  /** It is over. Answers whether there was one. */
  clear(kind: TroubleKind): boolean {
    return this.#texts.delete(kind);
  }
}
