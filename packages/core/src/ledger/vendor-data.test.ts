import { expect, it } from 'vitest';
import { LedgerRig } from './testing/ledger-rig.ts';

it('comes with every grant, and with its repeat and its resume', () => {
  const rig = new LedgerRig([{ name: 'compare', count: 1, vendorData: 'modules=3d' }]);
  const client = rig.client('a');
  expect(client.checkout('compare')).toMatchObject({ grant: { vendorData: 'modules=3d' } });
  expect(client.checkout('compare', {}, 1)).toMatchObject({ kind: 'granted', grant: { vendorData: 'modules=3d' } });
  expect(client.resume('r')).toMatchObject({ grants: [{ vendorData: 'modules=3d' }] });
});
