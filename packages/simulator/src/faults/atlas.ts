import type { ClusterServer } from '../cluster/cluster-server.ts';

/** What a fault touches: whole hosts, or the links between two of them in either direction. */
export interface Disturbance {
  readonly hosts?: readonly string[];
  readonly links?: readonly (readonly [string, string])[];
  /** Everything at once. */
  readonly all?: boolean;
}

/** How a memory is taken. */
export type MemoryFault = 'diskLost' | 'diskRolledBack' | 'diskDamaged' | 'exchanged';

/** How long a server that starts may wait for what its peers know of it (triad.md, Disks lost). */
export interface AtlasParts {
  readonly nowMs: () => number;
  readonly servers: readonly ClusterServer[];
  readonly inquiryMs: number;
}

/** Once all have been healthy for so long each has told the others what it knows of them, ms. */
const askedMs = 1_000;

/**
 * Knows what is disturbed, and keeps faults to what can be recovered from. A memory is taken (a disk wiped, rolled back or damaged) only
 * while all servers are up and whole and the two others are in sync, and never a second one before the first votes again.
 */
export class Atlas {
  /** Servers whose disk was taken, how, and that have not been voters again since. */
  readonly withoutMemory = new Map<ClusterServer, MemoryFault>();
  /** Those of them that have noticed. */
  readonly #learners = new Set<ClusterServer>();
  /** A memory is about to be taken by somebody's word: nothing else may take one until it is known what became of that. */
  isReserved = false;
  readonly #parts: AtlasParts;
  readonly #ongoing = new Set<Disturbance>();
  readonly #endedMs = new Map<string, number>();
  readonly #healthySinceMs = new Map<ClusterServer, number>();

  constructor(parts: AtlasParts) {
    this.#parts = parts;
  }

  /** Something goes wrong from now until the returned function is called. */
  begin(what: Disturbance): () => void {
    this.#ongoing.add(what);
    return () => {
      if (this.#ongoing.delete(what)) this.touch(what);
    };
  }

  /** Something goes wrong for an instant. */
  touch({ hosts = [], links = [], all = false }: Disturbance): void {
    const nowMs = this.#parts.nowMs();
    for (const host of hosts) this.#endedMs.set(host, nowMs);
    for (const link of links) this.#endedMs.set(linkName(link), nowMs);
    if (all) this.#endedMs.set('*', nowMs);
  }

  /** Since when nothing disturbs these hosts and the links between them, ms; undefined: something does. */
  quietSinceMs(hosts: readonly string[]): number | undefined {
    for (const disturbance of this.#ongoing) if (concerns(disturbance, hosts)) return undefined;
    let sinceMs = this.#endedMs.get('*') ?? 0;
    for (const [at, host] of hosts.entries()) {
      sinceMs = Math.max(sinceMs, this.#endedMs.get(host) ?? 0);
      for (const other of hosts.slice(at + 1))
        sinceMs = Math.max(sinceMs, this.#endedMs.get(linkName([host, other])) ?? 0);
    }
    return sinceMs;
  }

  /** Whether links are cut now. */
  get isParted(): boolean {
    for (const { links = [] } of this.#ongoing) if (links.length > 0) return true;
    return false;
  }

  /** Looks how the servers are. Called often. */
  look(): void {
    const nowMs = this.#parts.nowMs();
    for (const server of this.#parts.servers) {
      if (!isWell(server) || this.quietSinceMs([server.name]) === undefined) this.#healthySinceMs.delete(server);
      else if (!this.#healthySinceMs.has(server)) this.#healthySinceMs.set(server, nowMs + this.#parts.inquiryMs);
    }
    for (const server of this.withoutMemory.keys()) this.#lookAtMemory(server);
  }

  /**
   * Since when these servers have been healthy, undisturbed and joined, ms (may be in the future: a start-up inquiry is under way);
   * undefined: they are not.
   */
  healthySinceMs(servers: readonly ClusterServer[]): number | undefined {
    let sinceMs = this.quietSinceMs(servers.map(({ name }) => name));
    if (sinceMs === undefined) return undefined;
    for (const server of servers) {
      const healthyMs = this.#healthySinceMs.get(server);
      if (healthyMs === undefined) return undefined;
      sinceMs = Math.max(sinceMs, healthyMs);
    }
    return sinceMs;
  }

  /** It is a voter again, or nothing was missing from the older copy that it got. */
  #lookAtMemory(server: ClusterServer): void {
    const { servers, nowMs } = this.#parts;
    if (server.isUp && server.server.inspect().consensus?.state === 'learner') this.#learners.add(server);
    if (!isVoter(server)) return;
    const allHealthyMs = this.healthySinceMs(servers);
    const hasBeenAsked = allHealthyMs !== undefined && nowMs() > allHealthyMs + askedMs;
    if (!this.#learners.has(server) && !hasBeenAsked) return;
    this.withoutMemory.delete(server);
    this.#learners.delete(server);
  }

  /** Whether the disk of this server may be taken now. */
  mayTakeMemory(server: ClusterServer): boolean {
    const { servers } = this.#parts;
    if (this.isReserved || servers.length < 3 || this.withoutMemory.size > 0 || !servers.every(isVoter)) return false;
    const others = servers.filter((other) => other !== server);
    const control = servers.find(({ state }) => state === 'in-control');
    const lastIndex = control?.server.inspect().consensus?.lastIndex;
    return lastIndex !== undefined && others.every((other) => isInSync(other, lastIndex));
  }
}

/** Takes part with a vote. */
export function isVoter(server: ClusterServer): boolean {
  if (!server.isUp) return false;
  const state = server.server.inspect().consensus?.state;
  return state === 'standby' || state === 'in-control';
}

/** Formed, of the current incarnation, not fenced, disk writable (what is not in its state, such as a stall, the atlas knows). */
function isWell(server: ClusterServer): boolean {
  if (!server.isUp || server.runtime.isPaused) return false;
  const status = server.server.inspect().consensus;
  if (status === null || status.trouble !== null) return false;
  return status.state !== 'learner' && status.state !== 'fenced';
}

/** Has everything up to `lastIndex` on disk. */
function isInSync({ disk, server }: ClusterServer, lastIndex: number): boolean {
  return !disk.isWriting && (server.inspect().consensus?.lastIndex ?? 0) >= lastIndex;
}

function concerns({ hosts = [], links = [], all = false }: Disturbance, those: readonly string[]): boolean {
  if (all || hosts.some((host) => those.includes(host))) return true;
  return links.some(([from, to]) => those.includes(from) && those.includes(to));
}

function linkName([from, to]: readonly [string, string]): string {
  return from < to ? `${from}|${to}` : `${to}|${from}`;
}
