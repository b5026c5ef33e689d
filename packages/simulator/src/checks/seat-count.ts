/** Something that has seats. */
interface Seated {
  readonly count: number;
  /** Grants that name the same share have the same seats: as many as the largest of them. */
  readonly share?: string | undefined;
}

/** Counts seats by pool, or by whatever they are to be counted by: those of a share once. */
export class SeatCount {
  readonly #seats = new Map<string, number>();
  /** By share: the seats of its largest grant so far. */
  readonly #shares = new Map<string, number>();

  add(of: string, { count, share }: Seated): void {
    const known = share === undefined ? 0 : (this.#shares.get(share) ?? 0);
    if (share !== undefined) this.#shares.set(share, Math.max(known, count));
    this.#seats.set(of, (this.#seats.get(of) ?? 0) + Math.max(0, count - known));
  }

  seats(): ReadonlyMap<string, number> {
    return this.#seats;
  }
}
