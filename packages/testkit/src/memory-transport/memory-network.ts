import type { TransportFactory } from '@lic/interfaces';
import type { TransportLimits } from '../transport-suite/transport-world.ts';
import type { SeededRandom } from '../virtual/random.ts';
import type { VirtualWorld } from '../virtual/virtual-world.ts';
import type { MemoryConnection } from './memory-connection.ts';
import {
  breakLink,
  type MemoryLink,
  type MemoryListener,
  type MemoryProcess,
  type NetworkCore,
} from './memory-link.ts';
import { memoryTransport } from './memory-transport.ts';
import { Pipe, type PipeWorld } from './pipe.ts';

/** How long an item is under way: drawn anew for each, from `min` to `max`, ms. */
export interface Latency {
  readonly minMs: number;
  readonly maxMs: number;
}

/** How the others see the death of a host's process. */
export type SeenAs = 'reset' | 'orderly' | 'silence';

/** What {@link createMemoryNetwork} takes. */
export interface MemoryNetworkOptions {
  /** Time and chance. The network draws from a stream of its own, so that one seed gives one run. */
  readonly world: VirtualWorld;
  /** Between different hosts. Default 1 – 5 ms; on one host there is none. */
  readonly latency?: Latency;
  /** How the other end of a connection from this host sees its address (IPv6 as it is, without brackets). Default: its name. */
  readonly addressOf?: (host: string) => string | undefined;
  /**
   * Looks on: a frame has arrived. `isLate`: it is the first of its connection to arrive after one of a newer connection between the two
   * hosts, in the same direction.
   */
  readonly onArrival?: (from: string, to: string, isLate: boolean) => void;
}

/**
 * Hosts joined by links that may be slow, cut or lossy. Addresses are `mem://host:port`. Within a connection order is
 * kept, as TCP does; between connections it is not.
 */
export interface MemoryNetwork {
  /** A transport of the process that runs on `host`: what `killHost` ends. Defaults: {@link memoryLimits}. */
  transport(host: string, limits?: Partial<TransportLimits>): TransportFactory;
  /** From now on, for one direction or, without `link`, wherever none was set. */
  setLatency(latency: Latency, link?: { readonly from: string; readonly to: string }): void;
  /** The chance (0 – 1) with which each frame takes its whole connection with it: both ends see a reset. Default 0. */
  setConnectionLoss(chance: number): void;
  /**
   * Holds all that goes from one host to the other; `*` stands for every host. Connections live on until their silence
   * limit, dials hang. What is held arrives after `heal`, if its connection still lives.
   */
  block(from: string, to: string): void;
  /** Blocks both directions between each host of the one and each of the other group. */
  partition(hosts: readonly string[], others: readonly string[]): void;
  /** Takes back `block(from, to)`; without arguments, every block. */
  heal(from?: string, to?: string): void;
  /** Every connection now open between the two goes dead without a word: each end must find out by the silence. */
  halfOpen(host: string, other: string): void;
  /**
   * What is sent from `from` to `to` on the connections now open between them takes `byMs` longer from now on. The returned function
   * resets them at `from` alone, which may dial anew at once: what it had sent arrives at `to` after the first frames of a newer connection.
   */
  lag(from: string, to: string, byMs: number): () => void;
  /** Resets every connection of the host, or of the two, at both ends at once, also over blocked links. */
  resetAll(host: string, other?: string): void;
  /**
   * The process on `host` is gone: nothing of its connections is called any more, its listeners refuse. The others see
   * its connections end after the latency: as `reset` (default), as `orderly` (an operating system that closes a
   * killed process's sockets), or as `silence` (power loss). `transport(host)` starts the next process.
   */
  killHost(host: string, options?: { readonly seenAs?: SeenAs }): void;
  /** How many connections are open, of one host or of all. */
  connectionCount(host?: string): number;
}

/** The defaults of a memory transport. */
export const memoryLimits: TransportLimits = {
  frameBytesMax: 16 * 1024 * 1024,
  highWaterBytes: 256 * 1024,
  lowWaterBytes: 64 * 1024,
  sendBufferBytesMax: 32 * 1024 * 1024,
  connectionsMax: 10_000,
  dialMsMax: 5_000,
  lingerMsMax: 1_000,
  pingAfterMs: 5_000,
  silenceMsMax: 15_000,
};

/** Makes a network on virtual time, and with it the transports of its hosts. */
export function createMemoryNetwork(options: MemoryNetworkOptions): MemoryNetwork {
  const { world } = options;
  const random: SeededRandom = world.random.fork('memory network');
  const links = new Set<MemoryLink>();
  const blocks = new Set<string>();
  const latencies = new Map<string, Latency>();
  const processes = new Map<string, MemoryProcess>();
  const listeners = new Map<string, MemoryListener>();
  let latency = options.latency ?? { minMs: 1, maxMs: 5 };
  let lossChance = 0;
  let lastPort = 40_000;
  let linksOpened = 0;
  const newestArrived = new Map<string, number>();
  const { onArrival } = options;
  const countArrivals = (
    tell: (isLate: boolean) => void,
    { way, link }: { way: string; link: number },
  ): (() => void) => {
    let wasLate = false;
    return () => {
      const newest = newestArrived.get(way) ?? 0;
      if (link > newest) newestArrived.set(way, link);
      const isLate = link < newest && !wasLate;
      wasLate ||= isLate;
      tell(isLate);
    };
  };
  const arrived = (from: string, to: string, link: number): (() => void) | undefined =>
    onArrival && countArrivals((isLate) => onArrival(from, to, isLate), { way: arrow(from, to), link });

  const pipeWorld: PipeWorld = {
    get nowMs() {
      return world.nowMs;
    },
    random,
    schedule: (delayMs, run) => world.schedule(delayMs, run),
    isBlocked: (from, to) =>
      blocks.size > 0 && (blocks.has(arrow(from, to)) || blocks.has(arrow(from, '*')) || blocks.has(arrow('*', to))),
    latencyMs(from, to) {
      if (from === to) return 0;
      const { minMs, maxMs } = latencies.get(arrow(from, to)) ?? latency;
      return minMs + random.float() * (maxMs - minMs);
    },
  };
  const core: NetworkCore = {
    listeners,
    freePort: () => ++lastPort,
    seenAs(host) {
      const address = options.addressOf?.(host) ?? host;
      return address.includes(':') ? `[${address}]` : address;
    },
    openLink(dialer, acceptor) {
      const number = ++linksOpened;
      const up = new Pipe(pipeWorld, dialer, acceptor, arrived(dialer, acceptor, number));
      const down = new Pipe(pipeWorld, acceptor, dialer, arrived(acceptor, dialer, number));
      const link: MemoryLink = {
        hosts: [dialer, acceptor],
        up,
        down,
        isDialing: true,
        dialed: undefined,
        accepted: undefined,
      };
      links.add(link);
      return link;
    },
    release(link) {
      if (!link.isDialing && link.dialed === undefined && link.accepted === undefined) links.delete(link);
    },
    takesConnection: () => lossChance > 0 && random.chance(lossChance),
  };

  const updatePipes = (): void => {
    for (const { up, down } of links) {
      up.update();
      down.update();
    }
  };
  const linksOf = (host: string, other?: string): MemoryLink[] =>
    [...links].filter(
      ({ hosts: [dialer, acceptor] }) =>
        (dialer === host && (other ?? acceptor) === acceptor) || (acceptor === host && (other ?? dialer) === dialer),
    );

  return {
    transport: (host, limits) => (context) => {
      const process = processes.get(host) ?? { host, isAlive: true };
      processes.set(host, process);
      return memoryTransport({ core, process, context, limits: { ...memoryLimits, ...limits } });
    },
    setLatency(value, link) {
      if (link === undefined) latency = value;
      else latencies.set(arrow(link.from, link.to), value);
    },
    setConnectionLoss(chance) {
      lossChance = chance;
    },
    block(from, to) {
      blocks.add(arrow(from, to));
      updatePipes();
    },
    partition(hosts, others) {
      for (const host of hosts)
        for (const other of others) {
          blocks.add(arrow(host, other));
          blocks.add(arrow(other, host));
        }
      updatePipes();
    },
    heal(from, to) {
      if (from === undefined || to === undefined) blocks.clear();
      else blocks.delete(arrow(from, to));
      updatePipes();
    },
    halfOpen(host, other) {
      for (const { up, down } of linksOf(host, other)) {
        up.cut();
        down.cut();
      }
    },
    lag(from, to, byMs) {
      const lagged = linksOf(from, to).map((link) => ({ link, out: link.hosts[0] === from ? link.up : link.down }));
      for (const { out } of lagged) out.lag(byMs);
      return () => {
        for (const { link, out } of lagged) {
          const isDialer = out === link.up;
          const end = isDialer ? link.dialed : link.accepted;
          if (end === undefined) continue;
          (isDialer ? link.down : link.up).cut();
          end.receive({ kind: 'reset' });
          out.push({ kind: 'reset' });
        }
      };
    },
    resetAll(host, other) {
      for (const link of linksOf(host, other)) breakLink(link);
    },
    killHost(host, { seenAs = 'reset' } = {}) {
      const process = processes.get(host);
      if (process !== undefined) process.isAlive = false;
      processes.delete(host);
      for (const [address, listener] of listeners) if (listener.host === host) listeners.delete(address);
      for (const link of linksOf(host)) {
        if (link.hosts[0] === host) die(link.dialed, link.up, link.down, seenAs);
        if (link.hosts[1] === host) die(link.accepted, link.down, link.up, seenAs);
      }
    },
    connectionCount: (host) => (host === undefined ? links.size : linksOf(host).length),
  };
}

/** One end goes with its process. */
function die(end: MemoryConnection | undefined, out: Pipe, into: Pipe, seenAs: SeenAs): void {
  if (seenAs === 'silence') {
    into.cut();
    out.cut();
  } else if (end !== undefined) {
    into.cut();
    if (seenAs === 'reset') out.dropTail();
    out.push({ kind: seenAs === 'reset' ? 'reset' : 'end' });
  }
  end?.vanish();
}

function arrow(from: string, to: string): string {
  return `${from}>${to}`;
}
