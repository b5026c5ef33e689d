import { expect, it } from 'vitest';
import { durationSchema, parseDurationMs } from './duration.ts';

it.each([
  ['250ms', 250],
  ['60s', 60_000],
  ['1.5m', 90_000],
  ['24h', 86_400_000],
  ['1d', 86_400_000],
  [' 5s ', 5_000],
])('reads %s', (text, ms) => {
  expect(parseDurationMs(text)).toBe(ms);
});

it.each(['', '5', 's', '5 s', '-5s', '5w', '1e3s', '.5s', '5s5s'])('refuses %j', (text) => {
  expect(parseDurationMs(text)).toBeUndefined();
});

it.each([60, '0s', '25h', 'soon', null])('in a file, refuses %j and says what is expected', (value) => {
  const result = durationSchema(86_400_000).safeParse(value);
  expect(result.error?.issues[0]?.message).toContain('expected a duration such as 250ms, 60s, 5m or 24h');
});
