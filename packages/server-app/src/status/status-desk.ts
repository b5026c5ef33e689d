import type { Ledger } from '@lic/core';
import type { PeerId, Runtime } from '@lic/interfaces';
import type { StatusReport } from '@lic/protocol';
import type { TriadClock } from '../clock/triad-clock.ts';
import type { ControlView } from '../control/control-view.ts';
import type { Json, PeerCalls } from '../peers/peer-calls.ts';
import type { PeerEndpoint, TriadPeers } from '../peers/triad-peers.ts';
import { type HashNote, newestCommonIndex } from '../server-machine.ts';

/** What a server says of itself to the one that makes a report. */
export interface ServerFacts {
  readonly state: StatusReport['servers'][number]['state'];
  readonly pid: number | null;
  readonly version: string | null;
  readonly lastApplied: number;
  readonly stateHash: string;
  readonly notes: readonly HashNote[];
  readonly clockAlarm: boolean;
  readonly trouble: string | null;
}

/** What reports are made from. */
export interface StatusDeskParts {
  readonly runtime: Runtime;
  readonly ledger: Ledger;
  readonly peers: TriadPeers;
  readonly calls: PeerCalls;
  readonly clock: TriadClock;
  readonly view: () => ControlView;
  readonly facts: () => ServerFacts;
  readonly endpoints: () => readonly PeerEndpoint[];
  /** Behind this the state is a quorum's word. */
  readonly readBarrier: () => Promise<void>;
  /** Sentences for the administrator. */
  readonly notices: () => readonly string[];
}

/** Bounds of a report. */
export const statusLimits = { grantsMax: 1_000, peerMs: 400, barrierMs: 2_000 } as const;

/** Makes `lic status`: by the server in control behind a read barrier, through whichever server is asked; else stale. */
export class StatusDesk {
  readonly #parts: StatusDeskParts;
  /** Wall time until which what is known here was a quorum's word. */
  #freshMs: number;

  constructor(parts: StatusDeskParts) {
    this.#parts = parts;
    this.#freshMs = parts.runtime.now();
    parts.calls.handle('status.facts', () => parts.facts() as unknown as Json);
    parts.calls.handle('status.report', async (params) => {
      const { isFull } = params as { readonly isFull?: boolean };
      return (await this.#own(isFull === true)) as unknown as Json;
    });
  }

  /** Control is known now: what is applied here is as fresh as the log. */
  touch(): void {
    this.#freshMs = this.#parts.runtime.now();
  }

  /** `isFull`: users and hosts are not masked. Never throws. */
  async report(isFull: boolean): Promise<StatusReport> {
    const { view, peers, calls } = this.#parts;
    const { state, leader } = view();
    if (state === 'in-control') return this.#own(isFull);
    if (leader !== null && leader !== peers.self) {
      try {
        return (await calls.call(
          leader,
          'status.report',
          { isFull },
          statusLimits.barrierMs,
        )) as unknown as StatusReport;
      } catch {
        // The one in control does not answer: what is known here is said to be stale.
      }
    }
    return this.#build({ isFull, isFresh: false });
  }

  async #own(isFull: boolean): Promise<StatusReport> {
    const isFresh = await this.#parts.readBarrier().then(
      () => true,
      () => false,
    );
    if (isFresh) this.touch();
    return this.#build({ isFull, isFresh });
  }

  async #build({ isFull, isFresh }: { readonly isFull: boolean; readonly isFresh: boolean }): Promise<StatusReport> {
    const { ledger, peers, calls, view, facts, endpoints, notices } = this.#parts;
    const gathered = new Map<PeerId, ServerFacts>([[peers.self, facts()]]);
    await Promise.all(
      peers.peers().map(async (peer) => {
        try {
          gathered.set(
            peer,
            (await calls.call(peer, 'status.facts', null, statusLimits.peerMs)) as unknown as ServerFacts,
          );
        } catch {
          // Listed as unreachable.
        }
      }),
    );
    const { term, leader } = view();
    const summary = ledger.summary();
    const common = commonHash([...gathered.values()]);
    const inControl = isFresh ? endpoints().find((endpoint) => endpoint.id === leader) : undefined;
    const grants = [];
    for (const grant of ledger.grants()) {
      if (grants.length === statusLimits.grantsMax) break;
      const { id, feature, version, count, state, sinceMs } = grant;
      const [user, host] = isFull ? [grant.user, grant.host] : [masked, masked];
      grants.push({ id, feature, version, count, user, host, since: new Date(sinceMs).toISOString(), state });
    }
    return {
      quorum: isFresh,
      stale: !isFresh,
      ...(isFresh ? {} : { asOf: new Date(this.#freshMs).toISOString() }),
      degraded: gathered.size < endpoints().length,
      inControl: inControl?.rank ?? null,
      term,
      licenseHash: summary.licenseHash,
      licenseTime: summary.licenseHash === null ? null : new Date(summary.licenseTimeMs).toISOString(),
      open: summary.isOpen,
      stateHash: common?.hash ?? null,
      hashIndex: common?.index ?? null,
      servers: endpoints().map((endpoint) => this.#server(endpoint, gathered.get(endpoint.id))),
      pools: ledger.pools().map(({ expiresAtMs, ...pool }) => ({
        ...pool,
        ...(expiresAtMs === null ? {} : { expiresAt: new Date(expiresAtMs).toISOString() }),
      })),
      grants,
      grantsCut: summary.grants > grants.length,
      sessions: summary.sessions,
      notices: [...notices(), ...hashNotices([...gathered.values()])],
    };
  }

  #server(endpoint: PeerEndpoint, facts: ServerFacts | undefined): StatusReport['servers'][number] {
    const { clock, ledger, peers } = this.#parts;
    const { rank, name } = endpoint;
    const addresses = [...endpoint.addresses];
    if (facts === undefined) return { rank, name, addresses, state: 'unreachable' };
    const offset = clock.reports().find((report) => report.peer === endpoint.id)?.offsetMs;
    return {
      rank,
      name,
      addresses,
      state: facts.state,
      ...(facts.pid === null ? {} : { pid: facts.pid }),
      ...(facts.version === null ? {} : { version: facts.version }),
      lastApplied: facts.lastApplied,
      stateHash: facts.stateHash,
      hashIndex: facts.lastApplied,
      drained: ledger.summary().drained.includes(endpoint.id),
      ...(endpoint.id === peers.self || offset === undefined ? {} : { clockOffsetMs: Math.round(offset) }),
      clockAlarm: facts.clockAlarm,
      ...(facts.trouble === null ? {} : { trouble: facts.trouble }),
    };
  }
}

const masked = '***';

function hashesOf(facts: ServerFacts): readonly HashNote[] {
  return [...facts.notes, { index: facts.lastApplied, hash: facts.stateHash }];
}

function commonHash(all: readonly ServerFacts[]): HashNote | undefined {
  const index = newestCommonIndex(all.map(hashesOf));
  const first = all[0];
  return index === undefined || first === undefined ? undefined : hashesOf(first).find((note) => note.index === index);
}

/** Servers at one index must have one hash (I9): where not, that is said loudly. */
function hashNotices(all: readonly ServerFacts[]): string[] {
  const index = newestCommonIndex(all.map(hashesOf));
  if (index === undefined) return [];
  const hashes = new Set(all.map((facts) => hashesOf(facts).find((note) => note.index === index)?.hash));
  return hashes.size <= 1
    ? []
    : [`STATE HASH DIFFERS among servers at log index ${index}: stop granting and ask for support.`];
}
