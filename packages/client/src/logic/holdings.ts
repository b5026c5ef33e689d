import type { EndReason } from '@lic/core';
import type { WireGrant } from '@lic/protocol';
import type { GrantState, Holding } from './holding.ts';
import type { Clocks } from './inputs.ts';
import type { Emit, GrantEvent } from './outputs.ts';
import { clockPartingGraceMs, clockPartingMsMax } from './timing.ts';

/**
 * The grants of one session and what the clocks say of them (triad.md, Time). Whether a grant holds is computed when
 * asked: until its lease after the sending of the newest request that was answered. Upholds I3 on the client's side.
 */
export class Holdings {
  readonly #standing = new Map<string, Holding>();
  readonly #emit: Emit;
  /** When the newest answered heartbeat or command was sent; monotonic ms. */
  #confirmedMs = -Infinity;
  /** Wall minus monotonic clock at the last answer; null before the first. */
  #partedByMs: number | null = null;
  /** Since when the clocks have been parting too far and nothing is held; monotonic ms. */
  #disturbedMs: number | null = null;
  #isReconnecting = false;
  #shortestLeaseMs: number | undefined;
  #hasActivity = false;

  constructor(emit: Emit) {
    this.#emit = emit;
  }

  get size(): number {
    return this.#standing.size;
  }

  get confirmedMs(): number {
    return this.#confirmedMs;
  }

  /** Whether the grants were told `reconnecting` and not yet `resumed`. */
  get isReconnecting(): boolean {
    return this.#isReconnecting;
  }

  get isDisturbed(): boolean {
    return this.#disturbedMs !== null;
  }

  /** The shortest lease of what stands, ms; Infinity where nothing does. */
  get shortestLeaseMs(): number {
    if (this.#shortestLeaseMs === undefined) {
      this.#shortestLeaseMs = Infinity;
      for (const { leaseMs } of this.#standing.values()) {
        if (leaseMs < this.#shortestLeaseMs) this.#shortestLeaseMs = leaseMs;
      }
    }
    return this.#shortestLeaseMs;
  }

  get(id: string): Holding | undefined {
    return this.#standing.get(id);
  }

  all(): Holding[] {
    return [...this.#standing.values()];
  }

  add(grant: WireGrant): Holding {
    const {
      id,
      feature,
      version,
      count,
      sinceMs,
      leaseMs,
      reclaim,
      inGrace = false,
      overdraft = false,
      share,
      vendorData,
    } = grant;
    const holding: Holding = {
      id,
      feature,
      version,
      count,
      sinceMs,
      leaseMs,
      reclaim,
      inGrace,
      overdraft,
      share,
      vendorData,
      activeMs: null,
      isLost: false,
      end: null,
    };
    this.#standing.set(id, holding);
    if (this.#shortestLeaseMs !== undefined) this.#shortestLeaseMs = Math.min(this.#shortestLeaseMs, leaseMs);
    return holding;
  }

  /** Some grant's product reports activity, or did: heartbeats have more to say than that the client lives. */
  get hasActivity(): boolean {
    return this.#hasActivity;
  }

  /** How long grants have been idle whose product reports activity. */
  idle(nowMs: number): readonly { readonly grant: string; readonly ms: number }[] {
    if (!this.#hasActivity) return [];
    return this.all().flatMap(({ id: grant, activeMs }) =>
      activeMs === null ? [] : [{ grant, ms: Math.max(0, Math.round(nowMs - activeMs)) }],
    );
  }

  /** The product is active with the grant: so often that it costs next to nothing. */
  active(holding: Holding, { monotonicMs }: Clocks): void {
    this.#hasActivity = true;
    holding.activeMs = monotonicMs;
  }

  /** From here on the grant is not held; final. */
  end(holding: Holding, code: EndReason, note?: string): void {
    if (holding.end !== null) return;
    holding.end = { code, ...(note === undefined ? {} : { note }) };
    this.#standing.delete(holding.id);
    if (holding.leaseMs === this.#shortestLeaseMs) this.#shortestLeaseMs = undefined;
    this.#tell(holding, { type: 'ended', ...holding.end });
  }

  /** A quorum has answered what was sent at `sentMs`: all leases count from then. Answers from before a parting extend nothing. */
  confirm(sentMs: number, clocks: Clocks): void {
    if (this.#disturbedMs !== null && sentMs < this.#disturbedMs) return;
    this.#disturbedMs = null;
    this.#partedByMs = clocks.wallMs - clocks.monotonicMs;
    if (sentMs <= this.#confirmedMs) return;
    this.#confirmedMs = sentMs;
    if (this.#isReconnecting) return;
    for (const holding of this.#standing.values()) {
      if (!holding.isLost || !this.holds(holding, clocks)) continue;
      holding.isLost = false;
      this.#tell(holding, { type: 'resumed' });
    }
  }

  /** The session is bound to no server for the moment. */
  reconnecting(): void {
    if (this.#isReconnecting) return;
    this.#isReconnecting = true;
    // Who was told that it is lost knows more than that already.
    for (const holding of this.all()) if (!holding.isLost) this.#tell(holding, { type: 'reconnecting' });
  }

  /** The session is bound again and a quorum's word is there. */
  resumed(): void {
    if (!this.#isReconnecting || this.#disturbedMs !== null) return;
    this.#isReconnecting = false;
    for (const holding of this.all()) {
      holding.isLost = false;
      this.#tell(holding, { type: 'resumed' });
    }
  }

  /** Looks at the clocks: notes a parting of the two, and tells `lost` where a lease has run out. Answers whether the clocks have just parted. */
  look(clocks: Clocks): boolean {
    const hasParted = this.#disturbedMs === null && this.#partsTooFar(clocks);
    if (hasParted) {
      this.#disturbedMs = clocks.monotonicMs;
      this.reconnecting();
    }
    if (this.#standing.size > 0 && clocks.monotonicMs >= this.#nextLossMs()) {
      for (const holding of this.all()) {
        if (holding.isLost || clocks.monotonicMs < this.#lossMs(holding)) continue;
        holding.isLost = true;
        this.#tell(holding, { type: 'lost' });
      }
    }
    return hasParted;
  }

  /** When {@link Holdings.look} is due next, monotonic ms: never late, perhaps early. */
  nextLookMs(nowMs: number): number {
    if (this.#standing.size === 0) return Infinity;
    const nextMs = this.#nextLossMs();
    if (nextMs > nowMs) return nextMs;
    let earliestMs = Infinity;
    for (const holding of this.#standing.values()) {
      if (!holding.isLost) earliestMs = Math.min(earliestMs, this.#lossMs(holding));
    }
    return earliestMs;
  }

  /** Whether the grant holds at this moment, from the clocks alone. */
  holds(holding: Holding, clocks: Clocks): boolean {
    if (holding.end !== null || this.#disturbedMs !== null || this.#partsTooFar(clocks)) return false;
    return clocks.monotonicMs < this.#confirmedMs + holding.leaseMs;
  }

  stateOf(holding: Holding, clocks: Clocks): GrantState {
    if (holding.end !== null) return 'ended';
    if (holding.isLost || clocks.monotonicMs >= this.#lossMs(holding)) return 'lost';
    return this.#isReconnecting || !this.holds(holding, clocks) ? 'reconnecting' : 'holding';
  }

  tellAll(event: GrantEvent): void {
    for (const holding of this.all()) this.#tell(holding, event);
  }

  #partsTooFar({ wallMs, monotonicMs }: Clocks): boolean {
    return this.#partedByMs !== null && Math.abs(wallMs - monotonicMs - this.#partedByMs) > clockPartingMsMax;
  }

  #lossMs(holding: Holding): number {
    return this.#disturbedMs === null ? this.#confirmedMs + holding.leaseMs : this.#disturbedMs + clockPartingGraceMs;
  }

  #nextLossMs(): number {
    return this.#disturbedMs === null
      ? this.#confirmedMs + this.shortestLeaseMs
      : this.#disturbedMs + clockPartingGraceMs;
  }

  #tell(holding: Holding, event: GrantEvent): void {
    this.#emit({ kind: 'grantEvent', holding, event });
  }
}
