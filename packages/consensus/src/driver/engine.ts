import {
  type ConsensusContext,
  type ConsensusState,
  errorMessage,
  type LogEntry,
  type PeerId,
  type StateMachine,
  type Timer,
} from '@lic/interfaces';
import { createRaftCore, type RaftCore } from '../core/core.ts';
import { initialState } from '../core/initial-state.ts';
import type { RaftInput, Ready } from '../core/inputs.ts';
import { isResetting, termAt } from '../core/log.ts';
import { configuration, configurationAt } from '../core/membership.ts';
import type { Message } from '../core/messages.ts';
import { linkTo } from '../core/outbox.ts';
import type { Configuration } from '../core/state.ts';
import { encodeConfiguration } from '../wire/configuration.ts';
import { Applier } from './applier.ts';
import { DiskWriter } from './disk-writer.ts';
import { InputLog } from './input-log.ts';
import type { RaftOptions } from './options.ts';
import { PeerLinks } from './peer-links.ts';
import { placeByRank } from './rank.ts';
import { reportOf } from './report.ts';
import { SnapshotTransfers } from './snapshot-transfers.ts';
import { Snapshotting } from './snapshotting.ts';
import { Troubles } from './troubles.ts';

/** A timer that is so late shows a stall: what has arrived meanwhile is handled before time is. Milliseconds. */
const STALL_MS = 50;
/** How long the event loop gets for that. Milliseconds. */
const CATCH_UP_MS = 10;
/** The longest time to sleep: the longest that every runtime's timer takes. */
const SLEEP_MAX_MS = 60_000;

/** What an {@link Engine} tells its owner. */
export interface EngineHooks<Result> {
  onResult(entry: LogEntry, result: Result): void;
  /** Reads of rounds up to this one are confirmed. */
  onReads(through: number): void;
  onTransferFailed(): void;
  /** State, leader or trouble may have changed. */
  onChange(): void;
}

/** Runs a core: feeds it frames, time and the disk's answers, and does what it wants done, once per turn of the event loop. */
export class Engine<Result> {
  readonly core: RaftCore;
  readonly #context: ConsensusContext;
  readonly #hooks: EngineHooks<Result>;
  readonly #links: PeerLinks;
  readonly #writer: DiskWriter;
  readonly #applier: Applier<Result>;
  readonly #snapshotting: Snapshotting<Result>;
  readonly #transfers: SnapshotTransfers;
  /** The configuration that was looked at last. */
  #members: Configuration | undefined;
  #timer: Timer | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #hasCaughtUp = false;
  #isScheduled = false;
  #isFlushing = false;
  #isMoreToDo = false;
  #isStopped = false;
  readonly #troubles = new Troubles();
  readonly #inputs = new InputLog();

  constructor(
    context: ConsensusContext,
    machine: StateMachine<Result>,
    options: Required<RaftOptions>,
    hooks: EngineHooks<Result>,
  ) {
    this.#context = context;
    this.#hooks = hooks;
    const { contents, logger, network, runtime, store, self, timing, formation } = context;
    const damaged = contents.damage !== undefined;
    const place = placeByRank(self.id, formation.members, context);
    const start = {
      vote: contents.vote,
      snapshot: contents.snapshot,
      entries: damaged ? [] : contents.entries,
      members: formation.members,
      now: runtime.monotonic(),
      seed: seedFrom(runtime.random(4)),
      position: place.position,
    };
    const config = {
      self,
      timing,
      witnessWaitMs: options.witnessWaitMs,
      appends: {
        bytesMax: options.appendBytesMax,
        entriesMax: options.appendEntriesMax,
        inFlightMax: options.appendsInFlightMax,
      },
    };
    this.core = createRaftCore(config, initialState(config, start));
    const { index } = contents.snapshot ?? { index: 0 };
    this.#writer = new DiskWriter(store, runtime, {
      onStored: (id) => {
        this.#troubles.clear('disk');
        this.step({ kind: 'stored', id });
      },
      onTrouble: (state, text) => {
        if (this.#troubles.set('disk', text)) logger.error('the disk takes no more writes', { state, why: text });
        this.step({ kind: 'disk', state });
      },
    });
    this.#applier = new Applier({ machine, store, runtime }, index, {
      onResult: (entry, result) => {
        this.#snapshotting.count(entry.data.length);
        this.#hooks.onResult(entry, result);
      },
      onApplied: (applied) => this.#onApplied(applied),
      onRestored: (restored) => this.#snapshotting.restored(restored),
      onRefused: (why) => this.fence(why),
      onBroken: (error) => this.#break(error),
    });
    this.#snapshotting = new Snapshotting(
      {
        machine,
        store,
        logger,
        ...options,
        metaAt: (at) => ({
          index: at,
          term: termAt(this.core.state.log, at),
          config: encodeConfiguration(configurationAt(this.core.state, at).members),
        }),
        lowestSent: () => this.#transfers.lowestSent,
        onSaved: (meta) => this.step({ kind: 'snapshotSaved', meta }),
        onCompact: (through) => this.step({ kind: 'compact', through }),
      },
      index,
    );
    this.#transfers = new SnapshotTransfers({
      store,
      runtime,
      logger,
      state: this.core.state,
      send: (to, message) => this.#links.send(to, message),
      linkTo: (peer) => this.#links.linkTo(peer),
      step: (input) => this.step(input),
    });
    this.#links = new PeerLinks(network, logger, {
      onMessage: (from, message) => this.#receive(from, message),
      onLink: (peer, up) => this.#onLink(peer, up),
      onCongestion: (peer, on) => this.step({ kind: 'congestion', peer, on }),
      onLost: (peer) => this.step({ kind: 'peerLost', peer }),
    });
    this.#followMembers();
    if (contents.damage !== undefined) {
      const { file, offset, what } = contents.damage;
      this.#troubles.set(
        'stored',
        `${file} is damaged at byte ${offset}: ${what} It is refilled from the other servers by lic repair.`,
      );
      this.step({ kind: 'mute', reason: 'damaged' });
    }
    this.schedule();
  }

  /** Why it can't take part as it should; null while all is well. */
  get trouble(): string | null {
    return this.#troubles.worst;
  }

  /** Fenced or suspended. */
  get isFenced(): boolean {
    return this.#troubles.isFenced;
  }

  /** The state that this server is in. */
  get state(): ConsensusState {
    return this.isFenced ? 'fenced' : this.core.role();
  }

  /** Tells the core what happened. What it wants done is done after this turn's other inputs. */
  step(input: RaftInput): void {
    if (this.#isStopped) return;
    const now = this.#context.runtime.monotonic();
    this.#inputs.note(input, now);
    try {
      this.core.step(input, now);
    } catch (error) {
      this.#break(error);
    }
    this.schedule();
  }

  /** Asks the core for something that it answers at once; `otherwise` where it takes no more part. */
  ask<Answer>(what: string, call: (core: RaftCore, now: number) => Answer, otherwise: Answer): Answer {
    if (this.#isStopped) return otherwise;
    const now = this.#context.runtime.monotonic();
    this.#inputs.noteCall(what, now);
    try {
      return call(this.core, now);
    } catch (error) {
      this.#break(error);
      return otherwise;
    } finally {
      this.schedule();
    }
  }

  /** Runs {@link Engine.flush} at the end of this turn: inputs that come together go together. */
  schedule(): void {
    if (this.#isFlushing) this.#isMoreToDo = true;
    if (this.#isScheduled || this.#isFlushing || this.#isStopped) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.#flush();
    });
  }

  /** Stops taking part for a reason that an operator must see; hands over first where it leads. */
  fence(why: string): void {
    if (this.#troubles.has('fenced') || this.#isStopped) return;
    this.#context.logger.error('this server is fenced', { why });
    this.step({ kind: 'mute', reason: 'fenced' });
    this.#troubles.set('fenced', why);
    this.#applier.stop();
    this.schedule();
  }

  /** Takes no part while there is a reason; hands over first where it leads. */
  suspend(why: string | null): void {
    if (this.#isStopped) return;
    if (why === null) {
      if (!this.#troubles.clear('suspended')) return;
      this.#context.logger.info('this server is suspended no more');
      this.step({ kind: 'unmute' });
      this.#applier.resume();
      return;
    }
    this.step({ kind: 'mute', reason: 'suspended' });
    if (this.#troubles.set('suspended', why)) this.#context.logger.error('this server is suspended', { why });
    this.#applier.suspend();
    this.#transfers.abortReceiving('this server is suspended');
  }

  /** Ends all work; the store stays open. Idempotent. */
  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#writer.stop();
    this.#applier.stop();
    this.#transfers.stop();
    this.#links.stop();
  }

  /** A violated invariant: nothing more is said or believed, so that no harm is done. */
  #break(error: unknown): void {
    if (this.#isStopped) return;
    const report = { ...reportOf(this.core.state), inputs: this.#inputs.lines() };
    this.#context.logger.error('consensus broke an invariant and takes no more part', { err: error, report });
    this.#troubles.set('fenced', errorMessage(error));
    this.stop();
    queueMicrotask(() => this.#hooks.onChange());
  }

  #flush(): void {
    if (this.#isStopped) return;
    this.#isFlushing = true;
    try {
      do {
        this.#isMoreToDo = false;
        this.#perform(this.core.ready());
      } while (this.#isMoreToDo && !this.#isStopped);
    } catch (error) {
      this.#break(error);
    }
    this.#isFlushing = false;
    if (!this.#isStopped) this.#arm();
  }

  #perform(ready: Ready): void {
    for (const { to, message } of ready.messages) this.#links.send(to, message);
    if (ready.write !== null) this.#writer.write(ready.write);
    if (ready.restore !== null) this.#applier.add(ready.restore);
    if (ready.committed.length > 0) this.#applier.add(ready.committed);
    for (const peer of ready.snapshotsFor) this.#transfers.send(peer);
    this.#followMembers();
    this.#transfers.endOld();
    this.#hooks.onChange();
    if (ready.transferFailed) this.#hooks.onTransferFailed();
    this.#hooks.onReads(ready.readsThrough);
    this.#applier.run();
  }

  /** Ranks count among the voters in force, and a new member may have no link yet. */
  #followMembers(): void {
    const { state } = this.core;
    const current = configuration(state);
    if (current === this.#members) return;
    this.#members = current;
    for (const { id } of current.members) {
      const isLinked = id === this.#context.self.id || this.#links.linkTo(id) !== undefined;
      if (!isLinked && linkTo(state, id).up) this.step({ kind: 'link', peer: id, up: false });
    }
    this.#followRank();
  }

  #followRank(): void {
    const { state } = this.core;
    const voters = configuration(state).members.filter((member) => member.voter);
    const place = placeByRank(this.#context.self.id, voters, this.#context);
    if (place.position !== state.position || place.positions !== state.positions) this.step({ kind: 'rank', ...place });
  }

  #onApplied(index: number): void {
    this.step({ kind: 'applied', index });
    this.#hooks.onChange();
    // While a snapshot from the leader is about to replace the machine, the log has begun behind it already.
    const { log } = this.core.state;
    const isCurrent = index >= log.baseIndex && !isResetting(log) && !this.#applier.isRestoring;
    if (isCurrent && !this.#isStopped) this.#snapshotting.maybe(index);
  }

  #receive(from: PeerId, message: Message): void {
    if (message.type === 'snapshotReply') {
      this.#transfers.onReply(from, message);
      return;
    }
    this.step({ kind: 'message', from, message });
    if (this.#isStopped) return;
    const { state } = this.core;
    if (message.type === 'witnessAnswer' && state.mutes.has('rolledBack') && !this.#troubles.has('stored')) {
      const why = rolledBack(from);
      this.#troubles.set('stored', why);
      this.#context.logger.error('this server lost what it had said to be on disk', { why });
    }
    if (message.type === 'snapshot') this.#transfers.onChunk(from, message);
  }

  #onLink(peer: PeerId, up: boolean): void {
    if (!up) this.#transfers.onLinkDown(peer);
    this.step({ kind: 'link', peer, up });
  }

  /** Sets the timer, unless it fires soon enough anyway: most deadlines move on before they are reached. */
  #arm(): void {
    const { runtime } = this.#context;
    const now = runtime.monotonic();
    const wakeAt = Math.min(this.core.wakeAt(), now + SLEEP_MAX_MS);
    if (this.#timer !== undefined && this.#timerAt <= wakeAt) return;
    this.#timer?.cancel();
    this.#timerAt = wakeAt;
    this.#timer = runtime.setTimer(wakeAt - now, () => this.#onTimer());
  }

  #onTimer(): void {
    this.#timer = undefined;
    const { runtime } = this.#context;
    const now = runtime.monotonic();
    if (now - this.#timerAt > STALL_MS && !this.#hasCaughtUp) {
      this.#hasCaughtUp = true;
      this.#timerAt = now + CATCH_UP_MS;
      this.#timer = runtime.setTimer(CATCH_UP_MS, () => this.#onTimer());
      return;
    }
    this.#hasCaughtUp = false;
    this.#followRank();
    if (now >= this.core.wakeAt()) this.step({ kind: 'tick' });
    else this.#arm();
  }
}

function rolledBack(witness: PeerId): string {
  return (
    `This data folder is older than what the server has said to be on its disk (known to ${witness}): an older copy was ` +
    'restored. It does not vote; it is refilled from the other servers by lic repair.'
  );
}

function seedFrom(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0);
}
