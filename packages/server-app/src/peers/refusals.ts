import type { Logger, PeerId, Runtime } from '@lic/interfaces';

/** Why a link was refused, here or by the other side. */
export interface Refusal {
  /** Whom the other side claimed or was expected to be; null where it never said. */
  readonly peer: PeerId | null;
  readonly address: string;
  readonly code: string;
  readonly message: string;
}

const refusalsMax = 32;
/** A refusal that repeats itself is logged this often, ms: a stranger at the door must not fill the log. */
const logEveryMs = 10_000;
/** What has not been refused again for so long is not told any more, ms. */
const keptMs = 60_000;

/** The latest refusal of each kind for each peer, for a minute. */
export class Refusals {
  readonly #runtime: Runtime;
  readonly #logger: Logger;
  /** Oldest first. */
  readonly #byKind = new Map<string, { readonly refusal: Refusal; readonly atMs: number; readonly loggedMs: number }>();

  constructor(runtime: Runtime, logger: Logger) {
    this.#runtime = runtime;
    this.#logger = logger;
  }

  note(refusal: Refusal): void {
    const kind = `${refusal.code} ${refusal.peer ?? ''}`;
    const before = this.#byKind.get(kind);
    const nowMs = this.#runtime.monotonic();
    const isLogged = before === undefined || nowMs - before.loggedMs >= logEveryMs;
    if (isLogged) this.#logger.warn(`Peer link refused: ${refusal.message}`, { ...refusal });
    this.#byKind.delete(kind);
    this.#byKind.set(kind, { refusal, atMs: nowMs, loggedMs: isLogged ? nowMs : before.loggedMs });
    const [oldest] = this.#byKind.keys();
    if (this.#byKind.size > refusalsMax && oldest !== undefined) this.#byKind.delete(oldest);
  }

  /** A link to that peer is up: what stood against it is over. */
  clear(peer: PeerId): void {
    for (const [kind, { refusal }] of this.#byKind) if (refusal.peer === peer) this.#byKind.delete(kind);
  }

  list(): readonly Refusal[] {
    const sinceMs = this.#runtime.monotonic() - keptMs;
    return [...this.#byKind.values()].filter(({ atMs }) => atMs >= sinceMs).map(({ refusal }) => refusal);
  }
}
