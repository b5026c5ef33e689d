import type { Fail } from '../checks/violation.ts';
import type { ClusterServer } from '../cluster/cluster-server.ts';
import type { Atlas } from '../faults/atlas.ts';
import type { Plan } from './plan.ts';
import type { Product } from './product.ts';

/** What liveness is judged with. */
export interface LivenessParts {
  readonly atlas: Atlas;
  readonly plan: Plan;
  readonly servers: readonly ClusterServer[];
  readonly products: () => readonly Product[];
  readonly nowMs: () => number;
  readonly fail: Fail;
}

/** Control comes within so many maximum election timeouts while two servers are healthy. */
const electionTimeouts = 3;

/** What a client may take on its way: it looks for a server in control, dials anew, repeats itself. Milliseconds. */
const clientWayMsMax = 6_000;

/**
 * What must come while faults go on elsewhere: whenever two servers (the one, of a single server) are healthy and undisturbed,
 * somebody gets control within three maximum election timeouts; and a client that is undisturbed as well gets its answer.
 */
export class Liveness {
  readonly #parts: LivenessParts;
  /** By the names of a core: since when nobody is in control of it. */
  readonly #lostSinceMs = new Map<string, number>();
  /** How often a bound was really put to the test. */
  judged = 0;

  constructor(parts: LivenessParts) {
    this.#parts = parts;
  }

  /** Called often. */
  look(): void {
    const { servers } = this.#parts;
    if (servers.length < 3) this.#lookAt(servers);
    else for (const out of servers) this.#lookAt(servers.filter((server) => server !== out));
  }

  #lookAt(core: readonly ClusterServer[]): void {
    const { atlas, plan, nowMs, fail } = this.#parts;
    const healthyMs = atlas.healthySinceMs(core);
    if (this.#hasControl(core)) {
      this.#lostSinceMs.delete(names(core));
      if (healthyMs !== undefined) this.#lookAtClients(core, healthyMs);
      return;
    }
    const lostMs = this.#lostSinceMs.get(names(core)) ?? nowMs();
    this.#lostSinceMs.set(names(core), lostMs);
    if (healthyMs === undefined) return;
    const waitedMs = nowMs() - Math.max(healthyMs, lostMs);
    const boundMs = electionTimeouts * plan.timing.electionTimeoutMaxMs;
    if (waitedMs > 0) this.judged++;
    if (waitedMs > boundMs)
      fail(
        'progress',
        `${names(core)} have been healthy for ${Math.round(nowMs() - healthyMs)} ms and nobody has been in control for ${Math.round(nowMs() - lostMs)} ms, more than ${boundMs} ms`,
      );
  }

  /** A server in control that is one of the core, or that one of the core hears. */
  #hasControl(core: readonly ClusterServer[]): boolean {
    const { servers } = this.#parts;
    const heard = core.flatMap((server) => (server.isUp ? (server.server.inspect().consensus?.leader ?? []) : []));
    return servers.some(
      (server) =>
        server.state === 'in-control' &&
        !server.runtime.isPaused &&
        (core.includes(server) || heard.includes(server.key)),
    );
  }

  #lookAtClients(core: readonly ClusterServer[], coreHealthyMs: number): void {
    const { atlas, products, plan, nowMs, fail } = this.#parts;
    const control = core.find(({ state }) => state === 'in-control');
    // A client that reaches the core alone is relayed, at the pace of another server's troubles.
    if (control === undefined) return;
    const boundMs =
      electionTimeouts * plan.timing.electionTimeoutMaxMs +
      control.server.inspect().ledger.longestHoldMs() +
      clientWayMsMax;
    for (const product of products()) {
      const quietMs = atlas.quietSinceMs([product.name, ...core.map(({ name }) => name)]);
      if (quietMs === undefined) continue;
      for (const { sinceMs, waitMs } of product.pending.values()) {
        const fromMs = Math.max(sinceMs + waitMs, quietMs, coreHealthyMs);
        if (nowMs() - fromMs > boundMs)
          fail(
            'progress',
            `${product.name} has had no answer for ${Math.round(nowMs() - sinceMs)} ms, although ${names(core)} are healthy and joined with it`,
          );
      }
    }
  }
}

function names(core: readonly ClusterServer[]): string {
  return core.map(({ name }) => name).join(' and ');
}
