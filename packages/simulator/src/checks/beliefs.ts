import { SeatCount } from './seat-count.ts';
import type { Fail } from './violation.ts';

/** A grant as its holder sees it. */
export interface Believed {
  readonly id: string;
  readonly feature: string;
  readonly count: number;
  /** Grants of all clients that name the same share have the same seats. */
  readonly share?: string | undefined;
  /** Computed from the holder's clocks when it is read. */
  readonly holds: boolean;
  readonly ended: unknown;
}

/** What the clients believe that they hold (I3): asked of their own clocks, at every instant. */
export class Beliefs {
  readonly #fail: Fail;
  readonly #seatsOf: (feature: string) => number;
  readonly #grants = new Map<string, { readonly client: string; readonly grant: Believed }>();
  readonly #released = new Set<string>();

  /** `seatsOf`: how many seats of a feature there are, or still taken after a license that has fewer. */
  constructor(seatsOf: (feature: string) => number, fail: Fail) {
    this.#fail = fail;
    this.#seatsOf = seatsOf;
  }

  add(client: string, grant: Believed): void {
    if (!this.#released.has(grant.id)) this.#grants.set(grant.id, { client, grant });
  }

  /** The servers have ended it without waiting for its lease: what its client believes of it counts no more. */
  release(id: string): void {
    this.#released.add(id);
    this.#grants.delete(id);
  }

  /** The client is dead: it believes nothing any more. */
  forget(client: string): void {
    for (const [id, held] of this.#grants) if (held.client === client) this.#grants.delete(id);
  }

  isHeld(id: string): boolean {
    return this.#grants.get(id)?.grant.holds === true;
  }

  /** Ids of all grants that are held now. */
  held(): readonly string[] {
    return [...this.#grants.keys()].filter((id) => this.isHeld(id));
  }

  /** Called after every event. */
  check(): void {
    const counted = new SeatCount();
    for (const [id, { grant }] of this.#grants) {
      if (grant.ended !== undefined) this.#grants.delete(id);
      else if (grant.holds) counted.add(grant.feature, grant);
    }
    for (const [feature, taken] of counted.seats()) {
      const limit = this.#seatsOf(feature);
      if (taken > limit) this.#fail('I3', `clients hold ${taken} seats of ${feature}, of which there are ${limit}`);
    }
  }
}
