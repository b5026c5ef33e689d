import { expect, it } from 'vitest';
import { Beliefs, type Believed } from './beliefs.ts';
import type { BrokenPromise } from './violation.ts';

function believing(seats: number) {
  const broken: BrokenPromise[] = [];
  const beliefs = new Beliefs(
    () => seats,
    (promise) => void broken.push(promise),
  );
  const add = (id: string, changes: Partial<Believed> = {}): void =>
    beliefs.add(`client of ${id}`, { id, feature: 'compare', count: 1, holds: true, ended: undefined, ...changes });
  return { beliefs, add, broken };
}

it('fires where clients hold more than there is (I3)', () => {
  const { beliefs, add, broken } = believing(2);
  add('g1');
  add('g2');
  beliefs.check();
  expect(broken).toEqual([]);
  add('g3', { holds: false });
  add('g4', { ended: { code: 'revoked' } });
  beliefs.check();
  expect(broken).toEqual([]);
  add('g5');
  beliefs.check();
  expect(broken).toEqual(['I3']);
});

it('counts the seats that clients share once', () => {
  const { beliefs, add, broken } = believing(3);
  add('g1', { share: 'g1' });
  add('g2', { share: 'g1', count: 2 });
  add('g3', { share: 'g3' });
  beliefs.check();
  expect(broken).toEqual([]);
  add('g4');
  beliefs.check();
  expect(broken).toEqual(['I3']);
});

it('counts what one client holds by its number of seats, and nothing of a dead one', () => {
  const { beliefs, add, broken } = believing(2);
  add('g1', { count: 2 });
  beliefs.forget('client of g1');
  add('g2', { count: 2 });
  beliefs.check();
  expect(broken).toEqual([]);
  expect(beliefs.held()).toEqual(['g2']);
  add('g3');
  beliefs.check();
  expect(broken).toEqual(['I3']);
});
