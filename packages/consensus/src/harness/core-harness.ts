import { crc32 } from 'node:zlib';
import { LicError, type LogEntry, type PeerId, type SnapshotMeta } from '@lic/interfaces';
import { createRaftCore, type RaftCore } from '../core/core.ts';
import type { RaftInput, Ready, WriteRequest } from '../core/inputs.ts';
import { entriesBetween, isResetting, lastIndex, lastTerm, termAt } from '../core/log.ts';
import { configuration, configurationAt } from '../core/membership.ts';
import type { MembersAnswer } from '../core/membership-change.ts';
import type { Message, Outgoing, SnapshotChunk } from '../core/messages.ts';
import type { RaftConfig, RaftState } from '../core/state.ts';
import { encodeConfiguration } from '../wire/configuration.ts';
import type { CoreHarnessOptions, MemberLike, RestartOptions } from './core-harness-options.ts';
import { diskOf, emptyDisk, type HarnessDisk, recoverOn, writeTo } from './harness-disk.ts';
import { harnessMembers } from './harness-entries.ts';
import { defaultMembers, harnessConfig, harnessState, lasting } from './harness-state.ts';
import { entriesText, membersText, messageText, writeText } from './message-text.ts';

export type { CoreHarnessOptions } from './core-harness-options.ts';
export { harnessEntry } from './harness-entries.ts';
export { lanTiming } from './harness-state.ts';

/**
 * One core by itself: put in any state, given any message in any order, and asked what it did. Applies what is committed
 * at once. docs/harness.md is its tutorial.
 *
 * ```ts
 * const a = new CoreHarness({ term: 3, log: [1, 1, 2], commit: 2 });
 * a.deliver('b', { type: 'vote', term: 4, lastIndex: 3, lastTerm: 2, target: 'a-1', incarnation: 'b-1', transfer: false });
 * a.take('b'); // the vote, once it is on disk
 * ```
 */
export class CoreHarness {
  readonly id: PeerId;
  readonly options: CoreHarnessOptions;
  readonly config: RaftConfig;
  readonly core: RaftCore;
  /** What a crash would leave. */
  readonly disk: HarnessDisk;
  /** Everything that was committed since this harness was made, in order. */
  readonly committed: LogEntry[] = [];
  /** The state machine: every command that was applied, also those that a snapshot brought. */
  commands: string[];
  /** What else the core wanted: snapshots to restore, with `snapshots: 'manual'` also those to send, failed transfers. */
  readonly wishes: Partial<Ready>[] = [];
  /** The write that is under way. */
  write: WriteRequest | null = null;
  now: number;
  #sent: Outgoing[] = [];
  #seen = '';

  constructor(options: CoreHarnessOptions = {}) {
    this.options = options;
    this.config = harnessConfig(options);
    this.id = this.config.self.id;
    const state = harnessState(options, this.config);
    this.now = Math.max(options.now ?? 0, state.now);
    this.disk = diskOf(options, state);
    const { applied } = state;
    const snapshotIndex = this.disk.snapshot?.index ?? 0;
    const known = state.log.entries.filter(
      ({ index, kind }) => index > snapshotIndex && index <= applied && kind === 'command',
    );
    this.commands = [...this.disk.snapshotCommands, ...known.map(textOf)];
    this.core = createRaftCore(this.config, state);
    this.settle();
  }

  /** The core's state, to be read; also to be changed, by who knows what may be: docs/harness.md has an example. */
  get state(): RaftState {
    return this.core.state;
  }

  /** The entries that are in memory: those behind the snapshot. */
  get log(): LogEntry[] {
    const { log } = this.state;
    return entriesBetween(log, log.baseIndex + 1, lastIndex(log));
  }

  /** The terms of those entries. */
  get logTerms(): number[] {
    return this.log.map((entry) => entry.term);
  }

  /** The index of the newest entry. */
  get lastIndex(): number {
    return lastIndex(this.state.log);
  }

  /** The term of the newest entry. */
  get lastTerm(): number {
    return lastTerm(this.state.log);
  }

  /** Whether it leads its term, as far as it knows. */
  get isLeader(): boolean {
    return this.state.role === 'leader';
  }

  /** What was sent and not taken yet. */
  get sent(): readonly Outgoing[] {
    return this.#sent;
  }

  /** Any input, at the current time. */
  step(input: RaftInput): void {
    this.core.step(input, this.now);
    this.settle();
  }

  /** Messages arrive, in this order. The same ones may arrive again. */
  deliver(from: PeerId, ...messages: readonly Message[]): void {
    for (const message of messages) {
      this.#deliver(from, message);
      this.settle();
    }
  }

  /** Begins an election now, as if the election timer had run out. Nothing comes of it where the server may not stand, or leads. */
  campaign(): void {
    const { state } = this;
    if (state.role === 'leader') return;
    state.timerFrom = this.now - state.timeoutMs;
    this.step({ kind: 'tick' });
  }

  /** Proposes a command; answers its index, 0 where it was refused. */
  propose(text = 'x'): number {
    const index = this.core.propose(Buffer.from(text));
    this.settle();
    return index;
  }

  /** Asks for a read barrier; answers the round to wait for, 0 where it was refused. It is confirmed when {@link CoreHarness.readsThrough} has reached it. */
  read(): number {
    const round = this.core.read(this.now);
    this.settle();
    return round;
  }

  /** Reads that wait for rounds up to this one are confirmed, and may be answered from the applied state. */
  get readsThrough(): number {
    return this.state.readsThrough;
  }

  /**
   * Puts another configuration in force. Answers `{ index }` of its entry; `{ refused }`, what is missing, as the end of a sentence; or
   * `not-in-control`. One voter may come, go, or have another incarnation at a time (docs/consensus.md, Members).
   */
  changeMembers(members: readonly MemberLike[]): MembersAnswer {
    const answer = this.core.changeMembers(harnessMembers(members));
    this.settle();
    return answer;
  }

  /** Hands control to `to`. */
  transfer(to: PeerId): void {
    this.step({ kind: 'transfer', to });
  }

  /** Lets time go by, ticking whenever the core wants to. */
  advance(byMs: number): void {
    const end = this.now + byMs;
    for (;;) {
      const wakeAt = this.core.wakeAt();
      if (wakeAt > end) break;
      this.now = Math.max(this.now, wakeAt);
      this.#tick();
    }
    this.now = end;
    this.#tick();
  }

  /** The write that is under way is on disk now. */
  finishWrite(): void {
    const { write } = this;
    if (write === null) return;
    this.write = null;
    writeTo(this.disk, write);
    this.step({ kind: 'stored', id: write.id });
  }

  /** The write that is under way failed. `full`: it is tried again, and may yet be finished. `failed`: the disk takes nothing more. */
  failWrite(state: 'full' | 'failed'): void {
    this.step({ kind: 'disk', state });
  }

  /** Takes a snapshot of everything that is applied, and drops the log up to `keep` entries before it. Answers its index, 0 where there was nothing new. */
  snapshot(keep = 0): number {
    const { state, disk } = this;
    const index = state.applied;
    if (index <= (disk.snapshot?.index ?? 0) || isResetting(state.log) || this.write?.reset) return 0;
    const meta = {
      index,
      term: termAt(state.log, index),
      config: encodeConfiguration(configurationAt(state, index).members),
    };
    disk.snapshot = meta;
    disk.snapshotCommands = [...this.commands];
    this.step({ kind: 'snapshotSaved', meta });
    const through = Math.min(index - keep, state.log.durableTo);
    if (through > state.log.baseIndex) this.compact(through);
    return index;
  }

  /** Drops the log up to `through`, which a snapshot must include. */
  compact(through: number): void {
    this.step({ kind: 'compact', through });
    this.disk.entries = this.disk.entries.filter((entry) => entry.index > through);
  }

  /**
   * What the server would be if it lost power now and started again: the same options but for `options`, and what is on its disk.
   */
  restart(options: RestartOptions = {}): CoreHarness {
    const { parts = 0, isEmptied, isRecovering, ...changed } = options;
    if (this.write !== null) writeTo(this.disk, this.write, parts);
    if (isEmptied) Object.assign(this.disk, emptyDisk());
    if (isRecovering) recoverOn(this.disk, this.config.self, this.options.members ?? defaultMembers);
    const { vote, entries, snapshot } = this.disk;
    const again = new CoreHarness({
      ...lasting(this.options),
      stored: { vote, entries: [...entries], snapshot },
      now: this.now,
      ...changed,
    });
    again.disk.snapshotCommands = this.disk.snapshotCommands;
    again.commands.unshift(...this.disk.snapshotCommands);
    return again;
  }

  /** A second server in the very same state, to see what else could come of it. */
  fork(): CoreHarness {
    const { disk } = this;
    const copy = new CoreHarness({ ...lasting(this.options), state: structuredClone(this.state), now: this.now });
    Object.assign(copy.disk, { ...disk, entries: [...disk.entries] });
    copy.commands = [...this.commands];
    copy.committed.push(...this.committed);
    copy.write = this.write;
    copy.#sent.unshift(...this.#sent);
    return copy;
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

  /** In one line: role, term, vote, leader, indexes and configuration. */
  describe(): string {
    const { role, term, votedFor, leader, commit, applied, log } = this.state;
    const vote = `votedFor=${votedFor ?? '-'} leader=${leader ?? '-'}`;
    const members = membersText(configuration(this.state).members);
    const indexes = `commit=${commit} applied=${applied} log=${log.baseIndex}..${this.lastIndex}`;
    return `${role} term=${term} ${vote} ${indexes} members=[${members}]`;
  }

  /** Does what the core wants done until it wants nothing more. */
  settle(): void {
    for (let more = true; more; ) {
      const ready = this.core.ready();
      this.#traceState();
      more = this.#send(ready.messages);
      if (ready.restore !== null || ready.transferFailed || (ready.snapshotsFor.length > 0 && !this.#isAuto))
        this.wishes.push(ready);
      if (ready.transferFailed) this.#trace('transfer failed');
      if (ready.write !== null) more = this.#begin(ready.write) || more;
      if (ready.restore !== null) {
        this.#trace(`restore ${ready.restore.term}.${ready.restore.index}`);
        this.commands = [...this.disk.snapshotCommands];
        this.core.step({ kind: 'applied', index: ready.restore.index }, this.now);
        more = true;
      }
      more = this.#apply(ready.committed) || more;
      if (this.#isAuto) for (const to of ready.snapshotsFor) this.#sendSnapshot(to);
    }
  }

  get #isAuto(): boolean {
    return this.options.snapshots === 'auto';
  }

  #trace(line: string): void {
    this.options.trace?.(line);
  }

  #traceState(): void {
    if (this.options.trace === undefined) return;
    const { role, term, leader, commit } = this.state;
    const seen = `${role} term=${term} leader=${leader ?? '-'} commit=${commit} (${this.core.role()})`;
    if (seen !== this.#seen) this.#trace(seen);
    this.#seen = seen;
  }

  #tick(): void {
    if (this.options.checkQuorum === false) {
      for (const progress of this.state.peers.values()) progress.answeredAt = this.now;
    }
    this.step({ kind: 'tick' });
  }

  #deliver(from: PeerId, message: Message): void {
    const { state } = this;
    const input = (heard: Message) => this.core.step({ kind: 'message', from, message: heard }, this.now);
    if (this.options.checkQuorum === false) {
      if (message.type === 'preVote') state.heardAt = Number.NEGATIVE_INFINITY;
      if (message.type === 'vote') {
        input({ ...message, transfer: true });
        return;
      }
    }
    input(message);
    if (!this.#isAuto) return;
    if (message.type === 'snapshot') this.#receiveSnapshot(from, message);
    if (message.type === 'snapshotReply' && message.term === state.term) {
      if (message.ok) this.core.step({ kind: 'snapshotSent', to: from, index: message.index }, this.now);
      else this.core.step({ kind: 'snapshotFailed', to: from }, this.now);
    }
  }

  /** Sends, and answers whether something came back at once: pre-votes that the harness grants itself. */
  #send(messages: readonly Outgoing[]): boolean {
    let isAnswered = false;
    for (const out of messages) {
      const { to, message } = out;
      if (message.type === 'preVote' && this.options.preVote === false) {
        const { term: asked, target: incarnation } = message;
        const { term } = this.state;
        const reply = { type: 'preVoteReply', term, asked, granted: true, leader: null, incarnation } as const;
        this.core.step({ kind: 'message', from: to, message: reply }, this.now);
        isAnswered = true;
        continue;
      }
      this.#trace(`send ${to} ${messageText(message)}`);
      this.#sent.push(out);
    }
    return isAnswered;
  }

  #begin(write: WriteRequest): boolean {
    this.#trace(`write ${writeText(write)}`);
    if (this.options.disk === 'manual') {
      this.write = write;
      return false;
    }
    writeTo(this.disk, write);
    this.core.step({ kind: 'stored', id: write.id }, this.now);
    return true;
  }

  #apply(committed: readonly LogEntry[]): boolean {
    const last = committed.at(-1);
    if (last === undefined) return false;
    this.#trace(`apply ${entriesText(committed)}`);
    this.committed.push(...committed);
    for (const entry of committed) if (entry.kind === 'command') this.commands.push(textOf(entry));
    this.core.step({ kind: 'applied', index: last.index }, this.now);
    return true;
  }

  #sendSnapshot(to: PeerId): void {
    const { snapshot: meta, snapshotCommands } = this.disk;
    if (meta === undefined) throw new LicError('HARNESS_STATE', `${this.id} has no snapshot to send to ${to}.`);
    const data = Buffer.from(JSON.stringify(snapshotCommands));
    const { term } = this.state;
    this.#send([{ to, message: { type: 'snapshot', term, meta, sequence: 0, checksum: crc32(data), data } }]);
  }

  /** Puts a snapshot on disk and acknowledges it, as the driver does. */
  #receiveSnapshot(from: PeerId, { term, meta, sequence, data }: SnapshotChunk): void {
    const { state, disk } = this;
    if (state.term !== term || state.leader !== from || state.mutes.size > 0 || state.disk !== 'well') return;
    const ok = !isResetting(state.log);
    if (ok && meta.index > Math.max(state.commit, disk.snapshot?.index ?? 0)) this.#keepSnapshot(meta, data);
    if (ok) this.core.step({ kind: 'snapshotReceived', meta }, this.now);
    this.#send([{ to: from, message: { type: 'snapshotReply', term: state.term, index: meta.index, sequence, ok } }]);
  }

  #keepSnapshot(meta: SnapshotMeta, data: Uint8Array): void {
    this.#trace(`store snapshot ${meta.term}.${meta.index}`);
    this.disk.snapshot = meta;
    this.disk.snapshotCommands = JSON.parse(Buffer.from(data).toString()) as string[];
  }
}

function textOf(entry: LogEntry): string {
  return Buffer.from(entry.data).toString();
}
