import { type GrantView, type Ledger, type LedgerEvent, type LedgerResult, termsVersion } from '@lic/core';
import { type CloseReason, type Consensus, errorCode, isLicError, type Logger, type Runtime } from '@lic/interfaces';
import type {
  BorrowMessage,
  CheckoutMessage,
  ClientMessage,
  ControlHint,
  ResumeMessage,
  ServerMessage,
  SessionMessage,
} from '@lic/protocol';
import type { ClientLink } from '../clients/client-link.ts';
import { consensusErrorReply, errorReply } from '../clients/refusals.ts';
import type { Propose } from '../propose.ts';
import type { ActiveClock } from './active-clock.ts';
import { Bindings } from './bindings.ts';
import type { BorrowDesk } from './borrow-desk.ts';
import { Endings } from './endings.ts';
import { Holds } from './holds.ts';
import { IdleWatch } from './idle-watch.ts';
import { QueueKeeper } from './queue-keeper.ts';
import {
  borrowCommand,
  type Circumstances,
  checkoutCommand,
  hostOf,
  notInForce,
  resumeCommand,
  sessionCommand,
} from './session-commands.ts';
import { deniedMessage, replyMessage, wireGrant } from './session-replies.ts';
import { TickKeeper } from './tick-keeper.ts';

/** What a term in control is served with. */
export interface TermDeskParts {
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly ledger: Ledger;
  readonly consensus: Consensus<LedgerResult>;
  readonly propose: Propose;
  readonly clock: ActiveClock;
  readonly stampMs: () => number;
  /** Where control is now, or would be at `leader`, for those who ask here too late. */
  readonly controlHint: (leader?: unknown) => ControlHint | null;
  /** Whether nothing may be granted: the states of servers differ (triad.md, State hash differs). */
  readonly isHalted: () => boolean;
  readonly borrows: BorrowDesk;
}

type HeartbeatMessage = Extract<ClientMessage, { t: 'heartbeat' }>;

/**
 * Serves sessions for one term in control: bindings, holds, queues and deadlines live and end with it. A request
 * is answered only by what was committed in this term; a heartbeat only by a quorum's word (triad.md, Time).
 */
export class TermDesk {
  readonly #parts: TermDeskParts;
  readonly #bindings = new Bindings();
  readonly #holds: Holds;
  readonly #queue: QueueKeeper;
  readonly #tick: TickKeeper;
  readonly #endings: Endings;
  readonly #idle: IdleWatch;
  /** Sessions whose client has ended its connection in order, with the epoch that they had there. */
  readonly #left = new Map<string, number>();
  #isOver = false;

  constructor(parts: TermDeskParts) {
    this.#parts = parts;
    this.#holds = new Holds({ ...parts, onReclaiming: (session) => this.#bindings.unbind(session) });
    this.#queue = new QueueKeeper({ ...parts, bindings: this.#bindings });
    this.#tick = new TickKeeper(parts);
    this.#endings = new Endings(parts.ledger.endingGrants());
    this.#idle = new IdleWatch(parts);
  }

  /** The term has ended for this server: nothing is answered from here any more. */
  stop(): void {
    this.#isOver = true;
    this.#holds.stop();
    this.#queue.stop();
    this.#tick.stop();
  }

  /** A session's request that goes through the log. */
  async request(link: ClientLink, message: SessionMessage): Promise<void> {
    const isOpening = opens(message);
    if (!isOpening && !this.#isBound(link, message)) return;
    this.#holds.heard(message.session);
    const result = await this.#proposeRequest(link, message);
    if (result === undefined) return;
    // A place in a queue has the lease of its feature, which may be the session's shortest.
    if (result.reply.kind === 'queued') this.#holds.changed(message.session);
    if (isOpening && 'epoch' in result.reply && result.reply.kind !== 'refused') {
      this.#bind(message.session, link, result.reply.epoch ?? 0);
    }
    const { reply } = result;
    if (message.t === 'borrow' && reply.kind === 'borrowed') {
      link.send(await this.#parts.borrows.borrowed(message, reply.epoch, reply.borrow));
      return;
    }
    link.send(replyMessage({ id: message.id, seq: message.seq, user: this.#userOf(message.session) }, reply));
  }

  /** Borrowed seats come back, or are taken over from before a recovery: no session is needed for it, and a repeat does no harm. */
  async borrowed(link: ClientLink, message: Extract<ClientMessage, { t: 'return' | 'present' }>): Promise<void> {
    const { borrows } = this.#parts;
    const { id } = message;
    if (!this.#mayBorrow(link, id)) return;
    try {
      await (message.t === 'return' ? borrows.giveBack(message.borrow) : borrows.present(message.token));
      link.send({ t: message.t === 'return' ? 'returned' : 'presented', id });
    } catch (error) {
      link.send(
        isLicError(error, 'BORROW_REFUSED')
          ? errorReply('BORROW_REFUSED', error.message, { id, details: { ...error.details } })
          : consensusErrorReply(error, id, this.#hintFrom(error)),
      );
    }
  }

  /** Binds a session to the asking connection; takes no seat (I6). */
  async resume(link: ClientLink, message: ResumeMessage): Promise<void> {
    // Where a reclaim is under way already it comes first in the log, and the answer to this is what it has left.
    this.#holds.heard(message.session);
    const features = this.#parts.ledger.queueOf(message.session).map((place) => place.feature);
    for (const feature of features) this.#queue.entering(feature);
    const result = await this.#propose(link, message.id, resumeCommand(message));
    for (const feature of features) this.#queue.entered(feature);
    if (result === undefined) return;
    if (result.reply.kind === 'resumed') this.#bind(message.session, link, result.reply.epoch);
    link.send(replyMessage({ id: message.id, seq: 0, user: this.#userOf(message.session) }, result.reply));
  }

  #userOf(session: string): string | undefined {
    return this.#parts.ledger.session(session)?.user;
  }

  /** Answers once a quorum has confirmed, by a round that began after the receipt, that this server is in control. */
  async heartbeat(link: ClientLink, message: HeartbeatMessage): Promise<void> {
    const { session, epoch, number } = message;
    if (!this.#bindings.isBoundTo(session, link, epoch)) return this.#refuseHeartbeat(link, message);
    this.#holds.heard(session);
    try {
      await this.#parts.consensus.readBarrier();
    } catch (error) {
      const code = errorCode(error) === 'NO_QUORUM' ? 'NO_QUORUM' : 'NOT_IN_CONTROL';
      link.send({ t: 'heartbeatRefused', number, code, control: this.#hintFrom(error) });
      return;
    }
    // Meanwhile the session may have been bound elsewhere, or its reclaim may be under way: then this extends nothing.
    const view = this.#parts.ledger.session(session);
    if (this.#isOver || view === undefined || !this.#bindings.isBoundTo(session, link, epoch)) {
      return this.#refuseHeartbeat(link, message);
    }
    link.send({
      t: 'heartbeatAnswer',
      number,
      epoch,
      leaseMs: view.leaseMsMin,
      ending: [...this.#endings.of(session)],
    });
    if (message.idle !== undefined) this.#idle.heard(session, message.idle);
  }

  /** The connection has ended. Only an orderly end on a direct connection may release seats (triad.md, Time, One knob). */
  linkClosed(link: ClientLink, reason: CloseReason): void {
    for (const { session, epoch } of this.#bindings.unbindLink(link)) {
      if (reason.kind === 'orderly') this.#leave(session, epoch);
    }
  }

  /** A command was applied here, in log order. */
  applied(events: readonly LedgerEvent[]): void {
    if (this.#isOver) return;
    for (const event of events) this.#notice(event);
    if (events.length > 0) this.#queue.serve();
    this.#tick.applied();
  }

  /** What a checkout of these features that comes now is told of this term. */
  stampsFor(features: readonly string[]): Circumstances {
    return {
      isPastQueue: features.every((feature) => this.#queue.mayPass(feature)),
      isHalted: this.#parts.isHalted(),
    };
  }

  #isBound(link: ClientLink, { session, epoch, id }: SessionMessage): boolean {
    if (this.#isOver) {
      link.send(consensusErrorReply({ code: 'NOT_IN_CONTROL' }, id, this.#parts.controlHint()));
      return false;
    }
    if (this.#bindings.isBoundTo(session, link, epoch)) return true;
    link.send(
      this.#isSuperseded(session, epoch)
        ? errorReply('SUPERSEDED', 'A newer connection of this session exists.', { id })
        : errorReply('RESUME', 'The session is not bound to this connection under this epoch: send a resume first.', {
            id,
          }),
    );
    return false;
  }

  /** Whether the session speaks elsewhere, under an epoch that the asking one does not know. */
  #isSuperseded(session: string, epoch: number): boolean {
    const binding = this.#bindings.get(session);
    return binding !== undefined && binding.epoch > epoch;
  }

  #proposeRequest(link: ClientLink, message: SessionMessage): Promise<LedgerResult | undefined> {
    switch (message.t) {
      case 'checkout':
        return this.#proposeCheckout(link, message);
      case 'borrow':
        return this.#proposeBorrow(link, message);
      default:
        return this.#propose(link, message.id, sessionCommand(message));
    }
  }

  async #proposeBorrow(link: ClientLink, message: BorrowMessage): Promise<LedgerResult | undefined> {
    const { ledger, stampMs } = this.#parts;
    if (!this.#mayBorrow(link, message.id)) return undefined;
    const { licenseTimeMs } = ledger.summary();
    const command = borrowCommand(message, Math.max(licenseTimeMs, stampMs()), {
      ...this.stampsFor([message.feature]),
      address: hostOf(link.remote),
    });
    return this.#propose(link, message.id, command);
  }

  /** Puts off what the ledger rules in force do not know yet. */
  #mayBorrow(link: ClientLink, id: number): boolean {
    if (this.#parts.ledger.summary().ledgerVersion >= termsVersion) return true;
    const what = `To borrow needs ledger version ${termsVersion}, which comes into force once all servers are updated.`;
    link.send(errorReply('NOT_READY', what, { id }));
    return false;
  }

  async #proposeCheckout(link: ClientLink, message: CheckoutMessage): Promise<LedgerResult | undefined> {
    const { feature, more = [], waitMs = 0 } = message;
    const stamps = this.stampsFor([feature, ...more.map((item) => item.feature)]);
    const why = notInForce(this.#parts.ledger.summary(), { more, isHalted: stamps.isHalted });
    if (why !== undefined) {
      link.send(errorReply('NOT_READY', why, { id: message.id }));
      return undefined;
    }
    const command = checkoutCommand(message, {
      ...stamps,
      address: hostOf(link.remote),
    });
    if (waitMs > 0) this.#queue.entering(feature);
    try {
      return await this.#propose(link, message.id, command);
    } finally {
      if (waitMs > 0) this.#queue.entered(feature);
    }
  }

  async #propose(link: ClientLink, id: number, command: Parameters<Propose>[0]): Promise<LedgerResult | undefined> {
    try {
      const result = await this.#parts.propose(command);
      if (!this.#isOver) return result;
      // Committed, yet possibly answered by a server that is deposed by now: what binds and holds is another's to say.
      link.send(consensusErrorReply({ code: 'UNKNOWN' }, id, null));
    } catch (error) {
      link.send(consensusErrorReply(error, id, this.#hintFrom(error)));
    }
    return undefined;
  }

  /** Consensus may know whom control is being handed to before that server is known to have it. */
  #hintFrom(error: unknown): ControlHint | null {
    return this.#parts.controlHint(isLicError(error) ? error.details.leader : undefined);
  }

  /** The session's client ended its connection itself: that ends the grants which end with it, also those still under way. */
  #leave(session: string, epoch: number): void {
    this.#left.set(session, epoch);
    if (this.#parts.ledger.grantsOf(session).some((grant) => grant.reclaim === 'disconnect')) {
      void this.#disconnect(session, epoch);
    }
  }

  async #disconnect(session: string, epoch: number): Promise<void> {
    try {
      await this.#parts.propose({ kind: 'disconnect', session, epoch });
    } catch (error) {
      // The hold ends these grants then; nothing is lost but the moment.
      this.#parts.logger.debug('an orderly end was not carried out', { session, code: errorCode(error) });
    }
  }

  #bind(session: string, link: ClientLink, epoch: number): void {
    // What was proposed before its reclaim is done before it too: bound now, its heartbeats would be answered while the reclaim is under
    // way. Not bound, it hears RESUME, and the resume after that comes behind the reclaim in the log.
    if (this.#holds.isReclaiming(session)) return;
    // A denial for want of room for sessions begins none.
    if (this.#parts.ledger.session(session) === undefined) return;
    this.#left.delete(session);
    this.#bindings.bind(session, link, epoch);
    if (link.end?.kind === 'orderly') this.#leave(session, epoch);
    this.#queue.serve();
  }

  #refuseHeartbeat(link: ClientLink, { session, epoch, number }: HeartbeatMessage): void {
    const code = this.#isOver
      ? 'NOT_IN_CONTROL'
      : this.#parts.ledger.session(session) === undefined
        ? 'ENDED'
        : this.#isSuperseded(session, epoch)
          ? 'SUPERSEDED'
          : 'RESUME';
    link.send({ t: 'heartbeatRefused', number, code, control: this.#parts.controlHint() });
  }

  #notice(event: LedgerEvent): void {
    switch (event.kind) {
      case 'granted':
        this.#noticeGrant(event.grant, event.fromQueue);
        return;
      case 'ending': {
        const notice = this.#endings.add(event.grant);
        this.#holds.watchEnding(event.grant.id, event.grant.holdMs);
        if (notice !== undefined) this.#tell(event.grant.session, { t: 'ending', grants: [notice] });
        return;
      }
      case 'ended':
        this.#noticeEnd(event);
        return;
      case 'unqueued': {
        const { entry, denial } = event;
        this.#holds.changed(entry.session);
        const binding = this.#bindings.get(entry.session);
        if (denial === undefined || binding === undefined) return;
        const user = this.#userOf(entry.session);
        binding.link.send(deniedMessage({ seq: entry.checkoutSeq, user }, { epoch: binding.epoch, denial }));
        return;
      }
      case 'sessionBegan':
        this.#holds.began(event.session);
        return;
      case 'sessionEnded':
        this.#holds.ended(event.session);
        this.#bindings.unbind(event.session);
        this.#left.delete(event.session);
        return;
      default:
        return;
    }
  }

  #noticeGrant(grant: GrantView, isFromQueue: boolean): void {
    this.#holds.changed(grant.session);
    const leftEpoch = this.#left.get(grant.session);
    if (leftEpoch !== undefined && grant.reclaim === 'disconnect') void this.#disconnect(grant.session, leftEpoch);
    const binding = this.#bindings.get(grant.session);
    if (!isFromQueue || binding === undefined) return;
    binding.link.send({ t: 'granted', seq: grant.checkoutSeq, epoch: binding.epoch, grant: wireGrant(grant) });
  }

  #noticeEnd({ grant, reason, note }: Extract<LedgerEvent, { kind: 'ended' }>): void {
    this.#endings.delete(grant);
    this.#holds.changed(grant.session);
    // Its own checkin, goodbye or acknowledgement is answered as a request; the rest the client did not ask for.
    if (reason === 'checkedIn' || reason === 'sessionEnded' || grant.state === 'ending') return;
    const told = note === undefined ? { grant: grant.id, reason } : { grant: grant.id, reason, note };
    this.#tell(grant.session, { t: 'ended', grants: [told] });
  }

  #tell(session: string, message: ServerMessage): void {
    this.#bindings.get(session)?.link.send(message);
  }
}

/** Whether a request is one that begins a session: the only one that needs no bound connection (triad.md, Sessions). */
function opens(message: SessionMessage): boolean {
  const mayOpen = message.t === 'checkout' || message.t === 'borrow';
  return mayOpen && message.opening !== undefined && message.seq === 1 && message.epoch === 0;
}
