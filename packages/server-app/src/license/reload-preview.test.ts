import type { GrantView, License, LicenseFeature, PoolView } from '@lic/core';
import { expect, it } from 'vitest';
import { previewHoldersMax, previewReload, type ReloadPreview, type ReloadSides } from './reload-preview.ts';

const timeMs = Date.UTC(2026, 5, 15);
type Terms = Partial<LicenseFeature> & Pick<LicenseFeature, 'count'>;

function license(features: readonly Terms[], more: Partial<License> = {}): License {
  return {
    lic: 1,
    id: 'acme-1',
    vendor: 'acme',
    licensee: 'Test',
    issuedAt: '2026-01-01T00:00:00Z',
    servers: [
      { rank: 1, name: 's1', address: 'tcp://s1:7411', key: 'ed25519:9jjZsEmTHyasQpn93so6J7Tr3ZKTr3CVjn8MxfzBLMQ' },
    ],
    features: features.map((terms) => ({ name: 'compare', version: '12.0', ...terms })),
    signature: { alg: 'Ed25519', keyId: '0123456789abcdef', value: 'A'.repeat(86) },
    ...more,
  };
}

function pool(inUse: number, more: Partial<PoolView> = {}): PoolView {
  const base = { feature: 'compare', version: '12.0', count: 10, inUse, free: 0, queued: 0, expiresAtMs: null };
  return { ...base, ...more };
}

function grant(user: string, more: Partial<GrantView> = {}): GrantView {
  return {
    id: 'g1',
    session: 's',
    feature: 'compare',
    version: '12.0',
    count: 1,
    user,
    host: 'h',
    sinceMs: 0,
    state: 'active',
    leaseMs: 1,
    holdMs: 1,
    reclaim: 'lease',
    checkoutSeq: 1,
    ...more,
  };
}

function run(work: Generator<void, ReloadPreview>): { readonly preview: ReloadPreview; readonly steps: number } {
  for (let steps = 1; ; steps++) {
    const step = work.next();
    if (step.done === true) return { preview: step.value, steps };
  }
}

function preview(before: License, after: License, more: Partial<ReloadSides> = {}): ReloadPreview {
  const sides = { before, after, timeMs, pools: [pool(4)], grants: [grant('ann')] };
  const texts = { textsBefore: [JSON.stringify(before)], textsAfter: [JSON.stringify(after)] };
  return run(previewReload({ ...sides, ...texts, ...more })).preview;
}

const inForce = license([{ count: 10 }]);

it('names what is added, replaced and removed', () => {
  const next = license([{ count: 10 }], { id: 'acme-2', supersedes: ['acme-1'] });
  const old = license([{ count: 1 }], { id: 'acme-0' });
  const textsBefore = [JSON.stringify(inForce), JSON.stringify(old)];
  expect(preview(inForce, next, { textsBefore })).toMatchObject({
    added: ['acme-2'],
    replaced: ['acme-1'],
    removed: ['acme-0'],
    pools: [],
    holders: [],
  });
});

it('says who holds seats of a pool that is too small from then on, whatever way its version is written', () => {
  expect(preview(inForce, license([{ version: '12', count: 3 }]))).toMatchObject({
    pools: [{ feature: 'compare', version: '12.0', before: 10, after: 3, inUse: 4, over: 1 }],
    holders: [{ user: 'ann', count: 1 }],
  });
});

it('says that grants end where the pool is no more, or over', () => {
  const ending = [{ before: 10, after: 0, over: 4, ends: true }];
  expect(preview(inForce, license([{ name: 'merge', count: 1 }])).pools).toMatchObject([
    ...ending,
    { feature: 'merge', before: 0, after: 1, inUse: 0 },
  ]);
  expect(preview(inForce, license([{ count: 10, expiresAt: '2026-06-01' }])).pools).toMatchObject(ending);
});

it('counts what may be used now: nothing of a period to come, and of days of grace what stands', () => {
  const [later] = preview(inForce, license([{ count: 10, startsAt: '2026-07-01' }])).pools;
  expect(later).toEqual({ feature: 'compare', version: '12.0', before: 10, after: 0, inUse: 4, over: 4 });
  const more = license([
    { count: 5, startsAt: '2026-07-01' },
    { count: 6, expiresAt: '2026-06-10', graceDays: 14 },
  ]);
  // Of several files: no one text has the same version twice.
  const texts = { textsBefore: [], textsAfter: [] };
  expect(preview(inForce, more, texts).pools).toMatchObject([{ before: 10, after: 6, over: 0, inGrace: true }]);
  const withPast = license([{ count: 10 }, { count: 2, expiresAt: '2026-06-01' }]);
  expect(preview(withPast, inForce, texts).pools).toEqual([]);
});

it('looks at the grants in steps, and names so many holders at most', () => {
  const grants = Array.from({ length: 10_000 }, (_, at) =>
    grant(`u${at}`, { feature: at < 5_000 ? 'merge' : 'compare' }),
  );
  const after = license([{ count: 3 }]);
  const sides = { before: inForce, after, timeMs, pools: [pool(4)], textsBefore: [], textsAfter: [] };
  const { preview, steps } = run(previewReload({ ...sides, grants }));
  expect(preview.holders).toHaveLength(previewHoldersMax);
  expect(preview.holders[0]).toMatchObject({ user: 'u5000' });
  expect(steps).toBeGreaterThan(10);
  let looked = 0;
  const counted = (function* () {
    for (const one of grants) {
      looked++;
      yield one;
    }
  })();
  const work = previewReload({ ...sides, grants: counted });
  let most = 0;
  for (let before = 0; work.next().done !== true; before = looked) most = Math.max(most, looked - before);
  expect(most).toBeLessThanOrEqual(512);
});
