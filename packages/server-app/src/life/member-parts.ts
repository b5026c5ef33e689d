import { type Ledger, type LedgerResult, ledgerVersions } from '@lic/core';
import type { Consensus, StoreContents } from '@lic/interfaces';
import { AdminDesk } from '../admin/admin-desk.ts';
import { ControlKeeper } from '../control/control-keeper.ts';
import type { ControlNews } from '../control/control-news.ts';
import { hintOf } from '../control/control-view.ts';
import { Suspensions } from '../control/suspensions.ts';
import { type Recovery, TermKeeper } from '../control/term-keeper.ts';
import type { JoinedTriad } from '../forming/forming.ts';
import type { LicenseDesk } from '../license/license-desk.ts';
import { MemberKeeper } from '../members/member-keeper.ts';
import type { PeerRoster } from '../members/peer-roster.ts';
import { StateKeeper } from '../members/state-keeper.ts';
import { VersionKeeper } from '../members/version-keeper.ts';
import { CloneWatch } from '../peers/clone-watch.ts';
import { createPropose } from '../propose.ts';
import type { ServerOptions } from '../server-options.ts';
import { BorrowDesk } from '../sessions/borrow-desk.ts';
import type { ListeningParts } from './listening-parts.ts';
import { LostTriadWatch } from './lost-triad-watch.ts';
import type { OwnReport } from './own-report.ts';
import type { LifeHost } from './rebirth.ts';
import { forgetting, reopened } from './rebirths.ts';
import { refill } from './refill.ts';
import { isRolledBack } from './rolled-back.ts';

/** Failback waits so many peer rounds by default: 10 s in profile `lan`; slower networks are given more (`wan`: 60 s). */
const failbackRounds = { lan: 100, slower: 150 } as const;
const lanRoundMs = 100;

/** Another process answers under this server's identity at a peer: this one must not take part. */
const identityInUseText = 'another process answers under this identity key (IDENTITY_IN_USE)';

/** What exists once the triad has formed. */
export interface MemberParts {
  readonly consensus: Consensus<LedgerResult>;
  readonly control: ControlKeeper;
  readonly terms: TermKeeper;
  readonly members: MemberKeeper;
  readonly clones: CloneWatch;
  readonly states: StateKeeper;
  readonly versions: VersionKeeper;
  readonly lostTriad: LostTriadWatch;
  readonly admin: AdminDesk;
}

/** What they are made from. */
export interface MemberContext {
  readonly options: ServerOptions;
  readonly host: LifeHost;
  readonly bootId: string;
  readonly contents: StoreContents;
  readonly joined: JoinedTriad;
  readonly recovery: Recovery;
  /** This folder is an older copy; told more than once. */
  readonly onRolledBack: () => void;
  readonly parts: ListeningParts;
  readonly ledger: Ledger;
  readonly license: LicenseDesk;
  readonly roster: PeerRoster;
  readonly news: ControlNews;
  readonly report: OwnReport;
}

/** Makes a server's part in consensus and what goes with being a member. Nothing takes part before `consensus.start`. */
export function composeMember(context: MemberContext): MemberParts {
  const { options, host, bootId, contents, joined, parts, ledger, license, roster, news, report } = context;
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
    isRecovering: joined.isRecovering,
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
  const self = identity.publicKey;
  const suspensions = new Suspensions(consensus);
  const states = new StateKeeper({
    ...shared,
    control,
    self,
    roster,
    facts: () => report.facts(),
    timing,
    onOdd: (why) => {
      suspensions.set('state', why);
      host.replace({ why, prepare: refill(runtime) });
    },
  });
  const versions = new VersionKeeper({
    ...shared,
    propose,
    self,
    roster,
    versionMax: (options.ledgerVersions ?? ledgerVersions).max,
    timing,
  });
  const clones = new CloneWatch({
    ...shared,
    bootId,
    nameOf: (peer) => roster.find(peer)?.name ?? peer,
    roundMs: timing.roundMs,
    onConflict: (why) => suspensions.set('clone', why),
    onKept: () => {
      // Another process may have voted and acknowledged in its name: it asks its peers what it may have forgotten, as at every start.
      // Whoever named it is answered first.
      runtime.setTimer(timing.roundMs, () =>
        host.replace(reopened('An operator has named this process of two with one identity.')),
      );
    },
  });
  const noteIdentity = (): void => suspensions.set('identity', peers.identityInUse ? identityInUseText : null);
  peers.onChange(noteIdentity);
  noteIdentity();
  const borrows = new BorrowDesk({ ledger, propose, options, instance: () => peers.instance ?? '' });
  const terms = new TermKeeper({
    ...shared,
    propose,
    borrows,
    openingVersion: () => versions.knownByAll(),
    isHalted: () => states.isHalted,
    activeClock,
    seed,
    settings,
    isNew: formed.isNew,
    recovery: context.recovery,
    controlHint: (leader) => news.hint(leader),
    onServing: () => news.tell(),
  });
  const admin = new AdminDesk({
    ...shared,
    propose,
    borrows,
    control,
    license,
    view: () => report.view(),
    stampsFor: (features) => terms.desk?.stampsFor(features) ?? { isPastQueue: false, isHalted: states.isHalted },
  });
  const isPaused = (): boolean => context.recovery.isDue();
  const members = new MemberKeeper({ ...shared, control, timing, self, roster, isPaused });
  consensus.on({
    onControlGained: (term) => {
      control.controlGained();
      terms.gained(term);
    },
    onControlLost: (term) => {
      terms.lost(term);
      news.tell();
    },
    onChange: (status) => {
      news.tell();
      if (isRolledBack(status, { id: self, incarnation })) context.onRolledBack();
    },
    onTransferring: (to) => {
      hub.broadcast({ t: 'moving', to: hintOf(roster.find(to)), reason: 'control is handed over' });
    },
  });
  const lostTriad = new LostTriadWatch({
    runtime,
    roundMs: timing.roundMs,
    facts: () => ({ self: { id: self, incarnation }, status: consensus.status(), refusals: peers.refusals() }),
    onLost: () => host.replace(forgetting('Its triad goes on as another instance, of which it holds nothing yet.')),
  });
  return { consensus, control, terms, members, clones, states, versions, lostTriad, admin };
}

/** Ends all that goes on by itself, but not consensus. */
export function stopMember({ terms, control, members, clones, states, versions, lostTriad }: MemberParts): void {
  for (const part of [terms, control, members, clones, states, versions, lostTriad]) part.stop();
}
