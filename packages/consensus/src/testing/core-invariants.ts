import type { LogEntry, PeerId } from '@lic/interfaces';
import { termAt } from '../core/log.ts';
import { configuration, quorumOf } from '../core/membership.ts';
import type { Message } from '../core/messages.ts';
import type { Configuration, RaftState } from '../core/state.ts';
import type { HarnessDisk } from '../harness/harness-disk.ts';
import { entryText } from '../harness/message-text.ts';

/** What Raft promises (paper, figure 3), and what else must hold, watched over the life of a {@link CoreCluster}. A breach throws. */
export class CoreInvariants {
  /** Who led each term, as `id/incarnation`. */
  readonly #leaders = new Map<number, string>();
  /** For each entry ever seen, by index and term: what it is, and the term before it. */
  readonly #entries = new Map<string, string>();
  /** Commands and configurations that somebody asked for, by index and term. */
  readonly #asked = new Map<string, string>();
  /** Who has had each entry on disk, as `id/incarnation`. */
  readonly #copies = new Map<string, Set<string>>();
  /** What was committed at each index. */
  readonly #committed = new Map<number, LogEntry>();
  readonly #applied = new Map<PeerId, number>();
  readonly #commits = new Map<PeerId, number>();
  readonly #terms = new Map<PeerId, number>();
  readonly #seen = new Map<PeerId, string>();
  /** The highest index that anybody knows to be committed. */
  committed = 0;
  /** The newest committed configuration. */
  configuration: Configuration;

  constructor(founded: Configuration) {
    this.configuration = founded;
  }

  /** A server begins with what its snapshot includes; a term that was not on its disk it has forgotten. */
  restarted(id: PeerId, index: number): void {
    this.#applied.set(id, index);
    this.#commits.delete(id);
    this.#terms.delete(id);
    this.#seen.delete(id);
  }

  /** A snapshot was restored. */
  restored(id: PeerId, index: number): void {
    this.#demand(index >= this.#applied.get(id)!, `${id} was set back to ${index}`);
    this.#applied.set(id, index);
  }

  /** An entry was asked for: no log may have a command or configuration that nobody asked for (no phantom entries). */
  asked(entry: LogEntry): void {
    this.#asked.set(keyOf(entry), entryText(entry));
  }

  /** Entries are on a disk now. */
  stored(who: string, entries: readonly LogEntry[]): void {
    for (const entry of entries) {
      const copies = this.#copies.get(keyOf(entry));
      if (copies === undefined) this.#copies.set(keyOf(entry), new Set([who]));
      else copies.add(who);
    }
  }

  /**
   * State-machine safety: every server applies the same entry at each index, without a gap. Durability: a quorum had it on disk before
   * anybody applied it, or a later entry of whoever committed it.
   */
  applied(id: PeerId, entry: LogEntry, state: RaftState): void {
    this.#demand(
      entry.index === this.#applied.get(id)! + 1,
      `${id} applied ${entry.index} after ${this.#applied.get(id)}`,
    );
    this.#applied.set(id, entry.index);
    const known = this.#committed.get(entry.index);
    if (known !== undefined) {
      this.#demand(
        known.term === entry.term && entryText(known) === entryText(entry),
        `two entries committed at ${entry.index}: ${entryText(known)} and ${entryText(entry)}`,
      );
      return;
    }
    this.#committed.set(entry.index, entry);
    const copies = this.#copies.get(keyOf(entry))?.size ?? 0;
    const needed = Math.min(...state.configurations.map(quorumOf));
    this.#demand(copies >= needed, `${entryText(entry)} was committed with ${copies} copies on disks, not ${needed}`);
    const inForce = state.configurations.find((each) => each.index === entry.index);
    if (entry.kind === 'config' && inForce !== undefined) this.configuration = inForce;
  }

  /** A confirmed read sees all that anybody had committed when it was asked for. */
  read(id: PeerId, applied: number, committedThen: number): void {
    this.#demand(
      applied >= committedThen,
      `a read at ${id} saw ${applied}, but ${committedThen} was committed before it`,
    );
  }

  /** Nothing is promised before the disk has it. */
  sent(id: PeerId, message: Message, disk: HarnessDisk): void {
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
  check(id: PeerId, incarnation: string, state: RaftState, last: number): void {
    this.#demand(state.term >= (this.#terms.get(id) ?? 0), `the term of ${id} fell to ${state.term}`);
    this.#terms.set(id, state.term);
    this.#demand(state.commit >= (this.#commits.get(id) ?? 0), `the commit index of ${id} fell to ${state.commit}`);
    this.#commits.set(id, state.commit);
    this.#demand(!state.mutes.has('rolledBack'), `${id} takes its own disk for an older copy`);
    if (state.commit > this.committed) this.committed = state.commit;
    const seen = `${state.role} ${state.term} ${last} ${state.log.baseIndex} ${state.log.entries[state.log.entries.length - 1]?.term}`;
    if (this.#seen.get(id) === seen) return;
    this.#seen.set(id, seen);
    this.#checkLog(id, state);
    this.#checkConfigurations(id, state);
    if (state.role !== 'leader') return;
    const other = this.#leaders.get(state.term);
    const who = `${id}/${incarnation}`;
    this.#demand(other === undefined || other === who, `${who} and ${other} both lead term ${state.term}`);
    if (other === undefined) this.#checkLeader(id, state);
    this.#leaders.set(state.term, who);
  }

  /** After healing: every machine is the list of all committed commands, however it came by them. */
  checkMachine(id: PeerId, commands: readonly string[]): void {
    const all = [...this.#committed].sort(([a], [b]) => a - b).filter(([, entry]) => entry.kind === 'command');
    const expected = all.map(([, entry]) => Buffer.from(entry.data).toString());
    const at = expected.findIndex((command, place) => commands[place] !== command);
    this.#demand(
      commands.length === expected.length && at < 0,
      `the machine of ${id} has ${commands.length} commands of ${expected.length}, and differs at ${at}`,
    );
  }

  /** Log matching, and the chain of predecessors: entries of one index and term are one entry with one history. No phantoms. */
  #checkLog(id: PeerId, { log }: RaftState): void {
    let termBefore = log.baseTerm;
    for (const entry of log.entries) {
      const key = keyOf(entry);
      const what = `behind term ${termBefore}: ${entryText(entry)}`;
      const known = this.#entries.get(key);
      if (known === undefined) {
        if (entry.kind !== 'noop') {
          this.#demand(
            this.#asked.get(key) === entryText(entry),
            `${id} has ${entryText(entry)}, which nobody asked for`,
          );
        }
        this.#entries.set(key, what);
      } else this.#demand(known === what, `${id} has another entry ${key}: ${what}, not ${known}`);
      this.#demand(entry.term >= termBefore, `${id} has ${entryText(entry)} behind term ${termBefore}`);
      termBefore = entry.term;
    }
  }

  /** Configuration safety: each differs from the one before by one voter at most, so majorities overlap (or a lost disk counts anew). */
  #checkConfigurations(id: PeerId, { configurations }: RaftState): void {
    configurations.slice(1).forEach((next, at) => {
      const before = votersOf(configurations[at]!);
      const after = votersOf(next);
      const gone = before.filter((each) => !after.includes(each));
      const come = after.filter((each) => !before.includes(each));
      const isReplaced = gone.length === 1 && come.length === 1 && gone[0]!.split('/')[0] === come[0]!.split('/')[0];
      this.#demand(gone.length + come.length <= 1 || isReplaced, `${id} goes from [${before}] to [${after}] at once`);
    });
  }

  /** Leader completeness: a new leader has all that was ever committed, and so each write that was acknowledged. */
  #checkLeader(id: PeerId, state: RaftState): void {
    const { log, term } = state;
    for (const [index, entry] of this.#committed) {
      if (index <= log.baseIndex || entry.term >= term) continue;
      this.#demand(termAt(log, index) === entry.term, `${id} leads term ${term} without the committed entry ${index}`);
    }
    const { index } = this.configuration;
    const own = configuration(state).index;
    const isLater = (this.#committed.get(index)?.term ?? 0) < term;
    this.#demand(!isLater || own >= index, `${id} leads term ${term} by the configuration of ${own}, not ${index}`);
  }

  #demand(holds: boolean, what: string): asserts holds {
    if (!holds) throw new Error(`Raft is broken: ${what}`);
  }
}

function keyOf({ index, term }: LogEntry): string {
  return `${term}.${index}`;
}

function votersOf({ members }: Configuration): string[] {
  return members.filter(({ voter }) => voter).map(({ id, incarnation }) => `${id}/${incarnation}`);
}
