import {
  decodeCommand,
  type GrantView,
  type Ledger,
  type LedgerCommand,
  type LedgerEvent,
  type LedgerResult,
} from '@lic/core';
import { SeatCount } from './seat-count.ts';
import { unheldEnds } from './unheld-ends.ts';
import type { Fail } from './violation.ts';

/** What the first server to apply an index made of it: all others must agree. */
interface AppliedEntry {
  readonly command: Uint8Array;
  readonly hash: string;
  /** Its reply and events. */
  readonly result: string;
  readonly licenseTimeMs: number;
  readonly by: string;
}

/** An entry of the log, as the first server that applied it has it. */
export interface FirstApplied {
  readonly index: number;
  readonly command: LedgerCommand;
  readonly result: LedgerResult;
  readonly by: string;
  /** As it is now. */
  readonly ledger: Ledger;
}

/** A gain of control. */
export interface Control {
  readonly server: string;
  readonly term: number;
  readonly atMs: number;
  /** What was applied of the log then. */
  readonly index: number;
}

/** In a new term a queue's head has so long to resume before others are served past it, ms: 1 s by a clock that may be fast. */
const headAwaitedMs = 980;
/** License time steps by more than this beyond elapsed time only on an operator's word, or after 10 minutes (triad.md, License time), ms. */
const leapMsMax = 3_600_000;
/** Runs are shorter than the 10 minutes; clocks are set and drift meanwhile, ms. */
const leapToleranceMs = 120_000;

/** What the checks of the log need of the rest of the run. */
export interface LogChecksParts {
  readonly fail: Fail;
  /** A grant exists only once so many servers have it on disk (triad.md, S10). */
  readonly quorum: number;
  /** Whether the client of this grant believes that it holds it, now. */
  readonly isHeld: (grant: string) => boolean;
  /** A grant has ended without its lease being waited for. */
  readonly released: (grant: string) => void;
  /** How many disks have this very entry, synced. */
  readonly copiesOf: (index: number, command: Uint8Array) => number;
  /** Called once for each entry of the log, when the first server applies it. */
  readonly onEntry: (entry: FirstApplied) => void;
  readonly nowMs: () => number;
  /** Who gained control last; undefined before the first. */
  readonly control: () => Control | undefined;
}

/**
 * Compares what all servers apply, entry by entry: one log (I4), one state (I9), never oversold (I2), exactly once (I5), resume is
 * free and nobody speaks with an older epoch (I6), license time never runs back and never leaps (I7), nothing ends while its client holds it
 * (I3, from the servers' side), and a queue serves who is there, its head first.
 */
export class LogChecks {
  readonly #parts: LogChecksParts;
  readonly #entries = new Map<number, AppliedEntry>();
  /** Grants that stand, as the events of the log tell. */
  readonly #grants = new Map<string, GrantView>();
  readonly #everGranted = new Set<string>();
  /** Session and sequence number of every checkout that was granted. */
  readonly #served = new Set<string>();
  readonly #epochs = new Map<string, { readonly epoch: number; readonly resume: string }>();
  /** By session: the entry that raised its epoch last. */
  readonly #raisedAt = new Map<string, number>();
  /** Keys of the servers that the newest license names. */
  #servers: ReadonlySet<string> = new Set();
  #isLeapAccepted = false;
  /** License time and true time at the newest entry; undefined before the first. */
  #newestTime: { readonly licenseMs: number; readonly atMs: number } | undefined;
  /** By pool: seats taken at the newest entry. A license that has fewer evicts nobody (I2). */
  readonly #taken = new Map<string, number>();
  /** Of each feature at the newest entry: its seats, or more where a license with fewer found them taken. */
  #seats: ReadonlyMap<string, number> = new Map();
  #newestIndex = 0;

  constructor(parts: LogChecksParts) {
    this.#parts = parts;
  }

  /** The newest entry that any server has applied. */
  get newestIndex(): number {
    return this.#newestIndex;
  }

  get grantsEver(): number {
    return this.#everGranted.size;
  }

  /** Seats of a feature that may be held at the newest entry. */
  seatsOf(feature: string): number {
    return this.#seats.get(feature) ?? 0;
  }

  /** Borrowed seats at the newest entry. */
  borrowed(): readonly GrantView[] {
    return [...this.#grants.values()].filter(({ state }) => state === 'borrowed');
  }

  /** License time at the newest entry; 0 before the first. */
  get licenseTimeMs(): number {
    return this.#newestTime?.licenseMs ?? 0;
  }

  /** Grants of sessions that stand at the newest entry. */
  standing(): readonly GrantView[] {
    return [...this.#grants.values()].filter(({ state }) => state !== 'lingering' && state !== 'borrowed');
  }

  /** A client was told that it was granted this. */
  answered(grant: string, client: string): void {
    if (!this.#everGranted.has(grant))
      this.#parts.fail('I4', `${client} was told of grant ${grant}, which no server has in its log`);
  }

  /** A server has an operator's word for a leap, whatever comes of the command that says so in the log. */
  leapAccepted(): void {
    this.#isLeapAccepted = true;
  }

  /** Wraps the application of one command. */
  apply(server: string, ledger: Ledger, index: number, command: Uint8Array, apply: () => LedgerResult): LedgerResult {
    const licenseTimeMs = ledger.summary().licenseTimeMs;
    const isFirst = !this.#entries.has(index);
    const before = isFirst ? stateOf(ledger, command) : undefined;
    const result = apply();
    const now = ledger.summary().licenseTimeMs;
    if (now < licenseTimeMs) this.#parts.fail('I7', `license time ran back at ${server} with entry ${index}`);
    const entry = {
      command,
      hash: ledger.hash(),
      result: JSON.stringify(result),
      licenseTimeMs: now,
      by: server,
    };
    this.#compare(index, entry);
    if (before === undefined) return result;
    this.#checkTime(before, now, index);
    this.#checkEpoch(before, ledger, result, index);
    this.#checkPools(server, ledger, index);
    this.#newestIndex = Math.max(this.#newestIndex, index);
    this.#seats = seatsByFeature(ledger);
    this.#entries.set(index, { ...entry, command: command.slice() });
    const copies = this.#parts.copiesOf(index, command);
    if (copies < this.#parts.quorum)
      this.#parts.fail('I4', `entry ${index} was applied at ${server} with ${copies} copies on disks`);
    this.#checkRepeat(before.command, result, index);
    for (const event of result.events) this.#note(event, index);
    if (result.events.some(({ kind }) => kind === 'licenseInstalled')) this.#checkServers(ledger, index);
    this.#checkGrants(ledger, index);
    this.#checkQueue(before, result, index);
    if (before.command.kind === 'resume') this.#checkResume(before, ledger, result, index);
    this.#parts.onEntry({ index, command: before.command, result, by: server, ledger });
    return result;
  }

  #compare(index: number, { command, hash, result, licenseTimeMs, by }: AppliedEntry): void {
    const known = this.#entries.get(index);
    const { fail } = this.#parts;
    if (known === undefined) {
      // Whoever applied the newest has been here, and it was none of the ledger's entries.
      if (index < this.#newestIndex) fail('I4', `${by} applied a command as entry ${index}, which others passed over`);
      return;
    }
    if (Buffer.compare(known.command, command) !== 0)
      fail('I4', `${by} applied another command as entry ${index} than ${known.by} did`);
    else if (known.hash !== hash) fail('I9', `${by} has another state at entry ${index} than ${known.by} had`);
    else if (known.result !== result)
      fail('I9', `${by} made ${result} of entry ${index}, ${known.by} had made ${known.result}`);
    else if (known.licenseTimeMs !== licenseTimeMs)
      fail(
        'I7',
        `license time is ${licenseTimeMs} at ${by} with entry ${index}, ${known.licenseTimeMs} at ${known.by}`,
      );
  }

  /** Two identities that are exchanged at once could be a quorum of their own (I1). */
  #checkServers(ledger: Ledger, index: number): void {
    const keys = new Set(ledger.license()?.servers.map(({ key }) => key));
    const gone = [...this.#servers].filter((key) => !keys.has(key)).length;
    this.#servers = keys;
    if (gone > 1) this.#parts.fail('I1', `the license of entry ${index} exchanges ${gone} servers at once`);
  }

  /** Across servers: by index alone. */
  #checkTime({ command }: LedgerMoment, licenseMs: number, index: number): void {
    const atMs = this.#parts.nowMs();
    const newest = this.#newestTime;
    this.#newestTime = { licenseMs, atMs };
    if (command.kind === 'acceptTime') this.#isLeapAccepted = true;
    // The first step of a triad's life has no limit: before it there is no license time.
    if (newest === undefined || newest.licenseMs === 0) return;
    if (licenseMs < newest.licenseMs) this.#parts.fail('I7', `license time ran back with entry ${index}`);
    const leapMs = licenseMs - newest.licenseMs - (atMs - newest.atMs);
    if (leapMs > leapMsMax + leapToleranceMs && !this.#isLeapAccepted)
      this.#parts.fail(
        'I7',
        `license time leapt by ${Math.round(leapMs / 60_000)} min with entry ${index}, unaccepted`,
      );
  }

  /** Who has an older epoch than the session is refused (I6). */
  #checkEpoch({ command, epoch }: LedgerMoment, ledger: Ledger, { reply }: LedgerResult, index: number): void {
    if (!('session' in command)) return;
    const now = ledger.session(command.session)?.epoch ?? 0;
    if (now > epoch) this.#raisedAt.set(command.session, index);
    if (!('seq' in command) || command.epoch === 0 || epoch === 0 || command.epoch >= epoch) return;
    if (reply.kind !== 'refused')
      this.#parts.fail(
        'I6',
        `request ${command.seq} of session ${command.session} came with epoch ${command.epoch}, older than ${epoch}, and was ${reply.kind} by entry ${index}`,
      );
  }

  /** Seats go to who waits for them at the server in control; in a new term the queue's head is waited for (triad.md, Sessions). */
  #checkQueue({ command, heads }: LedgerMoment, { events, reply }: LedgerResult, index: number): void {
    const control = this.#parts.control();
    if (control === undefined) return;
    const isHere = (session: string): boolean => (this.#raisedAt.get(session) ?? 0) > control.index;
    const { fail, nowMs } = this.#parts;
    for (const event of events) {
      if (event.kind !== 'granted') continue;
      const { session, feature, id } = event.grant;
      // One that has come to need no seat is served wherever its session is, and passes nobody.
      if (event.fromQueue && !(reply.kind === 'granted' && reply.grant.id === id)) continue;
      if (event.fromQueue && !isHere(session))
        fail(
          'queue',
          `grant ${id} of entry ${index} went to session ${session}, which has not resumed in term ${control.term}`,
        );
      const head = heads.get(feature);
      const isPast = event.fromQueue || (command.kind === 'checkout' && command.pastQueue === true);
      if (head === undefined || head === session || !isPast || isHere(head)) continue;
      if (nowMs() - control.atMs < headAwaitedMs)
        fail('queue', `grant ${id} of entry ${index} went past the head of its queue, which had no time to resume`);
    }
  }

  #checkPools(server: string, ledger: Ledger, index: number): void {
    for (const { feature, version, count, overdraft = 0, inUse } of ledger.pools()) {
      const pool = `${feature} ${version}`;
      if (count !== 'uncounted' && inUse > count + overdraft && inUse > (this.#taken.get(pool) ?? 0))
        this.#parts.fail(
          'I2',
          `${inUse} of ${count + overdraft} seats of ${feature} are taken at ${server}, entry ${index}`,
        );
      this.#taken.set(pool, inUse);
    }
  }

  /** The ledger's own count of seats is not believed: it is counted again from its grants, and those from the events. */
  #checkGrants(ledger: Ledger, index: number): void {
    const counted = new SeatCount();
    let grants = 0;
    for (const grant of ledger.grants()) {
      grants++;
      counted.add(`${grant.feature} ${grant.version}`, grant);
      if (!this.#grants.has(grant.id))
        this.#parts.fail(
          'I4',
          `grant ${grant.id} is in the ledger at entry ${index}, but was never granted or has ended`,
        );
    }
    if (grants !== this.#grants.size)
      this.#parts.fail('I4', `${this.#grants.size} grants stand at entry ${index}, the ledger has ${grants}`);
    const taken = counted.seats();
    for (const { feature, version, inUse } of ledger.pools()) {
      const seats = taken.get(`${feature} ${version}`) ?? 0;
      if (inUse !== seats)
        this.#parts.fail('I2', `the ledger counts ${inUse} seats of ${feature} at entry ${index}, its grants ${seats}`);
    }
  }

  /** What had its seats once is not decided anew, whatever comes of it. */
  #checkRepeat(command: LedgerCommand, { reply }: LedgerResult, index: number): void {
    if (command.kind !== 'checkout' || (reply.kind !== 'denied' && reply.kind !== 'queued')) return;
    if (this.#served.has(`${command.session}/${command.seq}`))
      this.#parts.fail(
        'I5',
        `request ${command.seq} of session ${command.session} was granted before, and is ${reply.kind} with entry ${index}`,
      );
  }

  #note(event: LedgerEvent, index: number): void {
    if (event.kind === 'granted') {
      const { id, session, checkoutSeq } = event.grant;
      const request = `${session}/${checkoutSeq}`;
      if (this.#served.has(request) || this.#everGranted.has(id))
        this.#parts.fail(
          'I5',
          `request ${checkoutSeq} of session ${session} was run a second time: it is granted with entry ${index}`,
        );
      this.#served.add(request);
      this.#everGranted.add(id);
      this.#grants.set(id, event.grant);
    } else if (event.kind === 'unqueued') {
      // With a denial it is told that for good.
      const { session, checkoutSeq } = event.entry;
      if (event.denial === undefined) this.#served.add(`${session}/${checkoutSeq}`);
    } else if (event.kind === 'ended') {
      const { id, feature } = event.grant;
      if (!this.#grants.delete(id))
        this.#parts.fail('I4', `grant ${id} ended with entry ${index}, although it did not stand`);
      if (unheldEnds.has(event.reason)) this.#parts.released(id);
      if (this.#parts.isHeld(id))
        this.#parts.fail(
          'I3',
          `grant ${id} of ${feature} ended (${event.reason}) with entry ${index} while its client holds it`,
        );
    } else if (event.kind === 'borrowed') {
      this.#grants.set(event.grant.id, event.grant);
    } else if (event.kind === 'borrowEnded') {
      const { id, feature } = event.grant;
      if (!this.#grants.delete(id))
        this.#parts.fail('I4', `borrow ${id} ended with entry ${index}, although it did not stand`);
      if (this.#parts.isHeld(id))
        this.#parts.fail(
          'I3',
          `borrow ${id} of ${feature} ended (${event.reason}) with entry ${index} while its client holds it`,
        );
    } else if (event.kind === 'lingering') {
      this.#grants.set(event.grant.id, event.grant);
    } else if (event.kind === 'lingered' && !this.#grants.delete(event.grant.id)) {
      this.#parts.fail('I4', `seats of ${event.grant.id} lingered no more with entry ${index}, although they did not`);
    }
  }

  #checkResume(before: LedgerMoment, ledger: Ledger, { reply, events }: LedgerResult, index: number): void {
    const { command, seats, grants } = before;
    if (command.kind !== 'resume') return;
    // License time that passes with it may end what lingers or expires, and give that to who waits.
    const isTimeUp =
      events.some(({ kind }) => kind === 'lingered' || kind === 'borrowEnded') || events.some(endsByTime);
    if (!isTimeUp && (seatsOf(ledger) !== seats || ledger.summary().grants !== grants))
      this.#parts.fail('I6', `the resume of entry ${index} changed how many seats are taken`);
    if (reply.kind !== 'resumed') return;
    const known = this.#epochs.get(command.session) ?? { epoch: before.epoch, resume: '' };
    const resume = `${command.request}/${command.attempt}`;
    const isRepeat = known.resume === resume;
    if (isRepeat ? reply.epoch < known.epoch : reply.epoch <= Math.max(known.epoch, before.epoch))
      this.#parts.fail('I6', `the resume of entry ${index} left the epoch of its session at ${reply.epoch}`);
    this.#epochs.set(command.session, { epoch: reply.epoch, resume });
  }
}

/** What must be known from before a command. */
interface LedgerMoment {
  readonly command: LedgerCommand;
  readonly seats: number;
  readonly grants: number;
  /** Of the session that it is about; 0: there is none. */
  readonly epoch: number;
  /** By feature: whose session stands at the head of the queue. */
  readonly heads: ReadonlyMap<string, string>;
}

function stateOf(ledger: Ledger, bytes: Uint8Array): LedgerMoment {
  const command = decodeCommand(bytes);
  const epoch = 'session' in command ? (ledger.session(command.session)?.epoch ?? 0) : 0;
  const heads = new Map(ledger.queueHeads().map(({ feature, session }) => [feature, session] as const));
  return { command, seats: seatsOf(ledger), grants: ledger.summary().grants, epoch, heads };
}

function endsByTime(event: LedgerEvent): boolean {
  return event.kind === 'ended' && event.reason === 'expired';
}

function seatsByFeature(ledger: Ledger): ReadonlyMap<string, number> {
  const seats = new Map<string, number>();
  for (const { feature, count, overdraft = 0, inUse } of ledger.pools()) {
    const most = count === 'uncounted' ? Infinity : Math.max(count + overdraft, inUse);
    seats.set(feature, (seats.get(feature) ?? 0) + most);
  }
  return seats;
}

function seatsOf(ledger: Ledger): number {
  return ledger.pools().reduce((sum, { inUse }) => sum + inUse, 0);
}
