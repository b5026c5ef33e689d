import { expect, it } from 'vitest';
import type { ClientLink } from '../clients/client-link.ts';
import { Bindings } from './bindings.ts';

const link = (id: number, isOpen = true): ClientLink => ({
  id,
  remote: 'test',
  isOpen,
  end: undefined,
  send() {},
  close() {},
});

it('binds a session to one connection at a time, the one of the newest epoch', () => {
  const bindings = new Bindings();
  const [a, b] = [link(1), link(2)];
  bindings.bind('s', a, 1);
  bindings.bind('s', b, 3);
  bindings.bind('s', a, 2);
  expect(bindings.isBoundTo('s', b, 3)).toBe(true);
  expect(bindings.isBoundTo('s', a, 2)).toBe(false);
  expect(bindings.unbindLink(a)).toEqual([]);
  expect(bindings.unbindLink(b)).toEqual([{ session: 's', epoch: 3 }]);
  expect(bindings.has('s')).toBe(false);
});

it('never binds to a connection that has ended while the command was under way', () => {
  const bindings = new Bindings();
  bindings.bind('s', link(1), 1);
  bindings.bind('s', link(2, false), 2);
  expect(bindings.has('s')).toBe(false);
});
