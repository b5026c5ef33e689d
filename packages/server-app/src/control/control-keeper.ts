import type { Ledger, LedgerResult } from '@lic/core';
import {
  type Consensus,
  type ConsensusTiming,
  errorMessage,
  LicError,
  type Logger,
  type PeerId,
  type Runtime,
  type Timer,
} from '@lic/interfaces';
import { z } from 'zod';
import type { TriadClock } from '../clock/triad-clock.ts';
import type { PeerCalls } from '../peers/peer-calls.ts';
import type { PeerEndpoint, TriadPeers } from '../peers/triad-peers.ts';
import {
  caughtUpEntriesMax,
  decideFailback,
  type FailbackMember,
  type FailbackPeer,
  nextFailbackWaitMs,
} from './failback.ts';

/** What moves control. */
export interface ControlKeeperParts {
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly ledger: Ledger;
  readonly consensus: Consensus<LedgerResult>;
  readonly clock: TriadClock;
  readonly peers: TriadPeers;
  readonly calls: PeerCalls;
  readonly endpoints: () => readonly PeerEndpoint[];
  readonly mode: 'auto' | 'sticky';
  /** How long a better-ranked server must have been well, ms. */
  readonly failbackAfterMs: number;
  /** It looks once in each peer round; a stopping server tries to hand over for one election timeout. */
  readonly timing: ConsensusTiming;
}

const callMs = 500;
/** How long an announced handover may take, ms. */
const expectMs = 10_000;

/** What one server tells the others about control that moves on purpose; checked, since it comes from another process. */
const expectSchema = z.object({ suspend: z.boolean() });
const gaveBackSchema = z.object({ waitMs: z.number().min(0) });

/**
 * Moves control on purpose: back to the best rank, away from a drained, stopping or alarmed server, to where an operator
 * wants it. Also tells consensus when this server should stand in no election.
 */
export class ControlKeeper {
  readonly #parts: ControlKeeperParts;
  readonly #wellSinceMs = new Map<PeerId, number>();
  readonly #stopping = new Set<PeerId>();
  readonly #bootIds = new Map<PeerId, string>();
  #timer: Timer | undefined;
  #waitMs: number;
  /** When control was last given back to a better server, by whomever. */
  #gaveBackMs: number | null = null;
  #isSuspended = false;
  /** Another server has announced that it hands control to this one; void after a while, should that fail. */
  #expected: { readonly untilMs: number; readonly suspend: boolean } | null = null;
  #isStopping = false;
  /** A handover under way. */
  #moving: Promise<void> | undefined;
  #gainedMs = 0;
  /** Stand-bys that are lost, as the log says. */
  readonly #lost = new Set<PeerId>();

  constructor(parts: ControlKeeperParts) {
    this.#parts = parts;
    this.#waitMs = parts.failbackAfterMs;
    const { calls, runtime } = parts;
    calls.handle('control.expect', (params) => {
      const { suspend } = expectSchema.parse(params);
      this.#expected = { untilMs: runtime.monotonic() + expectMs, suspend };
      return null;
    });
    calls.handle('control.unexpect', () => {
      this.#expected = null;
      return null;
    });
    calls.handle('control.gaveBack', (params) => {
      this.#waitMs = gaveBackSchema.parse(params).waitMs;
      this.#gaveBackMs = runtime.monotonic();
      return null;
    });
    calls.handle('control.stopping', (_params, from) => {
      this.#stopping.add(from);
      return null;
    });
    parts.peers.channel('control').onLink(({ peer, bootId }) => {
      // Another process than the one that is stopping.
      if (this.#bootIds.get(peer) !== bootId) this.#stopping.delete(peer);
      this.#bootIds.set(peer, bootId);
    });
    this.#look();
  }

  /** This server has gained control: planned where the one before said so, else the triad has just lost one. */
  controlGained(): void {
    const { runtime, failbackAfterMs } = this.#parts;
    const nowMs = runtime.monotonic();
    const isPlanned = this.#expected !== null && nowMs <= this.#expected.untilMs;
    this.#isSuspended = isPlanned && this.#expected?.suspend === true;
    if (!isPlanned) {
      const waitMs = this.#waitMs;
      this.#waitMs = nextFailbackWaitMs({ waitMs, initialMs: failbackAfterMs, gaveBackMs: this.#gaveBackMs, nowMs });
      this.#gaveBackMs = null;
    }
    this.#expected = null;
    this.#gainedMs = nowMs;
    this.#lost.clear();
    this.#wellSinceMs.clear();
  }

  /** Whether this server asks for no votes of its own. */
  isUnelectable(): boolean {
    const { ledger, peers, clock } = this.#parts;
    const isReplaced = ledger.license()?.servers.every(({ key }) => key !== peers.self) ?? false;
    return this.#isStopping || isReplaced || clock.alarm || ledger.summary().drained.includes(peers.self);
  }

  /**
   * An operator's transfer: suspends failback until the next unplanned change. Without `to`: the best other server.
   * Throws `TRANSFER_FAILED` where nobody can take it.
   */
  async transfer(to: PeerId | undefined): Promise<PeerEndpoint> {
    if (this.#moving !== undefined)
      throw new LicError(
        'TRANSFER_FAILED',
        'Control is being handed over already. Look at `lic status`, then try again.',
        {
          retryable: true,
        },
      );
    const target = this.#candidates().find((peer) => to === undefined || peer.id === to);
    const endpoint = target === undefined ? undefined : this.#endpoint(target.id);
    if (endpoint === undefined) {
      throw new LicError('TRANSFER_FAILED', this.#whyNot(to), { retryable: true });
    }
    await this.#move(endpoint.id, true);
    return endpoint;
  }

  /**
   * SIGTERM: stands in no election any more and hands over if in control, to a peer that is not stopping itself, for at most
   * one election timeout. Never throws.
   */
  async leave(): Promise<void> {
    const { calls, consensus, logger, peers, runtime, timing } = this.#parts;
    this.#isStopping = true;
    consensus.setElectable(false);
    await Promise.allSettled(peers.peers().map((peer) => calls.call(peer, 'control.stopping', null, callMs)));
    let timer: Timer | undefined;
    const limit = new Promise<void>((resolve) => {
      timer = runtime.setTimer(timing.electionTimeoutMaxMs, resolve);
    });
    await Promise.race([this.#handOver(), limit]);
    timer?.cancel();
    if (consensus.status().state === 'in-control' && peers.peers().length > 0)
      logger.warn('control was not handed over before the end');
  }

  async #handOver(): Promise<void> {
    // One that is under way already may do.
    await this.#moving?.catch(() => {});
    const target = this.#candidates()[0];
    if (target === undefined) return;
    await this.#move(target.id, false).catch((error: unknown) =>
      this.#parts.logger.warn('control could not be handed over', { reason: errorMessage(error) }),
    );
  }

  /**
   * Gives control to the best other server because this one must not have it (it is being replaced, or its state differs).
   * Answers whether another has it now. Never throws.
   */
  async yieldControl(): Promise<boolean> {
    await this.#handOver();
    return this.#parts.consensus.status().state !== 'in-control';
  }

  stop(): void {
    this.#timer?.cancel();
    this.#isStopping = true;
  }

  #look(): void {
    const { runtime, timing, consensus } = this.#parts;
    this.#timer = runtime.setTimer(timing.roundMs, () => this.#look(), { keepAlive: false });
    consensus.setElectable(!this.isUnelectable());
    if (consensus.status().state !== 'in-control' || this.#isStopping) return;
    this.#noteStandbys();
    if (this.#moving !== undefined) return;
    const decision = decideFailback({
      nowMs: runtime.monotonic(),
      mode: this.#parts.mode,
      self: this.#member(this.#parts.peers.self),
      others: this.#others(),
      isSuspended: this.#isSuspended,
      waitMs: this.#waitMs,
    });
    if (decision !== null) void this.#carryOut(decision.to, decision.why);
  }

  /** Says in the log when a stand-by is lost, and when it is back. */
  #noteStandbys(): void {
    const { consensus, logger, runtime, timing } = this.#parts;
    // In the first moments of a term nobody had time to answer.
    if (runtime.monotonic() - this.#gainedMs < timing.electionTimeoutMaxMs) return;
    const { members, peers } = consensus.status();
    const voters = members.flatMap(({ id, voter }) => (voter ? [id] : []));
    for (const { id, active } of peers) {
      if (!voters.includes(id) || active !== this.#lost.has(id)) continue;
      const server = this.#endpoint(id)?.name ?? id;
      if (active) {
        this.#lost.delete(id);
        logger.info('a stand-by is back', { server });
      } else {
        this.#lost.add(id);
        logger.warn('a stand-by is lost: the triad is degraded', { server });
      }
    }
  }

  async #carryOut(to: PeerId, why: 'failback' | 'away'): Promise<void> {
    const { calls, logger, peers } = this.#parts;
    logger.info('control moves on purpose', { to: this.#endpoint(to)?.name, why });
    try {
      if (why === 'failback') {
        // Whoever finds that it was followed by a loss waits longer the next time.
        const news = { waitMs: this.#waitMs };
        for (const peer of peers.peers()) void calls.call(peer, 'control.gaveBack', news, callMs).catch(() => {});
      }
      // A drain is no unplanned change: what an operator wanted of failback holds on.
      await this.#move(to, this.#isSuspended);
      if (why === 'failback') this.#gaveBackMs = this.#parts.runtime.monotonic();
    } catch (error) {
      // It must prove itself anew, or a peer that cannot take control would be asked in every round.
      this.#wellSinceMs.delete(to);
      logger.warn('control could not be moved', { reason: errorMessage(error) });
    }
  }

  #move(to: PeerId, suspend: boolean): Promise<void> {
    this.#moving = this.#announceAndMove(to, suspend).finally(() => {
      this.#moving = undefined;
    });
    return this.#moving;
  }

  async #announceAndMove(to: PeerId, suspend: boolean): Promise<void> {
    const { calls, consensus } = this.#parts;
    try {
      await calls.call(to, 'control.expect', { suspend }, callMs);
      await consensus.transferControl(to);
    } catch (error) {
      void calls.call(to, 'control.unexpect', null, callMs).catch(() => {});
      throw error;
    }
  }

  #whyNot(to: PeerId | undefined): string {
    if (to === undefined)
      return 'No other server can take control now: none is reachable, caught up, not drained and not stopping.';
    if (to === this.#parts.peers.self) return 'That server is in control already.';
    return 'That server cannot take control now: it is not reachable, not caught up, drained or stopping.';
  }

  /** The others that can take control now, best rank first. */
  #candidates(): readonly FailbackPeer[] {
    return this.#others()
      .filter((peer) => peer.isCaughtUp && !peer.isDrained)
      .sort((a, b) => Number(a.hasAlarm) - Number(b.hasAlarm) || a.rank - b.rank);
  }

  #others(): readonly FailbackPeer[] {
    const { consensus, runtime, peers } = this.#parts;
    const status = consensus.status();
    const nowMs = runtime.monotonic();
    return status.peers.map((peer) => {
      const member = this.#member(peer.id);
      const isVoter = status.members.some(
        ({ id, incarnation, voter }) => voter && id === peer.id && incarnation === peer.incarnation,
      );
      const isCaughtUp =
        isVoter &&
        peer.active &&
        peers.isUp(peer.id) &&
        peer.matchIndex + caughtUpEntriesMax >= status.commitIndex &&
        !this.#stopping.has(peer.id);
      // Well without a break in everything that failback asks for (triad.md, Failover).
      if (!isCaughtUp || member.isDrained || member.hasAlarm) this.#wellSinceMs.delete(peer.id);
      else if (!this.#wellSinceMs.has(peer.id)) this.#wellSinceMs.set(peer.id, nowMs);
      return { ...member, isCaughtUp, wellSinceMs: this.#wellSinceMs.get(peer.id) ?? nowMs };
    });
  }

  #member(id: PeerId): FailbackMember {
    const { ledger, clock, peers, consensus } = this.#parts;
    const isSelf = id === peers.self;
    return {
      id,
      rank: this.#endpoint(id)?.rank ?? Number.MAX_SAFE_INTEGER,
      isDrained: ledger.summary().drained.includes(id),
      hasAlarm: isSelf ? clock.alarm || consensus.status().trouble !== null : clock.alarmOf(id),
    };
  }

  #endpoint(id: PeerId): PeerEndpoint | undefined {
    return this.#parts.endpoints().find((endpoint) => endpoint.id === id);
  }
}
