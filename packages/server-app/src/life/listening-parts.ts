import type { Ledger } from '@lic/core';
import { type Consensus, LicError, type Transport } from '@lic/interfaces';
import type { AdminDesk } from '../admin/admin-desk.ts';
import { LifeDesk, type LifeDeskParts } from '../admin/life-desk.ts';
import { ClientHub } from '../clients/client-hub.ts';
import { ClientRouter } from '../clients/client-router.ts';
import { createTriadClock, type TriadClock } from '../clock/triad-clock.ts';
import type { ControlNews } from '../control/control-news.ts';
import type { TermKeeper } from '../control/term-keeper.ts';
import type { VerifiedLicense } from '../license/license-desk.ts';
import type { PeerRoster } from '../members/peer-roster.ts';
import { createPeerCalls, type PeerCalls } from '../peers/peer-calls.ts';
import { createTriadPeers, type TriadPeers } from '../peers/triad-peers.ts';
import type { ServerOptions } from '../server-options.ts';
import { type ActiveClock, createActiveClock } from '../sessions/active-clock.ts';
import { StatusDesk } from '../status/status-desk.ts';
import type { OwnReport } from './own-report.ts';

/** What exists once a server listens, formed or not. */
export interface ListeningParts {
  readonly peers: TriadPeers;
  readonly calls: PeerCalls;
  readonly clock: TriadClock;
  readonly activeClock: ActiveClock;
  readonly status: StatusDesk;
  readonly hub: ClientHub;
  readonly seed: VerifiedLicense;
}

/** Of what exists once the triad has formed: what clients are served with. */
interface ServingMember {
  readonly consensus: Pick<Consensus<unknown>, 'readBarrier'>;
  readonly terms: Pick<TermKeeper, 'desk'>;
  readonly admin: AdminDesk;
}

/** What they are made from. */
export interface ListeningContext {
  readonly options: ServerOptions;
  readonly transports: readonly Transport[];
  readonly bootId: string;
  /** From the first link on, a server that has formed names its triad. */
  readonly instance: string | null;
  readonly seed: VerifiedLicense;
  readonly ledger: Ledger;
  readonly roster: PeerRoster;
  readonly news: ControlNews;
  readonly report: OwnReport;
  /** Undefined until the triad has formed. */
  readonly member: () => ServingMember | undefined;
  readonly life: Pick<LifeDeskParts, 'life' | 'deeds'>;
}

/** Makes the links to peers and clients, and those who answer there. Nothing is dialled yet. */
export function composeListening(context: ListeningContext): ListeningParts {
  const { options, transports, bootId, instance, seed, ledger, roster, news, report, member } = context;
  const { runtime, logger, identity, scheme, timing, settings, adminToken } = options;
  const peers = createTriadPeers({
    runtime,
    logger,
    transports,
    identity,
    scheme,
    bootId,
    instance,
    endpoints: roster.links,
    roundMs: timing.roundMs,
  });
  const calls = createPeerCalls(peers, { runtime });
  const clock = createTriadClock({
    runtime,
    logger,
    network: peers,
    members: () => roster.voters,
    licenseTimeMs: () => ledger.summary().licenseTimeMs,
  });
  const status = new StatusDesk({
    runtime,
    logger,
    ledger,
    peers,
    calls,
    clock,
    view: () => report.view(),
    facts: () => report.facts(),
    endpoints: () => roster.servers,
    memberOf: (id) => roster.memberOf(id),
    // What tells it is looked at once in each round, and its answer was one round on its way.
    controlAgeMsMax: timing.electionTimeoutMaxMs + 2 * timing.roundMs,
    readBarrier: async () => {
      const consensus = member()?.consensus;
      if (consensus === undefined) throw new LicError('NO_QUORUM', 'The triad is forming.', { retryable: true });
      await consensus.readBarrier();
    },
  });
  const router = new ClientRouter({
    logger,
    adminToken,
    view: () => report.view(),
    controlHint: () => news.hint(),
    status,
    desk: () => member()?.terms.desk,
    admin: (): AdminDesk | undefined => member()?.admin,
    life: new LifeDesk({ ...context.life, logger, self: identity.publicKey, calls, endpoints: () => roster.servers }),
  });
  const hub = new ClientHub({
    runtime,
    logger,
    acceptPeer: (connection, firstFrame) => peers.accept(connection, firstFrame),
    handlers: {
      welcome: (hello) => report.welcome(hello),
      greeted: (link, welcome) => news.tellNewcomer(link, welcome),
      message: (link, message) => router.receive(link, message),
      closed: (link, reason) => member()?.terms.desk?.linkClosed(link, reason),
    },
  });
  return { peers, calls, clock, activeClock: createActiveClock(runtime, settings.marginMs), status, hub, seed };
}
