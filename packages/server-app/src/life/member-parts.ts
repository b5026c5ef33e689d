import type { Ledger, LedgerResult } from '@lic/core';
import type { Consensus, StoreContents } from '@lic/interfaces';
import { AdminDesk } from '../admin/admin-desk.ts';
import { ControlKeeper } from '../control/control-keeper.ts';
import type { ControlNews } from '../control/control-news.ts';
import { hintOf } from '../control/control-view.ts';
import { TermKeeper } from '../control/term-keeper.ts';
import type { JoinedTriad } from '../forming/forming.ts';
import type { LicenseDesk } from '../license/license-desk.ts';
import { MemberKeeper } from '../members/member-keeper.ts';
import type { PeerRoster } from '../members/peer-roster.ts';
import { createPropose } from '../propose.ts';
import type { ServerOptions } from '../server-options.ts';
import type { ListeningParts } from './listening-parts.ts';
import type { OwnReport } from './own-report.ts';

/** Failback waits so many peer rounds by default: 10 s in profile `lan`; slower networks are given more (`wan`: 60 s). */
const failbackRounds = { lan: 100, slower: 150 } as const;
const lanRoundMs = 100;

/** What exists once the triad has formed. */
export interface MemberParts {
  readonly consensus: Consensus<LedgerResult>;
  readonly control: ControlKeeper;
  readonly terms: TermKeeper;
  readonly members: MemberKeeper;
  readonly admin: AdminDesk;
}

/** What they are made from. */
export interface MemberContext {
  readonly options: ServerOptions;
  readonly contents: StoreContents;
  readonly joined: JoinedTriad;
  readonly parts: ListeningParts;
  readonly ledger: Ledger;
  readonly license: LicenseDesk;
  readonly roster: PeerRoster;
  readonly news: ControlNews;
  readonly report: OwnReport;
}

/** Makes a server's part in consensus and what goes with being a member. Nothing takes part before `consensus.start`. */
export function composeMember(context: MemberContext): MemberParts {
  const { options, contents, joined, parts, ledger, license, roster, news, report } = context;
  const { runtime, logger, store, identity, timing, settings, failback, failbackAfterMs } = options;
  const { peers, calls, clock, activeClock, seed, hub } = parts;
  const { formed, incarnation } = joined;
  const consensus = options.consensus<LedgerResult>({
    runtime,
    logger,
    network: peers,
    store,
    contents,
    self: { id: identity.publicKey, incarnation },
    formation: formed.formation,
    timing,
    rankOf: (member) => roster.rankOf(member),
  });
  const shared = { runtime, logger, ledger, consensus, clock, peers, calls, endpoints: () => roster.servers };
  const propose = createPropose(consensus, () => clock.stampMs());
  const slowerOrLan = timing.roundMs > lanRoundMs ? failbackRounds.slower : failbackRounds.lan;
  const control = new ControlKeeper({
    ...shared,
    mode: failback ?? 'auto',
    failbackAfterMs: failbackAfterMs ?? timing.roundMs * slowerOrLan,
    timing,
  });
  const terms = new TermKeeper({
    ...shared,
    propose,
    activeClock,
    seed,
    settings,
    isNew: formed.isNew,
    controlHint: (leader) => news.hint(leader),
    onServing: () => news.tell(),
  });
  const admin = new AdminDesk({ ...shared, propose, control, license, view: () => report.view() });
  const members = new MemberKeeper({ ...shared, control, timing, self: identity.publicKey, roster });
  consensus.on({
    onControlGained: (term) => {
      control.controlGained();
      terms.gained(term);
    },
    onControlLost: (term) => {
      terms.lost(term);
      news.tell();
    },
    onChange: () => news.tell(),
    onTransferring: (to) => {
      hub.broadcast({ t: 'moving', to: hintOf(roster.find(to)), reason: 'control is handed over' });
    },
  });
  return { consensus, control, terms, members, admin };
}
