import { type SeededRandom, virtualEpochMs } from '@lic/testkit';
import type { Feature } from '../cluster/cluster-license.ts';
import { supportedUntil } from './identities.ts';

/** How often a feature has which terms. */
const shares = {
  overdraft: 0.2,
  sharing: 0.2,
  sharersMax: 0.5,
  linger: 0.15,
  minimum: 0.15,
  support: 0.15,
  vendorData: 0.2,
  disconnect: 0.35,
  uncounted: 0.05,
  time: 0.15,
  version: 0.15,
  borrow: 0.5,
} as const;

const dayMs = 86_400_000;
/** Periods begin and end within so much of a run, ms. */
const periodMsMax = 12_000;

/**
 * What else a license says of its features. The first is permanent: somebody can always have something. A feature may have another version,
 * with seats of its own.
 */
export function drawTerms(random: SeededRandom, features: readonly Feature[]): Feature[] {
  return features.flatMap((feature, at) => {
    const own = random.fork(feature.name);
    const lends = own.fork('borrow');
    const isUncounted = own.chance(shares.uncounted);
    const drawn: Feature = {
      ...feature,
      ...(isUncounted ? { count: 'uncounted' as const } : {}),
      ...(own.chance(shares.overdraft) && !isUncounted ? { overdraft: own.between(1, 2) } : {}),
      ...(own.chance(shares.sharing) ? drawSharing(own) : {}),
      ...(own.chance(shares.linger) ? { lingerSeconds: own.between(1, 2) } : {}),
      ...(own.chance(shares.minimum) ? { minimumSeconds: own.between(1, 3) } : {}),
      ...(own.chance(shares.support) ? { supportedUntil } : {}),
      ...(own.chance(shares.vendorData) ? { vendorData: `modules=${feature.name}` } : {}),
      ...(own.chance(shares.disconnect) ? { reclaim: 'disconnect' as const } : {}),
      ...(lends.chance(shares.borrow)
        ? { borrow: { longestSeconds: lends.between(2, 5), countMax: lends.between(1, 3) } }
        : {}),
      ...(own.chance(shares.time) && at > 0 ? drawPeriod(own) : {}),
    };
    const isTwice = own.chance(shares.version);
    return isTwice ? [drawn, { ...feature, version: `${at + 1}.5`, count: own.between(1, 2) }] : [drawn];
  });
}

function drawSharing(random: SeededRandom): Pick<Feature, 'sharedBy' | 'sharersMax'> {
  const sharedBy = random.pick<NonNullable<Feature['sharedBy']>>([['host'], ['user', 'host'], ['display'], ['key']]);
  return { sharedBy, ...(random.chance(shares.sharersMax) ? { sharersMax: random.between(2, 3) } : {}) };
}

/** It begins late, ends early, or ends after days of grace. */
function drawPeriod(random: SeededRandom): Pick<Feature, 'startsAt' | 'expiresAt' | 'graceDays'> {
  const instant = (ms: number): string => new Date(virtualEpochMs + ms).toISOString();
  const atMs = Math.floor(random.float() * periodMsMax);
  switch (random.pick(['starts', 'expires', 'grace'])) {
    case 'starts':
      return { startsAt: instant(atMs) };
    case 'expires':
      return { expiresAt: instant(atMs) };
    default:
      return { expiresAt: instant(atMs - dayMs), graceDays: 1 };
  }
}

/** Whether a feature can be had at any time. */
export function isPermanent({ startsAt, expiresAt }: Feature): boolean {
  return startsAt === undefined && expiresAt === undefined;
}

/** The features of several license files, each once. */
export function addedUp(features: readonly Feature[]): readonly Feature[] {
  const pools = new Map<string, Feature>();
  for (const feature of features) {
    const key = `${feature.name} ${feature.version}`;
    const known = pools.get(key);
    const isUncounted = known?.count === 'uncounted' || feature.count === 'uncounted';
    const overdraft = (known?.overdraft ?? 0) + (feature.overdraft ?? 0);
    pools.set(key, {
      ...feature,
      count: isUncounted ? 'uncounted' : Number(known?.count ?? 0) + Number(feature.count),
      ...(overdraft > 0 ? { overdraft } : {}),
    });
  }
  return [...pools.values()];
}
