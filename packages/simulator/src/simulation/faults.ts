import type { CrashLoss, MemoryDisk, MemoryNetwork, SeededRandom, VirtualRuntime, VirtualWorld } from '@lic/testkit';
import type { ClusterServer } from '../cluster/cluster-server.ts';
import { draw, type FaultKind, type Plan } from './plan.ts';
import type { Product } from './product.ts';

/** What the faults of a run act on. */
export interface FaultsParts {
  readonly world: VirtualWorld;
  readonly network: MemoryNetwork;
  readonly plan: Plan;
  readonly random: SeededRandom;
  readonly servers: readonly ClusterServer[];
  readonly products: () => readonly Product[];
  readonly note: (who: string, what: string) => void;
  /** Starts a server's process on what its disk holds. */
  readonly boot: (server: ClusterServer) => void;
  /** The client on this host is gone. */
  readonly buried: (product: Product) => void;
}

/** Ends a fault. */
type Undo = () => void;

/** What was done, for the trace, and how it is taken back. */
interface Injected {
  readonly what: string;
  readonly undo?: Undo;
  /** How long it lasts; default: as the plan has it. Milliseconds. */
  readonly lastsMs?: number;
  /** Whether it ends, if not before, in the middle of the next reclaim. */
  readonly endsInReclaim?: boolean;
}

/** Waits for its moment; answers what was done once that has come. */
type Ambush = () => Injected | undefined;

const minuteMs = 60_000;

/**
 * Does what goes wrong. Whatever a seed does stays within what the triad is built for: every fault passes, clocks drift within
 * their bound, and a disk is taken away only while the two other servers are whole.
 */
export class Faults {
  /** How often each kind was injected. */
  readonly counts = new Map<FaultKind, number>();
  /** Servers whose disk was taken and that have not been voters again since. */
  readonly withoutMemory = new Set<ClusterServer>();
  /** What was on a disk when it was taken last: an acknowledgement of it may still be under way. */
  readonly lostDisks = new Map<ClusterServer, MemoryDisk>();
  readonly #parts: FaultsParts;
  readonly #undo = new Set<Undo>();
  readonly #ambushes = new Map<FaultKind, Ambush>();
  readonly #untilReclaim = new Set<Undo>();
  #isOver = false;

  constructor(parts: FaultsParts) {
    this.#parts = parts;
  }

  start(): void {
    if (this.#parts.plan.faults.length > 0) this.#next();
  }

  /** Injects nothing more, and takes back what was done. */
  end(): void {
    this.#isOver = true;
    this.#ambushes.clear();
    for (const undo of [...this.#undo]) undo();
    this.#parts.network.heal();
  }

  /** Called after every event: some faults wait for their moment, and a server that votes again has a memory. */
  check(): void {
    for (const [kind, ambush] of this.#ambushes) {
      const injected = ambush();
      if (injected === undefined) continue;
      this.#ambushes.delete(kind);
      this.#injected(kind, injected);
    }
    for (const server of this.withoutMemory) if (server.isUp && isWhole(server)) this.withoutMemory.delete(server);
  }

  /** A server proposes to reclaim a silent session. */
  reclaiming(): void {
    for (const undo of this.#untilReclaim) undo();
    this.#untilReclaim.clear();
  }

  #next(): void {
    const { world, plan, random } = this.#parts;
    world.schedule(draw(random, plan.faultEvery), () => {
      if (this.#isOver) return;
      this.#inject(random.pick(plan.faults));
      this.#next();
    });
  }

  #inject(kind: FaultKind): void {
    const injected = this.#deeds[kind]();
    if (injected !== undefined) this.#injected(kind, injected);
  }

  #injected(kind: FaultKind, { what, undo, lastsMs, endsInReclaim }: Injected): void {
    const { world, plan, random, note } = this.#parts;
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
    note('fault', `${kind}: ${what}`);
    if (undo === undefined) return;
    const once = (): void => {
      if (!this.#undo.delete(once)) return;
      note('fault', `${kind} is over: ${what}`);
      undo();
    };
    this.#undo.add(once);
    if (endsInReclaim) this.#untilReclaim.add(once);
    // Some pass at once: the quickest restart is the one in which most is still under way.
    const usualMs = random.chance(0.2) ? random.float() * 20 : draw(random, plan.faultLasts);
    world.schedule(lastsMs ?? usualMs, once);
  }

  readonly #deeds: Record<FaultKind, () => Injected | undefined> = {
    crash: () => {
      const server = this.#pickUp();
      return server && { what: server.name, undo: this.#kill(server) };
    },
    crashInWrite: () => {
      this.#ambushes.set('crashInWrite', () => {
        const server = this.#parts.servers.find(({ isUp, disk }) => isUp && disk.isWriting);
        return server && { what: server.name, undo: this.#kill(server, 'all-unsynced') };
      });
      return undefined;
    },
    crashInElection: () => {
      const terms = new Map(this.#parts.servers.map((server) => [server, termOf(server)]));
      this.#ambushes.set('crashInElection', () => {
        const server = this.#parts.servers.find((each) => each.isUp && termOf(each) > (terms.get(each) ?? 0));
        return server && { what: server.name, undo: this.#kill(server, 'all-unsynced') };
      });
      return undefined;
    },
    powerCut: () => {
      const undo = this.#parts.servers.filter(({ isUp }) => isUp).map((server) => this.#kill(server));
      return { what: 'all servers', undo: () => void undo.map((each) => each()) };
    },
    stop: () => {
      const server = this.#pickUp();
      if (server === undefined) return undefined;
      let isOver = false;
      let isStopped = false;
      const restart = (): void => {
        if (isOver && isStopped && !server.isUp) this.#parts.boot(server);
      };
      void server.stop().then(() => {
        isStopped = true;
        restart();
      });
      return {
        what: server.name,
        undo: () => {
          isOver = true;
          restart();
        },
      };
    },
    isolate: () => {
      const server = this.#random.pick(this.#parts.servers);
      const others = this.#hosts().filter((host) => host !== server.name);
      const cut = this.#random.chance(0.5) ? others : others.filter((host) => this.#isServer(host));
      return { what: `${server.name} from ${cut.join(', ')}`, undo: this.#partition([server.name], cut) };
    },
    island: () => {
      const random = this.#random;
      const server = this.#leader() ?? random.pick(this.#parts.servers);
      const apart = this.#hosts().filter(
        (host) => host === server.name || (!this.#isServer(host) && random.chance(0.8)),
      );
      const others = this.#hosts().filter((host) => !apart.includes(host));
      const what = `${apart.join(', ')} from all others`;
      return { what, undo: this.#partition(apart, others), lastsMs: this.#longEnough() };
    },
    oneWay: () => {
      const from = this.#random.pick(this.#hosts());
      const to = this.#random.pick(this.#hosts());
      if (from === to) return undefined;
      this.#parts.network.block(from, to);
      return { what: `${from} to ${to}`, undo: () => this.#parts.network.heal(from, to) };
    },
    cutClient: () => {
      const product = this.#pickProduct();
      const cut = this.#parts.servers.map(({ name }) => name).filter(() => this.#random.chance(0.7));
      if (product === undefined) return undefined;
      const undo = this.#partition([product.name], cut);
      return { what: `${product.name} from ${cut.join(', ')}`, undo, ...this.#aboutOneHold() };
    },
    slowLink: () => {
      const link = { from: this.#random.pick(this.#hosts()), to: this.#random.pick(this.#hosts()) };
      const maxMs = this.#random.pick([50, 200, 800]);
      this.#parts.network.setLatency({ minMs: maxMs / 10, maxMs }, link);
      return {
        what: `${link.from} to ${link.to}, ${maxMs} ms`,
        undo: () => this.#parts.network.setLatency(this.#parts.plan.latency, link),
      };
    },
    reset: () => {
      const host = this.#random.pick(this.#hosts());
      this.#parts.network.resetAll(host);
      return { what: host };
    },
    halfOpen: () => {
      const [host, other] = [this.#random.pick(this.#hosts()), this.#random.pick(this.#hosts())];
      this.#parts.network.halfOpen(host, other);
      return { what: `${host} and ${other}` };
    },
    flaky: () => {
      const chance = this.#random.pick([0.001, 0.01, 0.05]);
      this.#parts.network.setConnectionLoss(chance);
      return { what: `${chance * 100} % of frames`, undo: () => this.#parts.network.setConnectionLoss(0) };
    },
    pause: () => {
      const server = this.#pickUp();
      return server && { what: server.name, undo: pause(server.runtime) };
    },
    stall: () => {
      const server = this.#random.pick(this.#parts.servers);
      return { what: `the disk of ${server.name}`, undo: server.disk.stall() };
    },
    diskFull: () => {
      const { disk, name } = this.#random.pick(this.#parts.servers);
      disk.isFull = true;
      return {
        what: `the disk of ${name}`,
        undo: () => {
          disk.isFull = false;
        },
      };
    },
    diskFailed: () => {
      const server = this.#pickUp();
      if (server === undefined) return undefined;
      server.disk.failNext('STORE_FAILED', this.#loss());
      return {
        what: `the disk of ${server.name}`,
        // A failed disk works again only in a new process.
        undo: () => {
          server.disk.forgetFailures();
          if (server.isUp) this.#kill(server)();
        },
      };
    },
    diskLost: () => {
      const { servers } = this.#parts;
      if (this.withoutMemory.size > 0 || !servers.every((server) => server.isUp && isWhole(server))) return undefined;
      const server = this.#random.pick(servers);
      const boot = this.#kill(server);
      this.lostDisks.set(server, server.disk.clone());
      server.disk.wipe();
      this.withoutMemory.add(server);
      return { what: `the disk of ${server.name}`, undo: boot };
    },
    drift: () => {
      const runtime = this.#random.chance(0.5) ? this.#pickUp()?.runtime : this.#pickProduct()?.runtime;
      const drift = (this.#random.float() - 0.5) * 0.009;
      runtime?.setDrift(drift);
      return runtime && { what: `${runtime.name}, ${(drift * 100).toFixed(2)} %` };
    },
    clockStep: () => stepClock(this.#pickUp()?.runtime, this.#random),
    clientDeath: () => {
      const product = this.#pickProduct();
      if (product === undefined) return undefined;
      product.kill();
      this.#parts.buried(product);
      return { what: product.name };
    },
    clientPause: () => {
      const product = this.#pickProduct();
      return product && { what: product.name, undo: pause(product.runtime), ...this.#aboutOneHold() };
    },
    clientClockStep: () => stepClock(this.#pickProduct()?.runtime, this.#random),
  };

  /** Ends a server's process; the undo starts the next one. */
  #kill(server: ClusterServer, lose = this.#loss()): Undo {
    server.kill({ seenAs: this.#random.pick(['reset', 'orderly', 'silence']), lose });
    return () => {
      if (!server.isUp) this.#parts.boot(server);
    };
  }

  /** Half of what silences a client ends when it matters: just when its seats are reclaimed. */
  #aboutOneHold(): Partial<Injected> {
    return this.#random.chance(0.5) ? {} : { lastsMs: this.#longEnough(), endsInReclaim: true };
  }

  /** For a change of control and a reclaim after it. Milliseconds. */
  #longEnough(): number {
    const { random, plan } = this.#parts;
    const leaseMs = 1_000 * Math.max(...plan.features.map(({ leaseSeconds = 1 }) => leaseSeconds));
    const { drift, marginMs } = plan.settings;
    return leaseMs * (1 + drift) + marginMs + (1 + random.float()) * plan.timing.electionTimeoutMaxMs;
  }

  #leader(): ClusterServer | undefined {
    return this.#parts.servers.find(({ state }) => state === 'in-control');
  }

  #partition(hosts: readonly string[], others: readonly string[]): Undo {
    const { network } = this.#parts;
    network.partition(hosts, others);
    return () => {
      for (const host of hosts)
        for (const other of others) {
          network.heal(host, other);
          network.heal(other, host);
        }
    };
  }

  #loss(): CrashLoss {
    const random = this.#random;
    return random.pick(['all-unsynced', 'all-unsynced', 'nothing', () => random.chance(0.3)]);
  }

  get #random(): SeededRandom {
    return this.#parts.random;
  }

  #pickUp(): ClusterServer | undefined {
    const up = this.#parts.servers.filter(({ isUp }) => isUp);
    return up.length === 0 ? undefined : this.#random.pick(up);
  }

  #pickProduct(): Product | undefined {
    const products = this.#parts.products();
    return products.length === 0 ? undefined : this.#random.pick(products);
  }

  #isServer(host: string): boolean {
    return this.#parts.servers.some(({ name }) => name === host);
  }

  #hosts(): string[] {
    return [...this.#parts.servers, ...this.#parts.products()].map(({ name }) => name);
  }
}

/** Whether a server takes part with a vote. */
function isWhole(server: ClusterServer): boolean {
  const state = server.server.inspect().consensus?.state;
  return state === 'standby' || state === 'in-control';
}

function termOf(server: ClusterServer): number {
  return server.isUp ? (server.server.inspect().consensus?.term ?? 0) : 0;
}

function pause(runtime: VirtualRuntime): Undo {
  runtime.pause();
  return () => runtime.resume();
}

/** A clock is set, and set right again. */
function stepClock(runtime: VirtualRuntime | undefined, random: SeededRandom): Injected | undefined {
  if (runtime === undefined) return undefined;
  const byMs = (random.chance(0.5) ? 1 : -1) * random.float() * random.pick([2_000, 2 * minuteMs, 100 * minuteMs]);
  runtime.stepWall(byMs);
  return { what: `${runtime.name} by ${Math.round(byMs)} ms`, undo: () => runtime.stepWall(-byMs) };
}
