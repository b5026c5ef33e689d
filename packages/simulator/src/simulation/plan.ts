import type { RaftOptions } from '@lic/consensus';
import { licenseFeatureSchema } from '@lic/core';
import type { SeededRandom } from '@lic/testkit';
import { z } from 'zod';
import type { Feature } from '../cluster/cluster-license.ts';
import { type DeedKind, type FaultKind, faultKinds, usualDeeds } from '../faults/fault-kinds.ts';
import { saidKinds } from './identities.ts';
import { drawTerms } from './terms.ts';

const ms = z.number().min(0);
/** A range from which is drawn anew each time, milliseconds. */
const rangeMsSchema = z.strictObject({ minMs: ms, maxMs: ms });

/** A borrowed seat stays taken for so long after its end, ms: more than a laptop's clock is wrong by. */
const borrowMarginMs = 1_000;

/** What a seed decides before anything happens. */
export const planSchema = z.strictObject({
  servers: z.union([z.literal(1), z.literal(3)]),
  features: z.array(licenseFeatureSchema).min(1),
  settings: z.strictObject({
    leaseMs: ms,
    drift: z.number(),
    marginMs: ms,
    allowShortLeases: z.boolean(),
    borrowMarginMs: ms.default(borrowMarginMs),
  }),
  timing: z.strictObject({ roundMs: ms, electionTimeoutMinMs: ms, electionTimeoutMaxMs: ms }),
  raft: z.record(z.string(), z.number()),
  failback: z.enum(['auto', 'sticky']),
  failbackAfterMs: ms,
  /** Started `--new`: checkouts open at once. */
  isNew: z.boolean(),
  sync: rangeMsSchema,
  latency: rangeMsSchema,
  /** Grants that one client takes at once. */
  grantsPerClient: z.int().min(1),
  think: rangeMsSchema,
  hold: rangeMsSchema,
  /** The longest that a checkout waits in the queue. */
  waitMsMax: ms,
  /** People with a laptop, who borrow. */
  travellers: z.int().min(0).default(0),
  /** What products say of themselves, besides user and host. */
  says: z.array(z.enum(saidKinds)).default([]),
});

export type Plan = z.infer<typeof planSchema>;
export type RangeMs = z.infer<typeof rangeMsSchema>;

/** How often which faults and deeds come, and how many clients work: what the schedule of a run is drawn from. */
export interface Habits {
  readonly clients: number;
  readonly faults: readonly FaultKind[];
  /** Between two faults. */
  readonly faultEvery: RangeMs;
  /** How long a fault that passes lasts. */
  readonly faultLasts: RangeMs;
  readonly deeds: readonly DeedKind[];
  readonly deedEvery: RangeMs;
}

/** Of all seeds, so many have a license with one server. */
const aloneShare = 0.08;
/** Of all seeds, so many see no faults at all: what goes wrong there is nobody's fault but the product's. */
const calmShare = 0.15;
/** Of all seeds, so many have travellers. */
const travelShare = 0.4;
/** Of all seeds, so many have tens of clients. */
const crowdShare = 0.08;

/**
 * Draws a plan. Small batches, windows and snapshots make rare interleavings common. What can be drawn differs by seed
 * (swarm testing): a run in which everything happens at once seldom gets anywhere.
 */
export function drawPlan(random: SeededRandom): Plan {
  const roundMs = random.pick([50, 100]);
  // Drawn apart, as are terms and some deeds, so that the rest of a seed's run stays what it was.
  const says = random.fork('says');
  const travels = random.fork('travels');
  const travellers = travels.chance(travelShare) ? travels.between(1, 2) : 0;
  const features = drawFeatures(random);
  return {
    servers: random.chance(aloneShare) ? 1 : 3,
    features: travellers > 0 ? lending(features) : features,
    settings: {
      leaseMs: random.pick([2_000, 4_000]),
      drift: 0.01,
      marginMs: random.pick([50, 100, 300]),
      allowShortLeases: true,
      borrowMarginMs,
    },
    timing: { roundMs, electionTimeoutMinMs: roundMs * 5, electionTimeoutMaxMs: roundMs * 10 },
    raft: drawRaft(random),
    failback: random.pick(['auto', 'sticky']),
    failbackAfterMs: random.pick([500, 2_000, 10_000]),
    isNew: random.chance(0.8),
    sync: random.pick([
      { minMs: 0, maxMs: 1 },
      { minMs: 1, maxMs: 10 },
      { minMs: 5, maxMs: 60 },
    ]),
    latency: random.pick([
      { minMs: 0.1, maxMs: 0.5 },
      { minMs: 1, maxMs: 5 },
      { minMs: 1, maxMs: 60 },
    ]),
    grantsPerClient: random.between(1, 3),
    think: { minMs: 0, maxMs: random.pick([200, 1_000, 4_000]) },
    hold: { minMs: 0, maxMs: random.pick([300, 3_000, 20_000]) },
    waitMsMax: random.pick([0, 2_000, 10_000]),
    travellers,
    says: saidKinds.filter(() => says.chance(0.7)),
  };
}

/** Draws what happens how often: which faults and deeds exist at all differs by seed. */
export function drawHabits(random: SeededRandom): Habits {
  const share = random.chance(calmShare) ? 0 : random.pick([0.15, 0.3, 0.5]);
  return {
    clients: random.chance(crowdShare) ? random.between(12, 40) : random.between(2, 6),
    faults: faultKinds.filter(() => random.chance(share)),
    faultEvery: { minMs: 50, maxMs: random.pick([1_000, 3_000, 8_000]) },
    faultLasts: { minMs: 10, maxMs: random.pick([500, 3_000, 8_000]) },
    deeds: [
      ...usualDeeds.filter(() => random.chance(0.4)),
      ...(random.fork('policy').chance(0.5) ? (['policy', 'policy'] as const) : []),
      ...(random.fork('ask').chance(0.3) ? (['ask'] as const) : []),
    ],
    deedEvery: { minMs: 0, maxMs: random.pick([3_000, 6_000, 12_000]) },
  };
}

const names = ['compare', 'merge', 'build', 'report'];

/** Of all licenses, so many say of their features what most say: count, version and lease. */
const plainShare = 0.3;

/** Draws features: also what a reloaded license has. */
export function drawFeatures(random: SeededRandom): Feature[] {
  const leases = [1, 1, 2, 4];
  const terms = random.fork('terms');
  const features = names.slice(0, random.pick([1, 2, 2, 2, 3, 4])).map((name, at) => ({
    name,
    version: `${at + 1}.0`,
    count: random.between(1, 4),
    leaseSeconds: random.pick(leases),
  }));
  return terms.chance(plainShare) ? features : drawTerms(terms, features);
}

/** Where there are travellers something is lent, mostly, and there is enough of it. */
function lending([first, ...others]: readonly Feature[]): Feature[] {
  const count = first!.count === 'uncounted' ? first!.count : first!.count + 3;
  return [{ ...first!, count, borrow: { longestSeconds: 5, countMax: 3 } }, ...others];
}

function drawRaft(random: SeededRandom): RaftOptions & Record<string, number> {
  return {
    snapshotEntries: random.pick([5, 10, 20, 1_000]),
    keepEntries: random.pick([0, 5, 100]),
    witnessWaitMs: random.pick([500, 2_000]),
    appendEntriesMax: random.pick([1, 1, 5, 1_000]),
    appendsInFlightMax: random.pick([1, 2, 8]),
  };
}

/** Draws from a range. */
export function draw(random: SeededRandom, { minMs, maxMs }: RangeMs): number {
  return minMs + random.float() * (maxMs - minMs);
}
