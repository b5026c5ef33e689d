import { expect, it } from 'vitest';
import { Suspensions } from './suspensions.ts';

it('consensus is suspended while there is any reason, and told each first one once', () => {
  const told: (string | null)[] = [];
  const suspensions = new Suspensions({ suspend: (why) => void told.push(why) });
  suspensions.set('state', null);
  suspensions.set('identity', 'in use');
  suspensions.set('identity', 'in use');
  suspensions.set('state', 'differs');
  suspensions.set('identity', null);
  suspensions.set('state', null);
  expect(told).toEqual(['in use', 'differs', null]);
});
