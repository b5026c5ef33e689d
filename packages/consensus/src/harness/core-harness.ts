import type { ConsensusTiming, LogEntry, PeerId, SnapshotMeta, Vote } from '@lic/interfaces';
import { createRaftCore, type RaftCore } from '../core/core.ts';
import { initialState } from '../core/initial-state.ts';
import type { RaftInput, Ready, WriteRequest } from '../core/inputs.ts';
import { entriesBetween, lastIndex } from '../core/log.ts';
import type { Message, Outgoing } from '../core/messages.ts';
import { becomeLeader, setLeader } from '../core/roles.ts';
import type { RaftState } from '../core/state.ts';

/** The state that a core is put in. Everything left out is as on a server that was just formed. */
export interface CoreHarnessOptions {
  /** This server. Default `a`. */
  readonly id?: PeerId;
  /** All servers, in order of rank. Default `a`, `b`, `c`. Their incarnations are `<id>-1`. */
  readonly members?: readonly PeerId[];
  /** Its incarnation. Default `<id>-1`, the configured one; another one makes it a learner. */
  readonly incarnation?: string;
  readonly term?: number;
  readonly votedFor?: PeerId | null;
  /** The terms of the log's entries, from index 1. All are on disk. */
  readonly log?: readonly number[];
  /** The commit index; everything up to it is applied. Default 0. */
  readonly commit?: number;
  /** A leader has just been elected in `term` and has appended its first entry, which is not stored yet. Default `follower`. */
  readonly role?: 'follower' | 'leader';
  /** The leader that a follower has just heard. */
  readonly leader?: PeerId;
  /** What a restarted server finds on its disk; in place of `term`, `votedFor`, `log` and `commit`. */
  readonly stored?: {
    readonly vote: Vote;
    readonly entries: readonly LogEntry[];
    readonly snapshot?: SnapshotMeta | undefined;
  };
  readonly timing?: ConsensusTiming;
  /** It has just started, and asks its peers what they know of it before it votes. Default `false`: it has done so. */
  readonly isStarting?: boolean;
  readonly witnessWaitMs?: number;
  /** Monotonic milliseconds. Default 0. */
  readonly now?: number;
  readonly seed?: number;
  /** `instant`: what is written is on disk at once. `manual`: when {@link CoreHarness.finishWrite} is called. Default `instant`. */
  readonly disk?: 'instant' | 'manual';
}

/** Profile `lan` (triad.md, Failover). */
export const lanTiming: ConsensusTiming = { roundMs: 100, electionTimeoutMinMs: 500, electionTimeoutMaxMs: 1000 };

/** An entry as the harness makes them: its data say term and index, so that two logs can be compared by eye. */
export function harnessEntry(index: number, term: number): LogEntry {
  return { index, term, kind: 'command', data: Buffer.from(`${term}.${index}`) };
}

/**
 * One core by itself: put in any state, given any message in any order, and asked what it did. Applies what is committed
 * at once.
 *
 * ```ts
 * const a = new CoreHarness({ term: 3, log: [1, 1, 2], commit: 2 });
 * a.deliver('b', { type: 'vote', term: 4, lastIndex: 3, lastTerm: 2, target: 'a-1', transfer: false });
 * a.take('b'); // the vote, once it is on disk
 * ```
 */
export class CoreHarness {
  readonly id: PeerId;
  readonly core: RaftCore;
  /** Everything that was committed, in order. */
  readonly committed: LogEntry[] = [];
  /** What else the core wanted: snapshots to send or restore, failed transfers, confirmed reads. */
  readonly wishes: Partial<Ready>[] = [];
  /** The write that is under way. */
  write: WriteRequest | null = null;
  now: number;
  #sent: Outgoing[] = [];
  readonly #isInstant: boolean;

  constructor(options: CoreHarnessOptions = {}) {
    const { id = 'a', members = ['a', 'b', 'c'], log = [], term = 0, commit = 0, now = 0 } = options;
    this.id = id;
    this.now = now;
    this.#isInstant = options.disk !== 'manual';
    const config = {
      self: { id, incarnation: options.incarnation ?? `${id}-1` },
      timing: options.timing ?? lanTiming,
      witnessWaitMs: options.witnessWaitMs ?? 10_000,
    };
    const stored = options.stored ?? {
      vote: { term, votedFor: options.votedFor ?? null },
      entries: log.map((each, at) => harnessEntry(at + 1, each)),
    };
    const state = initialState(config, {
      ...stored,
      members: members.map((member) => ({ id: member, incarnation: `${member}-1` })),
      now,
      seed: options.seed ?? 1,
      position: members.indexOf(id),
    });
    if (options.isStarting !== true) {
      state.toAsk.clear();
      state.isProved = true;
      state.provedTerm = state.term;
    }
    if (options.stored === undefined) {
      state.commit = commit;
      state.handedOut = commit;
      state.applied = commit;
      state.match = commit;
    }
    if (options.role === 'leader') {
      state.votedFor = id;
      state.saved = { term, votedFor: id };
      becomeLeader({ config, state });
    } else if (options.leader !== undefined) {
      setLeader(state, options.leader);
      state.heardAt = now;
    }
    this.core = createRaftCore(config, state);
    this.settle();
  }

  /** The core's state. */
  get state(): RaftState {
    return this.core.state;
  }

  /** The terms of the log's entries that are in memory. */
  get logTerms(): number[] {
    const { log } = this.state;
    return entriesBetween(log, log.baseIndex + 1, lastIndex(log)).map((entry) => entry.term);
  }

  /** Any input, at the current time. */
  step(input: RaftInput): void {
    this.core.step(input, this.now);
    this.settle();
  }

  /** A message arrives. */
  deliver(from: PeerId, ...messages: readonly Message[]): void {
    for (const message of messages) this.step({ kind: 'message', from, message });
  }

  /** Proposes a command; answers its index, 0 where it was refused. */
  propose(text = 'x'): number {
    const index = this.core.propose(Buffer.from(text));
    this.settle();
    return index;
  }

  /** Asks for a read barrier; answers the round to wait for, 0 where it was refused. */
  read(): number {
    const round = this.core.read(this.now);
    this.settle();
    return round;
  }

  /** Lets time go by, ticking whenever the core wants to. */
  advance(byMs: number): void {
    const end = this.now + byMs;
    for (;;) {
      const wakeAt = this.core.wakeAt();
      if (wakeAt > end) break;
      this.now = Math.max(this.now, wakeAt);
      this.step({ kind: 'tick' });
    }
    this.now = end;
    this.step({ kind: 'tick' });
  }

  /** The write that is under way is on disk now. */
  finishWrite(): void {
    const { write } = this;
    if (write === null) return;
    this.write = null;
    this.step({ kind: 'stored', id: write.id });
  }

  /** The messages sent since the last call, or those of them that were for `to` or of `type`. */
  take(to?: PeerId, type?: Message['type']): Message[] {
    const isWanted = (out: Outgoing) =>
      (to === undefined || out.to === to) && (type === undefined || out.message.type === type);
    const taken = this.#sent.filter(isWanted).map((out) => out.message);
    this.#sent = this.#sent.filter((out) => !isWanted(out));
    return taken;
  }

  /** The same, with whom each is for. */
  takeAll(): Outgoing[] {
    const taken = this.#sent;
    this.#sent = [];
    return taken;
  }

  /** Does what the core wants done until it wants nothing more. */
  settle(): void {
    for (let more = true; more; ) {
      const ready = this.core.ready();
      const { messages, write, committed } = ready;
      this.#sent.push(...messages);
      more = committed.length > 0;
      if (ready.restore !== null || ready.snapshotsFor.length > 0 || ready.transferFailed) this.wishes.push(ready);
      if (write !== null) {
        if (this.#isInstant) {
          this.core.step({ kind: 'stored', id: write.id }, this.now);
          more = true;
        } else this.write = write;
      }
      if (ready.restore !== null) {
        this.core.step({ kind: 'applied', index: ready.restore.index }, this.now);
        more = true;
      }
      if (committed.length > 0) {
        this.committed.push(...committed);
        this.core.step({ kind: 'applied', index: committed[committed.length - 1]!.index }, this.now);
      }
    }
  }
}
