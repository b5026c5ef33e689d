import { compareVersions, type GrantView, type License, type PoolView, parseLicense } from '@lic/core';

/** Holders that a preview names at most. */
export const previewHoldersMax = 1_000;

/** Seats of one version of a feature, before a reload and after it. */
export interface PoolPreview {
  readonly feature: string;
  readonly version: string;
  readonly before: number | 'uncounted';
  readonly after: number | 'uncounted';
  readonly inUse: number;
  /** Held beyond what there will be: nobody is evicted where the pool stays, and nothing is granted until it fits. */
  readonly over: number;
  /** The pool is no more: its grants end. */
  readonly ends?: true;
}

/** What a reload would change. Periods are not looked at: a count is what the files say, whether it has begun or is over. */
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
  /** All files as one. */
  readonly after: License;
  readonly pools: readonly PoolView[];
  readonly grants: Iterable<GrantView>;
}

/** Compares the licenses in force with those of a reload. O(pools + grants). */
export function previewReload({ textsBefore, textsAfter, after, pools, grants }: ReloadSides): ReloadPreview {
  const before = byId(textsBefore);
  const next = byId(textsAfter);
  const superseded = new Set([...next.values()].flatMap(({ supersedes = [] }) => supersedes));
  const isReplaced = (id: string) =>
    superseded.has(id) || JSON.stringify(before.get(id)) !== JSON.stringify(next.get(id));
  const changes = changedPools(pools, after);
  const shrinking = new Set(changes.filter(({ over, ends }) => over > 0 || ends === true).map(keyOf));
  const gone = [...before.keys()];
  return {
    added: [...next.keys()].filter((id) => !before.has(id)),
    replaced: gone.filter((id) => (next.has(id) || superseded.has(id)) && isReplaced(id)),
    removed: gone.filter((id) => !next.has(id) && !superseded.has(id)),
    pools: changes,
    holders: shrinking.size === 0 ? [] : holdersOf(shrinking, grants),
  };
}

function byId(texts: readonly string[]): ReadonlyMap<string, License> {
  return new Map(texts.map((text) => parseLicense(text)).map((license) => [license.id, license]));
}

function changedPools(pools: readonly PoolView[], after: License): readonly PoolPreview[] {
  const counts = new Map<string, PoolPreview>();
  for (const { feature, version, count, inUse } of pools)
    counts.set(keyOf({ feature, version }), { feature, version, before: count, after: 0, inUse, over: 0, ends: true });
  for (const { name, version, count } of after.features) {
    const known = [...counts.values()].find(
      (one) => one.feature === name && compareVersions(one.version, version) === 0,
    );
    const { ends: _ends, ...pool } = known ?? { feature: name, version, before: 0, after: 0, inUse: 0, over: 0 };
    const sum = pool.after === 'uncounted' || count === 'uncounted' ? 'uncounted' : pool.after + count;
    counts.set(keyOf(pool), { ...pool, after: sum });
  }
  return [...counts.values()]
    .filter((pool) => pool.before !== pool.after || pool.ends === true)
    .map((pool) => ({ ...pool, over: pool.after === 'uncounted' ? 0 : Math.max(0, pool.inUse - pool.after) }));
}

function holdersOf(keys: ReadonlySet<string>, grants: Iterable<GrantView>): ReloadPreview['holders'] {
  const holders: ReloadPreview['holders'][number][] = [];
  for (const grant of grants) {
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
