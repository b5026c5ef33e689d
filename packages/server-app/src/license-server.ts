import { createLedger, type Ledger, type LedgerEvent, type LedgerResult, ledgerVersions } from '@lic/core';
import {
  type Consensus,
  type Connection,
  errorCode,
  errorMessage,
  isLicError,
  LicError,
  type Listener,
  type Logger,
  type StoreContents,
  type Timer,
  type Transport,
} from '@lic/interfaces';
import type { AdminMessage, ClientMessage, ControlHint, ErrorCode, HelloMessage, StatusReport, WelcomeMessage } from '@lic/protocol';
import { errorCodes } from '@lic/protocol';
import { AdminDesk } from './admin/admin-desk.ts';
import { ClientHub } from './clients/client-hub.ts';
import type { ClientLink } from './clients/client-link.ts';
import { consensusErrorReply, errorReply } from './clients/refusals.ts';
import { makeWelcome } from './clients/welcome.ts';
import { createTriadClock, type TriadClock } from './clock/triad-clock.ts';
import { ControlKeeper } from './control/control-keeper.ts';
import { type ControlView, hintOf } from './control/control-view.ts';
import { formTriad } from './forming/forming.ts';
import { LicenseDesk, type VerifiedLicense } from './license/license-desk.ts';
import { createPeerCalls, type PeerCalls } from './peers/peer-calls.ts';
import { createTriadPeers, type PeerEndpoint, type TriadPeers } from './peers/triad-peers.ts';
import { createPropose, type Propose } from './propose.ts';
import type { Server, ServerInspection } from './server.ts';
import { createServerMachine, type ServerMachine } from './server-machine.ts';
import type { ServerOptions } from './server-options.ts';
import { type ActiveClock, createActiveClock } from './sessions/active-clock.ts';
import { TermDesk } from './sessions/term-desk.ts';
import { type ServerFacts, StatusDesk } from './status/status-desk.ts';

/** A request unanswered for so long goes again through the others: 2.5 peer rounds (`lan`: 250 ms, `wan`: 1 s). */
const repeatAfterRounds = 2.5;
/** Failback waits so many peer rounds by default (`lan`: 10 s). */
const failbackAfterRounds = 100;
const openRetryMs = 500;

/** Everything that exists once the server listens. */
interface Parts {
  readonly peers: TriadPeers;
  readonly calls: PeerCalls;
  readonly clock: TriadClock;
  readonly status: StatusDesk;
  readonly seed: VerifiedLicense;
}

/** Everything that exists once the triad has formed. */
interface Member {
  readonly consensus: Consensus<LedgerResult>;
  readonly propose: Propose;
  readonly control: ControlKeeper;
  readonly admin: AdminDesk;
  readonly isNew: boolean;
}

/** The composition behind `createServer`: who is told what, in which order things begin and end. */
export class LicenseServer implements Server {
  readonly joined: Promise<void>;
  readonly #options: ServerOptions;
  readonly #logger: Logger;
  readonly #ledger: Ledger;
  readonly #machine: ServerMachine;
  readonly #license: LicenseDesk;
  readonly #bootId: string;
  readonly #stopping = new AbortController();
  #markJoined!: () => void;
  #failJoined!: (error: unknown) => void;
  #listeners: Listener[] = [];
  #activeClock: ActiveClock | undefined;
  #hub: ClientHub | undefined;
  #parts: Parts | undefined;
  #member: Member | undefined;
  #desk: TermDesk | undefined;
  #openTimer: Timer | undefined;
  #endpoints: readonly PeerEndpoint[] = [];
  #told = '';
  #formingTrouble: string | null = null;
  #stopped: Promise<void> | undefined;

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#logger = options.logger;
    this.#license = new LicenseDesk(options, options.logger);
    this.#bootId = toBase64Url(options.runtime.random(16));
    this.#ledger = createLedger({
      verifyLicense: async (text) => void (await this.#license.verify(text)),
    });
    this.#machine = createServerMachine(this.#ledger, (_index, events) => this.#applied(events));
    this.joined = new Promise((resolve, reject) => {
      this.#markJoined = resolve;
      this.#failJoined = reject;
    });
    // Who awaits it is told; nobody has to.
    this.joined.catch(() => {});
  }

  get addresses(): readonly string[] {
    return this.#listeners.map((listener) => listener.address);
  }

  async start(): Promise<void> {
    const { runtime, identity, scheme, timing, store, settings } = this.#options;
    const logger = this.#logger;
    const transports = this.#options.transports.map((factory) => factory({ runtime, logger }));
    const seed = await this.#license.read();
    this.#endpoints = this.#license.endpoints(seed.license);
    const contents = await store.open();
    const peers = createTriadPeers({
      runtime,
      logger,
      transports,
      identity,
      scheme,
      bootId: this.#bootId,
      instance: null,
      endpoints: this.#endpoints,
      roundMs: timing.roundMs,
    });
    const calls = createPeerCalls(peers, { runtime });
    const clock = createTriadClock({
      runtime,
      logger,
      network: peers,
      members: () => this.#endpoints.map((endpoint) => endpoint.id),
      licenseTimeMs: () => this.#ledger.summary().licenseTimeMs,
    });
    const status = new StatusDesk({
      runtime,
      ledger: this.#ledger,
      peers,
      calls,
      clock,
      view: () => this.#view(),
      facts: () => this.#facts(),
      endpoints: () => this.#endpoints,
      readBarrier: async () => {
        if (this.#member === undefined) throw new LicError('NO_QUORUM', 'The triad is forming.', { retryable: true });
        await this.#member.consensus.readBarrier();
      },
      notices: () => this.#notices(),
    });
    this.#activeClock = createActiveClock(runtime, settings.marginMs);
    this.#parts = { peers, calls, clock, status, seed };
    this.#hub = new ClientHub({
      runtime,
      logger,
      acceptPeer: (connection, firstFrame) => peers.accept(connection, firstFrame),
      handlers: {
        welcome: (hello) => this.#welcome(hello),
        message: (link, message) => this.#receive(link, message),
        closed: (link, reason) => this.#desk?.linkClosed(link, reason),
      },
    });
    await this.#listen(transports);
    peers.start();
    clock.start();
    this.#join(contents, this.#parts).then(this.#markJoined, (error: unknown) => {
      if (this.#stopping.signal.aborted) return;
      this.#formingTrouble = errorMessage(error);
      logger.error('this server takes no part', { err: error });
      this.#failJoined(error);
    });
  }

  status(): Promise<StatusReport> {
    if (this.#parts === undefined) throw new LicError('NOT_READY', 'The server has not been started.', { retryable: true });
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
      const { state } = this.#view();
      if (state !== 'in-control') this.#hub?.broadcast({ t: 'moving', to: this.#controlHint(), reason: 'this server is stopping' });
      await this.#member?.control.leave();
    }
    this.#openTimer?.cancel();
    this.#desk?.stop();
    this.#member?.control.stop();
    this.#parts?.clock.stop();
    this.#activeClock?.stop();
    await Promise.allSettled(this.#listeners.map((listener) => listener.close()));
    this.#hub?.closeAll();
    if (this.#member === undefined) await this.#options.store.close();
    else await this.#member.consensus.stop();
    await this.#parts?.peers.stop();
    this.#logger.info('stopped');
  }

  async #listen(transports: readonly Transport[]): Promise<void> {
    for (const address of this.#options.listen) {
      const scheme = address.split(':', 1)[0] ?? '';
      const transport = transports.find((candidate) => candidate.schemes.includes(scheme));
      if (transport === undefined) {
        throw new LicError('LISTEN_FAILED', `listen: no transport for ${JSON.stringify(address)}; there are ${transports.flatMap((t) => t.schemes).join(', ')}.`);
      }
      const onConnection = (connection: Connection): void => this.#hub?.accept(connection);
      this.#listeners.push(await transport.listen(address, { onConnection }));
    }
    this.#logger.info('listening', { addresses: this.addresses });
  }

  /** Forms the triad, or finds the one that this folder belongs to, and takes part in consensus. */
  async #join(contents: StoreContents, { peers, calls, clock, seed }: Parts): Promise<void> {
    const { runtime, store, identity, timing, consensus: createConsensus, isNew } = this.#options;
    const logger = this.#logger;
    const { formed, incarnation } = await formTriad({
      runtime,
      logger,
      store,
      contents,
      network: peers,
      calls,
      self: identity.publicKey,
      endpoints: this.#endpoints,
      licenseHash: seed.hash,
      isNew,
      signal: this.#stopping.signal,
      onWaiting: (reason) => {
        this.#formingTrouble = reason;
      },
    });
    this.#formingTrouble = null;
    peers.setInstance(formed.formation.instance);
    const consensus = createConsensus<LedgerResult>({
      runtime,
      logger,
      network: peers,
      store,
      contents,
      self: { id: identity.publicKey, incarnation },
      formation: formed.formation,
      timing,
      rankOf: (member) => this.#endpoint(member)?.rank ?? Number.MAX_SAFE_INTEGER,
    });
    const propose = createPropose(consensus, () => clock.stampMs());
    const control = new ControlKeeper({
      runtime,
      logger,
      ledger: this.#ledger,
      consensus,
      clock,
      peers,
      calls,
      endpoints: () => this.#endpoints,
      mode: this.#options.failback ?? 'auto',
      failbackAfterMs: this.#options.failbackAfterMs ?? failbackAfterRounds * timing.roundMs,
      lookMs: timing.roundMs,
    });
    const admin = new AdminDesk({
      runtime,
      logger,
      ledger: this.#ledger,
      propose,
      control,
      clock,
      license: this.#license,
      peers,
      calls,
      view: () => this.#view(),
      endpoints: () => this.#endpoints,
    });
    this.#member = { consensus, propose, control, admin, isNew: formed.isNew };
    consensus.on({
      onControlGained: (term) => this.#controlGained(term),
      onControlLost: (term) => this.#controlLost(term),
      onChange: () => this.#tellControl(),
      onTransferring: (to) => {
        this.#hub?.broadcast({ t: 'moving', to: hintOf(this.#endpoint(to)), reason: 'control is handed over' });
      },
    });
    await consensus.start(this.#machine);
    this.#tellControl();
  }

  #controlGained(term: number): void {
    this.#logger.info('in control', { term });
    this.#member?.control.controlGained();
    void this.#beginTerm(term);
  }

  /** The first term of a triad's life opens the ledger; then sessions are served, and checkouts open once nothing older can hold seats. */
  async #beginTerm(term: number): Promise<void> {
    const { member, parts } = this.#joinedParts();
    if (!this.#isTerm(term)) return;
    if (this.#ledger.summary().licenseHash === null) {
      const { seed } = parts;
      try {
        await member.propose({
          kind: 'open',
          license: seed.text,
          licenseHash: seed.hash,
          settings: this.#options.settings,
          isNew: member.isNew,
          ledgerVersion: ledgerVersions.current,
        });
      } catch (error) {
        this.#logger.warn('the triad could not be opened yet', { code: errorCode(error) });
        this.#openTimer = this.#options.runtime.setTimer(openRetryMs, () => void this.#beginTerm(term));
        return;
      }
      if (!this.#isTerm(term)) return;
    }
    const { runtime, logger } = this.#options;
    this.#desk = new TermDesk({
      runtime,
      logger,
      ledger: this.#ledger,
      consensus: member.consensus,
      propose: member.propose,
      clock: this.#activeClock as ActiveClock,
      stampMs: () => parts.clock.stampMs(),
      controlHint: () => this.#controlHint(),
    });
    this.#tellControl();
    if (!this.#ledger.summary().isOpen) this.#openLater(term, this.#ledger.longestHoldMs());
  }

  #openLater(term: number, waitMs: number): void {
    this.#openTimer = this.#options.runtime.setTimer(waitMs, () => {
      if (!this.#isTerm(term)) return;
      this.#member?.propose({ kind: 'opened' }).then(
        () => this.#logger.info('checkouts are open'),
        () => this.#openLater(term, openRetryMs),
      );
    });
  }

  #isTerm(term: number): boolean {
    const status = this.#member?.consensus.status();
    return status?.state === 'in-control' && status.term === term && this.#stopped === undefined;
  }

  #controlLost(term: number): void {
    this.#logger.info('no longer in control', { term });
    this.#openTimer?.cancel();
    this.#desk?.stop();
    this.#desk = undefined;
    this.#tellControl();
  }

  #applied(events: readonly LedgerEvent[]): void {
    const text = this.#ledger.licenseText();
    if (text !== null && (events.length === 0 || events.some((event) => event.kind === 'licenseInstalled'))) {
      const license = this.#ledger.license();
      if (license !== null) this.#endpoints = this.#license.endpoints(license);
      this.#parts?.peers.setEndpoints(this.#endpoints);
      void this.#license.follow(text);
    }
    this.#desk?.applied(events);
  }

  #receive(link: ClientLink, message: Exclude<ClientMessage, HelloMessage>): void {
    switch (message.t) {
      case 'status':
        void this.#sendStatus(link, message.id, message.token);
        return;
      case 'admin':
        void this.#runAdmin(link, message);
        return;
      case 'heartbeat': {
        const desk = this.#desk;
        if (desk !== undefined) void desk.heartbeat(link, message);
        else {
          const code = this.#view().state === 'isolated' ? 'NO_QUORUM' : 'NOT_IN_CONTROL';
          link.send({ t: 'heartbeatRefused', number: message.number, code, control: this.#controlHint() });
        }
        return;
      }
      case 'resume':
        if (this.#desk === undefined) this.#refuse(link, message.id);
        else void this.#desk.resume(link, message);
        return;
      default:
        if (this.#desk === undefined) this.#refuse(link, message.id);
        else void this.#desk.request(link, message);
    }
  }

  /** Why this server serves no session now. */
  #refuse(link: ClientLink, id: number): void {
    const { state, trouble } = this.#view();
    if (state === 'isolated' || state === 'standby' || state === 'candidate') {
      link.send(consensusErrorReply({ code: state === 'isolated' ? 'NO_QUORUM' : 'NOT_IN_CONTROL' }, id, this.#controlHint()));
    } else {
      const what = state === 'in-control' ? 'is about to serve' : `is ${state}`;
      link.send(errorReply('NOT_READY', `This server ${what}${trouble === null ? '' : `: ${trouble}`}.`, { id, control: this.#controlHint() }));
    }
  }

  async #sendStatus(link: ClientLink, id: number, token: string | undefined): Promise<void> {
    const isFull = token !== undefined && isSameText(token, this.#options.adminToken);
    if (token !== undefined && !isFull) {
      link.send(unauthorized(id));
      return;
    }
    const report = await this.#parts?.status.report(isFull);
    if (report !== undefined) link.send({ t: 'statusAnswer', id, report });
  }

  async #runAdmin(link: ClientLink, { id, token, request }: AdminMessage): Promise<void> {
    if (!isSameText(token, this.#options.adminToken)) {
      this.#logger.warn('an administrative verb came with a wrong token', { remote: link.remote, verb: request.verb });
      link.send(unauthorized(id));
      return;
    }
    this.#logger.info('an administrative verb', { remote: link.remote, verb: request.verb });
    if (this.#member === undefined) return this.#refuse(link, id);
    try {
      const { message, result } = await this.#member.admin.run(request);
      link.send({ t: 'adminAnswer', id, message, result });
    } catch (error) {
      const code = errorCode(error);
      const details = isLicError(error) ? error.details : {};
      if (code in errorCodes) link.send(errorReply(code as ErrorCode, errorMessage(error), { id, details: { ...details } }));
      else link.send(errorReply('ADMIN_FAILED', errorMessage(error), { id, details: { reason: code, ...details } }));
    }
  }

  #welcome(hello: HelloMessage): Promise<WelcomeMessage> {
    const { state, term } = this.#view();
    const own = this.#endpoint(this.#options.identity.publicKey);
    return makeWelcome({
      hello,
      scheme: this.#options.scheme,
      privateKeyPem: this.#options.identity.privateKeyPem,
      license: this.#ledger.licenseText() ?? this.#parts?.seed.text ?? null,
      licenseHash: this.#ledger.summary().licenseHash ?? this.#parts?.seed.hash ?? null,
      fields: {
        server: { key: this.#options.identity.publicKey, name: own?.name ?? '', rank: own?.rank ?? 0 },
        instance: this.#instance(),
        bootId: this.#bootId,
        state,
        term,
        control: this.#controlHint(),
        servers: this.#endpoints.flatMap((endpoint) => hintOf(endpoint) ?? []),
        settings: {
          repeatAfterMs: repeatAfterRounds * this.#options.timing.roundMs,
          leaseMs: this.#ledger.summary().settings?.leaseMs ?? this.#options.settings.leaseMs,
        },
      },
    });
  }

  #instance(): string | null {
    return this.#parts?.peers.instance ?? null;
  }

  #view(): ControlView {
    if (this.#parts?.peers.identityInUse === true) {
      return { state: 'fenced', term: 0, leader: null, trouble: 'another process answers under this identity key (IDENTITY_IN_USE)' };
    }
    const status = this.#member?.consensus.status();
    if (status === undefined) return { state: 'forming', term: 0, leader: null, trouble: this.#formingTrouble };
    return { state: status.state, term: status.term, leader: status.leader, trouble: status.trouble };
  }

  #controlHint(): ControlHint | null {
    const { leader } = this.#view();
    return leader === null ? null : hintOf(this.#endpoint(leader));
  }

  /** Tells every client, once for each change. */
  #tellControl(): void {
    const { state, term, leader } = this.#view();
    if (state === 'standby' || state === 'in-control') this.#parts?.status.touch();
    // In control is told only once sessions are served: who comes earlier would be turned away.
    if (state === 'in-control' && this.#desk === undefined) return;
    const told = `${state} ${term} ${leader}`;
    if (told === this.#told) return;
    this.#told = told;
    this.#hub?.broadcast({ t: 'control', state, term, control: this.#controlHint() });
  }

  #facts(): ServerFacts {
    const { state, trouble } = this.#view();
    return {
      state,
      pid: this.#options.pid ?? null,
      version: this.#options.version ?? null,
      lastApplied: this.#member?.consensus.status().appliedIndex ?? 0,
      stateHash: this.#machine.hash(),
      notes: this.#machine.hashNotes(),
      clockAlarm: this.#parts?.clock.alarm ?? false,
      trouble,
    };
  }

  #notices(): readonly string[] {
    const { licenseHash } = this.#ledger.summary();
    const notices: string[] = [];
    if (licenseHash !== null && this.#license.fileHash !== null && licenseHash !== this.#license.fileHash) {
      notices.push('The license file on disk is not the license in force: load it with `lic reload`, or remove it.');
    }
    const leapMs = this.#parts?.clock.pendingLeapMs() ?? null;
    if (leapMs !== null) notices.push(`The clocks are ${Math.round(leapMs / 60_000)} min ahead of license time: see \`lic time\`.`);
    for (const { address, code, message } of this.#parts?.peers.refusals() ?? []) notices.push(`A link to ${address} was refused: ${message} (${code})`);
    return notices;
  }

  #endpoint(id: string): PeerEndpoint | undefined {
    return this.#endpoints.find((endpoint) => endpoint.id === id);
  }

  #joinedParts(): { readonly member: Member; readonly parts: Parts } {
    if (this.#member === undefined || this.#parts === undefined) throw new LicError('NOT_READY', 'The server has not joined a triad.');
    return { member: this.#member, parts: this.#parts };
  }
}

function unauthorized(id: number) {
  return errorReply('UNAUTHORIZED', "Administrative verbs need the token in this server's data folder (admin.token).", { id });
}

/** Compares without telling by its time where the first difference is. */
function isSameText(a: string, b: string): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let at = 0; at < a.length; at++) difference |= a.charCodeAt(at) ^ b.charCodeAt(at);
  return difference === 0;
}

function toBase64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}
