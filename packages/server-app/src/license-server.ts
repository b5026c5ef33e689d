import { createLedger, joinLicenses, type Ledger, type LedgerEvent } from '@lic/core';
import {
  type Connection,
  errorCode,
  errorMessage,
  LicError,
  type Logger,
  type Timer,
  type Transport,
} from '@lic/interfaces';
import type { StatusReport } from '@lic/protocol';
import type { LifeDeeds, OwnLife } from './admin/own-life.ts';
import { ControlNews } from './control/control-news.ts';
import { drawId } from './forming/folder-record.ts';
import { FormWord } from './forming/form-word.ts';
import { formTriad } from './forming/forming.ts';
import { LicenseDesk } from './license/license-desk.ts';
import { seedLicense } from './license/license-seed.ts';
import { lifeDeeds } from './life/life-deeds.ts';
import { composeListening, type ListeningParts } from './life/listening-parts.ts';
import { composeMember, type MemberParts, stopMember } from './life/member-parts.ts';
import { OwnFolder } from './life/own-folder.ts';
import { OwnReport } from './life/own-report.ts';
import type { LifeHost, Rebirth } from './life/rebirth.ts';
import { reopened } from './life/rebirths.ts';
import { PeerRoster } from './members/peer-roster.ts';
import type { ServerInspection } from './server.ts';
import { createServerMachine, type ServerMachine } from './server-machine.ts';
import type { ServerOptions } from './server-options.ts';

/** A server whose disk failed while it joined tries again after so long, ms. */
const retryJoinMs = 5_000;

/** One life of a server, from opening its store to closing it: who is told what, in which order things begin and end. */
export class LicenseServer {
  /** Resolves when this life has formed or found its triad. */
  readonly joined: Promise<void>;
  readonly #options: ServerOptions;
  readonly #transports: readonly Transport[];
  readonly #host: LifeHost;
  readonly #logger: Logger;
  readonly #ledger: Ledger;
  readonly #machine: ServerMachine;
  readonly #license: LicenseDesk;
  readonly #roster = new PeerRoster((links) => this.#parts?.peers.setEndpoints(links));
  readonly #news: ControlNews;
  readonly #report: OwnReport;
  readonly #bootId: string;
  readonly #stopping = new AbortController();
  #settleJoined!: { readonly resolve: () => void; readonly reject: (error: unknown) => void };
  #parts: ListeningParts | undefined;
  #member: MemberParts | undefined;
  #folder: OwnFolder | undefined;
  #retry: Timer | undefined;
  readonly #word: FormWord;
  #formingTrouble: string | null = null;
  #ending: { readonly why: string; readonly isReborn: boolean } | undefined;
  #ended: Promise<void> | undefined;

  constructor(options: ServerOptions, transports: readonly Transport[], host: LifeHost) {
    this.#options = options;
    this.#transports = transports;
    this.#host = host;
    this.#logger = options.logger;
    this.#license = new LicenseDesk(options, options.logger);
    this.#bootId = drawId(options.runtime);
    this.#word = new FormWord(options.runtime);
    this.#ledger = createLedger({
      verifyLicense: async (text) => void (await this.#license.verify(text)),
      ...(options.ledgerVersions && { versions: options.ledgerVersions }),
    });
    this.#machine = createServerMachine(this.#ledger, options.logger, {
      onApplied: (events) => this.#applied(events),
      onRestored: () => this.#followLicense(),
    });
    this.#report = new OwnReport({
      options,
      bootId: this.#bootId,
      ledger: this.#ledger,
      machine: this.#machine,
      license: this.#license,
      roster: this.#roster,
      news: () => this.#news,
      parts: () => this.#parts,
      consensus: () => this.#member?.consensus.status() ?? null,
      watchers: () => [this.#member?.clones, this.#member?.states],
      formingTrouble: () => this.#formingTrouble,
      ending: () => this.#ending,
    });
    this.#news = new ControlNews({
      view: () => this.#report.view(),
      endpoint: (id) => this.#roster.find(id),
      isServing: () => this.#member?.terms.desk !== undefined,
      noteControl: (isKnown) => this.#parts?.status.noteControl(isKnown),
      broadcast: (message) => this.#parts?.hub.broadcast(message),
    });
    this.joined = new Promise((resolve, reject) => {
      this.#settleJoined = { resolve, reject };
    });
    this.joined.catch(() => {});
  }

  /** Whether it ends, or has ended, so that another life can begin. */
  get isReplaced(): boolean {
    return this.#ending?.isReborn === true;
  }

  /** Opens the store and the doors, and takes part. Throws where it can't; it has ended then. */
  async start(): Promise<void> {
    const { runtime, store } = this.#options;
    try {
      const contents = await store.open();
      const seed = await seedLicense(this.#license, store, contents);
      const throughIndex = contents.entries.at(-1)?.index ?? contents.snapshot?.index ?? Number.POSITIVE_INFINITY;
      this.#roster.seeded(this.#license.endpoints(seed.license), throughIndex);
      // A record that can't be read is refused with its reason when the triad is joined.
      const folder = await OwnFolder.open(store, contents, { runtime, logger: this.#logger });
      this.#folder = folder;
      const parts = composeListening({
        options: this.#options,
        transports: this.#transports,
        bootId: this.#bootId,
        instance: folder.instance,
        seed,
        ledger: this.#ledger,
        roster: this.#roster,
        news: this.#news,
        report: this.#report,
        member: () => this.#member,
        life: { life: () => this.#ownLife(), deeds: this.#deeds(seed.hash) },
      });
      this.#parts = parts;
      await this.#host.open();
      parts.peers.start();
      parts.clock.start();
      this.#join(parts, folder).then(this.#settleJoined.resolve, (error: unknown) => this.#joinFailed(error));
    } catch (error) {
      await this.#wind({ handover: false, isLast: false });
      throw error;
    }
  }

  /** Takes over an accepted connection. After the end, too: `status` is answered until another life begins. */
  accept(connection: Connection): void {
    if (this.#parts === undefined) connection.close();
    else this.#parts.hub.accept(connection);
  }

  status(): Promise<StatusReport> {
    if (this.#parts === undefined)
      throw new LicError('NOT_READY', 'The server has not been started.', { retryable: true });
    return this.#parts.status.report(true);
  }

  inspect(): ServerInspection {
    return {
      ledger: this.#ledger,
      consensus: this.#member?.consensus.status() ?? null,
      state: this.#report.view().state,
    };
  }

  /**
   * Hands control over where `handover` says so, then ends and closes the store. For a `rebirth` the doors stay open. Idempotent;
   * never throws.
   */
  end({ handover, rebirth }: { readonly handover: boolean; readonly rebirth?: Rebirth }): Promise<void> {
    this.#ended ??= this.#wind({ handover, isLast: rebirth === undefined, ...(rebirth && { why: rebirth.why }) });
    return this.#ended;
  }

  /** Why no other life has begun yet. */
  noteTrouble(why: string): void {
    if (this.#ending !== undefined) this.#ending = { ...this.#ending, why };
  }

  /** Ends the connections of clients, those that came after the end. */
  closeClients(): void {
    this.#parts?.hub.closeAll();
  }

  async #wind(options: { readonly handover: boolean; readonly isLast: boolean; readonly why?: string }): Promise<void> {
    const { handover, isLast, why = 'this server is stopping' } = options;
    this.#stopping.abort(new LicError('STOPPED', 'The server is stopping.'));
    if (handover) {
      // Where control is here, whom it goes to is told when that is decided.
      const to = this.#report.view().state === 'in-control' ? null : this.#news.hint();
      this.#parts?.hub.broadcast({ t: 'moving', to, reason: why });
      await this.#member?.control.leave();
    }
    this.#ending = { why, isReborn: !isLast };
    this.#retry?.cancel();
    if (this.#member !== undefined) stopMember(this.#member);
    this.#parts?.clock.stop();
    this.#parts?.activeClock.stop();
    if (isLast) await this.#host.close();
    this.#parts?.hub.closeAll();
    await (this.#member === undefined ? this.#options.store.close() : this.#member.consensus.stop());
    await this.#parts?.peers.stop();
  }

  /** Forms the triad, or finds the one that this folder belongs to, and takes part in consensus. */
  async #join(parts: ListeningParts, folder: OwnFolder): Promise<void> {
    const { runtime, logger, identity, isNew } = this.#options;
    const book = await folder.opening;
    const joined = await formTriad({
      runtime,
      logger,
      book,
      word: this.#word,
      network: parts.peers,
      calls: parts.calls,
      self: identity.publicKey,
      endpoints: this.#roster.servers,
      licenseHash: parts.seed.hash,
      isNew,
      signal: this.#stopping.signal,
      onWaiting: (reason) => {
        this.#formingTrouble = reason;
      },
    });
    this.#formingTrouble = null;
    this.#license.logged(joined.formed.licenseHash);
    this.#stopping.signal.throwIfAborted();
    this.#member = composeMember({
      options: this.#options,
      host: this.#host,
      bootId: this.#bootId,
      contents: folder.contents,
      joined,
      onRolledBack: () => folder.renew(),
      recovery: folder.recovery,
      parts,
      ledger: this.#ledger,
      license: this.#license,
      roster: this.#roster,
      news: this.#news,
      report: this.#report,
    });
    await this.#member.consensus.start(this.#machine);
    this.#member.clones.start();
    this.#news.tell();
  }

  #ownLife(): OwnLife {
    return {
      ...(this.#folder?.facts ?? { folder: undefined, failure: null, isRecovering: false, damage: undefined }),
      view: this.#report.view(),
      status: this.#member?.consensus.status() ?? null,
      isDoubled: this.#parts?.peers.identityInUse === true || this.#member?.clones.isInConflict === true,
    };
  }

  #deeds(licenseHash: string): LifeDeeds {
    const { runtime, identity, timing } = this.#options;
    return lifeDeeds({
      runtime,
      host: this.#host,
      self: identity.publicKey,
      licenseHash,
      roundMs: timing.roundMs,
      word: this.#word,
      joined: this.joined,
      formed: () => this.#folder?.book?.record.formed,
      waitingFor: () => this.#formingTrouble,
      clones: () => this.#member?.clones,
    });
  }

  #joinFailed(error: unknown): void {
    this.#settleJoined.reject(error);
    if (this.#stopping.signal.aborted) return;
    this.#formingTrouble = errorMessage(error);
    this.#folder?.failed(error);
    this.#logger.error('this server takes no part', { err: error });
    if (errorCode(error) !== 'STORE_FAILED') return;
    // It has nothing to lose yet: a disk that was mended is found without an operator.
    const again = reopened(`The disk failed while this server joined: ${errorMessage(error)}`);
    this.#retry = this.#options.runtime.setTimer(retryJoinMs, () => this.#host.replace(again));
  }

  #applied(events: readonly LedgerEvent[]): void {
    for (const event of events) if (event.kind === 'licenseInstalled') this.#followLicense();
    this.#member?.terms.applied(events);
  }

  /** The license in force may be another one. */
  #followLicense(): void {
    const license = this.#ledger.license();
    const texts = this.#ledger.licenseTexts();
    const { licenseHash } = this.#ledger.summary();
    if (license === null || licenseHash === null) return;
    this.#roster.licensed(this.#license.endpoints(license));
    void this.#license.follow(joinLicenses(texts), licenseHash);
  }
}
