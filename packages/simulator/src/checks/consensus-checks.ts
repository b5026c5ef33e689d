import type { Consensus, ConsensusContext, ConsensusFactory, ConsensusStatus, StateMachine } from '@lic/interfaces';
import type { Control } from './log-checks.ts';
import type { Fail } from './violation.ts';

/** What is looked at in one server's process. */
export interface WatchedProcess {
  readonly server: string;
  /** Its peer id. */
  readonly key: string;
  /** Whether it still runs. */
  readonly isAlive: () => boolean;
  /** Whether its disk was taken from it, so that it may have to be a learner. */
  readonly mayBeLearner: () => boolean;
  /** Whether it stands still: what it says of itself is as old as that. */
  readonly isPaused: () => boolean;
  /** Whether its disk was set back to an older copy, and nobody has found out yet. */
  readonly isRolledBack: () => boolean;
}

/** What the checks of consensus need of the rest of the run. */
export interface ConsensusChecksParts {
  readonly fail: Fail;
  readonly note: (server: string, what: string) => void;
  readonly nowMs: () => number;
  readonly electionTimeoutMaxMs: number;
  /** The newest entry that any server has applied. */
  readonly newestIndex: () => number;
  /** A server proposes a command. */
  readonly onProposed: (command: Uint8Array) => void;
  /** Stands between a server's machine and its consensus. */
  readonly watchMachine: (server: string, machine: StateMachine<unknown>) => StateMachine<unknown>;
}

interface Watched extends WatchedProcess {
  readonly consensus: Consensus<unknown>;
  /** Of its data folder. */
  readonly incarnation: string;
  /** Since when it is in control of a term that is over, while it runs. */
  deposedSinceMs: number | undefined;
  hasStarted: boolean;
  /** Its disk lacks what it has acknowledged, and others know that. */
  hasForgotten: boolean;
  /** While it leads: its term, and what was committed and last in its log when it began. */
  leads: { readonly term: number; readonly commitIndex: number; readonly lastIndex: number } | undefined;
  told: string;
}

/** What a server has said to be on its disk. */
interface Acknowledged {
  readonly incarnation: string;
  readonly term: number;
  readonly index: number;
}

/** What was acknowledged before a server was deposed may be on its way for so long, ms. */
const onTheWayMsMax = 1_500;

/**
 * Looks on between each server and its consensus: one in control (I1), confirmed by nobody but the newest (I1), no entry of an older term
 * committed by counting (Raft paper, 5.4.2), nothing lost by a change of control (I4), nobody taken for someone without a memory (I8).
 */
export class ConsensusChecks {
  readonly #parts: ConsensusChecksParts;
  readonly #watched = new Map<string, Watched>();
  readonly #controlOf = new Map<number, string>();
  #newestControl = 0;
  #control: Control | undefined;
  /** By peer id: what the newest leader has heard to be on its disk. */
  readonly #acknowledged = new Map<string, Acknowledged>();

  constructor(parts: ConsensusChecksParts) {
    this.#parts = parts;
  }

  /** Terms in which a server was in control. */
  get terms(): number {
    return this.#controlOf.size;
  }

  /** The newest term in which a server was in control. */
  get newestTerm(): number {
    return this.#newestControl;
  }

  /** Who gained control last. */
  get control(): Control | undefined {
    return this.#control;
  }

  wrap(factory: ConsensusFactory, process: WatchedProcess): ConsensusFactory {
    return <Result>(context: Parameters<ConsensusFactory>[0]): Consensus<Result> => {
      const inner = factory<Result>(context);
      const { incarnation } = context.self;
      const hasForgotten = process.isRolledBack() && this.#isForgotten(context);
      // Who starts has forgotten what it knew of others. Whoever is to be recognised by what is left is not looked for.
      for (const other of this.#watched.values()) if (other.key !== process.key) other.hasForgotten = false;
      for (const id of [...this.#acknowledged.keys()]) if (id !== process.key) this.#acknowledged.delete(id);
      const seen = { hasStarted: false, hasForgotten, leads: undefined, told: '', deposedSinceMs: undefined };
      const watched: Watched = { ...process, consensus: inner, incarnation, ...seen };
      this.#watched.set(process.server, watched);
      inner.on({ onControlGained: (term) => this.#gained(watched, term) });
      return {
        start: async (machine) => {
          await inner.start(this.#parts.watchMachine(process.server, machine) as StateMachine<Result>);
          watched.hasStarted = true;
        },
        propose: (command, options) => {
          this.#parts.onProposed(command);
          return this.#confirming(watched, 'a commit', () => inner.propose(command, options));
        },
        readBarrier: (options) => this.#confirming(watched, 'a round', () => inner.readBarrier(options)),
        status: () => inner.status(),
        transferControl: (to) => inner.transferControl(to),
        on: (events) => inner.on(events),
        changeMembers: (members) => inner.changeMembers(members),
        suspend: (why) => inner.suspend(why),
        setElectable: (on) => inner.setElectable(on),
        stop: () => inner.stop(),
      };
    };
  }

  /** Called after every event. */
  check(): void {
    for (const watched of this.#watched.values()) {
      // Until it has read its disk it takes no part.
      if (!watched.isAlive() || !watched.hasStarted) continue;
      const status = watched.consensus.status();
      this.#checkCommit(watched, status);
      this.#checkDeposed(watched, status);
      this.#checkIncarnation(watched, status);
      this.#checkMemory(watched, status);
      this.#checkState(watched, status);
    }
  }

  #gained(watched: Watched, term: number): void {
    const { server, consensus } = watched;
    this.#parts.note(server, `in control, term ${term}`);
    const other = this.#controlOf.get(term);
    if (other !== undefined && other !== server)
      this.#parts.fail('I1', `${server} and ${other} are both in control in term ${term}`);
    this.#controlOf.set(term, server);
    // A server that hears late that it won an older term is no server that others listen to.
    if (term < this.#newestControl) return;
    this.#newestControl = term;
    const { appliedIndex } = consensus.status();
    this.#control = { server, term, atMs: this.#parts.nowMs(), index: appliedIndex };
    if (appliedIndex < this.#parts.newestIndex())
      this.#parts.fail(
        'I4',
        `${server} gained control in term ${term} having applied ${appliedIndex} of ${this.#parts.newestIndex()} entries`,
      );
  }

  /** What is confirmed began while nobody had control in a later term. */
  async #confirming<Value>(watched: Watched, what: string, begin: () => Promise<Value>): Promise<Value> {
    const { term } = watched.consensus.status();
    const newest = this.#newestControl;
    const value = await begin();
    if (newest > term)
      this.#parts.fail(
        'I1',
        `${watched.server} confirmed ${what} in term ${term}, begun when term ${newest} had its control`,
      );
    return value;
  }

  #checkCommit(watched: Watched, { leader, term, commitIndex, lastIndex }: ConsensusStatus): void {
    if (leader !== watched.key) {
      watched.leads = undefined;
      return;
    }
    if (watched.leads?.term !== term) watched.leads = { term, commitIndex, lastIndex };
    // Its first own entry was the last one when it was first seen to lead.
    const { commitIndex: before, lastIndex: own } = watched.leads;
    if (commitIndex > before && commitIndex < own)
      this.#parts.fail(
        'I4',
        `${watched.server} committed entry ${commitIndex} of an older term before its own, ${own}`,
      );
  }

  /** Who is deposed notices it by its check-quorum at the latest (I1). */
  #checkDeposed(watched: Watched, { state, term }: ConsensusStatus): void {
    const { nowMs, electionTimeoutMaxMs, fail } = this.#parts;
    const isDeposed = state === 'in-control' && term < this.#newestControl && !watched.isPaused();
    if (!isDeposed) watched.deposedSinceMs = undefined;
    else watched.deposedSinceMs ??= nowMs();
    const sinceMs = watched.deposedSinceMs ?? nowMs();
    if (nowMs() - sinceMs > 1.02 * electionTimeoutMaxMs + onTheWayMsMax)
      fail(
        'I1',
        `${watched.server} is in control of term ${term} yet, ${Math.round(nowMs() - sinceMs)} ms after term ${this.#newestControl} had its own`,
      );
  }

  #isForgotten({ self, contents }: ConsensusContext): boolean {
    const known = this.#acknowledged.get(self.id);
    if (known?.incarnation !== self.incarnation) return false;
    const { vote, snapshot, entries } = contents;
    const last = Math.max(entries.at(-1)?.index ?? 0, snapshot?.index ?? 0);
    return vote.term < known.term || (vote.term === known.term && last < known.index);
  }

  /** An older copy of a disk is recognised by what others know of it (I8). */
  #checkMemory(watched: Watched, { state, term, peers }: ConsensusStatus): void {
    if (state === 'in-control' && term >= this.#newestControl)
      for (const { id, incarnation, matchIndex } of peers)
        if (matchIndex > 0) this.#acknowledged.set(id, { incarnation, term, index: matchIndex });
    if (!watched.hasForgotten || state === 'learner' || watched.mayBeLearner()) return;
    this.#parts.fail('I8', `${watched.server} has forgotten what it acknowledged, and is taken for one that has not`);
  }

  /** Who takes part is named with this very life of its folder by the configuration in force (I8). */
  #checkIncarnation({ server, key, incarnation }: Watched, { state, members }: ConsensusStatus): void {
    if (state === 'learner' || state === 'fenced') return;
    if (members.some(({ id, incarnation: known, voter }) => id === key && voter && known === incarnation)) return;
    this.#parts.fail('I8', `${server} takes part with a vote, although no configuration names this life of its folder`);
  }

  #checkState(watched: Watched, { state, term, leader, trouble }: ConsensusStatus): void {
    const { server, mayBeLearner } = watched;
    const now = `${state}, term ${term}${leader === null ? '' : ', a leader known'}${trouble === null ? '' : `: ${trouble}`}`;
    if (now === watched.told) return;
    watched.told = now;
    this.#parts.note(server, now);
    if (state === 'learner' && !mayBeLearner())
      this.#parts.fail(
        'I8',
        `${server} is taken for one without a memory, although its disk was never touched: ${trouble}`,
      );
    if (state === 'fenced') this.#parts.fail('bug', `${server} is fenced: ${trouble}`);
  }
}
