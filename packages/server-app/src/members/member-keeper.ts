import type { Ledger, LedgerResult } from '@lic/core';
import {
  type Consensus,
  type ConsensusStatus,
  type ConsensusTiming,
  errorCode,
  errorMessage,
  type Logger,
  type PeerId,
  type Runtime,
  type Timer,
} from '@lic/interfaces';
import type { ControlKeeper } from '../control/control-keeper.ts';
import { caughtUpEntriesMax } from '../control/failback.ts';
import { type MemberStep, nextMemberStep } from './next-member-step.ts';
import type { PeerRoster } from './peer-roster.ts';

/** What brings the configuration to the license. */
export interface MemberKeeperParts {
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly ledger: Pick<Ledger, 'license'>;
  readonly consensus: Pick<Consensus<LedgerResult>, 'status' | 'changeMembers'>;
  readonly control: Pick<ControlKeeper, 'yieldControl'>;
  readonly self: PeerId;
  readonly roster: PeerRoster;
  /** It looks once in each peer round. */
  readonly timing: ConsensusTiming;
  /** While an operator's recovery is not through, others must not become members: a crash would begin it again. */
  readonly isPaused?: () => boolean;
}

/** After a refusal it waits so many rounds; twice as many after each further one, up to the second number. */
const pauseRounds = { min: 1, max: 16 } as const;

/**
 * Brings the configuration of consensus to the applied license and lets lost disks count again, where this server is in
 * control: one step at a time, each after the one before is committed (triad.md, Members). Everywhere else it only
 * looks at what the configuration has become.
 */
export class MemberKeeper {
  readonly #parts: MemberKeeperParts;
  #timer: Timer | undefined;
  #isBusy = false;
  #isStopped = false;
  #notBeforeMs = Number.NEGATIVE_INFINITY;
  #pauseRounds: number = pauseRounds.min;
  /** The newest refusal that the log has: one that repeats itself is told once. */
  #toldRefusal = '';

  constructor(parts: MemberKeeperParts) {
    this.#parts = parts;
    this.#arm();
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  #arm(): void {
    const { runtime, timing } = this.#parts;
    this.#timer = runtime.setTimer(timing.roundMs, () => this.#look(), { keepAlive: false });
  }

  #look(): void {
    const { runtime, consensus, roster } = this.#parts;
    this.#arm();
    const status = consensus.status();
    roster.configured(status);
    if (status.state !== 'in-control' || status.isChangingMembers) return;
    if (this.#isBusy || runtime.monotonic() < this.#notBeforeMs || this.#parts.isPaused?.() === true) return;
    const step = this.#nextStep(status);
    if (step !== null) void this.#take(step);
  }

  #nextStep(status: ConsensusStatus): MemberStep | null {
    const license = this.#parts.ledger.license();
    if (license === null) return null;
    return nextMemberStep({
      self: this.#parts.self,
      members: status.members,
      servers: license.servers.map(({ key }) => key),
      peers: status.peers.map(({ id, incarnation, active, matchIndex }) => ({
        id,
        incarnation,
        isCaughtUp: active && matchIndex + caughtUpEntriesMax >= status.commitIndex,
      })),
    });
  }

  async #take(step: MemberStep): Promise<void> {
    const { consensus, control, logger, roster } = this.#parts;
    const server = roster.find(step.server)?.name ?? step.server;
    this.#isBusy = true;
    try {
      if (step.kind === 'handOver') {
        logger.info(plainWords.handOver, { server });
        if (!(await control.yieldControl())) this.#pause();
        return;
      }
      await consensus.changeMembers(step.members);
      logger.info(plainWords[step.kind], { server, voters: this.#votersOf(step.members) });
      this.#pauseRounds = pauseRounds.min;
      this.#toldRefusal = '';
    } catch (error) {
      this.#noteRefusal(error, step, server);
      this.#pause();
    } finally {
      this.#isBusy = false;
    }
  }

  #votersOf(members: ConsensusStatus['members']): readonly string[] {
    return members.flatMap(({ id, voter }) => (voter ? [this.#parts.roster.find(id)?.name ?? id] : []));
  }

  #noteRefusal(error: unknown, { kind }: MemberStep, server: string): void {
    if (this.#isStopped) return;
    const refusal = `${kind} ${server} ${errorCode(error)}`;
    const level = refusal === this.#toldRefusal ? 'debug' : 'info';
    this.#toldRefusal = refusal;
    this.#parts.logger[level]('a change of members has to wait', { step: kind, server, reason: errorMessage(error) });
  }

  #pause(): void {
    const { runtime, timing } = this.#parts;
    this.#notBeforeMs = runtime.monotonic() + this.#pauseRounds * timing.roundMs;
    this.#pauseRounds = Math.min(2 * this.#pauseRounds, pauseRounds.max);
  }
}

/** Each step as the log of the server in control tells it. */
const plainWords: Readonly<Record<MemberStep['kind'], string>> = {
  readmit: 'a server has a new data folder, is caught up, and counts again',
  learn: 'a new server is sent the log; it has no vote yet',
  remove: 'a server that the license names no more counts no more',
  admit: 'a server is caught up and has a vote now',
  forget: 'a server without a vote, which the license names no more, is sent nothing more',
  handOver: 'the license names this server no more: it hands control over, so that it can be taken out',
};
