import type { SeededRandom } from '@lic/testkit';
import type { ClusterServer } from '../cluster/cluster-server.ts';
import type { SimulatedDisk } from '../disk/simulated-disk.ts';
import type { MemoryFault } from './atlas.ts';
import type { FaultDeed, FaultDraw, FaultTools, Injected } from './fault.ts';
import { crashInChange, killServer, someLoss } from './process-faults.ts';

type DiskFault =
  | 'stall'
  | 'diskFull'
  | 'diskFailed'
  | 'diskReadOnly'
  | 'noHandles'
  | 'diskLost'
  | 'diskRolledBack'
  | 'diskDamaged'
  | 'snapshotDamaged';

/** Copies of disks as they were: what a crash or an operator may bring back, or a check may ask for. */
export class DiskCopies {
  /** What was on a disk when it was taken last: an acknowledgement of it may still be under way. */
  readonly lost = new Map<ClusterServer, SimulatedDisk>();
  /** By the number of the fault that will bring it back. */
  readonly old = new Map<number, { readonly server: ClusterServer; readonly disk: SimulatedDisk }>();
}

/** What befalls disks. */
export function diskFaults(tools: FaultTools, copies: DiskCopies): Record<DiskFault, FaultDeed> {
  const { atlas } = tools;
  /** Ends the process, does something to the disk between two lives, and starts the next one. */
  const take = (
    { random }: FaultDraw,
    { server, how, change }: { readonly server: ClusterServer; readonly how: MemoryFault; readonly change: () => void },
  ): Injected | undefined => {
    if (!atlas.mayTakeMemory(server)) return undefined;
    const boot = killServer(tools, server, { random });
    copies.lost.set(server, server.disk.clone());
    change();
    atlas.withoutMemory.set(server, how);
    return {
      what: `the disk of ${server.name}`,
      disturbs: { hosts: [server.name] },
      undo: boot,
      // When it is to count again, the server that says so may die.
      ...(random.chance(0.3) ? { followedBy: crashInChange(tools, random) } : {}),
    };
  };
  /** What failed for good works again only in a new process, or once an operator has it repaired: not before the triad has formed. */
  const restart = (server: ClusterServer, random: SeededRandom): void => {
    const isRestarted = random.chance(0.5) || server.state === 'forming';
    if (server.isUp && isRestarted) killServer(tools, server, { random })();
  };
  return {
    stall: ({ server }) => ({
      what: `the disk of ${server.name}`,
      disturbs: { hosts: [server.name] },
      undo: server.disk.stall(),
    }),
    diskFull: ({ server, random }) => {
      server.disk.isFull = true;
      // What was allocated before can be overwritten: some file systems say no all the same.
      if (random.chance(0.5)) server.disk.failNext('STORE_FULL');
      return {
        what: `the disk of ${server.name}`,
        disturbs: { hosts: [server.name] },
        undo: () => {
          server.disk.isFull = false;
        },
      };
    },
    diskFailed: ({ server, random }) => {
      if (!server.isUp) return undefined;
      server.disk.failNext('STORE_FAILED', someLoss(random));
      return {
        what: `the disk of ${server.name}`,
        disturbs: { hosts: [server.name] },
        undo: () => {
          server.disk.forgetFailures();
          restart(server, random);
        },
      };
    },
    diskReadOnly: ({ server, random }) => {
      server.disk.faults.isReadOnly = true;
      return {
        what: `the disk of ${server.name}`,
        disturbs: { hosts: [server.name] },
        undo: () => {
          server.disk.faults.isReadOnly = false;
          restart(server, random);
        },
      };
    },
    noHandles: ({ server, random }) => {
      server.disk.faults.hasNoHandles = true;
      return {
        what: server.name,
        disturbs: { hosts: [server.name] },
        undo: () => {
          server.disk.faults.hasNoHandles = false;
          restart(server, random);
        },
      };
    },
    diskLost: (draw) => {
      const { server } = draw;
      return take(draw, { server, how: 'diskLost', change: () => server.disk.wipe() });
    },
    diskRolledBack: (draw) => {
      const copy = copies.old.get(draw.id);
      if (copy === undefined) return undefined;
      const { server, disk } = copy;
      return take(draw, { server, how: 'diskRolledBack', change: () => server.disk.rollback(disk) });
    },
    diskDamaged: (draw) => {
      const { server } = draw;
      if (!server.disk.isDamageable) return undefined;
      return take(draw, { server, how: 'diskDamaged', change: () => void server.disk.damage() });
    },
    snapshotDamaged: (draw) => {
      const { server } = draw;
      return take(draw, { server, how: 'diskDamaged', change: () => void server.disk.damageSnapshot() });
    },
  };
}
