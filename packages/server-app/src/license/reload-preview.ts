import {
  compareVersions,
  featureEndMs,
  featureGraceEndMs,
  featureStartMs,
  type GrantView,
  type License,
  type LicenseFeature,
  type PoolView,
  parseLicense,
} from '@lic/core';

/** Holders that a preview names at most. */
export const previewHoldersMax = 1_000;
/** Grants that are looked at between two points at which the work can be left: less than a millisecond's. */
const looksPerStep = 512;

/** Seats of one version of a feature, before a reload and after it: those that may be used now. What has not begun, or is over, has none. */
export interface PoolPreview {
  readonly feature: string;
  readonly version: string;
  readonly before: number | 'uncounted';
  readonly after: number | 'uncounted';
  readonly inUse: number;
  /** Held beyond what there will be: nobody is evicted where the pool stays, and nothing is granted until it fits. */
  readonly over: number;
  /** The pool is no more, or over: its grants end. */
  readonly ends?: true;
  /** All its seats are past their end, and stand for the days of grace. */
  readonly inGrace?: true;
}

/** What a reload would change, at the license time of now. */
export interface ReloadPreview {
  readonly added: readonly string[];
  /** Ids that others of the set supersede, or that come with another text. */
  readonly replaced: readonly string[];
  readonly removed: readonly string[];
  /** Pools that change. */
  readonly pools: readonly PoolPreview[];
  /** Who holds seats of pools that shrink, at most {@link previewHoldersMax}. */
  readonly holders: readonly Pick<GrantView, 'feature' | 'version' | 'user' | 'host' | 'count'>[];
}

/** What {@link previewReload} compares. */
export interface ReloadSides {
  readonly textsBefore: readonly string[];
  readonly textsAfter: readonly string[];
  /** All files as one; null: none is in force. */
  readonly before: License | null;
  readonly after: License;
  /** License time. */
  readonly timeMs: number;
  readonly pools: readonly PoolView[];
  readonly grants: Iterable<GrantView>;
}

/**
 * Compares the licenses in force with those of a reload. O(pools + grants), in steps: the caller lets others run between them. Grants
 * that come and go meanwhile may or may not be in it.
 */
export function* previewReload(sides: ReloadSides): Generator<void, ReloadPreview> {
  const before = byId(sides.textsBefore);
  const next = byId(sides.textsAfter);
  const superseded = new Set([...next.values()].flatMap(({ supersedes = [] }) => supersedes));
  const isReplaced = (id: string) =>
    superseded.has(id) || JSON.stringify(before.get(id)) !== JSON.stringify(next.get(id));
  const changes = changedPools(sides);
  const shrinking = new Set(changes.filter(({ over, ends }) => over > 0 || ends === true).map(keyOf));
  const gone = [...before.keys()];
  yield;
  return {
    added: [...next.keys()].filter((id) => !before.has(id)),
    replaced: gone.filter((id) => (next.has(id) || superseded.has(id)) && isReplaced(id)),
    removed: gone.filter((id) => !next.has(id) && !superseded.has(id)),
    pools: changes,
    holders: shrinking.size === 0 ? [] : yield* holdersOf(shrinking, sides.grants),
  };
}

function byId(texts: readonly string[]): ReadonlyMap<string, License> {
  return new Map(texts.map((text) => parseLicense(text)).map((license) => [license.id, license]));
}

function changedPools({ before, after, timeMs, pools }: ReloadSides): readonly PoolPreview[] {
  const featuresBefore = byName(before?.features ?? []);
  const featuresAfter = byName(after.features);
  const seen = byName(pools.map((pool) => ({ ...pool, name: pool.feature })));
  const known = pools.map(({ feature, version, inUse }) => ({
    feature,
    version,
    inUse,
    before: seatsNow(ofVersion(featuresBefore, feature, version), timeMs),
    after: seatsNow(ofVersion(featuresAfter, feature, version), timeMs),
  }));
  const isNew = ({ name, version }: LicenseFeature, at: number) =>
    ofVersion(seen, name, version).length === 0 &&
    // Of several files the first stands for all.
    after.features.indexOf(ofVersion(featuresAfter, name, version)[0]!) === at;
  const added = after.features.filter(isNew).map(({ name: feature, version }) => ({
    feature,
    version,
    inUse: 0,
    before: seatsNow([], timeMs),
    after: seatsNow(ofVersion(featuresAfter, feature, version), timeMs),
  }));
  return [...known, ...added]
    .filter((pool) => pool.before.count !== pool.after.count || pool.after.isOver !== pool.before.isOver)
    .map(({ feature, version, inUse, before: was, after: will }) => ({
      feature,
      version,
      before: was.count,
      after: will.count,
      inUse,
      over: will.count === 'uncounted' ? 0 : Math.max(0, inUse - will.count),
      ...(will.isOver ? { ends: true as const } : {}),
      ...(will.isInGrace ? { inGrace: true as const } : {}),
    }));
}

/** What all files together say of the seats of one version of a feature. */
interface SeatsNow {
  readonly count: number | 'uncounted';
  /** It is not licensed, or its last period is over and none is in force: nothing of it is held any more. */
  readonly isOver: boolean;
  readonly isInGrace: boolean;
}

function seatsNow(parts: readonly LicenseFeature[], timeMs: number): SeatsNow {
  const inForce = parts.filter((part) => featureStartMs(part) <= timeMs && timeMs < featureGraceEndMs(part));
  return {
    count: inForce.some(({ count }) => count === 'uncounted')
      ? 'uncounted'
      : inForce.reduce((sum, { count }) => sum + (count as number), 0),
    isOver: inForce.length === 0 && (parts.length === 0 || parts.some((part) => featureGraceEndMs(part) <= timeMs)),
    isInGrace: inForce.length > 0 && inForce.every((part) => featureEndMs(part) <= timeMs),
  };
}

type Named = Pick<LicenseFeature, 'name' | 'version'>;

function byName<One extends Named>(all: readonly One[]): ReadonlyMap<string, readonly One[]> {
  const found = new Map<string, One[]>();
  for (const one of all) {
    const those = found.get(one.name);
    if (those === undefined) found.set(one.name, [one]);
    else those.push(one);
  }
  return found;
}

/** Versions that are the same number by number are the same. */
function ofVersion<One extends Named>(
  all: ReadonlyMap<string, readonly One[]>,
  name: string,
  version: string,
): readonly One[] {
  return (all.get(name) ?? []).filter((one) => compareVersions(one.version, version) === 0);
}

function* holdersOf(keys: ReadonlySet<string>, grants: Iterable<GrantView>): Generator<void, ReloadPreview['holders']> {
  const holders: ReloadPreview['holders'][number][] = [];
  let looks = 0;
  for (const grant of grants) {
    if (++looks % looksPerStep === 0) yield;
    if (!keys.has(keyOf(grant))) continue;
    const { feature, version, user, host, count } = grant;
    holders.push({ feature, version, user, host, count });
    if (holders.length >= previewHoldersMax) break;
  }
  return holders;
}

function keyOf({ feature, version }: { readonly feature: string; readonly version: string }): string {
  return `${feature} ${version}`;
}
