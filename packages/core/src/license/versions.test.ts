import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareVersions, parseVersion } from './versions.ts';

const version = fc.array(fc.nat(30), { minLength: 1, maxLength: 8 }).map((parts) => parts.join('.'));

describe('versions', () => {
  it.each([
    ['12', '12.0', 0],
    ['12', '12.0.0.0', 0],
    ['012.01', '12.1', 0],
    ['12.10', '12.9', 1],
    ['9', '10', -1],
    ['12.0.1', '12', 1],
    ['2026.1', '2026.1.0.1', -1],
    ['999999999', '0', 1],
  ])('compares %s with %s', (a, b, order) => {
    expect(Math.sign(compareVersions(a, b))).toBe(order);
    expect(Math.sign(compareVersions(b, a))).toBe(order === 0 ? 0 : -order);
  });

  it('orders them totally, and alike with zeros behind', () => {
    fc.assert(
      fc.property(version, version, version, (a, b, c) => {
        expect(Math.sign(compareVersions(a, b))).toBe(-Math.sign(compareVersions(b, a)) + 0);
        if (compareVersions(a, b) <= 0 && compareVersions(b, c) <= 0)
          expect(compareVersions(a, c)).toBeLessThanOrEqual(0);
        if (a.split('.').length < 8) expect(compareVersions(a, `${a}.0`)).toBe(0);
        expect(compareVersions(a, b) === 0).toBe(parseVersion(a).join() === parseVersion(b).join());
      }),
    );
  });

  it.each(['', '.', '12.', '.1', '1..2', 'v12', '12-beta', '1.2 ', '-1', '1e3', '1'.repeat(10), '1.2.3.4.5.6.7.8.9'])(
    'refuses "%s"',
    (text) => {
      expect(() => parseVersion(text)).toThrow(expect.objectContaining({ code: 'VERSION_INVALID' }));
      expect(() => compareVersions('1', text)).toThrow('expected 1 to 8 numbers between dots');
    },
  );
});
