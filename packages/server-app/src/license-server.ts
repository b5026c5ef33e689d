import { createLedger, type Ledger, type LedgerEvent, type LedgerResult } from '@lic/core';
import {
  type Connection,
  type Consensus,
  errorMessage,
  LicError,
  type Listener,
  type Logger,
  type StoreContents,
  type Transport,
} from '@lic/interfaces';
import type { HelloMessage, StatusReport, WelcomeMessage } from '@lic/protocol';
import { AdminDesk } from './admin/admin-desk.ts';
import { ClientHub } from './clients/client-hub.ts';
import { ClientRouter } from './clients/client-router.ts';
import { makeWelcome } from './clients/welcome.ts';
import { createTriadClock, type TriadClock } from './clock/triad-clock.ts';
import { ControlKeeper } from './control/control-keeper.ts';
import { ControlNews } from './control/control-news.ts';
import { type ControlView, hintOf } from './control/control-view.ts';
import { TermKeeper } from './control/term-keeper.ts';
import { drawId, readFolder } from './forming/folder-record.ts';
import { formTriad } from './forming/forming.ts';
import { LicenseDesk, type VerifiedLicense } from './license/license-desk.ts';
import { seedLicense } from './license/license-seed.ts';
import { MemberKeeper } from './members/member-keeper.ts';
import { PeerRoster } from './members/peer-roster.ts';
import { removalOf } from './members/removal.ts';
import { createPeerCalls, type PeerCalls } from './peers/peer-calls.ts';
import { createTriadPeers, type TriadPeers } from './peers/triad-peers.ts';
import { createPropose } from './propose.ts';
import type { Server, ServerInspection } from './server.ts';
import { createServerMachine, type ServerMachine } from './server-machine.ts';
import type { ServerOptions } from './server-options.ts';
import { type ActiveClock, createActiveClock } from './sessions/active-clock.ts';
import type { ServerFacts } from './status/server-facts.ts';
import { noticesOf } from './status/server-notices.ts';
import { StatusDesk } from './status/status-desk.ts';

/** A request unanswered for so long goes again through the others: 2.5 peer rounds (`lan`: 250 ms, `wan`: 1 s). */
const repeatAfterRounds = 2.5;
/** Failback waits so many peer rounds by default: 10 s in profile `lan`; slower networks are given more (`wan`: 60 s). */
const failbackRounds = { lan: 100, slower: 150 } as const;
const lanRoundMs = 100;

/** What exists once the server listens. */
interface Parts {
  readonly peers: TriadPeers;
  readonly calls: PeerCalls;
  readonly clock: TriadClock;
  readonly activeClock: ActiveClock;
  readonly status: StatusDesk;
  readonly hub: ClientHub;
  readonly seed: VerifiedLicense;
}

/** What exists once the triad has formed. */
interface Member {
  readonly consensus: Consensus<LedgerResult>;
  readonly control: ControlKeeper;
  readonly terms: TermKeeper;
  readonly members: MemberKeeper;
  readonly admin: AdminDesk;
}

/** The composition behind `createServer`: who is told what, in which order things begin and end. */
export class LicenseServer implements Server {
  readonly joined: Promise<void>;
  readonly #options: ServerOptions;
  readonly #logger: Logger;
  readonly #ledger: Ledger;
  readonly #machine: ServerMachine;
  readonly #license: LicenseDesk;
  readonly #news: ControlNews;
  readonly #bootId: string;
  readonly #stopping = new AbortController();
  #settleJoined!: { readonly resolve: () => void; readonly reject: (error: unknown) => void };
  #listeners: Listener[] = [];
  #parts: Parts | undefined;
  #member: Member | undefined;
  readonly #roster = new PeerRoster((links) => this.#parts?.peers.setEndpoints(links));
  #formingTrouble: string | null = null;
  #isServing = true;
  #stopped: Promise<void> | undefined;

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#logger = options.logger;
    this.#license = new LicenseDesk(options, options.logger);
    this.#news = new ControlNews({
      view: () => this.#view(),
      endpoint: (id) => this.#roster.find(id),
      isServing: () => this.#member?.terms.desk !== undefined,
      noteControl: (isKnown) => this.#parts?.status.noteControl(isKnown),
      broadcast: (message) => this.#parts?.hub.broadcast(message),
    });
    this.#bootId = drawId(options.runtime);
    this.#ledger = createLedger({ verifyLicense: async (text) => void (await this.#license.verify(text)) });
    this.#machine = createServerMachine(this.#ledger, options.logger, {
      onApplied: (events) => this.#applied(events),
      onRestored: () => this.#followLicense(),
    });
    this.joined = new Promise((resolve, reject) => {
      this.#settleJoined = { resolve, reject };
    });
    // Who awaits it is told; nobody has to.
    this.joined.catch(() => {});
  }

  get addresses(): readonly string[] {
    return this.#listeners.map((listener) => listener.address);
  }

  async start(): Promise<void> {
    const { runtime, store } = this.#options;
    const logger = this.#logger;
    const transports = this.#options.transports.map((factory) => factory({ runtime, logger }));
    try {
      const contents = await store.open();
      const seed = await seedLicense(this.#license, store, contents);
      const throughIndex = contents.entries.at(-1)?.index ?? contents.snapshot?.index ?? 0;
      this.#roster.seeded(this.#license.endpoints(seed.license), throughIndex);
      // A record that can't be read is refused with its reason when the triad is joined.
      const folder = await readFolder(store).catch(() => undefined);
      const parts = this.#compose(transports, seed, folder?.formed?.formation.instance ?? null);
      this.#parts = parts;
      await this.#listen(transports);
      parts.peers.start();
      parts.clock.start();
      this.#join(contents, parts).then(this.#settleJoined.resolve, (error: unknown) => this.#joinFailed(error));
    } catch (error) {
      await this.stop({ handover: false });
      throw error;
    }
  }

  #joinFailed(error: unknown): void {
    this.#settleJoined.reject(error);
    if (this.#stopping.signal.aborted) return;
    this.#formingTrouble = errorMessage(error);
    this.#logger.error('this server takes no part', { err: error });
  }

  status(): Promise<StatusReport> {
    if (this.#parts === undefined)
      throw new LicError('NOT_READY', 'The server has not been started.', { retryable: true });
    return this.#parts.status.report(true);
  }

  inspect(): ServerInspection {
    return { ledger: this.#ledger, consensus: this.#member?.consensus.status() ?? null, state: this.#view().state };
  }

  stop(options: { readonly handover?: boolean } = {}): Promise<void> {
    this.#stopped ??= this.#stop(options.handover ?? true);
    return this.#stopped;
  }

  async #stop(handover: boolean): Promise<void> {
    this.#stopping.abort(new LicError('STOPPED', 'The server is stopping.'));
    if (handover) {
      // Where control is here, whom it goes to is told when that is decided.
      const to = this.#view().state === 'in-control' ? null : this.#news.hint();
      this.#parts?.hub.broadcast({ t: 'moving', to, reason: 'this server is stopping' });
      await this.#member?.control.leave();
    }
    this.#isServing = false;
    this.#member?.terms.stop();
    this.#member?.control.stop();
    this.#member?.members.stop();
    this.#parts?.clock.stop();
    this.#parts?.activeClock.stop();
    await Promise.allSettled(this.#listeners.map((listener) => listener.close()));
    this.#parts?.hub.closeAll();
    await (this.#member === undefined ? this.#options.store.close() : this.#member.consensus.stop());
    await this.#parts?.peers.stop();
    this.#logger.info('stopped');
  }

  /** `instance`: from the first link on, a server that has formed names its triad. */
  #compose(transports: readonly Transport[], seed: VerifiedLicense, instance: string | null): Parts {
    const { runtime, logger, identity, scheme, timing, settings, adminToken } = this.#options;
    const peers = createTriadPeers({
      runtime,
      logger,
      transports,
      identity,
      scheme,
      bootId: this.#bootId,
      instance,
      endpoints: this.#roster.links,
      roundMs: timing.roundMs,
    });
    const calls = createPeerCalls(peers, { runtime });
    const clock = createTriadClock({
      runtime,
      logger,
      network: peers,
      members: () => this.#roster.voters,
      licenseTimeMs: () => this.#ledger.summary().licenseTimeMs,
    });
    const status = new StatusDesk({
      runtime,
      logger,
      ledger: this.#ledger,
      peers,
      calls,
      clock,
      view: () => this.#view(),
      facts: () => this.#facts(),
      endpoints: () => this.#roster.servers,
      // What tells it is looked at once in each round, and its answer was one round on its way.
      controlAgeMsMax: timing.electionTimeoutMaxMs + 2 * timing.roundMs,
      readBarrier: async () => {
        if (this.#member === undefined) throw new LicError('NO_QUORUM', 'The triad is forming.', { retryable: true });
        await this.#member.consensus.readBarrier();
      },
    });
    const router = new ClientRouter({
      logger,
      adminToken,
      view: () => this.#view(),
      controlHint: () => this.#news.hint(),
      status,
      desk: () => this.#member?.terms.desk,
      admin: () => this.#member?.admin,
    });
    const hub = new ClientHub({
      runtime,
      logger,
      acceptPeer: (connection, firstFrame) => peers.accept(connection, firstFrame),
      handlers: {
        welcome: (hello) => this.#welcome(hello),
        greeted: (link, welcome) => this.#news.tellNewcomer(link, welcome),
        message: (link, message) => router.receive(link, message),
        closed: (link, reason) => this.#member?.terms.desk?.linkClosed(link, reason),
      },
    });
    return { peers, calls, clock, activeClock: createActiveClock(runtime, settings.marginMs), status, hub, seed };
  }

  async #listen(transports: readonly Transport[]): Promise<void> {
    const onConnection = (connection: Connection): void => this.#parts?.hub.accept(connection);
    for (const address of this.#options.listen) {
      const scheme = address.split(':', 1)[0] ?? '';
      const transport = transports.find((candidate) => candidate.schemes.includes(scheme));
      if (transport === undefined) {
        const known = transports.flatMap(({ schemes }) => schemes).join(', ');
        throw new LicError(
          'LISTEN_FAILED',
          `No transport for the address ${JSON.stringify(address)}: expected one of ${known}.`,
        );
      }
      this.#listeners.push(await transport.listen(address, { onConnection }));
    }
    this.#logger.info('listening', { addresses: this.addresses });
  }

  /** Forms the triad, or finds the one that this folder belongs to, and takes part in consensus. */
  async #join(contents: StoreContents, parts: Parts): Promise<void> {
    const { runtime, logger, store, identity, timing, settings, isNew, failback, failbackAfterMs } = this.#options;
    const { peers, calls, clock, activeClock, seed, hub } = parts;
    const { formed, incarnation } = await formTriad({
      runtime,
      logger,
      store,
      contents,
      network: peers,
      calls,
      self: identity.publicKey,
      endpoints: this.#roster.servers,
      licenseHash: seed.hash,
      isNew,
      signal: this.#stopping.signal,
      onWaiting: (reason) => {
        this.#formingTrouble = reason;
      },
    });
    this.#formingTrouble = null;
    this.#license.logged(formed.licenseHash);
    const consensus = this.#options.consensus<LedgerResult>({
      runtime,
      logger,
      network: peers,
      store,
      contents,
      self: { id: identity.publicKey, incarnation },
      formation: formed.formation,
      timing,
      rankOf: (member) => this.#roster.rankOf(member),
    });
    const shared = {
      runtime,
      logger,
      ledger: this.#ledger,
      consensus,
      clock,
      peers,
      calls,
      endpoints: () => this.#roster.servers,
    };
    const propose = createPropose(consensus, () => clock.stampMs());
    const control = new ControlKeeper({
      ...shared,
      mode: failback ?? 'auto',
      failbackAfterMs:
        failbackAfterMs ?? timing.roundMs * (timing.roundMs > lanRoundMs ? failbackRounds.slower : failbackRounds.lan),
      timing,
    });
    const terms = new TermKeeper({
      ...shared,
      propose,
      activeClock,
      seed,
      settings,
      isNew: formed.isNew,
      controlHint: (leader) => this.#news.hint(leader),
      onServing: () => this.#news.tell(),
    });
    const admin = new AdminDesk({ ...shared, propose, control, license: this.#license, view: () => this.#view() });
    const members = new MemberKeeper({ ...shared, control, timing, self: identity.publicKey, roster: this.#roster });
    this.#member = { consensus, control, terms, members, admin };
    consensus.on({
      onControlGained: (term) => {
        control.controlGained();
        terms.gained(term);
      },
      onControlLost: (term) => {
        terms.lost(term);
        this.#news.tell();
      },
      onChange: () => this.#news.tell(),
      onTransferring: (to) => {
        hub.broadcast({ t: 'moving', to: hintOf(this.#roster.find(to)), reason: 'control is handed over' });
      },
    });
    await consensus.start(this.#machine);
    this.#news.tell();
  }

  #applied(events: readonly LedgerEvent[]): void {
    for (const event of events) if (event.kind === 'licenseInstalled') this.#followLicense();
    this.#member?.terms.applied(events);
  }

  /** The license in force may be another one. */
  #followLicense(): void {
    const license = this.#ledger.license();
    const text = this.#ledger.licenseText();
    const { licenseHash } = this.#ledger.summary();
    if (license === null || text === null || licenseHash === null) return;
    this.#roster.licensed(this.#license.endpoints(license));
    void this.#license.follow(text, licenseHash);
  }

  #welcome(hello: HelloMessage): Promise<WelcomeMessage> {
    const { scheme, identity, timing, settings } = this.#options;
    const { state, term } = this.#view();
    const own = this.#roster.find(identity.publicKey);
    const summary = this.#ledger.summary();
    return makeWelcome({
      hello,
      scheme,
      privateKeyPem: identity.privateKeyPem,
      license: this.#ledger.licenseText() ?? this.#parts?.seed.text ?? null,
      licenseHash: summary.licenseHash ?? this.#parts?.seed.hash ?? null,
      fields: {
        server: { key: identity.publicKey, name: own?.name ?? '', rank: own?.rank ?? 0 },
        instance: this.#parts?.peers.instance ?? null,
        bootId: this.#bootId,
        state,
        term,
        control: this.#news.hint(),
        servers: this.#roster.servers.flatMap((endpoint) => hintOf(endpoint) ?? []),
        settings: {
          repeatAfterMs: repeatAfterRounds * timing.roundMs,
          leaseMs: summary.settings?.leaseMs ?? settings.leaseMs,
        },
      },
    });
  }

  #view(): ControlView {
    if (!this.#isServing) {
      const term = this.#member?.consensus.status().term ?? 0;
      return { state: 'isolated', term, leader: null, trouble: 'this server is stopping', isStopping: true };
    }
    if (this.#parts?.peers.identityInUse === true) {
      const trouble = 'another process answers under this identity key (IDENTITY_IN_USE)';
      return { state: 'fenced', term: 0, leader: null, trouble };
    }
    const status = this.#member?.consensus.status();
    if (status === undefined) return { state: 'forming', term: 0, leader: null, trouble: this.#formingTrouble };
    const removed = this.#removal(status.members.map(({ id }) => id));
    if (removed !== null) return { state: 'fenced', term: status.term, leader: null, trouble: removed };
    return { state: status.state, term: status.term, leader: status.leader, trouble: status.trouble };
  }

  #removal(members: readonly string[]): string | null {
    const { peers } = this.#parts as Parts;
    const license = this.#ledger.license();
    return removalOf({
      self: peers.self,
      servers: license?.servers.map(({ key }) => key) ?? null,
      members,
      peers: peers.peers().map((id) => ({ id, isUp: peers.isUp(id) })),
      refusals: () => peers.refusals(),
    });
  }

  async #facts(): Promise<ServerFacts> {
    const notices = noticesOf({
      licenseFile: await this.#license.file(),
      licenseHash: this.#ledger.summary().licenseHash,
      pendingLeapMs: this.#parts?.clock.pendingLeapMs() ?? null,
      refusals: this.#parts?.peers.refusals() ?? [],
    });
    const { state, trouble } = this.#view();
    return {
      state,
      pid: this.#options.pid ?? null,
      version: this.#options.version ?? null,
      lastApplied: this.#member?.consensus.status().appliedIndex ?? 0,
      stateHash: this.#machine.hash(),
      hashNotes: this.#machine.hashNotes(),
      clockAlarm: this.#parts?.clock.alarm ?? false,
      trouble,
      notices,
    };
  }
}
