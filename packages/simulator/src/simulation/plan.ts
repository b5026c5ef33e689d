import type { RaftOptions } from '@lic/consensus';
import type { LedgerSettings } from '@lic/core';
import type { ConsensusTiming } from '@lic/interfaces';
import type { Latency, SeededRandom } from '@lic/testkit';
import type { Feature } from '../cluster/cluster-license.ts';

/** Everything that can go wrong in a run. */
export const faultKinds = [
  'crash',
  'crashInWrite',
  'crashInElection',
  'powerCut',
  'stop',
  'isolate',
  'island',
  'oneWay',
  'cutClient',
  'slowLink',
  'reset',
  'halfOpen',
  'flaky',
  'pause',
  'stall',
  'diskFull',
  'diskFailed',
  'diskLost',
  'drift',
  'clockStep',
  'clientDeath',
  'clientPause',
  'clientClockStep',
] as const;

/** One of {@link faultKinds}. */
export type FaultKind = (typeof faultKinds)[number];

/** Everything that an operator does in a run. */
export const operatorDeeds = ['revoke', 'drain', 'transfer'] as const;

/** One of {@link operatorDeeds}. */
export type OperatorDeed = (typeof operatorDeeds)[number];

/** A range from which is drawn anew each time, milliseconds. */
export interface RangeMs {
  readonly minMs: number;
  readonly maxMs: number;
}

/** What a seed decides before anything happens. */
export interface Plan {
  readonly features: readonly Feature[];
  readonly settings: LedgerSettings;
  readonly timing: ConsensusTiming;
  readonly raft: RaftOptions;
  readonly failback: 'auto' | 'sticky';
  readonly failbackAfterMs: number;
  readonly sync: RangeMs;
  readonly latency: Latency;
  /** Clients at work at once. */
  readonly clients: number;
  /** Grants that one client takes at once. */
  readonly grantsPerClient: number;
  readonly think: RangeMs;
  readonly hold: RangeMs;
  /** The longest that a checkout waits in the queue. */
  readonly waitMsMax: number;
  readonly faults: readonly FaultKind[];
  /** Between two faults. */
  readonly faultEvery: RangeMs;
  /** How long a fault that passes lasts. */
  readonly faultLasts: RangeMs;
  readonly deeds: readonly OperatorDeed[];
}

/**
 * Draws a plan. Which faults are on differs by seed (swarm testing): a run in which everything happens at once seldom gets
 * anywhere, and what one fault undoes another would have shown.
 */
export function drawPlan(random: SeededRandom): Plan {
  const leases = [1, 1, 2, 4];
  const features: Feature[] = [
    { name: 'compare', version: '12.0', count: random.between(1, 3), leaseSeconds: random.pick(leases) },
    { name: 'merge', version: '3.1', count: random.between(1, 4), leaseSeconds: random.pick(leases) },
  ];
  const roundMs = random.pick([50, 100]);
  const calm = random.chance(0.25);
  const share = random.pick([0.15, 0.3, 0.5]);
  return {
    features,
    settings: {
      leaseMs: random.pick([2_000, 4_000]),
      drift: 0.01,
      marginMs: random.pick([50, 100, 300]),
      allowShortLeases: true,
    },
    timing: { roundMs, electionTimeoutMinMs: roundMs * 5, electionTimeoutMaxMs: roundMs * 10 },
    raft: {
      snapshotEntries: random.pick([5, 20, 1_000]),
      keepEntries: random.pick([0, 5, 100]),
      witnessWaitMs: random.pick([500, 2_000]),
    },
    failback: random.pick(['auto', 'sticky']),
    failbackAfterMs: random.pick([500, 2_000, 10_000]),
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
    clients: random.between(2, 6),
    grantsPerClient: random.between(1, 3),
    think: { minMs: 0, maxMs: random.pick([200, 1_000, 4_000]) },
    hold: { minMs: 0, maxMs: random.pick([300, 3_000, 20_000]) },
    waitMsMax: random.pick([0, 2_000, 10_000]),
    faults: calm ? [] : faultKinds.filter(() => random.chance(share)),
    faultEvery: { minMs: 50, maxMs: random.pick([1_000, 3_000, 8_000]) },
    faultLasts: { minMs: 10, maxMs: random.pick([500, 3_000, 8_000]) },
    deeds: operatorDeeds.filter(() => random.chance(0.4)),
  };
}

/** Draws from a range. */
export function draw(random: SeededRandom, { minMs, maxMs }: RangeMs): number {
  return minMs + random.float() * (maxMs - minMs);
}
