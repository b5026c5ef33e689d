import { type FaultDeed, type FaultTools, hostsOf, inControl, longEnoughMs, type Undo } from './fault.ts';

type NetworkFault = 'isolate' | 'island' | 'oneWay' | 'slowLink' | 'reset' | 'halfOpen' | 'lateFrames' | 'flaky';

/** A connection that is dead without a word is found by its silence within so long, ms. */
const silenceFoundMs = 20_000;

/** What befalls the network. */
export function networkFaults(tools: FaultTools): Record<NetworkFault, FaultDeed> {
  const { network, servers, plan } = tools;
  // Asked each time: the servers come only after the faults.
  const isServer = (host: string): boolean => servers.some(({ name }) => name === host);
  return {
    isolate: ({ server, random }) => {
      const others = hostsOf(tools).filter((host) => host !== server.name);
      const cut = random.chance(0.5) ? others : others.filter(isServer);
      return partition(tools, [server.name], cut);
    },
    island: ({ server: drawn, random }) => {
      const server = inControl(servers) ?? drawn;
      const all = hostsOf(tools);
      const apart = all.filter((host) => host === server.name || (!isServer(host) && random.chance(0.8)));
      const others = all.filter((host) => !apart.includes(host));
      return { ...partition(tools, apart, others), lastsMs: longEnoughMs(plan, random) };
    },
    oneWay: ({ server, random }) => {
      const other = random.pick(hostsOf(tools).filter((host) => host !== server.name));
      const [from, to] = random.chance(0.5) ? [server.name, other] : [other, server.name];
      network.block(from, to);
      return {
        what: `${from} to ${to}`,
        disturbs: { links: [[from, to]] },
        undo: () => network.heal(from, to),
      };
    },
    slowLink: ({ server, random }) => {
      const other = random.pick(hostsOf(tools));
      const [from, to] = random.chance(0.5) ? [server.name, other] : [other, server.name];
      const maxMs = random.pick([50, 200, 800]);
      network.setLatency({ minMs: maxMs / 10, maxMs }, { from, to });
      return {
        what: `${from} to ${to}, ${maxMs} ms`,
        disturbs: { links: [[from, to]] },
        undo: () => network.setLatency(plan.latency, { from, to }),
      };
    },
    reset: ({ random }) => {
      const host = random.pick(hostsOf(tools));
      network.resetAll(host);
      return { what: host, disturbs: { hosts: [host] } };
    },
    halfOpen: ({ server, random }) => {
      const other = random.pick(hostsOf(tools));
      network.halfOpen(server.name, other);
      return {
        what: `${server.name} and ${other}`,
        disturbs: { links: [[server.name, other]] },
        lastsMs: silenceFoundMs,
        undo: () => {},
      };
    },
    lateFrames: ({ server, random, lastsMs }) => {
      const other = random.pick(hostsOf(tools).filter((host) => host !== server.name));
      const [from, to] = random.chance(0.5) ? [server.name, other] : [other, server.name];
      const lateMs = random.pick([20, 100, 500]);
      return {
        what: `${from} to ${to}, ${lateMs} ms`,
        disturbs: { links: [[from, to]] },
        undo: network.lag(from, to, lateMs),
        lastsMs: Math.min(lastsMs, 2 * lateMs),
      };
    },
    flaky: ({ random }) => {
      const chance = random.pick([0.001, 0.01, 0.05]);
      network.setConnectionLoss(chance);
      return {
        what: `${chance * 100} % of frames`,
        disturbs: { all: true },
        undo: () => network.setConnectionLoss(0),
      };
    },
  };
}

/** Cuts each of the hosts off from each of the others. */
export function partition(
  { network }: FaultTools,
  hosts: readonly string[],
  others: readonly string[],
): {
  readonly what: string;
  readonly disturbs: { readonly links: readonly (readonly [string, string])[] };
  readonly undo: Undo;
} {
  network.partition(hosts, others);
  return {
    what: `${hosts.join(', ')} from ${others.join(', ')}`,
    disturbs: { links: hosts.flatMap((host) => others.map((other) => [host, other] as const)) },
    undo: () => {
      for (const host of hosts)
        for (const other of others) {
          network.heal(host, other);
          network.heal(other, host);
        }
    },
  };
}
