import type { LedgerResult } from '@lic/core';
import {
  type Consensus,
  type ConsensusContext,
  type ConsensusFactory,
  type ConsensusStatus,
  errorCode,
  type LogStore,
  type LogWrite,
} from '@lic/interfaces';
import type { ClusterServer } from '../cluster/cluster-server.ts';
import type { LogLine } from '../cluster/keeping-logger.ts';
import type { Atlas } from '../faults/atlas.ts';
import type { Coverage } from './rare-paths.ts';

/** What paths of servers are recognised with. */
export interface ServerPathsParts {
  readonly coverage: Coverage;
  readonly atlas: Atlas;
  readonly servers: readonly ClusterServer[];
  readonly nowMs: () => number;
  readonly marginMs: number;
  readonly newestIndex: () => number;
}

/** One server as it was when it was looked at last. */
interface Seen {
  readonly boots: number;
  readonly leadsWithMore: boolean;
  readonly isLearner: boolean;
  readonly settledMembers: string;
  readonly pendingMembers: string | undefined;
  readonly pausedSinceMs: number | undefined;
  readonly isInControl: boolean;
}

const unseen: Seen = {
  boots: 0,
  leadsWithMore: false,
  isLearner: false,
  settledMembers: '',
  pendingMembers: undefined,
  pausedSinceMs: undefined,
  isInControl: false,
};

/** Who applies a reload so much after the first has caught up, ms. */
const lateMs = 1_000;

/** Recognises rare paths in what servers and their disks do. */
export class ServerPaths {
  readonly #parts: ServerPathsParts;
  readonly #seen = new Map<ClusterServer, Seen>();
  /** By term: who voted for itself. */
  readonly #candidates = new Map<number, Set<string>>();
  /** The last entry that each server has begun to write. */
  readonly #begun = new Map<ClusterServer, number>();
  /** Stalled while in control: how long holds have to last for it to tell. */
  readonly #stalled = new Map<ClusterServer, { readonly term: number; readonly untilMs: number }>();
  /** By index: when a license was first installed, and who did so late. */
  readonly #installed = new Map<number, number>();
  readonly #caughtUp = new Set<string>();
  readonly #done = new Set<string>();
  #wereTwo = false;

  constructor(parts: ServerPathsParts) {
    this.#parts = parts;
  }

  /** Called after every event. */
  check(): void {
    const { coverage, servers } = this.#parts;
    let inControl = 0;
    for (const server of servers) {
      const status = server.isUp ? server.server.inspect().consensus : null;
      if (status === null) continue;
      if (status.state === 'in-control') inControl++;
      this.#look(server, status);
    }
    if (inControl > 1 && !this.#wereTwo) coverage.sometimes('twoInControl');
    this.#wereTwo = inControl > 1;
  }

  /** A server's ledger is replaced by a snapshot. */
  restored(server: ClusterServer): void {
    const { coverage, atlas } = this.#parts;
    const isFromLeader = server.server.inspect().consensus?.leader != null;
    if (isFromLeader && atlas.isParted) coverage.sometimes('snapshotInPartition');
  }

  /** Stands between a server and its consensus, and sees transfers fail. */
  watchTransfers(factory: ConsensusFactory): ConsensusFactory {
    return <Result>(context: ConsensusContext): Consensus<Result> => {
      const consensus = factory<Result>(context);
      return watching(consensus, {
        transferControl: async (to: string) => {
          try {
            await consensus.transferControl(to);
          } catch (error) {
            if (errorCode(error) === 'TRANSFER_FAILED') this.#parts.coverage.sometimes('transferAborted');
            throw error;
          }
        },
      });
    };
  }

  /** A server has applied an entry. */
  applied({ name }: ClusterServer, index: number, { events }: LedgerResult): void {
    if (events.every(({ kind }) => kind !== 'licenseInstalled')) return;
    const { coverage, nowMs } = this.#parts;
    const first = this.#installed.get(index);
    if (first === undefined) this.#installed.set(index, nowMs());
    else if (nowMs() - first > lateMs && !this.#caughtUp.has(`${name} ${index}`)) {
      this.#caughtUp.add(`${name} ${index}`);
      coverage.sometimes('licenseCaughtUp');
    }
  }

  logged({ message, fields }: LogLine): void {
    const { coverage } = this.#parts;
    if (message === 'control moves on purpose') coverage.sometimes(fields?.why === 'away' ? 'movedAway' : 'failback');
    if (message.startsWith('License time would leap')) coverage.sometimes('leapPending');
  }

  /** Stands between a server and its store, and looks on. */
  watchStore(store: LogStore, server: ClusterServer): LogStore {
    return watching(store, {
      open: () => this.#open(store, server),
      write: (write: LogWrite) => this.#write(store, server, write),
    });
  }

  async #open(store: LogStore, server: ClusterServer): ReturnType<LogStore['open']> {
    const contents = await store.open();
    const { coverage, atlas } = this.#parts;
    const lastIndex = contents.entries.at(-1)?.index ?? contents.snapshot?.index ?? 0;
    const begun = this.#begun.get(server) ?? 0;
    if (contents.damage !== undefined) coverage.sometimes('damageFound');
    else if (lastIndex < begun && !atlas.withoutMemory.has(server)) coverage.sometimes('tornTail');
    this.#begun.set(server, lastIndex);
    return contents;
  }

  async #write(store: LogStore, server: ClusterServer, write: LogWrite): Promise<void> {
    const { coverage } = this.#parts;
    const { vote, entries = [] } = write;
    if (vote?.votedFor === server.key) {
      const candidates = this.#candidates.get(vote.term) ?? new Set();
      this.#candidates.set(vote.term, candidates.add(server.name));
      if (candidates.size === 2) coverage.sometimes('voteSplit');
    }
    const [first, last] = [entries[0]?.index, entries.at(-1)?.index];
    if (first !== undefined && last !== undefined) {
      if (first <= (this.#begun.get(server) ?? 0)) coverage.sometimes('entriesOverwritten');
      this.#begun.set(server, last);
    }
    try {
      await store.write(write);
    } catch (error) {
      if (errorCode(error) === 'STORE_FULL' && server.state === 'in-control') coverage.sometimes('diskFullInControl');
      throw error;
    }
  }

  #look(server: ClusterServer, status: ConsensusStatus): void {
    const { coverage, atlas, newestIndex, nowMs } = this.#parts;
    const last = this.#seen.get(server);
    const { settledMembers, pendingMembers } = last ?? unseen;
    const before = last?.boots === server.boots ? last : { ...unseen, settledMembers, pendingMembers };
    const leads = status.leader === server.key;
    const isLearner = status.state === 'learner';
    const members = status.members.map(({ id, incarnation, voter }) => `${id} ${incarnation} ${voter}`).join();
    const isPending = status.isChangingMembers;
    if (before.leadsWithMore && !leads) coverage.sometimes('deposedInFlight');
    const taken = atlas.withoutMemory.get(server);
    if (isLearner && !before.isLearner && taken === 'diskRolledBack') coverage.sometimes('rollbackRecognised');
    if (isLearner && taken !== undefined && status.appliedIndex >= newestIndex() && newestIndex() > 0)
      this.#once(server, 'wipedRefilled');
    if (before.isLearner && (status.state === 'standby' || status.state === 'in-control'))
      coverage.sometimes(taken === 'exchanged' ? 'exchanged' : 'readmitted');
    const wasReverted = before.pendingMembers !== undefined && !isPending && members === before.settledMembers;
    if (wasReverted && members !== before.pendingMembers) coverage.sometimes('configurationReverted');
    this.#lookAtStall(server, status, before);
    this.#seen.set(server, {
      boots: server.boots,
      leadsWithMore: leads && status.lastIndex > status.commitIndex,
      isLearner,
      settledMembers: isPending ? before.settledMembers : members,
      pendingMembers: isPending ? members : undefined,
      pausedSinceMs: server.runtime.isPaused ? (before.pausedSinceMs ?? nowMs()) : undefined,
      isInControl: status.state === 'in-control',
    });
  }

  /** After a stall longer than the margin the same server is in control one shortest hold later, with grants that stand. */
  #lookAtStall(server: ClusterServer, status: ConsensusStatus, before: Seen): void {
    const { coverage, marginMs, nowMs } = this.#parts;
    const { ledger } = server.server.inspect();
    const { pausedSinceMs } = before;
    const isInControl = status.state === 'in-control';
    const hasEnded = pausedSinceMs !== undefined && !server.runtime.isPaused;
    if (hasEnded && isInControl && nowMs() - pausedSinceMs > marginMs && ledger.summary().grants > 0)
      this.#stalled.set(server, { term: status.term, untilMs: nowMs() + ledger.shortestHoldMs() });
    const stalled = this.#stalled.get(server);
    if (stalled === undefined) return;
    if (!isInControl || status.term !== stalled.term) this.#stalled.delete(server);
    else if (nowMs() >= stalled.untilMs) {
      this.#stalled.delete(server);
      if (ledger.summary().grants > 0) coverage.sometimes('holdExtended');
    }
  }

  /** Counts once in each life of a server. */
  #once(server: ClusterServer, path: 'wipedRefilled'): void {
    const key = `${path} ${server.name} ${server.boots}`;
    if (this.#done.has(key)) return;
    this.#done.add(key);
    this.#parts.coverage.sometimes(path);
  }
}

/** The same object but for some of its methods; whatever is added to it later is passed on. */
function watching<Watched extends object>(watched: Watched, instead: Partial<Watched>): Watched {
  return new Proxy(watched, {
    get: (target, name) => {
      const value: unknown = Reflect.get(instead, name) ?? Reflect.get(target, name, target);
      return typeof value === 'function' && !(name in instead) ? (value.bind(target) as unknown) : value;
    },
  });
}
