import type { Ledger } from '@lic/core';
import type { Logger, PeerId, Runtime } from '@lic/interfaces';
import { type StatusReport, statusReportSchema } from '@lic/protocol';
import type { TriadClock } from '../clock/triad-clock.ts';
import type { ControlView } from '../control/control-view.ts';
import type { PeerCalls } from '../peers/peer-calls.ts';
import type { PeerEndpoint, TriadPeers } from '../peers/triad-peers.ts';
import { type HashNote, newestCommonIndex } from '../server-machine.ts';
import { masked } from './masked.ts';
import { grantInReport, poolInReport } from './report-rows.ts';
import { type ServerFacts, serverFactsSchema } from './server-facts.ts';
import { SharedWork } from './shared-work.ts';

/** What reports are made from. */
export interface StatusDeskParts {
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly ledger: Ledger;
  readonly peers: TriadPeers;
  readonly calls: PeerCalls;
  readonly clock: TriadClock;
  readonly view: () => ControlView;
  readonly facts: () => Promise<ServerFacts>;
  readonly endpoints: () => readonly PeerEndpoint[];
  /** What a server is in the configuration in force; undefined: not known. */
  readonly memberOf?: (id: PeerId) => 'voter' | 'learner' | 'none' | undefined;
  /** Behind this the state is a quorum's word. */
  readonly readBarrier: () => Promise<void>;
  /** How old the newest word of a quorum may be when it is noticed that there is none any more, ms. */
  readonly controlAgeMsMax: number;
}

/** Bounds of a report. */
export const statusLimits = {
  grantsMax: 1_000,
  /** For a peer's facts, ms. */
  peerMs: 400,
  /** For the report of the server in control, ms. */
  reportMs: 2_000,
} as const;

/** Makes `lic status`: by the server in control behind a read barrier, through whichever server is asked; else stale. */
export class StatusDesk {
  readonly #parts: StatusDeskParts;
  /** However many ask, one report is made at a time, for all who asked before it began. */
  readonly #reports: SharedWork<StatusReport>;
  readonly #ownReports: SharedWork<StatusReport>;
  #isControlKnown = false;
  /** Wall time of the newest moment at which what is applied here surely was as fresh as the log. */
  #freshMs: number;
  #toldDifference = 0;

  constructor(parts: StatusDeskParts) {
    this.#parts = parts;
    this.#freshMs = parts.runtime.now();
    this.#reports = new SharedWork(() => this.#report());
    this.#ownReports = new SharedWork(() => this.#own());
    parts.calls.handle('status.facts', () => parts.facts());
    parts.calls.handle('status.report', async () => await this.#ownReports.next());
  }

  /** Whether it is known who is in control. While it is, what is applied here is fresh; once it is not, it was until lately. */
  noteControl(isKnown: boolean): void {
    const { runtime, controlAgeMsMax } = this.#parts;
    if (this.#isControlKnown && !isKnown) this.#freshMs = Math.max(this.#freshMs, runtime.now() - controlAgeMsMax);
    this.#isControlKnown = isKnown;
  }

  /** `isFull`: users and hosts are not masked. Never throws. */
  async report(isFull: boolean): Promise<StatusReport> {
    const report = await this.#reports.next();
    return isFull
      ? report
      : { ...report, grants: report.grants.map(({ session: _session, ...grant }) => ({ ...grant, ...masked })) };
  }

  async #report(): Promise<StatusReport> {
    const { view, peers, calls } = this.#parts;
    const { state, leader } = view();
    if (state === 'in-control') return this.#ownReports.next();
    if (leader !== null && leader !== peers.self) {
      try {
        return statusReportSchema.parse(await calls.call(leader, 'status.report', null, statusLimits.reportMs));
      } catch {
        // The one in control does not answer, or not with a report: what is known here is said to be stale.
      }
    }
    return this.#build(false);
  }

  async #own(): Promise<StatusReport> {
    const isFresh = await this.#parts.readBarrier().then(
      () => true,
      () => false,
    );
    if (isFresh) this.#freshMs = this.#parts.runtime.now();
    return this.#build(isFresh);
  }

  async #build(isFresh: boolean): Promise<StatusReport> {
    const { ledger, peers, calls, view, facts, endpoints } = this.#parts;
    const gathered = new Map<PeerId, ServerFacts>([[peers.self, await facts()]]);
    await Promise.all(
      peers.peers().map(async (peer) => {
        try {
          const answer = await calls.call(peer, 'status.facts', null, statusLimits.peerMs);
          gathered.set(peer, serverFactsSchema.parse(answer));
        } catch {
          // Listed as unreachable: it does not answer, or says nothing that can be read (another version).
        }
      }),
    );
    const { term, leader } = view();
    const summary = ledger.summary();
    const common = compareHashes([...gathered.values()]);
    if (common?.isSame === false) this.#noteDifference(common.index);
    const inControl = isFresh ? endpoints().find((endpoint) => endpoint.id === leader) : undefined;
    const grants = [];
    for (const grant of ledger.grants()) {
      if (grants.length === statusLimits.grantsMax) break;
      grants.push(grantInReport(grant));
    }
    return {
      quorum: isFresh,
      stale: !isFresh,
      ...(isFresh ? {} : { asOf: new Date(this.#freshMs).toISOString() }),
      degraded: endpoints().some(({ id }) => !takesPart(gathered.get(id)) || !this.#isVoter(id)),
      inControl: inControl?.rank ?? null,
      term,
      licenseHash: summary.licenseHash,
      licenseTime: summary.licenseHash === null ? null : new Date(summary.licenseTimeMs).toISOString(),
      open: summary.isOpen,
      stateHash: common?.hash ?? null,
      hashIndex: common?.index ?? null,
      servers: endpoints().map((endpoint) => this.#server(endpoint, gathered.get(endpoint.id))),
      pools: ledger.pools().map(poolInReport),
      grants,
      grantsCut: summary.grants > grants.length,
      sessions: summary.sessions,
      notices: [
        ...(common?.isSame === false ? [differenceText(common.index)] : []),
        ...endpoints().flatMap(({ id, name }) => gathered.get(id)?.notices.map((text) => `${name}: ${text}`) ?? []),
      ],
    };
  }

  /** In the log, once for each index: somebody has to look at it whether or not it was seen in a status. */
  #noteDifference(index: number): void {
    if (index === this.#toldDifference) return;
    this.#toldDifference = index;
    this.#parts.logger.error(differenceText(index), { index });
  }

  /** Where it is not known who is a voter, nothing is said against it. */
  #isVoter(id: PeerId): boolean {
    return (this.#parts.memberOf?.(id) ?? 'voter') === 'voter';
  }

  #server(endpoint: PeerEndpoint, facts: ServerFacts | undefined): StatusReport['servers'][number] {
    const { clock, ledger, peers } = this.#parts;
    const { rank, name } = endpoint;
    const addresses = [...endpoint.addresses];
    const member = this.#parts.memberOf?.(endpoint.id);
    const known = { rank, name, addresses, ...(member === undefined ? {} : { member }) };
    if (facts === undefined) return { ...known, state: 'unreachable' };
    const offset = clock.reports().find((report) => report.peer === endpoint.id)?.offsetMs;
    return {
      ...known,
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

/** A server that is up but forming, isolated, learning or fenced is no help to the others. */
function takesPart(facts: ServerFacts | undefined): boolean {
  return facts !== undefined && (facts.state === 'in-control' || facts.state === 'standby');
}

function hashAt(facts: ServerFacts, index: number): string | undefined {
  return index === facts.lastApplied ? facts.stateHash : facts.hashNotes.find((note) => note.index === index)?.hash;
}

/** The first server's hash at the newest index that all have one of, and whether theirs is the same (I9). */
function compareHashes(all: readonly ServerFacts[]): (HashNote & { readonly isSame: boolean }) | undefined {
  const index = newestCommonIndex(
    all.map((facts) => [...facts.hashNotes, { index: facts.lastApplied, hash: facts.stateHash }]),
  );
  const [hash, ...others] = index === undefined ? [] : all.map((facts) => hashAt(facts, index));
  if (index === undefined || hash === undefined) return undefined;
  return { index, hash, isSame: others.every((other) => other === hash) };
}

function differenceText(index: number): string {
  return `STATE HASH DIFFERS among servers at log index ${index}.`;
}
