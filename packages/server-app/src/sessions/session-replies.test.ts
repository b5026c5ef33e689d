import type { Denial } from '@lic/core';
import { expect, test } from 'vitest';
import { deniedMessage } from './session-replies.ts';

const denial: Denial = {
  code: 'NO_SEATS',
  feature: 'compare',
  message: 'All are in use.',
  requested: 1,
  rule: { source: 'license', where: 'features[compare].count', text: '12.0: 2' },
  holders: [
    { user: 'ann', host: 'ws-1', count: 1, sinceMs: 5 },
    { user: 'bob', host: 'ws-2', count: 1, sinceMs: 6 },
  ],
};

test('a denial names its own user among the holders, and masks everybody else', () => {
  expect(deniedMessage({ seq: 1, user: 'bob' }, { epoch: 1, denial })).toEqual({
    t: 'denied',
    seq: 1,
    epoch: 1,
    denial: {
      ...denial,
      holders: [
        { user: '***', host: '***', count: 1, sinceMs: 5 },
        { user: 'bob', host: 'ws-2', count: 1, sinceMs: 6 },
      ],
    },
  });
  expect(JSON.stringify(deniedMessage({ seq: 1, user: undefined }, { epoch: 1, denial }))).not.toMatch(/ann|bob|ws-/);
});
