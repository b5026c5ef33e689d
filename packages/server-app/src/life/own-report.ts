import { joinLicenses, type Ledger, ledgerVersions } from '@lic/core';
import type { ConsensusStatus } from '@lic/interfaces';
import type { HelloMessage, WelcomeMessage } from '@lic/protocol';
import { makeWelcome } from '../clients/welcome.ts';
import type { TriadClock } from '../clock/triad-clock.ts';
import type { ControlNews } from '../control/control-news.ts';
import { type ControlView, hintOf } from '../control/control-view.ts';
import type { LicenseDesk, VerifiedLicense } from '../license/license-desk.ts';
import type { PeerRoster } from '../members/peer-roster.ts';
import { removalOf } from '../members/removal.ts';
import type { TriadPeers } from '../peers/triad-peers.ts';
import type { ServerMachine } from '../server-machine.ts';
import type { ServerOptions } from '../server-options.ts';
import type { ServerFacts } from '../status/server-facts.ts';
import { noticesOf } from '../status/server-notices.ts';

/** A request unanswered for so long goes again through the others: 2.5 peer rounds (`lan`: 250 ms, `wan`: 1 s). */
const repeatAfterRounds = 2.5;

/** Of what exists once it listens: what it tells of. */
interface ReportedParts {
  readonly peers: TriadPeers;
  readonly clock: TriadClock;
  readonly seed: VerifiedLicense;
}

/** What a server's words about itself follow from. */
export interface OwnReportParts {
  readonly options: ServerOptions;
  readonly bootId: string;
  readonly ledger: Ledger;
  readonly machine: ServerMachine;
  readonly license: LicenseDesk;
  readonly roster: PeerRoster;
  readonly news: () => ControlNews;
  /** Undefined until it listens. */
  readonly parts: () => ReportedParts | undefined;
  /** Null until the triad has formed. */
  readonly consensus: () => ConsensusStatus | null;
  /** Those who may have sentences for the administrator. */
  readonly watchers: () => readonly ({ notices(): readonly string[] } | undefined)[];
  /** Why it has not formed yet. */
  readonly formingTrouble: () => string | null;
  /** Set once it serves nobody any more: why, and whether another life follows. */
  readonly ending: () => { readonly why: string; readonly isReborn: boolean } | undefined;
}

/** What one server says of itself: to clients in their welcome, to those who make decisions here, and to whoever makes a report. */
export class OwnReport {
  readonly #parts: OwnReportParts;

  constructor(parts: OwnReportParts) {
    this.#parts = parts;
  }

  view(): ControlView {
    const { consensus, formingTrouble, ending, parts } = this.#parts;
    const status = consensus();
    const end = ending();
    if (end !== undefined) {
      const state = end.isReborn ? 'learner' : 'isolated';
      return { state, term: status?.term ?? 0, leader: null, trouble: end.why, isStopping: true };
    }
    if (parts()?.peers.identityInUse === true) {
      const trouble = 'another process answers under this identity key (IDENTITY_IN_USE)';
      return { state: 'fenced', term: 0, leader: null, trouble };
    }
    if (status === null) return { state: 'forming', term: 0, leader: null, trouble: formingTrouble() };
    const removed = this.#removal(status.members.map(({ id }) => id));
    if (removed !== null) return { state: 'fenced', term: status.term, leader: null, trouble: removed };
    return { state: status.state, term: status.term, leader: status.leader, trouble: status.trouble };
  }

  welcome(hello: HelloMessage): Promise<WelcomeMessage> {
    const { options, bootId, ledger, roster, news, parts } = this.#parts;
    const { scheme, identity, timing, settings } = options;
    const { state, term } = this.view();
    const own = roster.find(identity.publicKey);
    const summary = ledger.summary();
    const listening = parts();
    const texts = ledger.licenseTexts();
    return makeWelcome({
      hello,
      scheme,
      privateKeyPem: identity.privateKeyPem,
      license: texts.length > 0 ? joinLicenses(texts) : (listening?.seed.text ?? null),
      licenseHash: summary.licenseHash ?? listening?.seed.hash ?? null,
      fields: {
        server: { key: identity.publicKey, name: own?.name ?? '', rank: own?.rank ?? 0 },
        instance: listening?.peers.instance ?? null,
        bootId,
        state,
        term,
        control: news().hint(),
        servers: roster.servers.flatMap((endpoint) => hintOf(endpoint) ?? []),
        settings: {
          repeatAfterMs: repeatAfterRounds * timing.roundMs,
          leaseMs: summary.settings?.leaseMs ?? settings.leaseMs,
        },
      },
    });
  }

  async facts(): Promise<ServerFacts> {
    const { options, ledger, machine, license, parts, consensus, watchers } = this.#parts;
    const listening = parts();
    const own = noticesOf({
      licenseFile: await license.file(),
      licenseHash: ledger.summary().licenseHash,
      pendingLeapMs: listening?.clock.pendingLeapMs() ?? null,
      refusals: listening?.peers.refusals() ?? [],
    });
    const notices = [...watchers().flatMap((watcher) => watcher?.notices() ?? []), ...own];
    const { state, trouble } = this.view();
    return {
      state,
      pid: options.pid ?? null,
      version: options.version ?? null,
      lastApplied: consensus()?.appliedIndex ?? 0,
      stateHash: machine.hash(),
      hashNotes: machine.hashNotes(),
      clockAlarm: listening?.clock.alarm ?? false,
      trouble,
      notices,
      ledgerVersionMax: (options.ledgerVersions ?? ledgerVersions).max,
    };
  }

  #removal(members: readonly string[]): string | null {
    const peers = this.#parts.parts()?.peers;
    if (peers === undefined) return null;
    return removalOf({
      self: peers.self,
      servers: this.#parts.roster.servers.map(({ id }) => id),
      members,
      peers: peers.peers().map((id) => ({ id, isUp: peers.isUp(id) })),
      refusals: () => peers.refusals(),
    });
  }
}
