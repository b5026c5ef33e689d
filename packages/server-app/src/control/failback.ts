/** Entries that a peer may lack and still count as caught up: what is under way in a busy moment. */
export const caughtUpEntriesMax = 1_000;

/** What decides whether control should move on purpose; all from the server in control. */
export interface FailbackFacts {
  /** Monotonic ms. */
  readonly nowMs: number;
  readonly mode: 'auto' | 'sticky';
  readonly self: FailbackMember;
  readonly others: readonly FailbackPeer[];
  /** An operator's transfer holds until the next unplanned change. */
  readonly isSuspended: boolean;
  /** How long a better server must have been well, ms; grows after failbacks that were followed by a loss. */
  readonly waitMs: number;
}

/** A server as a candidate for control. */
export interface FailbackMember {
  readonly id: string;
  /** 1 is the primary. */
  readonly rank: number;
  readonly isDrained: boolean;
  /** Its clock or its disk raises an alarm, or it is stopping. */
  readonly hasAlarm: boolean;
}

/** Another server as the one in control sees it. */
export interface FailbackPeer extends FailbackMember {
  /** Linked, answering, a voter, and caught up. */
  readonly isCaughtUp: boolean;
  /** Since when it has been well without a break, monotonic ms; meaningless where it is not. */
  readonly wellSinceMs: number;
}

/** Where control should go, and why: `failback` is patient, `away` is at once. */
export interface FailbackDecision {
  readonly to: string;
  readonly why: 'failback' | 'away';
}

/**
 * Decides where control should go (triad.md, Failover, Failback; License time's clock alarm), or nothing where it stays.
 * A drained server, or one with an alarm, gives control to the best that has neither; a worse rank gives it back to a better one.
 */
export function decideFailback(facts: FailbackFacts): FailbackDecision | null {
  const fit = facts.others
    .filter((peer) => peer.isCaughtUp && !peer.isDrained && !peer.hasAlarm)
    .sort((a, b) => a.rank - b.rank);
  const best = fit[0];
  if (best === undefined) return null;
  if (facts.self.isDrained || facts.self.hasAlarm) return { to: best.id, why: 'away' };
  if (facts.mode === 'sticky' || facts.isSuspended) return null;
  const better = fit.find((peer) => peer.rank < facts.self.rank && facts.nowMs - peer.wellSinceMs >= facts.waitMs);
  return better === undefined ? null : { to: better.id, why: 'failback' };
}

/** A loss so soon after a failback makes the next one wait twice as long, up to an hour, ms. */
export const failbackLossMs = 10 * 60_000;
export const failbackWaitMsMax = 60 * 60_000;

/** The pause before the next failback (triad.md, Failover). */
export function nextFailbackWaitMs(options: {
  readonly waitMs: number;
  readonly initialMs: number;
  /** When this server last gave control back, monotonic ms, or null. */
  readonly gaveBackMs: number | null;
  readonly nowMs: number;
}): number {
  const { waitMs, initialMs, gaveBackMs, nowMs } = options;
  if (gaveBackMs === null || nowMs - gaveBackMs > failbackLossMs) return initialMs;
  return Math.min(waitMs * 2, Math.max(failbackWaitMsMax, initialMs));
}
