import type { LogStore, StoreContents } from '@lic/interfaces';
import { expect, it } from 'vitest';
import { type DamageableDisk, watchForDamage } from './store-checks.ts';
import type { BrokenPromise } from './violation.ts';

const place = { file: 'log-1', offset: 7 };

async function opened(disk: DamageableDisk, damage: StoreContents['damage']): Promise<readonly BrokenPromise[]> {
  const broken: BrokenPromise[] = [];
  const store = { open: () => Promise.resolve({ damage } as StoreContents) } as LogStore;
  await watchForDamage(store, { server: 'a', disk, fail: (promise) => void broken.push(promise) }).open();
  return broken;
}

it('fires where a damaged log is taken for whole (I8), and not where the damage was said or there is none', async () => {
  expect(await opened({ damagedAt: place }, undefined)).toEqual(['I8']);
  expect(await opened({ damagedAt: place }, { ...place, what: 'a bad checksum' })).toEqual([]);
  expect(await opened({ damagedAt: undefined }, undefined)).toEqual([]);
});
