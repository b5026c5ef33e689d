import type { EndReason, GrantView, LedgerCommand, LedgerEvent, LedgerResult } from '@lic/core';
import type { Coverage, RarePath } from './rare-paths.ts';

const byDenial: Readonly<Record<string, RarePath>> = {
  NOT_STARTED: 'notStarted',
  EXPIRED: 'expired',
  RELEASE_NOT_COVERED: 'notCovered',
};

const byEnd: Partial<Record<EndReason, RarePath>> = { expired: 'endedByTime', disconnected: 'disconnected' };

/** Recognises rare paths in what the terms of a license bring about. */
export class TermPaths {
  readonly #coverage: Coverage;
  /** By session and sequence number: seats that are waited for. */
  readonly #waited = new Map<string, number>();
  /** By share: grants that have its seats. */
  readonly #sharers = new Map<string, Set<string>>();
  /** By grant: until when its seats linger, in license time. */
  readonly #lingering = new Map<string, GrantView>();

  constructor(coverage: Coverage) {
    this.#coverage = coverage;
  }

  /** Called once for each entry of the log. */
  applied({ at }: LedgerCommand, { reply, events }: LedgerResult): void {
    if (reply.kind === 'queued') this.#waited.set(keyOf(reply.entry), reply.entry.count);
    if (reply.kind === 'denied') this.#reach(byDenial[reply.denial.code]);
    for (const event of events) this.#note(event, at);
  }

  #note(event: LedgerEvent, at: number): void {
    switch (event.kind) {
      case 'granted':
        this.#granted(event.grant, event.fromQueue);
        return;
      case 'ended':
        this.#sharers.get(event.grant.share ?? '')?.delete(event.grant.id);
        this.#reach(byEnd[event.reason]);
        return;
      case 'lingering':
        if (this.#lingering.has(event.grant.id)) this.#reach('lingerTaken');
        this.#lingering.set(event.grant.id, event.grant);
        return;
      case 'lingered': {
        const { untilMs = 0 } = this.#lingering.get(event.grant.id) ?? {};
        this.#reach(untilMs <= at ? 'lingered' : 'lingerTaken');
        this.#lingering.delete(event.grant.id);
        return;
      }
      default:
        return;
    }
  }

  #granted(grant: GrantView, fromQueue: boolean): void {
    const { id, share, count } = grant;
    if (fromQueue && count < (this.#waited.get(keyOf(grant)) ?? 0)) this.#reach('partFromQueue');
    if (grant.overdraft === true) this.#reach('overdrawn');
    if (grant.inGrace === true) this.#reach('graceTaken');
    if (share === undefined) return;
    const sharers = this.#sharers.get(share) ?? new Set();
    this.#sharers.set(share, sharers.add(id));
    if (sharers.size > 1) this.#reach('shareJoined');
  }

  #reach(path: RarePath | undefined): void {
    if (path !== undefined) this.#coverage.sometimes(path);
  }
}

function keyOf({ session, checkoutSeq }: Pick<GrantView, 'session' | 'checkoutSeq'>): string {
  return `${session}/${checkoutSeq}`;
}
