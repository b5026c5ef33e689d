import type { LogEntry, PeerId, SnapshotMeta, Vote } from '@lic/interfaces';
import { termAt } from '../core/log.ts';
import type { Message } from '../core/messages.ts';
import type { RaftState } from '../core/state.ts';

/** What one server's disk holds. */
export interface ClusterDisk {
  vote: Vote;
  entries: LogEntry[];
  snapshot: SnapshotMeta | undefined;
}

/** What Raft promises (paper, figure 3), watched over the life of a {@link CoreCluster}. A breach throws. */
export class CoreInvariants {
  /** Who led each term. */
  readonly #leaders = new Map<number, PeerId>();
  /** For each entry ever seen, by index and term: its data and the term before it. */
  readonly #entries = new Map<string, string>();
  /** What was committed at each index. */
  readonly #committed = new Map<number, LogEntry>();
  readonly #applied = new Map<PeerId, number>();
  readonly #terms = new Map<PeerId, number>();
  readonly #seen = new Map<PeerId, string>();
  /** The highest index that anybody knows to be committed. */
  committed = 0;

  /** A server begins with what its snapshot includes. */
  restarted(id: PeerId, index: number): void {
    this.#applied.set(id, index);
    this.#terms.delete(id);
    this.#seen.delete(id);
  }

  /** A snapshot was restored. */
  restored(id: PeerId, index: number): void {
    this.#demand(index >= this.#applied.get(id)!, `${id} was set back to ${index}`);
    this.#applied.set(id, index);
  }

  /** State-machine safety: every server applies the same entry at each index, without a gap. */
  applied(id: PeerId, entry: LogEntry): void {
    this.#demand(
      entry.index === this.#applied.get(id)! + 1,
      `${id} applied ${entry.index} after ${this.#applied.get(id)}`,
    );
    this.#applied.set(id, entry.index);
    const known = this.#committed.get(entry.index);
    if (known === undefined) this.#committed.set(entry.index, entry);
    else
      this.#demand(known.term === entry.term && known.data === entry.data, `two entries committed at ${entry.index}`);
  }

  /** A confirmed read sees all that anybody had committed when it was asked for. */
  read(id: PeerId, applied: number, committedThen: number): void {
    this.#demand(
      applied >= committedThen,
      `a read at ${id} saw ${applied}, but ${committedThen} was committed before it`,
    );
  }

  /** Nothing is promised before the disk has it. */
  sent(id: PeerId, message: Message, disk: ClusterDisk): void {
    const { vote, entries, snapshot } = disk;
    if (message.type === 'appendReply') {
      const last = entries[entries.length - 1]?.index ?? snapshot?.index ?? 0;
      this.#demand(
        Math.max(last, snapshot?.index ?? 0) >= message.match,
        `${id} acknowledged ${message.match} before its disk had it`,
      );
      this.#demand(
        vote.term >= message.term,
        `${id} acknowledged in term ${message.term} before its disk knew that term`,
      );
    }
    const isVote = message.type === 'voteReply' && message.granted;
    if (isVote || message.type === 'vote') {
      const isKept = vote.term > message.term || (vote.term === message.term && vote.votedFor !== null);
      this.#demand(isKept, `${id} voted in term ${message.term} before its disk knew it`);
    }
  }

  /** Looks at one server after a step. */
  check(id: PeerId, state: RaftState, last: number): void {
    this.#demand(state.term >= (this.#terms.get(id) ?? 0), `the term of ${id} fell to ${state.term}`);
    this.#terms.set(id, state.term);
    this.#demand(!state.mutes.has('rolledBack'), `${id} takes its own disk for an older copy`);
    if (state.commit > this.committed) this.committed = state.commit;
    const seen = `${state.role} ${state.term} ${last} ${state.log.baseIndex} ${state.log.entries[state.log.entries.length - 1]?.term}`;
    if (this.#seen.get(id) === seen) return;
    this.#seen.set(id, seen);
    this.#checkLog(id, state);
    if (state.role !== 'leader') return;
    const other = this.#leaders.get(state.term);
    this.#demand(other === undefined || other === id, `${id} and ${other} both lead term ${state.term}`);
    if (other === undefined) this.#checkLeader(id, state);
    this.#leaders.set(state.term, id);
  }

  /** Log matching: entries of one index and term are one entry with one history. */
  #checkLog(id: PeerId, { log }: RaftState): void {
    let termBefore = log.baseTerm;
    for (const entry of log.entries) {
      const key = `${entry.index}:${entry.term}`;
      const what = `${termBefore} ${Buffer.from(entry.data).toString()}`;
      const known = this.#entries.get(key);
      if (known === undefined) this.#entries.set(key, what);
      else this.#demand(known === what, `${id} has another entry ${key}: "${what}", not "${known}"`);
      termBefore = entry.term;
    }
  }

  /** Leader completeness: a new leader has all that was ever committed. */
  #checkLeader(id: PeerId, { log, term }: RaftState): void {
    for (const [index, entry] of this.#committed) {
      if (index <= log.baseIndex || entry.term >= term) continue;
      this.#demand(termAt(log, index) === entry.term, `${id} leads term ${term} without the committed entry ${index}`);
    }
  }

  #demand(holds: boolean, what: string): void {
    if (!holds) throw new Error(`Raft is broken: ${what}`);
  }
}
