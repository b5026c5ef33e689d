import type { TestFeature } from './ledger-rig.ts';

// What the license says, read anew from its text each time it is asked for.

const dayMs = 86_400_000;

/** A feature of a license, with its version. */
export type ModelFeature = TestFeature & { readonly version: string };

/** The seats of one version of a feature: all that the license files say of it. */
export interface ModelPool {
  /** `name version`. */
  readonly key: string;
  readonly name: string;
  readonly version: string;
  readonly parts: readonly ModelFeature[];
}

export const baseLeaseMs = 60_000;
/** How long a borrowed seat stays taken after its end, in these tests. */
export const borrowMarginMs = 10_000;
export const hold = (leaseMs: number) => Math.ceil(leaseMs * 1.01 + 1000);

export function poolsOf(features: readonly ModelFeature[]): readonly ModelPool[] {
  const keys = [...new Set(features.map(keyOfPool))];
  return keys.map((key) => {
    const parts = features.filter((feature) => keyOfPool(feature) === key);
    return { key, name: parts[0]!.name, version: parts[0]!.version, parts };
  });
}

export function keyOfPool({ name, version }: ModelFeature): string {
  return `${name} ${version}`;
}

/** The seats of these parts. */
export function countOf(parts: readonly ModelFeature[]): number {
  return sum(parts.map(({ count }) => (count === 'uncounted' ? Number.POSITIVE_INFINITY : count)));
}

export function inForce(pool: ModelPool, timeMs: number): readonly ModelFeature[] {
  return pool.parts.filter((part) => startMsOf(part) <= timeMs && timeMs < endMs(part));
}

/** The seats above the count of these parts. */
export function overdraftOf(parts: readonly ModelFeature[]): number {
  return sum(parts.map(({ overdraft = 0 }) => overdraft));
}

/** What is in force or will be. */
export function ahead(pool: ModelPool, timeMs: number): readonly ModelFeature[] {
  return pool.parts.filter((part) => timeMs < endMs(part));
}

export function leaseOf({ parts }: ModelPool): number {
  const { leaseSeconds } = parts[0]!;
  return Math.max(10_000, leaseSeconds === undefined ? baseLeaseMs : leaseSeconds * 1000);
}

export function startMsOf({ startsAt }: ModelFeature): number {
  return startsAt === undefined ? 0 : Date.parse(startsAt);
}

/** The end of the days of grace. */
export function endMs(feature: ModelFeature): number {
  return termMs(feature.expiresAt) + (feature.graceDays ?? 0) * dayMs;
}

/** The end of the licensed period of all parts. */
export function licensedEndMs({ parts }: ModelPool): number {
  return Math.max(...parts.map(({ expiresAt }) => termMs(expiresAt)));
}

export function supportEndMs({ parts }: ModelPool): number {
  return termMs(parts[0]!.supportedUntil);
}

/** A date runs to the end of its day. */
function termMs(text: string | undefined): number {
  if (text === undefined) return Number.POSITIVE_INFINITY;
  return Date.parse(text) + (text.length === 10 ? dayMs : 0);
}

export function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
