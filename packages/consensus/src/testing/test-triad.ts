import {
  type ConfiguredMember,
  type Consensus,
  type ConsensusContext,
  type ConsensusEvents,
  type ConsensusTiming,
  isLicError,
  type Member,
  type PeerId,
  type PeerNetwork,
  silentLogger,
} from '@lic/interfaces';
import {
  createMemoryLogStore,
  createVirtualWorld,
  MemoryDisk,
  type VirtualRuntime,
  type VirtualWorld,
} from '@lic/testkit';
import type { RaftOptions } from '../driver/options.ts';
import { raft } from '../driver/raft.ts';
import { MemoryPeerHub } from '../harness/memory-peer-hub.ts';
import { ListMachine } from './list-machine.ts';

/** Profile `lan`. */
export const timing: ConsensusTiming = { roundMs: 100, electionTimeoutMinMs: 500, electionTimeoutMaxMs: 1000 };

/** What may be said about a {@link TestTriad}. */
export interface TestTriadOptions extends RaftOptions {
  /** Servers: a, b, c … in order of rank. Default 3. */
  readonly count?: number;
  /** How long a server takes to notice that a peer is lost, in milliseconds. Default 0. */
  readonly noticesAfterMs?: (id: PeerId) => number;
  /** Told what servers log as errors. */
  readonly onError?: (text: string, fields: object | undefined) => void;
}

/** One server of a {@link TestTriad}. */
export interface TestServer {
  readonly id: PeerId;
  disk: MemoryDisk;
  readonly events: string[];
  member: Member;
  runtime: VirtualRuntime;
  machine: ListMachine;
  consensus: Consensus<string>;
  isUp: boolean;
}

/** Servers on virtual time with an in-memory network and disks. */
export class TestTriad {
  readonly world: VirtualWorld;
  readonly hub: MemoryPeerHub;
  readonly servers: TestServer[] = [];
  readonly #options: TestTriadOptions;
  readonly #founders: readonly PeerId[];
  #boots = 0;

  constructor(seed: string, options: TestTriadOptions = {}) {
    this.world = createVirtualWorld({ seed });
    this.hub = new MemoryPeerHub({
      schedule: (deliver, to) => {
        const { runtime } = this.server(to);
        this.world.schedule(1, () => runtime.deliver(deliver));
      },
    });
    this.#options = options;
    this.#founders = [...'abcde'].slice(0, options.count ?? 3);
    // The rest of a server comes with its boot, before anybody can ask for it.
    for (const id of this.#founders) this.add(id);
  }

  /** Makes servers and starts them all. */
  static async start(seed: string, options: TestTriadOptions = {}): Promise<TestTriad> {
    const triad = new TestTriad(seed, options);
    for (const server of triad.servers) await triad.boot(server);
    return triad;
  }

  /** The server of that name. */
  server(id: PeerId): TestServer {
    return this.servers.find((server) => server.id === id)!;
  }

  /** The configuration that the triad was formed with. */
  get members(): Member[] {
    return this.#founders.map((id) => ({ id, incarnation: `${id}-1` }));
  }

  /** Adds a server that was not there when the others formed; it is to be booted. */
  add(id: PeerId): TestServer {
    const server = { id, member: { id, incarnation: `${id}-1` }, disk: new MemoryDisk(), events: [], isUp: false };
    this.servers.push(server as unknown as TestServer);
    return this.server(id);
  }

  /** The disk of `server`, which is down, is gone: it has an empty one, and a new life. */
  empty(server: TestServer): void {
    const life = Number(server.member.incarnation.split('-')[1]) + 1;
    server.member = { id: server.id, incarnation: `${server.id}-${life}` };
    server.disk = new MemoryDisk();
  }

  /** Starts the process of `server` on what its disk holds. */
  async boot(server: TestServer, machine = new ListMachine(), more: Partial<ConsensusContext> = {}): Promise<void> {
    this.#boots += 1;
    const runtime = this.world.runtime(`${server.id}#${this.#boots}`);
    const store = createMemoryLogStore(server.disk, { runtime, syncMs: 2 });
    const opening = store.open();
    await this.world.settle();
    const contents = await opening;
    const consensus = raft(this.#options)<string>({
      runtime,
      logger: { ...silentLogger, error: (text, fields) => this.#options.onError?.(text, fields) },
      network: this.#network(server.id, runtime),
      store,
      contents,
      self: server.member,
      formation: { instance: 'test', members: this.members },
      timing,
      rankOf: (id) => this.servers.findIndex((each) => each.id === id) + 1,
      ...more,
    });
    const note = (text: string) => server.events.push(text);
    const events: ConsensusEvents = {
      onControlGained: (term) => note(`gained ${term}`),
      onControlLost: (term) => note(`lost ${term}`),
      onTransferring: (to) => note(`transferring ${to}`),
    };
    consensus.on(events);
    Object.assign(server, { runtime, machine, consensus, isUp: true });
    await this.settled(consensus.start(machine));
  }

  #network(id: PeerId, runtime: VirtualRuntime): PeerNetwork {
    const network = this.hub.join(id);
    const afterMs = this.#options.noticesAfterMs?.(id) ?? 0;
    if (afterMs === 0) return network;
    const onLost: PeerNetwork['onLost'] = (listener) =>
      network.onLost((peer) => runtime.setTimer(afterMs, () => listener(peer)));
    return { ...network, onLost };
  }

  /** SIGKILL and a power cut: what was not synced is gone. */
  kill(server: TestServer): void {
    server.isUp = false;
    server.runtime.kill();
    server.disk.crash();
    this.hub.kill(server.id);
  }

  /** Who is in control. */
  get leader(): TestServer | undefined {
    return this.servers.find((server) => server.isUp && server.consensus.status().state === 'in-control');
  }

  /** Runs until a server is in control and all that are up know it. */
  async decided(withinMs = 5_000): Promise<TestServer> {
    await this.until(() => {
      const { leader } = this;
      return (
        leader !== undefined && this.servers.every((each) => !each.isUp || each.consensus.status().leader === leader.id)
      );
    }, withinMs);
    return this.leader!;
  }

  /** Runs until it holds; throws with all states where it does not. */
  async until(condition: () => boolean, withinMs = 5_000): Promise<void> {
    if (!(await this.world.run({ until: condition, forMs: withinMs }))) {
      const states = this.servers.map((each) => JSON.stringify(each.consensus.status()));
      throw new Error(`did not come about within ${withinMs} ms (seed ${this.world.seed}):\n${states.join('\n')}`);
    }
  }

  /** Lets time pass. */
  async run(forMs: number): Promise<void> {
    await this.world.run({ forMs });
  }

  /** Asks the server in control for other members until it takes the change, as server-app does with its rounds. */
  async changeMembers(members: readonly ConfiguredMember[], withinMs = 15_000): Promise<void> {
    const end = this.world.nowMs + withinMs;
    for (;;) {
      const changed = this.leader!.consensus.changeMembers(members).catch((error: unknown) => {
        if (!isLicError(error, 'MEMBERS_REFUSED') || this.world.nowMs > end) throw error;
        return 'refused' as const;
      });
      if ((await this.settled(changed)) !== 'refused') return;
      await this.run(100);
    }
  }

  /** Runs until `promise` settles; answers its value or throws its error. */
  async settled<Value>(promise: Promise<Value>, withinMs = 5_000): Promise<Value> {
    let isSettled = false;
    const watched = promise.finally(() => {
      isSettled = true;
    });
    watched.catch(() => {});
    await this.until(() => isSettled, withinMs);
    return watched;
  }

  /** Proposes a command and answers its result. */
  async propose(server: TestServer, text: string): Promise<string> {
    return (await this.settled(server.consensus.propose(Buffer.from(text)))).result;
  }
}
