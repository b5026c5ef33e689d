import { type SeededRandom, seededRandom } from '@lic/testkit';
import type { DeedKind, FaultKind } from '../faults/fault-kinds.ts';
import type { Plan } from '../simulation/plan.ts';
import { drawSchedule, type Schedule } from '../simulation/schedule.ts';

/** What a bug needs to show, of all that the simulator does anyway: without it most seeds would have nothing to do with the bug. */
export interface Focus {
  /** Nothing else goes wrong. Default: whatever the seed has drawn. */
  readonly faults?: readonly FaultKind[];
  /** The mean time between two of them, ms. Default 700. */
  readonly everyMs?: number;
  /** How long those that pass last, ms. Default 20 – 1500. */
  readonly lastsMs?: readonly [number, number];
  /** An operator does nothing else. Default: whatever the seed has drawn. */
  readonly deeds?: readonly DeedKind[];
  readonly plan?: Partial<Omit<Plan, 'raft'>>;
  readonly raft?: Plan['raft'];
}

const everyMsDefault = 700;
const lastsMsDefault = [20, 1_500] as const;
const deedEveryMs = 600;
/** Until there is somebody in control nothing goes wrong that matters, ms. */
const beginMs = 1_000;
const clients = [1, 2, 3, 4];

/** The schedule of a seed with what a bug needs in it. */
export function focusedSchedule(seed: number, seconds: number, focus: Focus): Schedule {
  const drawn = drawSchedule(seed, seconds);
  const random = seededRandom(seed).fork('focus');
  const { faults, deeds, everyMs = everyMsDefault, lastsMs: [leastMs, mostMs] = lastsMsDefault } = focus;
  const { plan } = drawn;
  const server = (): Schedule['faults'][number]['server'] => (random.chance(0.6) ? 'in-control' : random.between(1, 3));
  const times = (kinds: readonly unknown[], meanMs: number): { readonly id: number; readonly atMs: number }[] => {
    const found: { readonly id: number; readonly atMs: number }[] = [];
    if (kinds.length === 0) return found;
    for (let atMs = beginMs; atMs < seconds * 1_000; atMs += Math.round(meanMs * (0.2 + 1.6 * random.float())))
      found.push({ id: found.length + 1, atMs });
    return found;
  };
  return {
    ...drawn,
    clients,
    plan: { ...plan, servers: 3, isNew: true, ...focus.plan, raft: { ...plan.raft, ...focus.raft } },
    faults:
      faults === undefined
        ? drawn.faults
        : times(faults, everyMs).map((each) => ({
            ...each,
            kind: random.pick(faults),
            server: server(),
            lastsMs: lasting(random, leastMs, mostMs),
          })),
    deeds:
      deeds === undefined
        ? drawn.deeds
        : times(deeds, deedEveryMs).map((each) => ({ ...each, kind: random.pick(deeds), server: server() })),
  };
}

/** Some pass at once: the quickest restart is the one in which most is still under way. */
function lasting(random: SeededRandom, leastMs: number, mostMs: number): number {
  return Math.round(random.chance(0.2) ? random.float() * leastMs : leastMs + random.float() * (mostMs - leastMs));
}
