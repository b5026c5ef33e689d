import type { Ledger, LedgerCommand, LedgerEvent, LedgerResult } from '@lic/core';
import type { Coverage } from './rare-paths.ts';

/** One entry, as the first server applies it. */
export interface AppliedCommand {
  readonly command: LedgerCommand;
  readonly result: LedgerResult;
  readonly ledger: Ledger;
  readonly licenseTimeBeforeMs: number;
  /** The server that applies it. */
  readonly by: string;
  /** The newest term in which a server was in control. */
  readonly term: number;
}

/** What paths of the log are recognised with. */
export interface LogPathsParts {
  readonly coverage: Coverage;
  readonly nowMs: () => number;
  readonly roundMs: number;
  readonly isAlone: boolean;
}

/** A client that was not heard for a while, and when it was again. */
interface Silence {
  readonly fromMs: number;
  readonly untilMs: number;
}

const hourMs = 3_600_000;
/** Silences shorter than this are none, ms. */
const silenceMsMin = 500;
/** From the first word after a silence until its session is resumed, ms. */
const resumeMsMax = 500;

/** Recognises rare paths in what the log does. */
export class LogPaths {
  readonly #parts: LogPathsParts;
  /** By session and sequence number: the term in which it was put in a queue, or granted first. */
  readonly #queuedIn = new Map<string, number>();
  readonly #grantedIn = new Map<string, number>();
  /** Sessions whose reclaim, or whose resume, was proposed and is not applied yet. */
  readonly #reclaiming = new Set<string>();
  readonly #resuming = new Set<string>();
  /** By client and server: when the one heard the other last, and the last silence before. */
  readonly #heardMs = new Map<string, number>();
  readonly #silences = new Map<string, Silence>();
  #wereAllDown = false;

  constructor(parts: LogPathsParts) {
    this.#parts = parts;
  }

  /** A frame of a client, or of a server that relays it, has arrived. */
  heard(from: string, to: string): void {
    const key = `${from} ${to}`;
    const nowMs = this.#parts.nowMs();
    const lastMs = this.#heardMs.get(key) ?? nowMs;
    if (nowMs - lastMs > silenceMsMin) this.#silences.set(key, { fromMs: lastMs, untilMs: nowMs });
    this.#heardMs.set(key, nowMs);
  }

  allDown(): void {
    this.#wereAllDown = true;
  }

  proposed(command: LedgerCommand): void {
    if (command.kind === 'reclaim') this.#reclaiming.add(command.session);
    else if (command.kind === 'resume') this.#resuming.add(command.session);
    else return;
    if (this.#reclaiming.has(command.session) && this.#resuming.has(command.session))
      this.#parts.coverage.sometimes('reclaimBesideResume');
  }

  applied(entry: AppliedCommand): void {
    const { coverage } = this.#parts;
    const { command, result, term } = entry;
    const { reply, events } = result;
    if (reply.kind === 'refused' && reply.code === 'SUPERSEDED') coverage.sometimes('superseded');
    for (const event of events) {
      if (event.kind !== 'granted') continue;
      const request = `${event.grant.session}/${event.grant.checkoutSeq}`;
      if (event.fromQueue && (this.#queuedIn.get(request) ?? term) < term) coverage.sometimes('queueHandedOver');
      this.#grantedIn.set(request, term);
    }
    if (events.some((event) => event.kind === 'borrowEnded' && event.reason === 'expired'))
      coverage.sometimes('borrowExpired');
    switch (command.kind) {
      case 'borrow':
        if (reply.kind === 'borrowed' && events.every(({ kind }) => kind !== 'borrowed'))
          coverage.sometimes('borrowAskedAgain');
        return;
      case 'checkout': {
        const request = `${command.session}/${command.seq}`;
        if (reply.kind === 'queued' && !this.#queuedIn.has(request)) this.#queuedIn.set(request, term);
        if (reply.kind === 'granted' && (reply.more ?? []).length > 0) coverage.sometimes('severalTaken');
        if (reply.kind === 'granted' && reply.grant.count < command.count) coverage.sometimes('partTaken');
        const isRepeat = reply.kind === 'granted' && events.every(({ kind }) => kind !== 'granted');
        if (isRepeat && (this.#grantedIn.get(request) ?? term) < term) coverage.sometimes('repeatAfterFailover');
        return;
      }
      case 'reclaim':
        this.#reclaiming.delete(command.session);
        if (events.some(endsEnding)) coverage.sometimes('endingSettled');
        return;
      case 'resume':
        this.#resuming.delete(command.session);
        this.#resumed(entry);
        return;
      case 'settle':
        if (events.some(endsEnding)) coverage.sometimes('endingSettled');
        return;
      case 'revoke':
        if (command.as === 'removed' && reply.kind === 'ok') coverage.sometimes('holderRemoved');
        return;
      case 'opened':
        coverage.sometimes('openedAfterHold');
        return;
      case 'install':
        if (reply.kind === 'ok' && (command.others ?? []).length > 0) coverage.sometimes('setInstalled');
        if (entry.ledger.pools().some(({ count, inUse }) => count !== 'uncounted' && inUse > count))
          coverage.sometimes('licenseBelowUse');
        return;
      case 'acceptTime':
        if (entry.ledger.summary().licenseTimeMs - entry.licenseTimeBeforeMs > hourMs)
          coverage.sometimes('leapAccepted');
        return;
      default:
        return;
    }
  }

  #resumed({ result: { reply }, by, term }: AppliedCommand): void {
    const { coverage, isAlone, nowMs, roundMs } = this.#parts;
    if (reply.kind !== 'resumed' || reply.grants.length === 0) return;
    if (isAlone && term > 1) coverage.sometimes('aloneResumed');
    if (this.#wereAllDown) coverage.sometimes('powerCycled');
    this.#wereAllDown = false;
    const silence = this.#silences.get(`${reply.grants[0]?.host} ${by}`);
    if (silence === undefined || nowMs() - silence.untilMs > resumeMsMax) return;
    const leftMs = Math.min(...reply.grants.map(({ holdMs }) => holdMs)) - (nowMs() - silence.fromMs);
    if (leftMs >= 0 && leftMs <= roundMs) coverage.sometimes('resumeByATick');
  }
}

/** A grant that was to end has ended. */
function endsEnding(event: LedgerEvent): boolean {
  return event.kind === 'ended' && event.grant.state === 'ending';
}
