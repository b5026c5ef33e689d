import type { ConsensusTiming, PeerId } from '@lic/interfaces';
import { lastIndex, termAt } from '../core/log.ts';
import { configurationAt } from '../core/membership.ts';
import type { Message } from '../core/messages.ts';
import { CoreHarness } from '../harness/core-harness.ts';
import { encodeConfiguration } from '../wire/configuration.ts';
import { type ClusterDisk, CoreInvariants } from './core-invariants.ts';

/** One server of a {@link CoreCluster}. */
export interface ClusterServer {
  readonly id: PeerId;
  readonly disk: ClusterDisk;
  /** Undefined while it is down. */
  core: CoreHarness | undefined;
  /** How fast its clock runs: Raft's safety needs no clock. */
  readonly speed: number;
  /** Reads that wait: the round, and the highest index that anybody had committed when they were asked for. */
  reads: { readonly round: number; readonly term: number; readonly committed: number }[];
}

/** A message under way. */
export interface InTransit {
  readonly from: PeerId;
  readonly to: PeerId;
  readonly message: Message;
}

/** How likely each fault is, per step. */
export interface ClusterFaults {
  readonly drop: number;
  readonly duplicate: number;
  readonly reorder: number;
  readonly crash: number;
  readonly partition: number;
  readonly slowDisk: number;
  /** Milliseconds that go by between two ticks at most: with many, elections overtake each other. */
  readonly pace: number;
}

/** Much faster than in life, beside what messages and disks take here: elections are what goes wrong. */
const clusterTiming: ConsensusTiming = { roundMs: 3, electionTimeoutMinMs: 12, electionTimeoutMaxMs: 24 };

/** How likely a partition ends, per step. */
const PARTITION_ENDS = 0.004;

/**
 * Cores with a network and disks that do everything that networks and disks do, step by step from one source of
 * randomness. After each step the invariants of Raft are checked on all of them.
 */
export class CoreCluster {
  readonly servers: ClusterServer[];
  readonly invariants = new CoreInvariants();
  readonly #random: () => number;
  readonly #ids: PeerId[];
  #transit: InTransit[] = [];
  #cut = new Set<string>();
  #now = 0;
  #proposals = 0;

  constructor(count: number, random: () => number) {
    this.#random = random;
    this.#ids = [...'abcde'].slice(0, count);
    this.servers = this.#ids.map((id) => ({
      id,
      disk: { vote: { term: 0, votedFor: null }, entries: [], snapshot: undefined },
      core: undefined,
      speed: 0.25 + this.#random() * 1.5,
      reads: [],
    }));
    for (const server of this.servers) this.#boot(server);
  }

  /** One thing happens. */
  step(faults: ClusterFaults): void {
    if (this.#random() < PARTITION_ENDS) this.#cut.clear();
    const chance = this.#random();
    if (chance < faults.crash) this.#crashOrBoot();
    else if (chance < faults.crash + faults.partition) this.#repartition();
    else if (chance < 0.6) for (let each = this.#transit.length; each >= 0; each -= 8) this.#deliver(faults);
    else if (chance < 0.75) this.#finishWrite(faults);
    else if (chance < 0.9) this.#tick(faults);
    else this.#ask();
    this.#check();
  }

  /** Ends all faults: everybody is up, everything gets through. */
  heal(): void {
    this.#cut.clear();
    for (const server of this.servers) if (server.core === undefined) this.#boot(server);
  }

  /** Lets `ms` go by without faults. */
  calm(ms: number): void {
    const end = this.#now + ms;
    while (this.#now < end) {
      this.#now += 1;
      for (const server of this.servers) {
        const { core } = server;
        if (core === undefined) continue;
        core.advance(Math.max(0, this.#now * server.speed - core.now));
        this.#collect(server);
        this.#store(server, Number.POSITIVE_INFINITY);
      }
      for (const each of this.#transit.splice(0)) this.#arrive(each);
      this.#check();
    }
  }

  /** Who is in control in the highest term. */
  get leader(): ClusterServer | undefined {
    const inControl = this.servers.filter((each) => (each.core?.state.controlTerm ?? 0) > 0);
    return inControl.sort((a, b) => b.core!.state.term - a.core!.state.term)[0];
  }

  /** Proposes to `server`; answers the index, 0 where it was refused. */
  propose(server: ClusterServer): number {
    this.#proposals += 1;
    const index = server.core?.propose(`${this.#proposals}`) ?? 0;
    this.#collect(server);
    return index;
  }

  #pick<Item>(items: readonly Item[]): Item | undefined {
    return items[Math.floor(this.#random() * items.length)];
  }

  #boot(server: ClusterServer): void {
    const { vote, snapshot } = server.disk;
    server.core = new CoreHarness({
      id: server.id,
      members: this.#ids,
      stored: { vote, entries: [...server.disk.entries], snapshot },
      now: this.#now * server.speed,
      timing: clusterTiming,
      isStarting: true,
      witnessWaitMs: 20,
      seed: Math.floor(this.#random() * 2 ** 32),
      disk: 'manual',
    });
    server.reads = [];
    this.invariants.restarted(server.id, snapshot?.index ?? 0);
    this.#collect(server);
  }

  #crashOrBoot(): void {
    const down = this.servers.find((each) => each.core === undefined);
    if (down !== undefined && this.#random() < 0.8) {
      this.#boot(down);
      return;
    }
    const server = this.#pick(this.servers.filter((each) => each.core !== undefined));
    if (server === undefined) return;
    // Of the write that was under way the disk may have a part: the vote, then entries in order.
    const kept = this.#random();
    if (kept > 0.3) this.#store(server, Math.floor(kept * 4));
    server.core = undefined;
  }

  #repartition(): void {
    this.#cut.clear();
    const style = this.#random();
    const alone = (this.#random() < 0.6 ? this.leader?.id : undefined) ?? this.#pick(this.#ids);
    for (const a of this.#ids) {
      for (const b of this.#ids) {
        const isCut = style < 0.5 ? (a === alone) !== (b === alone) : a !== b && this.#random() < 0.4;
        if (isCut) this.#cut.add(`${a}>${b}`);
      }
    }
  }

  #deliver(faults: ClusterFaults): void {
    if (this.#transit.length === 0) {
      this.#tick(faults);
      return;
    }
    const at = this.#random() < faults.reorder ? Math.floor(this.#random() * this.#transit.length) : 0;
    const chance = this.#random();
    const [each] = chance < faults.duplicate ? [this.#transit[at]!] : this.#transit.splice(at, 1);
    if (this.#random() >= faults.drop) this.#arrive(each!);
  }

  #arrive({ from, to, message }: InTransit): void {
    const server = this.servers.find((each) => each.id === to)!;
    const { core } = server;
    if (core === undefined || this.#cut.has(`${from}>${to}`)) return;
    core.deliver(from, message);
    const { state } = core;
    if (message.type === 'snapshot' && state.term === message.term && state.leader === from) {
      if (message.meta.index > (server.disk.snapshot?.index ?? 0) && message.meta.index > state.commit) {
        server.disk.snapshot = message.meta;
      }
      core.step({ kind: 'snapshotReceived', meta: message.meta });
    }
    this.#collect(server);
  }

  #finishWrite(faults: ClusterFaults): void {
    const server = this.#pick(this.servers.filter((each) => each.core?.write)) ?? this.servers[0]!;
    if (this.#random() >= faults.slowDisk) this.#store(server, Number.POSITIVE_INFINITY);
  }

  /** Brings the write under way, or the first `parts` of it, onto the disk. */
  #store(server: ClusterServer, parts: number): void {
    const { core, disk } = server;
    if (!core?.write) return;
    const { reset, vote, entries } = core.write;
    let left = parts;
    if (reset !== null && left-- > 0) disk.entries = [];
    if (vote !== null && left-- > 0) disk.vote = vote;
    for (const entry of entries) {
      if (left-- <= 0) break;
      const first = disk.entries[0]?.index ?? entry.index;
      disk.entries.length = Math.max(0, entry.index - first);
      disk.entries.push(entry);
    }
    if (parts === Number.POSITIVE_INFINITY) {
      core.finishWrite();
      this.#collect(server);
    }
  }

  #tick(faults: ClusterFaults): void {
    this.#now += this.#random() * faults.pace;
    const server = this.#pick(this.servers)!;
    const { core } = server;
    if (core === undefined) return;
    core.advance(Math.max(0, this.#now * server.speed - core.now));
    this.#collect(server);
  }

  /** A client or the server's owner wants something. */
  #ask(): void {
    const inControl = this.servers.filter((each) => (each.core?.state.controlTerm ?? 0) > 0);
    const server = (this.#random() < 0.8 ? this.#pick(inControl) : undefined) ?? this.#pick(this.servers)!;
    const { core } = server;
    if (core === undefined) return;
    const chance = this.#random();
    if (chance < 0.6) for (let each = 0; each <= chance * 5; each += 1) this.propose(server);
    else if (chance < 0.85) {
      const round = core.read();
      const committed = this.invariants.committed;
      if (round > 0) server.reads.push({ round, term: core.state.term, committed });
      this.#collect(server);
    } else if (chance < 0.88) core.step({ kind: 'transfer', to: this.#pick(this.#ids)! });
    else if (chance < 0.9) core.step({ kind: 'peerLost', peer: this.#pick(this.#ids)! });
    else if (chance < 0.92 && core.write !== null) core.step({ kind: 'disk', state: 'full' });
    else this.#snapshot(server);
    this.#collect(server);
  }

  #snapshot({ core, disk }: ClusterServer): void {
    const { state } = core!;
    const index = state.applied;
    if (index <= (disk.snapshot?.index ?? 0) || state.log.resetTo !== null || core!.write?.reset) return;
    const config = encodeConfiguration(configurationAt(state, index).members);
    const meta = { index, term: termAt(state.log, index), config };
    disk.snapshot = meta;
    core!.step({ kind: 'snapshotSaved', meta });
    const through = index - Math.floor(this.#random() * 4);
    if (through <= state.log.baseIndex || through > state.log.durableTo) return;
    core!.step({ kind: 'compact', through });
    disk.entries = disk.entries.filter((entry) => entry.index > through);
  }

  /** Takes what the core sent and wanted, and looks at it before anybody else does. */
  #collect(server: ClusterServer): void {
    const { core } = server;
    if (core === undefined) return;
    for (const { to, message } of core.takeAll()) {
      this.invariants.sent(server.id, message, server.disk);
      this.#transit.push({ from: server.id, to, message });
    }
    for (const wish of core.wishes.splice(0)) {
      if (wish.restore) this.invariants.restored(server.id, wish.restore.index);
      for (const to of wish.snapshotsFor ?? []) this.#sendSnapshot(server, to);
    }
    for (const entry of core.committed.splice(0)) this.invariants.applied(server.id, entry);
    const { state } = core;
    server.reads = server.reads.filter((read) => {
      if (read.term !== state.controlTerm) return false;
      if (read.round > state.readsThrough) return true;
      this.invariants.read(server.id, state.applied, read.committed);
      return false;
    });
  }

  #sendSnapshot(server: ClusterServer, to: PeerId): void {
    const { core, disk } = server;
    const meta = disk.snapshot!;
    const { term } = core!.state;
    const message: Message = { type: 'snapshot', term, meta, sequence: 0, checksum: null, data: new Uint8Array(0) };
    this.#transit.push({ from: server.id, to, message });
    core!.step({ kind: 'snapshotSent', to, index: meta.index });
    this.#collect(server);
  }

  #check(): void {
    for (const { id, core } of this.servers) {
      if (core !== undefined) this.invariants.check(id, core.state, lastIndex(core.state.log));
    }
  }
}
