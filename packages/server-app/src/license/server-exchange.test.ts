import type { License } from '@lic/core';
import { describe, expect, it } from 'vitest';
import { checkServerExchange } from './server-exchange.ts';

const license = (keys: string): License =>
  ({ servers: [...keys].map((key, at) => ({ key, name: `server-${key}`, rank: at + 1 })) }) as unknown as License;
const members = (ids: string) =>
  [...ids].map((id) => ({ id: id.toLowerCase(), incarnation: id, voter: id === id.toLowerCase() }));

describe('a reload', () => {
  it.each([
    ['changes nothing', 'abc', 'abc', 'abc'],
    ['changes ranks', 'abc', 'cba', 'abc'],
    ['exchanges one server', 'abc', 'abd', 'abc'],
    ['names another in the place of one that is not in yet', 'abd', 'abe', 'abcD'],
    ['goes back while the new one is not in yet', 'abd', 'abc', 'abcD'],
    ['names another in the place of one whose predecessor is out already', 'abd', 'abe', 'abD'],
    ['changes ranks while an exchange is under way', 'abd', 'dab', 'abcD'],
    ['gives up one that is lost, after a recovery', 'abc', 'abd', 'aB'],
  ])('%s: may be loaded', (_what, current, next, configuration) => {
    expect(() => checkServerExchange(license(current), license(next), members(configuration))).not.toThrow();
  });

  it.each([
    ['exchanges two servers', 'abc', 'ade', 'abc', /2 new server keys/],
    ['makes one of three', 'abc', 'a', 'abc', /2 no more/],
    ['makes three of one', 'a', 'abc', 'a', /2 new server keys/],
    ['exchanges a second while the first is under way', 'abd', 'aed', 'abcD', /server-d \(d\) is not in yet.*server-b/],
    ['exchanges a second before the first is in', 'abd', 'aed', 'abD', /start server-d/],
  ])('%s: is refused', (_what, current, next, configuration, message) => {
    const load = () => checkServerExchange(license(current), license(next), members(configuration));
    expect(load).toThrow(expect.objectContaining({ code: 'ONE_SERVER_AT_A_TIME' }));
    expect(load).toThrow(message);
  });

  it('that exchanges the only server is refused: that one would form anew', () => {
    const load = () => checkServerExchange(license('a'), license('b'), members('a'));
    expect(load).toThrow(expect.objectContaining({ code: 'LICENSE_REFUSED', details: { reason: 'ONLY_SERVER' } }));
  });
});
