import type { Ledger, LedgerEvent, LedgerResult } from '@lic/core';
import { type CloseReason, type Consensus, errorCode, type Logger, type Runtime } from '@lic/interfaces';
import type { ClientMessage, ControlHint, ResumeMessage, ServerMessage, SessionMessage } from '@lic/protocol';
import type { ClientLink } from '../clients/client-link.ts';
import { consensusErrorReply, errorReply } from '../clients/refusals.ts';
import type { Propose } from '../propose.ts';
import type { ActiveClock } from './active-clock.ts';
import { Bindings } from './bindings.ts';
import { Holds } from './holds.ts';
import { QueueKeeper } from './queue-keeper.ts';
import { resumeCommand, sessionCommand } from './session-commands.ts';
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
  /** Where control is now, for those who ask here too late. */
  readonly controlHint: () => ControlHint | null;
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
  #isOver = false;

  constructor(parts: TermDeskParts) {
    this.#parts = parts;
    this.#holds = new Holds({ ...parts, onReclaiming: (session) => this.#bindings.unbind(session) });
    this.#queue = new QueueKeeper({ ...parts, bindings: this.#bindings });
    this.#tick = new TickKeeper(parts);
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
    const reclaim = this.#holds.reclaimOf(message.session);
    if (reclaim !== undefined) await reclaim;
    const isOpening = message.t === 'checkout' && message.opening !== undefined;
    if (!isOpening && !this.#isBound(link, message)) return;
    this.#holds.heard(message.session);
    let command = sessionCommand(message);
    if (command.kind === 'checkout' && this.#queue.mayPass(command.feature)) command = { ...command, pastQueue: true };
    const result = await this.#propose(link, message.id, command);
    if (result === undefined) return;
    if (isOpening && 'epoch' in result.reply && result.reply.kind !== 'refused') {
      this.#bind(message.session, link, result.reply.epoch ?? 0);
    }
    link.send(replyMessage({ id: message.id, seq: message.seq }, result.reply));
  }

  /** Binds a session to the asking connection; takes no seat (I6). */
  async resume(link: ClientLink, message: ResumeMessage): Promise<void> {
    const reclaim = this.#holds.reclaimOf(message.session);
    if (reclaim !== undefined) await reclaim;
    this.#holds.heard(message.session);
    const result = await this.#propose(link, message.id, resumeCommand(message));
    if (result === undefined) return;
    if (result.reply.kind === 'resumed') this.#bind(message.session, link, result.reply.epoch);
    link.send(replyMessage({ id: message.id, seq: 0 }, result.reply));
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
      link.send({ t: 'heartbeatRefused', number, code, control: this.#parts.controlHint() });
      return;
    }
    // Meanwhile the session may have been bound elsewhere, or its reclaim may be under way: then this extends nothing.
    const view = this.#parts.ledger.session(session);
    if (this.#isOver || view === undefined || !this.#bindings.isBoundTo(session, link, epoch)) {
      return this.#refuseHeartbeat(link, message);
    }
    const ending = this.#parts.ledger
      .grantsOf(session)
      .flatMap((grant) => (grant.ending === undefined ? [] : [{ grant: grant.id, ...grant.ending }]));
    link.send({ t: 'heartbeatAnswer', number, epoch, leaseMs: view.leaseMsMin, ending });
  }

  /** The connection has ended. Only an orderly end on a direct connection may release seats (triad.md, Time, One knob). */
  linkClosed(link: ClientLink, reason: CloseReason): void {
    for (const { session, epoch } of this.#bindings.unbindLink(link)) {
      if (reason.kind !== 'orderly') continue;
      if (!this.#parts.ledger.grantsOf(session).some((grant) => grant.reclaim === 'disconnect')) continue;
      void this.#disconnect(session, epoch);
    }
  }

  /** A command was applied here, in log order. */
  applied(events: readonly LedgerEvent[]): void {
    if (this.#isOver) return;
    for (const event of events) this.#notice(event);
    if (events.length > 0) this.#queue.serve();
    this.#tick.applied();
  }

  #isBound(link: ClientLink, message: SessionMessage): boolean {
    if (this.#isOver) {
      link.send(consensusErrorReply({ code: 'NOT_IN_CONTROL' }, message.id, this.#parts.controlHint()));
      return false;
    }
    if (this.#bindings.isBoundTo(message.session, link, message.epoch)) return true;
    link.send(
      errorReply('RESUME', 'The session is not bound to this connection under this epoch: send a resume first.', {
        id: message.id,
      }),
    );
    return false;
  }

  async #propose(link: ClientLink, id: number, command: Parameters<Propose>[0]): Promise<LedgerResult | undefined> {
    try {
      const result = await this.#parts.propose(command);
      if (!this.#isOver) return result;
      // Committed, yet possibly answered by a server that is deposed by now: what binds and holds is another's to say.
      link.send(consensusErrorReply({ code: 'UNKNOWN' }, id, null));
    } catch (error) {
      link.send(consensusErrorReply(error, id, this.#parts.controlHint()));
    }
    return undefined;
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
    this.#bindings.bind(session, link, epoch);
    this.#holds.watch(session);
    this.#queue.serve();
  }

  #refuseHeartbeat(link: ClientLink, { session, epoch, number }: HeartbeatMessage): void {
    const view = this.#parts.ledger.session(session);
    const code = this.#isOver
      ? 'NOT_IN_CONTROL'
      : view === undefined
        ? 'ENDED'
        : view.epoch > epoch && this.#bindings.has(session)
          ? 'SUPERSEDED'
          : 'RESUME';
    link.send({ t: 'heartbeatRefused', number, code, control: this.#parts.controlHint() });
  }

  #notice(event: LedgerEvent): void {
    switch (event.kind) {
      case 'granted': {
        this.#holds.watch(event.grant.session);
        if (!event.fromQueue) return;
        const binding = this.#bindings.get(event.grant.session);
        binding?.link.send({
          t: 'granted',
          seq: event.grant.checkoutSeq,
          epoch: binding.epoch,
          grant: wireGrant(event.grant),
        });
        return;
      }
      case 'ending': {
        this.#holds.watchEnding(event.grant.id, event.grant.holdMs);
        if (event.grant.ending === undefined) return;
        this.#tell(event.grant.session, { t: 'ending', grants: [{ grant: event.grant.id, ...event.grant.ending }] });
        return;
      }
      case 'ended': {
        // Its own checkin, goodbye or acknowledgement is answered as a request; the rest the client did not ask for.
        if (event.reason === 'checkedIn' || event.grant.state === 'ending') return;
        const note = event.note === undefined ? {} : { note: event.note };
        this.#tell(event.grant.session, {
          t: 'ended',
          grants: [{ grant: event.grant.id, reason: event.reason, ...note }],
        });
        return;
      }
      case 'unqueued': {
        const binding = this.#bindings.get(event.entry.session);
        if (event.why !== 'waitOver' || binding === undefined) return;
        binding.link.send(
          deniedMessage(
            { seq: event.entry.checkoutSeq },
            {
              epoch: binding.epoch,
              denial: {
                code: 'WAIT_OVER',
                feature: event.entry.feature,
                requested: event.entry.count,
                message: `No seat of ${event.entry.feature} became free while the checkout waited. Try again, or wait longer.`,
              },
            },
          ),
        );
        return;
      }
      case 'sessionBegan':
        this.#holds.watch(event.session);
        return;
      case 'sessionEnded':
        this.#holds.forget(event.session);
        this.#bindings.unbind(event.session);
        return;
      default:
        return;
    }
  }

  #tell(session: string, message: ServerMessage): void {
    this.#bindings.get(session)?.link.send(message);
  }
}
