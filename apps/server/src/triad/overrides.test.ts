import { expect, it } from 'vitest';
import { parseOverrides } from './overrides.ts';

it('reads values as YAML', () => {
  const texts = [
    'lease=10s',
    'drift=0.02',
    'allowShortLeases=true',
    'profile={round: 50ms, electionTimeoutMin: 250ms}',
  ];
  expect(parseOverrides(texts)).toEqual({
    lease: '10s',
    drift: 0.02,
    allowShortLeases: true,
    profile: { round: '50ms', electionTimeoutMin: '250ms' },
  });
});

it.each([
  ['lease', 'expected key=value'],
  ['=1', 'expected key=value'],
  ['leese=10s', 'unknown key. Known keys: license'],
  ['toString=1', 'unknown key'],
])('refuses --set %s', (text, message) => {
  expect(() => parseOverrides([text])).toThrow(message);
  expect(() => parseOverrides([text])).toThrow(expect.objectContaining({ code: 'USAGE' }));
});
