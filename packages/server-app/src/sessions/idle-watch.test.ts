import type { GrantView, LedgerResult } from '@lic/core';
import { silentLogger } from '@lic/interfaces';
import { expect, test } from 'vitest';
import type { Unstamped } from '../propose.ts';
import { IdleWatch } from './idle-watch.ts';

const held: Omit<GrantView, 'id' | 'session' | 'state'> = {
  feature: 'compare',
  version: '12.0',
  count: 1,
  user: 'u',
  host: 'h',
  sinceMs: 0,
  leaseMs: 60_000,
  holdMs: 61_600,
  reclaim: 'lease',
  checkoutSeq: 1,
};
const grants: readonly GrantView[] = [
  { ...held, id: 'g1', session: 'ann', state: 'active' },
  { ...held, id: 'g2', session: 'ann', state: 'active' },
  { ...held, id: 'g3', session: 'ann', state: 'ending' },
  { ...held, id: 'g4', session: 'bob', state: 'active' },
];

function watching(limitMs: number | undefined): { readonly watch: IdleWatch; readonly proposed: Unstamped[] } {
  const proposed: Unstamped[] = [];
  const watch = new IdleWatch({
    logger: silentLogger,
    ledger: { grant: (id) => grants.find((grant) => grant.id === id), idleMsFor: () => limitMs },
    // Never answered: the first one stays under way.
    propose: (command) => {
      proposed.push(command);
      return new Promise<LedgerResult>(() => {});
    },
  });
  return { watch, proposed };
}

test('ends the active grants of the session that are idle for longer than the policy lets, and no others', () => {
  const { watch, proposed } = watching(1_000);
  watch.heard('ann', [
    { grant: 'g1', ms: 1_001 },
    { grant: 'g2', ms: 1_000 },
    { grant: 'g3', ms: 5_000 },
    { grant: 'g4', ms: 5_000 },
    { grant: 'g5', ms: 5_000 },
  ]);
  expect(proposed).toEqual([{ kind: 'revoke', grants: ['g1'], reason: '', as: 'idle' }]);
});

test('proposes one end of a session at a time', () => {
  const { watch, proposed } = watching(1_000);
  for (let at = 0; at < 3; at++) watch.heard('ann', [{ grant: 'g1', ms: 2_000 }]);
  watch.heard('bob', [{ grant: 'g4', ms: 2_000 }]);
  expect(proposed).toHaveLength(2);
});

test('ends nothing where the policy says nothing', () => {
  const { watch, proposed } = watching(undefined);
  watch.heard('ann', [{ grant: 'g1', ms: 1e9 }]);
  expect(proposed).toEqual([]);
});
