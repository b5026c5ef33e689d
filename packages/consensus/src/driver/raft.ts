import {
  type Applied,
  type ConfiguredMember,
  type Consensus,
  type ConsensusContext,
  type ConsensusEvents,
  type ConsensusFactory,
  type ConsensusState,
  type ConsensusStatus,
  errorMessage,
  LicError,
  type PeerId,
  type ProposeOptions,
  type StateMachine,
  type StoreContents,
} from '@lic/interfaces';
import { lastIndex } from '../core/log.ts';
import { configuration, isChanging } from '../core/membership.ts';
import type { Configuration } from '../core/state.ts';
import { restoreNewest } from './applier.ts';
import { Barriers } from './barriers.ts';
import { Engine } from './engine.ts';
import { busy, membersRefused, noQuorum, notInControl, rejected, transferFailed, unknownOutcome } from './errors.ts';
import { COMMAND_BYTES_MAX, type RaftOptions, withDefaults } from './options.ts';
import { Proposals } from './proposals.ts';
import { recover } from './recovery.ts';
import { Transfers } from './transfers.ts';

/**
 * Raft as the consensus of a server (docs/consensus.md).
 *
 * While control is being handed over, proposals are held back: if the handover fails they go on, else they fail with
 * `NOT_IN_CONTROL`, surely not applied.
 */
export function raft(options: RaftOptions = {}): ConsensusFactory {
  return <Result>(context: ConsensusContext): Consensus<Result> => new RaftConsensus(context, withDefaults(options));
}

/** What a store has in which nothing was ever written. */
const nothingStored: StoreContents = {
  vote: { term: 0, votedFor: null },
  snapshot: undefined,
  entries: [],
  damage: undefined,
};

/** A caller that waits for a configuration to be committed. */
interface MemberChange {
  readonly index: number;
  readonly resolve: () => void;
  readonly reject: (error: LicError) => void;
}

class RaftConsensus<Result> implements Consensus<Result> {
  readonly #context: ConsensusContext;
  readonly #options: Required<RaftOptions>;
  readonly #listeners: ConsensusEvents[] = [];
  readonly #proposals = new Proposals<Result>();
  readonly #barriers = new Barriers();
  readonly #transfers: Transfers;
  readonly #memberChanges = new Set<MemberChange>();
  #engine: Engine<Result> | undefined;
  #isElectable = true;
  #suspended: string | null = null;
  #isStopped = false;
  #closing: Promise<void> | undefined;
  /** What listeners were told last. */
  #controlTerm = 0;
  #toldState: ConsensusState | undefined;
  #toldLeader: PeerId | null = null;
  #toldTrouble: string | null = null;
  #toldMembers: Configuration | undefined;
  #toldChanging = false;

  constructor(context: ConsensusContext, options: Required<RaftOptions>) {
    this.#context = context;
    this.#options = options;
    this.#transfers = new Transfers(context.runtime, context.timing.electionTimeoutMaxMs);
  }

  async start(machine: StateMachine<Result>): Promise<void> {
    const { contents, store } = this.#context;
    let unusable: string | undefined;
    if (contents.snapshot !== undefined) {
      try {
        await restoreNewest(machine, store);
      } catch (error) {
        unusable = `the snapshot on disk can't be restored: ${errorMessage(error)}`;
      }
    }
    const isRecovering = this.#context.isRecovering === true && unusable === undefined;
    const context = isRecovering ? { ...this.#context, contents: await recover(this.#context) } : this.#context;
    if (this.#isStopped) throw rejected('this server is stopping');
    try {
      this.#engine = this.#newEngine(context, machine);
    } catch (error) {
      // What is stored breaks an invariant: this server stays up and says so, and takes nothing from there.
      if (!(error instanceof LicError && error.code === 'RAFT_INVARIANT')) throw error;
      unusable = errorMessage(error);
      this.#engine = this.#newEngine({ ...context, contents: nothingStored }, machine);
    }
    if (!this.#isElectable) this.#engine.step({ kind: 'electable', on: false });
    if (this.#suspended !== null) this.#engine.suspend(this.#suspended);
    if (unusable !== undefined) this.#engine.fence(unusable);
  }

  #newEngine(context: ConsensusContext, machine: StateMachine<Result>): Engine<Result> {
    return new Engine(context, machine, this.#options, {
      onResult: (entry, result) => {
        this.#proposals.applied(entry, result);
        for (const listener of this.#listeners) listener.onApplied?.(entry.index);
      },
      onReads: (through) => this.#barriers.confirm(through),
      onTransferFailed: () => this.#onTransferFailed(),
      onChange: () => this.#onChange(),
    });
  }

  propose(command: Uint8Array, options?: ProposeOptions): Promise<Applied<Result>> {
    return new Promise((resolve, reject) => {
      const engine = this.#engine;
      const bytes = command.length;
      const refusal = this.#refusal(bytes, options);
      if (refusal !== undefined || engine === undefined) {
        reject(refusal ?? notInControl(null));
        return;
      }
      const settled =
        options?.signal && whenAborted(options.signal, () => reject(unknownOutcome('the caller gave up')));
      const waiting = { bytes, resolve, reject, settled };
      if (engine.core.state.transfer !== null) {
        this.#proposals.hold({ ...waiting, command });
        return;
      }
      const index = engine.ask('propose', (core) => core.propose(command), 0);
      if (index === 0) {
        settled?.();
        reject(this.#whereControlIs());
        return;
      }
      this.#proposals.add(index, engine.core.state.term, waiting);
    });
  }

  async readBarrier(options?: ProposeOptions): Promise<void> {
    const engine = this.#engine;
    if (this.#isStopped || engine === undefined) throw notInControl(null);
    const round = engine.ask('read', (core, now) => core.read(now), 0);
    if (round === 0) throw this.#whereControlIs();
    const barrier = this.#barriers.wait(round);
    const signal = options?.signal;
    if (signal === undefined) return barrier;
    if (signal.aborted) throw unknownOutcome('the caller gave up', signal.reason);
    return new Promise((resolve, reject) => {
      const settled = whenAborted(signal, () => reject(unknownOutcome('the caller gave up', signal.reason)));
      barrier
        .then(resolve, reject)
        .finally(settled)
        .catch(() => {});
    });
  }

  status(): ConsensusStatus {
    const engine = this.#engine;
    const { contents, formation, runtime, timing } = this.#context;
    if (engine === undefined) {
      const members = formation.members.map((member) => ({ ...member, voter: true }));
      const none = { commitIndex: 0, appliedIndex: 0, lastIndex: 0, peers: [], trouble: null };
      return { state: 'candidate', term: contents.vote.term, leader: null, members, isChangingMembers: false, ...none };
    }
    const { state } = engine.core;
    const now = runtime.monotonic();
    return {
      state: engine.state,
      term: state.term,
      leader: state.leader,
      commitIndex: state.commit,
      appliedIndex: state.applied,
      lastIndex: lastIndex(state.log),
      peers: [...state.peers].map(([id, progress]) => ({
        id,
        incarnation: progress.incarnation,
        matchIndex: progress.match,
        active: progress.incarnation !== '' && now - progress.answeredAt <= timing.electionTimeoutMaxMs,
      })),
      members: configuration(state).members,
      isChangingMembers: isChanging(state),
      trouble: engine.trouble,
    };
  }

  async transferControl(to: PeerId): Promise<void> {
    const engine = this.#engine;
    if (engine === undefined || engine.isFenced || engine.core.state.controlTerm === 0) throw this.#whereControlIs();
    if (to === this.#context.self.id) return;
    const { target } = this.#transfers;
    if (target !== null) throw transferFailed(to, `it is being handed to ${target} already`);
    const decided = this.#transfers.begin(to);
    this.#context.logger.info('control is being handed over', { to });
    for (const listener of this.#listeners) listener.onTransferring?.(to);
    engine.step({ kind: 'transfer', to });
    return decided;
  }

  async changeMembers(members: readonly ConfiguredMember[]): Promise<void> {
    const engine = this.#engine;
    if (this.#isStopped) throw rejected('this server is stopping');
    if (engine === undefined) throw notInControl(null);
    const answer = engine.ask('changeMembers', (core) => core.changeMembers(members), 'not-in-control');
    if (answer === 'not-in-control') throw this.#whereControlIs();
    if ('refused' in answer) throw membersRefused(answer.refused);
    return new Promise((resolve, reject) => this.#memberChanges.add({ index: answer.index, resolve, reject }));
  }

  suspend(why: string | null): void {
    this.#suspended = why;
    this.#engine?.suspend(why);
  }

  on(events: ConsensusEvents): void {
    this.#listeners.push(events);
  }

  setElectable(on: boolean): void {
    this.#isElectable = on;
    this.#engine?.step({ kind: 'electable', on });
  }

  stop(): Promise<void> {
    this.#closing ??= this.#stop();
    return this.#closing;
  }

  async #stop(): Promise<void> {
    this.#isStopped = true;
    this.#engine?.stop();
    this.#loseControl('this server stops', rejected('this server is stopping'));
    this.#transfers.fail('this server stops');
    await this.#context.store.close();
  }

  /** Why a command of so many bytes can't be taken at all; undefined where it can. */
  #refusal(bytes: number, options: ProposeOptions | undefined): LicError | undefined {
    if (this.#isStopped) return rejected('this server is stopping');
    if (bytes > COMMAND_BYTES_MAX) return rejected(`it has ${bytes} bytes, at most ${COMMAND_BYTES_MAX} are allowed`);
    if (options?.signal?.aborted) return rejected('its caller had given up before');
    const engine = this.#engine;
    if (engine === undefined || engine.isFenced || engine.core.state.controlTerm === 0) return this.#whereControlIs();
    const { inFlightBytesMax, inFlightMax } = this.#options;
    if (this.#proposals.bytes + bytes > inFlightBytesMax) return busy(`${inFlightBytesMax} bytes of commands`);
    if (this.#proposals.count >= inFlightMax) return busy(`${inFlightMax} commands`);
    return undefined;
  }

  #whereControlIs(): LicError {
    const engine = this.#engine;
    if (engine === undefined) return notInControl(null);
    return engine.state === 'isolated' ? noQuorum() : notInControl(this.#knownLeader());
  }

  #knownLeader(): PeerId | null {
    const leader = this.#engine?.core.state.leader ?? null;
    return leader === this.#context.self.id ? null : leader;
  }

  #onTransferFailed(): void {
    this.#transfers.fail('the other server did not take over within one election timeout');
    const held = this.#proposals.takeHeld();
    for (const { command, ...waiting } of held) {
      const index = this.#engine?.ask('propose', (core) => core.propose(command), 0) ?? 0;
      if (index > 0) this.#proposals.add(index, this.#engine!.core.state.term, waiting);
      else {
        waiting.settled?.();
        waiting.reject(this.#whereControlIs());
      }
    }
    this.#engine?.schedule();
  }

  /** Compares with what listeners were told last, and tells what is new. */
  #onChange(): void {
    const engine = this.#engine;
    if (engine === undefined) return;
    const { state } = engine.core;
    const controlTerm = engine.isFenced ? 0 : state.controlTerm;
    if (controlTerm === this.#controlTerm) this.#resolveMemberChanges(state.commit);
    if (this.#controlTerm !== controlTerm) {
      if (this.#controlTerm !== 0) {
        const quorumLost = state.stepDownReason === 'no-quorum';
        this.#loseControl(
          `this server lost control (${engine.trouble ?? state.stepDownReason ?? 'fenced'})`,
          quorumLost ? noQuorum() : notInControl(this.#knownLeader()),
        );
      }
      if (controlTerm !== 0) {
        this.#controlTerm = controlTerm;
        this.#context.logger.info('this server is in control', { term: controlTerm });
        for (const listener of this.#listeners) listener.onControlGained?.(controlTerm);
      }
    }
    const leader = this.#knownLeader();
    this.#transfers.onLeader(state.controlTerm !== 0, leader);
    const now = engine.state;
    const isOld =
      now === this.#toldState &&
      state.leader === this.#toldLeader &&
      engine.trouble === this.#toldTrouble &&
      configuration(state) === this.#toldMembers &&
      isChanging(state) === this.#toldChanging;
    if (isOld) return;
    this.#toldState = now;
    this.#toldLeader = state.leader;
    this.#toldTrouble = engine.trouble;
    this.#toldMembers = configuration(state);
    this.#toldChanging = isChanging(state);
    if (this.#listeners.length === 0) return;
    const status = this.status();
    for (const listener of this.#listeners) listener.onChange?.(status);
  }

  #resolveMemberChanges(commit: number): void {
    for (const change of this.#memberChanges) {
      if (change.index > commit) continue;
      this.#memberChanges.delete(change);
      change.resolve();
    }
  }

  #loseControl(why: string, barrierError: LicError): void {
    const term = this.#controlTerm;
    this.#controlTerm = 0;
    this.#proposals.fail(why, this.#knownLeader() ?? this.#transfers.target);
    this.#barriers.fail(barrierError);
    for (const { reject } of this.#memberChanges) reject(unknownOutcome(why));
    this.#memberChanges.clear();
    if (term === 0) return;
    this.#context.logger.warn('this server is not in control any more', { term, why });
    for (const listener of this.#listeners) listener.onControlLost?.(term);
  }
}

/** Calls back when `signal` aborts. Answers what to call when it does not matter any more. */
function whenAborted(signal: AbortSignal, onAbort: () => void): () => void {
  signal.addEventListener('abort', onAbort, { once: true });
  return () => signal.removeEventListener('abort', onAbort);
}
