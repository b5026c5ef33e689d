import type { Ledger, LedgerResult } from '@lic/core';
import {
  type Consensus,
  errorMessage,
  LicError,
  type Logger,
  type PeerId,
  type Runtime,
  type Timer,
} from '@lic/interfaces';
import type { TriadClock } from '../clock/triad-clock.ts';
import type { PeerCalls } from '../peers/peer-calls.ts';
import type { PeerEndpoint, TriadPeers } from '../peers/triad-peers.ts';
import { decideFailback, nextFailbackWaitMs } from './failback.ts';

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
  /** How often it looks, ms: a peer round. */
  readonly lookMs: number;
}

/** Entries that a peer may lack and still count as caught up: what is under way in a busy moment. */
const caughtUpEntriesMax = 1_000;
const callMs = 500;
/** How long an announced handover may take, ms. */
const expectMs = 10_000;

/**
 * Moves control on purpose: back to the best rank, away from a drained, stopping or alarmed server, to where an operator
 * wants it. Also tells consensus when this server should stand in no election.
 */
export class ControlKeeper {
  readonly #parts: ControlKeeperParts;
  readonly #wellSinceMs = new Map<PeerId, number>();
  readonly #stopping = new Set<PeerId>();
  #timer: Timer | undefined;
  #waitMs: number;
  #gaveBackMs: number | null = null;
  #isSuspended = false;
  /** Another server has announced that it hands control to this one; void after a while, should that fail. */
  #expected: { readonly untilMs: number; readonly suspend: boolean } | null = null;
  #isStopping = false;
  #isMoving = false;

  constructor(parts: ControlKeeperParts) {
    this.#parts = parts;
    this.#waitMs = parts.failbackAfterMs;
    parts.calls.handle('control.expect', (params) => {
      const { suspend } = params as { readonly suspend?: boolean };
      this.#expected = { untilMs: parts.runtime.monotonic() + expectMs, suspend: suspend === true };
      return null;
    });
    parts.calls.handle('control.stopping', (_params, from) => {
      this.#stopping.add(from);
      return null;
    });
    parts.peers.channel('control').onLink((link) => this.#stopping.delete(link.peer));
    this.#look();
  }

  /** This server has gained control: planned where the one before said so, else the triad has just lost one. */
  controlGained(): void {
    const { runtime, failbackAfterMs } = this.#parts;
    const nowMs = runtime.monotonic();
    const isPlanned = this.#expected !== null && nowMs <= this.#expected.untilMs;
    this.#isSuspended = isPlanned && this.#expected?.suspend === true;
    if (!isPlanned) {
      this.#waitMs = nextFailbackWaitMs({
        waitMs: this.#waitMs,
        initialMs: failbackAfterMs,
        gaveBackMs: this.#gaveBackMs,
        nowMs,
      });
    }
    this.#expected = null;
    this.#gaveBackMs = null;
    this.#wellSinceMs.clear();
  }

  /** Whether this server asks for no votes of its own. */
  isUnelectable(): boolean {
    const { ledger, peers, clock } = this.#parts;
    return this.#isStopping || clock.alarm || ledger.summary().drained.includes(peers.self);
  }

  /**
   * An operator's transfer: suspends failback until the next unplanned change. Without `to`: the best other server.
   * Throws `TRANSFER_FAILED` where nobody can take it.
   */
  async transfer(to: PeerId | undefined): Promise<PeerEndpoint> {
    const target = this.#candidates().find((peer) => to === undefined || peer.id === to);
    if (target === undefined) {
      throw new LicError(
        'TRANSFER_FAILED',
        to === undefined
          ? 'No other server can take control now: none is reachable, caught up and not drained.'
          : 'That server cannot take control now: it is not reachable, not caught up, drained or stopping.',
        { retryable: true },
      );
    }
    await this.#move(target.id, true);
    return this.#endpoint(target.id) as PeerEndpoint;
  }

  /** SIGTERM: stands in no election any more and hands over if in control, to a peer that is not stopping itself. Never throws. */
  async leave(): Promise<void> {
    const { calls, consensus, logger, peers } = this.#parts;
    this.#isStopping = true;
    consensus.setElectable(false);
    await Promise.allSettled(peers.peers().map((peer) => calls.call(peer, 'control.stopping', null, callMs)));
    if (consensus.status().state !== 'in-control') return;
    const target = this.#candidates()[0];
    if (target === undefined) return;
    try {
      await this.#move(target.id, false);
    } catch (error) {
      logger.warn('control was not handed over before the end', { reason: errorMessage(error) });
    }
  }

  stop(): void {
    this.#timer?.cancel();
    this.#isStopping = true;
  }

  #look(): void {
    const { runtime, lookMs, consensus } = this.#parts;
    this.#timer = runtime.setTimer(lookMs, () => this.#look(), { keepAlive: false });
    consensus.setElectable(!this.isUnelectable());
    if (consensus.status().state !== 'in-control' || this.#isMoving || this.#isStopping) return;
    const decision = decideFailback({
      nowMs: runtime.monotonic(),
      mode: this.#parts.mode,
      self: this.#member(this.#parts.peers.self),
      others: this.#others(),
      isSuspended: this.#isSuspended,
      waitMs: this.#waitMs,
    });
    if (decision === null) return;
    if (decision.why === 'failback') this.#gaveBackMs = runtime.monotonic();
    this.#parts.logger.info('control moves on purpose', { to: this.#endpoint(decision.to)?.name, why: decision.why });
    this.#move(decision.to, false).catch((error: unknown) => {
      this.#gaveBackMs = null;
      // It must prove itself anew, or a peer that cannot take control would be asked in every round.
      this.#wellSinceMs.delete(decision.to);
      this.#parts.logger.warn('control could not be moved', { reason: errorMessage(error) });
    });
  }

  async #move(to: PeerId, suspend: boolean): Promise<void> {
    this.#isMoving = true;
    try {
      await this.#parts.calls.call(to, 'control.expect', { suspend }, callMs);
      await this.#parts.consensus.transferControl(to);
    } finally {
      this.#isMoving = false;
    }
  }

  /** The others that can take control now, best rank first. */
  #candidates(): readonly { readonly id: PeerId; readonly rank: number }[] {
    return this.#others()
      .filter((peer) => peer.isCaughtUp && !peer.isDrained && !this.#stopping.has(peer.id))
      .sort((a, b) => Number(a.hasAlarm) - Number(b.hasAlarm) || a.rank - b.rank);
  }

  #others() {
    const { consensus, runtime, peers } = this.#parts;
    const status = consensus.status();
    const nowMs = runtime.monotonic();
    return status.peers.map((peer) => {
      const isCaughtUp =
        peer.active &&
        peers.isUp(peer.id) &&
        peer.matchIndex + caughtUpEntriesMax >= status.commitIndex &&
        !this.#stopping.has(peer.id);
      if (!isCaughtUp) this.#wellSinceMs.delete(peer.id);
      else if (!this.#wellSinceMs.has(peer.id)) this.#wellSinceMs.set(peer.id, nowMs);
      return { ...this.#member(peer.id), isCaughtUp, wellSinceMs: this.#wellSinceMs.get(peer.id) ?? nowMs };
    });
  }

  #member(id: PeerId) {
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
