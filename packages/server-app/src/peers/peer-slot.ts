import {
  type CloseReason,
  errorCode,
  errorMessage,
  isLicError,
  type LicError,
  type Logger,
  type PeerId,
  type Runtime,
  type SignatureScheme,
  type Timer,
  type Transport,
} from '@lic/interfaces';
import type { ChannelBoard } from './channel-board.ts';
import type { LinkEnd } from './channel-view.ts';
import { type HandshakeSelf, type ProvenConnection, shakeHands } from './handshake.ts';
import type { PeerEndpoint } from './peer-endpoint.ts';
import { type NoticeKind, peerLimits } from './peer-frames.ts';
import { type LinkOwner, PhysicalLink } from './physical-link.ts';
import type { Refusals } from './refusals.ts';

/** The pace of links, all in milliseconds. */
export interface LinkTimes {
  /** An old link that is silent for so long when it is probed is gone (triad.md, Clones). */
  readonly probeMs: number;
  readonly redialMinMs: number;
  readonly redialMaxMs: number;
  /** How long one dial may take until the transport is connected. */
  readonly dialMsMax: number;
  /** How long a peer's word that the identity is in use holds, when it can't be reached any more. */
  readonly identityHeldMs: number;
  /** How long the replacement of a link may be in coming before the old one counts as lost. */
  readonly replacementMsMax: number;
  /** Draws how long a re-dial may be unanswered before the peer is lost. */
  lossJitterMs(): number;
}

/** What all slots of one server share. */
export interface SlotContext {
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly scheme: SignatureScheme;
  readonly self: HandshakeSelf;
  readonly transports: readonly Transport[];
  readonly channels: ChannelBoard;
  readonly refusals: Refusals;
  readonly times: LinkTimes;
  onLost(peer: PeerId): void;
  onChange(): void;
}

/**
 * All that one server does about one peer: dials it, decides which of several links is the current one, and finds out
 * whether a closed link means that the peer is gone.
 *
 * Of two servers the one with the lower key *chooses*: only it says which link is used, so both keep the same one.
 */
export class PeerSlot implements LinkOwner {
  endpoint: PeerEndpoint;
  /** The peer says that another process answers under this server's identity. */
  isIdentityInUse = false;
  readonly #context: SlotContext;
  readonly #isChooser: boolean;
  #current: PhysicalLink | undefined;
  readonly #candidates = new Set<PhysicalLink>();
  /** A link that the peer closed as replaced, while its replacement is not here yet. */
  #leaving: { readonly link: PhysicalLink; readonly timer: Timer } | undefined;
  /** A link closed, and whether its process is gone is not known yet. */
  #doubt: { readonly bootId: string; readonly timer: Timer; isOver: boolean } | undefined;
  #attempt: AbortController | undefined;
  #redial: Timer | undefined;
  #pauseMs: number;
  #addressAt = 0;
  #toldInUseMs = 0;
  #isRunning = false;
  /** Processes under the peer's identity that an operator has decided against: no link with them while they live. */
  readonly #banned = new Set<string>();

  constructor(endpoint: PeerEndpoint, context: SlotContext) {
    this.endpoint = endpoint;
    this.#context = context;
    this.#isChooser = context.self.publicKey < endpoint.id;
    this.#pauseMs = context.times.redialMinMs;
  }

  /** The link that is up, if any. */
  get current(): PhysicalLink | undefined {
    return this.#current;
  }

  start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#dial();
  }

  /** Ends all links in order; resolves when they have closed. */
  async stop(): Promise<void> {
    this.#isRunning = false;
    this.#redial?.cancel();
    this.#doubt?.timer.cancel();
    this.#doubt = undefined;
    this.#attempt?.abort();
    const links = [...this.#candidates, ...(this.#current === undefined ? [] : [this.#current])];
    const leaving = this.#leaving;
    this.#leaving = undefined;
    leaving?.timer.cancel();
    leaving?.link.tellEnd({ kind: 'local', message: 'This server stops.' });
    for (const link of links) {
      link.notice('stopping');
      link.close();
    }
    await Promise.all(links.map((link) => link.closed()));
  }

  /** Takes a connection whose other end has proved to be this peer. Resolves when it is decided what becomes of it. */
  async take(proven: ProvenConnection): Promise<void> {
    const { runtime, self } = this.#context;
    if (!this.#isRunning) {
      proven.connection.close();
      return;
    }
    const link = new PhysicalLink(proven, runtime, this);
    this.#candidates.add(link);
    link.open();
    link.tellInstance(self.instance());
    const limit = runtime.setTimer(peerLimits.handshakeMsMax, () => link.close());
    await this.#admit(link);
    limit.cancel();
    this.#candidates.delete(link);
    this.#considerLoss();
  }

  /** Whether the peer's process answers now; a link on which it does not is given up. */
  async probe(): Promise<boolean> {
    const link = this.#current;
    if (link === undefined) return false;
    const isAnswered = await link.answers(this.#context.times.probeMs);
    if (!isAnswered && this.#current === link) this.#giveUp(link, silent(this.#context.times.probeMs));
    return isAnswered;
  }

  /** No link with the process of that boot id, now or ever: an operator has named another one of this identity. */
  ban(bootId: string): void {
    this.#banned.add(bootId);
    const [oldest] = this.#banned;
    if (this.#banned.size > bannedMax && oldest !== undefined) this.#banned.delete(oldest);
    for (const link of this.#candidates) if (link.bootId === bootId) this.#turnAway(link, false);
    const link = this.#current;
    if (link === undefined || link.bootId !== bootId) return;
    this.#turnAway(link, false);
    this.#lose(link, { kind: 'local', message: 'An operator has named another process of this server.' });
  }

  /** This server's triad has formed: tells the peer, or parts from one that belongs to another. */
  setInstance(instance: string): void {
    for (const link of [...this.#candidates, ...(this.#current === undefined ? [] : [this.#current])]) {
      if (this.#isOfOurs(link)) link.tellInstance(instance, true);
    }
  }

  onNotice(link: PhysicalLink, kind: NoticeKind): void {
    if (kind === 'replaced' || kind === 'renewing') link.isLeaving = true;
    if (kind !== 'identity-in-use') return;
    this.#setIdentityInUse(true);
    link.close();
  }

  onInstance(link: PhysicalLink): void {
    this.#isOfOurs(link);
  }

  onBroken(link: PhysicalLink, error: LicError): void {
    this.#refuse(error, link.remote);
    if (this.#current === link) this.#lose(link, { kind: 'protocol', message: error.message });
  }

  onEnd(link: PhysicalLink, reason: CloseReason): void {
    if (this.#current !== link) return;
    if (link.isLeaving && this.#isRunning) this.#awaitReplacement(link, reason);
    else this.#lose(link, reason);
  }

  #awaitReplacement(link: PhysicalLink, reason: CloseReason): void {
    this.#current = undefined;
    link.isUp = false;
    const timer = this.#context.runtime.setTimer(this.#context.times.replacementMsMax, () => {
      this.#leaving = undefined;
      this.#lose(link, reason);
    });
    this.#leaving = { link, timer };
    this.#dial();
  }

  /** Decides what becomes of a new link: it is shown to the channels, or turned away. */
  async #admit(link: PhysicalLink): Promise<void> {
    if (this.#banned.has(link.bootId)) return this.#turnAway(link, false);
    if (this.#isChooser) {
      if (!(await link.ready())) return;
    } else {
      if (!(await this.#isOnlyProcess(link))) return;
      link.sendReady();
      if (!(await link.chosen())) return;
    }
    for (let held = this.#current; held !== undefined; held = this.#current) {
      const isSameProcess = held.bootId === link.bootId;
      if (isSameProcess && !this.#isChooser) break;
      const isAlive = await held.answers(this.#context.times.probeMs);
      if (link.isEnded) return;
      if (this.#current !== held) continue;
      if (isAlive) return this.#turnAway(link, isSameProcess);
      if (isSameProcess) break;
      this.#giveUp(held, silent(this.#context.times.probeMs));
    }
    if (link.isEnded) return;
    if (!this.#isRunning) return link.close();
    if (this.#isChooser) link.sendUp();
    this.#show(link);
  }

  /** Refuses a second process under the identity of one that answers (triad.md, Clones). */
  async #isOnlyProcess(link: PhysicalLink): Promise<boolean> {
    for (let held = this.#current; held !== undefined && held.bootId !== link.bootId; held = this.#current) {
      const isAlive = await held.answers(this.#context.times.probeMs);
      if (link.isEnded) return false;
      if (this.#current !== held) continue;
      if (isAlive) {
        this.#turnAway(link, false);
        return false;
      }
      this.#giveUp(held, silent(this.#context.times.probeMs));
    }
    return true;
  }

  #turnAway(link: PhysicalLink, isSameProcess: boolean): void {
    if (!isSameProcess) {
      const { refusals } = this.#context;
      const message = this.#banned.has(link.bootId)
        ? `A process claims the identity of ${this.endpoint.name}, but an operator has named another one.`
        : `A second process claims the identity of ${this.endpoint.name}, while the first one answers.`;
      refusals.note({ peer: this.endpoint.id, address: link.remote, code: 'IDENTITY_IN_USE', message });
    }
    link.notice(isSameProcess ? 'replaced' : 'identity-in-use');
    link.close();
  }

  #show(link: PhysicalLink): void {
    const { logger, channels, refusals, times } = this.#context;
    const before = this.#current ?? this.#leaving?.link;
    this.#leaving?.timer.cancel();
    this.#leaving = undefined;
    this.#redial?.cancel();
    this.#attempt?.abort();
    this.#attempt = undefined;
    this.#pauseMs = times.redialMinMs;
    // Answered, but by another process: the one that was linked is gone.
    if (this.#doubt !== undefined && this.#doubt.bootId !== link.bootId) this.#tellLost();
    this.#doubt?.timer.cancel();
    this.#doubt = undefined;
    if (before !== undefined && before.bootId !== link.bootId) {
      before.tellEnd({
        kind: 'reset',
        message: 'The process at the other end is gone; a new one has taken its place.',
      });
      this.#tellLost();
    }

    this.#current = link;
    link.isUp = true;
    refusals.clear(this.endpoint.id);
    this.#setIdentityInUse(false);
    logger.info(`Linked to ${this.endpoint.name}.`, { peer: link.peer, bootId: link.bootId, remote: link.remote });
    channels.show(link);
    if (before !== undefined) {
      before.tellEnd({ kind: 'replaced', message: 'Another link to the same process has taken its place.' });
      before.notice('replaced');
      before.close();
    }
    this.#context.onChange();
  }

  #giveUp(link: PhysicalLink, reason: CloseReason): void {
    link.close('at once');
    this.#lose(link, reason);
  }

  /** The current link is no more: finds out at once whether the peer is. */
  #lose(link: PhysicalLink, end: LinkEnd): void {
    const { runtime, logger, times } = this.#context;
    if (this.#current === link) this.#current = undefined;
    link.tellEnd(end);
    if (!this.#isRunning) return;
    logger.warn(`The link to ${this.endpoint.name} has ended: ${end.message}`, { peer: link.peer, kind: end.kind });
    this.#doubt?.timer.cancel();
    const timer = runtime.setTimer(times.lossJitterMs(), () => {
      if (this.#doubt?.timer === timer) this.#doubt.isOver = true;
      this.#considerLoss();
    });
    this.#doubt = { bootId: link.bootId, timer, isOver: false };
    this.#dial();
    this.#context.onChange();
  }

  /** Refused or unanswered within the jitter: lost. A proof of the same process is an answer, until that link fails. */
  #considerLoss(): void {
    const doubt = this.#doubt;
    if (doubt === undefined || !doubt.isOver || this.#current !== undefined) return;
    for (const link of this.#candidates) if (link.bootId === doubt.bootId && !link.isEnded) return;
    this.#doubt = undefined;
    this.#tellLost();
  }

  #tellLost(): void {
    this.#context.logger.warn(`${this.endpoint.name} is lost.`, { peer: this.endpoint.id });
    this.#context.onLost(this.endpoint.id);
  }

  #isOfOurs(link: PhysicalLink): boolean {
    const instance = this.#context.self.instance();
    if (instance === null || link.instance === null || link.instance === instance) return true;
    const message = `${this.endpoint.name} belongs to triad instance ${link.instance}, this server to ${instance}. One of the two data folders is not of this triad.`;
    this.#context.refusals.note({ peer: link.peer, address: link.remote, code: 'OTHER_INSTANCE', message });
    link.close();
    if (this.#current === link) this.#lose(link, { kind: 'protocol', message });
    return false;
  }

  #setIdentityInUse(isInUse: boolean): void {
    if (isInUse) this.#toldInUseMs = this.#context.runtime.monotonic();
    if (this.isIdentityInUse === isInUse) return;
    this.isIdentityInUse = isInUse;
    if (isInUse) {
      const { logger } = this.#context;
      logger.error(
        `IDENTITY_IN_USE: ${this.endpoint.name} is linked to another process with this server's identity. Stop one of the two.`,
      );
    }
    this.#context.onChange();
  }

  #refuse(error: unknown, address: string): void {
    if (!isLicError(error) || error.code === 'HANDSHAKE_ABORTED') return;
    this.#context.refusals.note({ peer: this.endpoint.id, address, code: error.code, message: error.message });
  }

  #dial(): void {
    if (!this.#isRunning || this.#current !== undefined || this.#attempt !== undefined) return;
    this.#redial?.cancel();
    const { transports, refusals, runtime, times } = this.#context;
    if (this.endpoint.addresses.length === 0) {
      // A server that no license seen here names any more: it knows where this one is.
      this.#redial = runtime.setTimer(times.redialMaxMs, () => this.#dial());
      return;
    }
    const routes = this.endpoint.addresses.flatMap((address) => {
      const transport = transports.find(({ schemes }) => schemes.includes(address.slice(0, address.indexOf(':'))));
      return transport === undefined ? [] : [{ address, transport }];
    });
    const route = routes[this.#addressAt % Math.max(routes.length, 1)];
    if (route === undefined) {
      const message = `None of the addresses of ${this.endpoint.name} can be dialled with the transports of this server.`;
      refusals.note({
        peer: this.endpoint.id,
        address: this.endpoint.addresses.join(' '),
        code: 'NO_TRANSPORT',
        message,
      });
      this.#redial = runtime.setTimer(times.redialMaxMs, () => this.#dial());
      return;
    }
    this.#attempt = new AbortController();
    void this.#try(route, this.#attempt);
  }

  async #try(
    { address, transport }: { readonly address: string; readonly transport: Transport },
    attempt: AbortController,
  ): Promise<void> {
    const { runtime, scheme, self, times, logger } = this.#context;
    const limit = runtime.setTimer(times.dialMsMax, () => attempt.abort());
    try {
      const connection = await transport.dial(address, { signal: attempt.signal });
      limit.cancel();
      const dialled = this.endpoint.id;
      const proven = await this.#shake({ runtime, scheme, self, connection, dialled, signal: attempt.signal }, address);
      await this.take(proven);
    } catch (error) {
      limit.cancel();
      this.#addressAt++;
      // A peer that can't be reached any more has no say for ever: the others may need this server's vote.
      if (runtime.monotonic() - this.#toldInUseMs > times.identityHeldMs) this.#setIdentityInUse(false);
      logger.debug(`Could not reach ${this.endpoint.name}.`, {
        address,
        code: errorCode(error),
        message: errorMessage(error),
      });
    }
    if (this.#attempt !== attempt) return;
    this.#attempt = undefined;
    this.#scheduleDial();
  }

  async #shake(options: Parameters<typeof shakeHands>[0], address: string): Promise<ProvenConnection> {
    try {
      return await shakeHands(options);
    } catch (error) {
      this.#refuse(error, address);
      throw error;
    }
  }

  #scheduleDial(): void {
    if (!this.#isRunning || this.#current !== undefined) return;
    const { runtime, times } = this.#context;
    const pauseMs = this.#pauseMs * (0.5 + randomFraction(runtime) / 2);
    this.#pauseMs = Math.min(this.#pauseMs * 2, times.redialMaxMs);
    this.#redial?.cancel();
    this.#redial = runtime.setTimer(pauseMs, () => this.#dial());
  }
}

/** Processes that are remembered as decided against; each is one that runs in vain. */
const bannedMax = 16;

/** From 0 up to, not including, 1. */
export function randomFraction(runtime: Runtime): number {
  const [high = 0, low = 0] = runtime.random(2);
  return (high * 256 + low) / 65_536;
}

function silent(probeMs: number): CloseReason {
  return { kind: 'timeout', message: `The process at the other end was silent for ${probeMs} ms.` };
}
