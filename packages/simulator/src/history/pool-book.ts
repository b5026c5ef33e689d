import type { PoolOperation } from './pool-operation.ts';

/** The seats that something is about: of a version of a feature, where that is known. */
export interface PoolName {
  readonly feature: string;
  readonly version?: string | undefined;
}

/** What happened to each pool. */
export class PoolBook {
  readonly #pools = new Map<string, PoolOperation[]>();
  /** Every version of a feature that there was. */
  readonly #versions = new Map<string, Set<string>>();
  /** By feature: what happened to one of its pools. */
  readonly #unplaced = new Map<string, PoolOperation[]>();

  /** Where the version is not known, it was the only one there ever was. */
  put({ feature, version }: PoolName, operation: PoolOperation): void {
    if (version === undefined) {
      push(this.#unplaced, feature, operation);
      return;
    }
    const versions = this.#versions.get(feature) ?? new Set();
    this.#versions.set(feature, versions.add(version));
    push(this.#pools, `${feature} ${version}`, operation);
  }

  /**
   * By feature and version. What happened to nobody knows which of several is left out: denials and queue places, and calls of which nobody
   * knows whether they took anything. Each of them can only be explained by more seats that are taken, never by fewer.
   */
  pools(): ReadonlyMap<string, readonly PoolOperation[]> {
    const pools = new Map<string, readonly PoolOperation[]>(this.#pools);
    for (const [feature, operations] of this.#unplaced) {
      const [version, ...others] = this.#versions.get(feature) ?? [];
      const key = version === undefined ? feature : `${feature} ${version}`;
      if (others.length === 0) pools.set(key, [...(this.#pools.get(key) ?? []), ...operations]);
    }
    return pools;
  }
}

function push(operations: Map<string, PoolOperation[]>, key: string, operation: PoolOperation): void {
  const known = operations.get(key);
  if (known === undefined) operations.set(key, [operation]);
  else known.push(operation);
}
