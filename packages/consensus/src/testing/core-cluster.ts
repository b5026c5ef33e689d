import type { ConfiguredMember, ConsensusTiming, PeerId } from '@lic/interfaces';
import { lastIndex } from '../core/log.ts';
import { configuration, isChanging } from '../core/membership.ts';
import type { Message } from '../core/messages.ts';
import type { AppendLimits } from '../core/state.ts';
import { CoreHarness } from '../harness/core-harness.ts';
import type { RestartOptions } from '../harness/core-harness-options.ts';
import { writeTo } from '../harness/harness-disk.ts';
import { harnessMembers } from '../harness/harness-entries.ts';
import { nextMembers } from './core-cluster-members.ts';
import { CoreInvariants } from './core-invariants.ts';

/** One server of a {@link CoreCluster}. */
export interface ClusterServer {
  readonly id: PeerId;
  core: CoreHarness;
  isUp: boolean;
  /** How fast its clock runs: Raft's safety needs no clock. */
  readonly speed: number;
  /** How often its disk was emptied. */
  lives: number;
  /** Reads that wait: the round, and the highest index that anybody had committed when they were asked for. */
  reads: { readonly round: number; readonly term: number; readonly committed: number }[];
}

/** A message under way. */
interface InTransit {
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
  /** Disks are emptied, as far as can be recovered: never a second one before the first counts again. */
  readonly wipe: number;
  /** Members come and go. */
  readonly change: number;
  /** Milliseconds that go by between two ticks at most: with many, elections overtake each other. */
  readonly pace: number;
}

/** What differs from cluster to cluster. */
export interface ClusterOptions {
  /** Servers that are voters from the start; one more waits to join. */
  readonly count: number;
  readonly random: () => number;
  readonly appends?: AppendLimits;
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
  readonly invariants: CoreInvariants;
  /** How often what is rare came about: faults that never hurt prove nothing. */
  readonly reached = { wipes: 0, admissions: 0, changes: 0, restores: 0, reads: 0 };
  readonly #random: () => number;
  readonly #voters: number;
  readonly #ids: PeerId[];
  #transit: InTransit[] = [];
  #cut = new Set<string>();
  #now = 0;
  #proposals = 0;

  constructor({ count, random, appends }: ClusterOptions) {
    this.#random = random;
    this.#voters = count;
    this.#ids = [...'abcdef'].slice(0, count === 1 ? 1 : count + 1);
    const members = this.#ids.slice(0, count);
    this.invariants = new CoreInvariants({ index: 0, members: harnessMembers(members) });
    this.servers = this.#ids.map((id) => ({
      id,
      core: new CoreHarness({
        id,
        members,
        timing: clusterTiming,
        isStarting: true,
        witnessWaitMs: 20,
        seed: Math.floor(this.#random() * 2 ** 32),
        disk: 'manual',
        snapshots: 'auto',
        ...(appends === undefined ? {} : { appends }),
      }),
      isUp: true,
      speed: 0.25 + this.#random() * 1.5,
      lives: 1,
      reads: [],
    }));
    for (const server of this.servers) {
      this.invariants.restarted(server.id, 0);
      this.#collect(server);
    }
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
    else this.#ask(faults);
    if (faults.wipe > 0 && this.#random() < 0.1)
      for (const server of this.#inControl) this.#changeMembers(server, false);
    this.#check();
  }

  /** Ends all faults: everybody is up, everything gets through. */
  heal(): void {
    this.#cut.clear();
    for (const server of this.servers) if (!server.isUp) this.#boot(server);
  }

  /** Lets `ms` go by without faults. Servers whose disk was emptied are admitted again. */
  calm(ms: number): void {
    const end = this.#now + ms;
    while (this.#now < end) {
      this.#now += 1;
      for (const server of this.servers) {
        if (!server.isUp) continue;
        server.core.advance(Math.max(0, this.#now * server.speed - server.core.now));
        this.#collect(server);
        this.#store(server);
      }
      for (const each of this.#transit.splice(0)) this.#arrive(each);
      // A leader that is not in control yet may need the receiver of a snapshot in order to be.
      for (const server of this.servers) if (server.core.state.role === 'leader') this.#retrySnapshots(server);
      const { leader } = this;
      if (leader !== undefined) this.#changeMembers(leader, false);
      this.#check();
    }
  }

  /** Who is in control in the highest term. */
  get leader(): ClusterServer | undefined {
    return this.#inControl.sort((a, b) => b.core.state.term - a.core.state.term)[0];
  }

  /** The servers that the newest committed configuration names. */
  get members(): ClusterServer[] {
    return this.servers.filter(({ id }) => this.invariants.configuration.members.some((member) => member.id === id));
  }

  /** Proposes to `server`; answers the index, 0 where it was refused. */
  propose(server: ClusterServer): number {
    this.#proposals += 1;
    const index = server.core.propose(`${this.#proposals}`);
    this.#noteAsked(server, index);
    this.#collect(server);
    return index;
  }

  get #inControl(): ClusterServer[] {
    return this.servers.filter(({ isUp, core }) => isUp && core.state.controlTerm > 0);
  }

  #pick<Item>(items: readonly Item[]): Item | undefined {
    return items[Math.floor(this.#random() * items.length)];
  }

  #boot(server: ClusterServer, options: RestartOptions = {}): void {
    const seed = Math.floor(this.#random() * 2 ** 32);
    const now = Math.max(server.core.now, this.#now * server.speed);
    server.core = server.core.restart({ now, seed, ...options });
    server.isUp = true;
    server.reads = [];
    this.invariants.restarted(server.id, server.core.disk.snapshot?.index ?? 0);
    this.#collect(server);
  }

  #crashOrBoot(): void {
    const down = this.servers.find((each) => !each.isUp);
    if (down !== undefined && this.#random() < 0.8) {
      this.#boot(down);
      return;
    }
    const server = this.#pick(this.servers.filter((each) => each.isUp));
    if (server === undefined) return;
    // Of the write that was under way the disk may have a part: the vote, then entries in order.
    const kept = this.#random();
    const { write, disk } = server.core;
    if (kept > 0.3 && write !== null) {
      writeTo(disk, write, Math.floor(kept * 4));
      this.invariants.stored(this.#who(server), disk.entries);
    }
    server.core.write = null;
    server.isUp = false;
  }

  /** Empties a disk, where the others can do without: all of them are of the committed configuration, under the lives that it names. */
  #wipe(): void {
    const { members, index } = this.invariants.configuration;
    const isWhole = members.every(
      ({ id, incarnation }) => this.#server(id).core.config.self.incarnation === incarnation,
    );
    const isSettled = this.servers.every(({ core }) => configuration(core.state).index <= index);
    // What matters most is a vote that is forgotten, while the leader of an older term knows nothing of it.
    const voters = this.servers.filter(({ id, core }) => core.state.votedFor !== null && core.state.votedFor !== id);
    const server = (this.#random() < 0.7 ? this.#pick(voters) : undefined) ?? this.#pick(this.servers)!;
    if (!isWhole || !isSettled || members.filter(({ voter }) => voter).length < 3) return;
    server.lives += 1;
    this.reached.wipes += 1;
    this.#boot(server, { isEmptied: true, incarnation: `${server.id}-${server.lives}` });
    const oldest = this.#inControl.sort((a, b) => a.core.state.term - b.core.state.term)[0];
    if (oldest !== undefined && this.#random() < 0.5) this.#cutBetween((id) => id === oldest.id || id === server.id);
  }

  #cutBetween(isOneSide: (id: PeerId) => boolean): void {
    this.#cut.clear();
    for (const a of this.#ids) {
      for (const b of this.#ids) if (isOneSide(a) !== isOneSide(b)) this.#cut.add(`${a}>${b}`);
    }
  }

  #server(id: PeerId): ClusterServer {
    return this.servers.find((each) => each.id === id)!;
  }

  #who({ id, core }: ClusterServer): string {
    return `${id}/${core.config.self.incarnation}`;
  }

  #repartition(): void {
    const style = this.#random();
    const alone = (this.#random() < 0.6 ? this.leader?.id : undefined) ?? this.#pick(this.#ids);
    if (style < 0.5) {
      this.#cutBetween((id) => id === alone);
      return;
    }
    this.#cut.clear();
    for (const a of this.#ids)
      for (const b of this.#ids) if (a !== b && this.#random() < 0.4) this.#cut.add(`${a}>${b}`);
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
    const server = this.#server(to);
    if (!server.isUp || this.#cut.has(`${from}>${to}`)) return;
    server.core.deliver(from, message);
    this.#collect(server);
  }

  #finishWrite(faults: ClusterFaults): void {
    const server = this.#pick(this.servers.filter(({ isUp, core }) => isUp && core.write !== null)) ?? this.servers[0]!;
    if (this.#random() >= faults.slowDisk) this.#store(server);
  }

  /** Brings the write under way onto the disk. */
  #store(server: ClusterServer): void {
    const { write } = server.core;
    if (!server.isUp || write === null) return;
    this.invariants.stored(this.#who(server), write.entries);
    server.core.finishWrite();
    this.#collect(server);
  }

  #tick(faults: ClusterFaults): void {
    this.#now += this.#random() * faults.pace;
    const server = this.#pick(this.servers)!;
    if (!server.isUp) return;
    server.core.advance(Math.max(0, this.#now * server.speed - server.core.now));
    this.#collect(server);
  }

  /** A client or the server's owner wants something. */
  #ask(faults: ClusterFaults): void {
    if (this.#random() < faults.wipe) {
      this.#wipe();
      return;
    }
    const server = (this.#random() < 0.8 ? this.#pick(this.#inControl) : undefined) ?? this.#pick(this.servers)!;
    if (!server.isUp) return;
    const { core } = server;
    const chance = this.#random();
    if (this.#random() < faults.change) this.#changeMembers(server, true);
    if (chance < 0.6) for (let each = 0; each <= chance * 5; each += 1) this.propose(server);
    else if (chance < 0.8) this.#read(server);
    else if (chance < 0.83) core.transfer(this.#pick(this.#ids)!);
    else if (chance < 0.85) core.step({ kind: 'peerLost', peer: this.#pick(this.#ids)! });
    else if (chance < 0.87 && core.write !== null) core.failWrite('full');
    else if (chance < 0.9) this.#retrySnapshots(server);
    else core.snapshot(Math.floor(this.#random() * 4));
    this.#collect(server);
  }

  #read(server: ClusterServer): void {
    const round = server.core.read();
    const { committed } = this.invariants;
    if (round > 0) server.reads.push({ round, term: server.core.state.term, committed });
  }

  /** The next step of members coming, going, and being admitted again; without `isRandom` only the last. */
  #changeMembers(server: ClusterServer, isRandom: boolean): void {
    const { core } = server;
    if (core.state.controlTerm === 0 || isChanging(core.state)) return;
    const living = new Map(this.servers.map((each) => [each.id, each.core.config.self.incarnation]));
    const { members } = configuration(core.state);
    const next: ConfiguredMember[] | null = nextMembers(members, living, {
      self: server.id,
      voters: this.#voters,
      random: isRandom ? this.#random : null,
    });
    if (next === null) return;
    const answer = core.changeMembers(next);
    if (typeof answer === 'object' && 'index' in answer) {
      this.#noteAsked(server, answer.index);
      if (next.length === members.length && next.every(({ id }, at) => id === members[at]!.id))
        this.reached.admissions += 1;
      else this.reached.changes += 1;
    }
    this.#collect(server);
  }

  /** What the driver does when the receiver of a snapshot is silent. */
  #retrySnapshots({ id, core }: ClusterServer): void {
    for (const [to, { mode }] of core.state.peers) {
      const isUnderWay = this.#transit.some(
        ({ from, message }) => (from === id || from === to) && message.type.startsWith('snapshot'),
      );
      if (mode === 'snapshot' && !isUnderWay) core.step({ kind: 'snapshotFailed', to });
    }
  }

  #noteAsked({ core }: ClusterServer, index: number): void {
    const entry = core.log.findLast((each) => each.index === index);
    if (entry !== undefined) this.invariants.asked(entry);
  }

  /** Takes what the core sent and wanted, and looks at it before anybody else does. */
  #collect(server: ClusterServer): void {
    const { core } = server;
    for (const { to, message } of core.takeAll()) {
      this.invariants.sent(server.id, message, core.disk);
      this.#transit.push({ from: server.id, to, message });
    }
    for (const { restore } of core.wishes.splice(0)) {
      if (!restore) continue;
      this.invariants.restored(server.id, restore.index);
      this.reached.restores += 1;
    }
    for (const entry of core.committed.splice(0)) this.invariants.applied(server.id, entry, core.state);
    const { state } = core;
    server.reads = server.reads.filter((read) => {
      if (read.term !== state.controlTerm) return false;
      if (read.round > state.readsThrough) return true;
      this.invariants.read(server.id, state.applied, read.committed);
      this.reached.reads += 1;
      return false;
    });
  }

  #check(): void {
    for (const { id, isUp, core } of this.servers) {
      if (isUp) this.invariants.check(id, core.config.self.incarnation, core.state, lastIndex(core.state.log));
    }
  }
}
