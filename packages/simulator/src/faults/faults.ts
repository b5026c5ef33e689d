import { type SeededRandom, seededRandom } from '@lic/testkit';
import type { ClusterServer } from '../cluster/cluster-server.ts';
import type { ScheduledFault } from '../simulation/schedule.ts';
import { clientFaults } from './client-faults.ts';
import { clockFaults } from './clock-faults.ts';
import { DiskCopies, diskFaults } from './disk-faults.ts';
import { type Ambush, type FaultDeed, type FaultTools, type Injected, inControl, type Undo } from './fault.ts';
import type { FaultKind } from './fault-kinds.ts';
import { networkFaults } from './network-faults.ts';
import { processFaults } from './process-faults.ts';

/** What the faults of a run are made with. */
export interface FaultsParts extends FaultTools {
  readonly seed: number;
  readonly scheduled: readonly ScheduledFault[];
  readonly note: (who: string, what: string) => void;
}

/** A rolled-back disk is from so long before at most, ms. */
const rolledBackMsMax = 8_000;

/** Does what is scheduled to go wrong, each at its time, as far as the atlas allows it then. */
export class Faults {
  /** How often each kind was injected. */
  readonly counts = new Map<FaultKind, number>();
  readonly #parts: FaultsParts;
  readonly #deeds: Record<FaultKind, FaultDeed>;
  readonly #copies = new DiskCopies();
  readonly #undo = new Set<Undo>();
  readonly #ambushes = new Map<ScheduledFault, Ambush>();
  readonly #untilReclaim = new Set<Undo>();
  #isOver = false;

  constructor(parts: FaultsParts) {
    this.#parts = parts;
    this.#deeds = {
      ...processFaults(parts),
      ...networkFaults(parts),
      ...diskFaults(parts, this.#copies),
      ...clockFaults(parts),
      ...clientFaults(parts),
    };
  }

  /** What was on a server's disk when it was taken last. */
  lostDisk(server: ClusterServer): ReturnType<DiskCopies['lost']['get']> {
    return this.#copies.lost.get(server);
  }

  /** A server's disk goes with its machine. */
  loseDisk(server: ClusterServer): void {
    this.#copies.lost.set(server, server.disk.clone());
  }

  start(): void {
    const { world, scheduled } = this.#parts;
    for (const fault of scheduled) {
      world.schedule(fault.atMs - world.nowMs, () => {
        if (!this.#isOver) this.#inject(fault);
      });
      if (fault.kind === 'diskRolledBack') this.#copyBefore(fault);
    }
  }

  /** Injects nothing more, and takes back what was done. */
  end(): void {
    this.#isOver = true;
    this.#ambushes.clear();
    for (const undo of [...this.#undo]) undo();
    this.#parts.network.heal();
  }

  /** Called after every event: some faults wait for their moment. */
  check(): void {
    for (const [fault, ambush] of this.#ambushes) {
      const injected = ambush.waitFor();
      if (injected === undefined) continue;
      this.#ambushes.delete(fault);
      this.#injected(fault, injected);
    }
  }

  /** A server proposes to reclaim a silent session. */
  reclaiming(): void {
    for (const undo of this.#untilReclaim) undo();
    this.#untilReclaim.clear();
  }

  #copyBefore(fault: ScheduledFault): void {
    const { world } = this.#parts;
    const backMs = this.#randomOf(fault).fork('copy').float() * rolledBackMsMax;
    world.schedule(Math.max(0, fault.atMs - backMs - world.nowMs), () => {
      const server = this.#serverOf(fault, this.#randomOf(fault));
      this.#copies.old.set(fault.id, { server, disk: server.disk.clone() });
    });
  }

  #inject(fault: ScheduledFault): void {
    const random = this.#randomOf(fault);
    const { id, kind, lastsMs } = fault;
    const done = this.#deeds[kind]({ id, lastsMs, random, server: this.#serverOf(fault, random) });
    if (done === undefined) return;
    if ('waitFor' in done) this.#ambushes.set(fault, done);
    else this.#injected(fault, done);
  }

  #injected(fault: ScheduledFault, injected: Injected): void {
    const { kind, lastsMs: drawnMs } = fault;
    const { world, note, atlas } = this.#parts;
    const { what, disturbs = {}, undo, lastsMs = drawnMs, endsInReclaim, followedBy } = injected;
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
    note('fault', `${kind}: ${what}`);
    if (followedBy !== undefined) this.#ambushes.set({ ...fault, kind: 'crashInChange' }, followedBy);
    if (undo === undefined) {
      atlas.touch(disturbs);
      return;
    }
    const calm = atlas.begin(disturbs);
    const once = (): void => {
      if (!this.#undo.delete(once)) return;
      note('fault', `${kind} is over: ${what}`);
      undo();
      calm();
    };
    this.#undo.add(once);
    if (endsInReclaim === true) this.#untilReclaim.add(once);
    world.schedule(lastsMs, once);
  }

  #randomOf({ id }: ScheduledFault): SeededRandom {
    return seededRandom(this.#parts.seed).fork(`fault/${id}`);
  }

  #serverOf({ server }: ScheduledFault, random: SeededRandom): ClusterServer {
    const { servers } = this.#parts;
    const named = server === 'in-control' ? inControl(servers) : servers.find(({ rank }) => rank === server);
    return named ?? random.pick(servers);
  }
}
