import type { MemoryNetwork, SeededRandom, VirtualWorld } from '@lic/testkit';
import type { ClusterServer } from '../cluster/cluster-server.ts';
import type { Plan } from '../simulation/plan.ts';
import type { Product } from '../simulation/product.ts';
import type { Atlas, Disturbance } from './atlas.ts';

/** What faults act on. */
export interface FaultTools {
  readonly world: VirtualWorld;
  readonly network: MemoryNetwork;
  readonly plan: Plan;
  readonly servers: readonly ClusterServer[];
  readonly products: () => readonly Product[];
  readonly atlas: Atlas;
  /** Starts a server's process on what its disk holds. */
  readonly boot: (server: ClusterServer) => void;
  /** The client on this host is gone: another takes its place. */
  readonly buried: (product: Product) => void;
}

/** What a fault is about; whatever else it needs it draws. */
export interface FaultDraw {
  readonly id: number;
  readonly server: ClusterServer;
  readonly lastsMs: number;
  readonly random: SeededRandom;
}

/** Ends a fault. */
export type Undo = () => void;

/** What was done, for the trace, and how it is taken back. */
export interface Injected {
  readonly what: string;
  readonly disturbs?: Disturbance;
  readonly undo?: Undo;
  /** How long it lasts, where not so long as was drawn. Milliseconds. */
  readonly lastsMs?: number;
  /** Whether it ends, if not before, in the middle of the next reclaim. */
  readonly endsInReclaim?: boolean;
  /** What comes of it later. */
  readonly followedBy?: Ambush;
}

/** Waits for its moment: answers what was done once that has come. */
export interface Ambush {
  readonly waitFor: () => Injected | undefined;
}

/** Does one fault, or nothing where it can't be done now. */
export type FaultDeed = (draw: FaultDraw) => Injected | Ambush | undefined;

/** All hosts: servers and clients. */
export function hostsOf({ servers, products }: FaultTools): readonly string[] {
  return [...servers, ...products()].map(({ name }) => name);
}

/** A client that works, if any. */
export function someProduct({ products }: FaultTools, random: SeededRandom): Product | undefined {
  const all = products();
  return all.length === 0 ? undefined : random.pick(all);
}

/** Whoever is in control now. */
export function inControl(servers: readonly ClusterServer[]): ClusterServer | undefined {
  return servers.find(({ state }) => state === 'in-control');
}

/** For a change of control and a reclaim after it. Milliseconds. */
export function longEnoughMs(plan: Plan, random: SeededRandom): number {
  const leaseMs = 1_000 * Math.max(...plan.features.map(({ leaseSeconds = 1 }) => leaseSeconds));
  const { drift, marginMs } = plan.settings;
  return leaseMs * (1 + drift) + marginMs + (1 + random.float()) * plan.timing.electionTimeoutMaxMs;
}
