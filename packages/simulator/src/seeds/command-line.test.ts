import { expect, it } from 'vitest';
import { parseCommand } from './command-line.ts';

it('runs fifty drawn seeds unless it is told otherwise', () => {
  expect(parseCommand([])).toMatchObject({ firstSeed: undefined, seeds: 50, seconds: 30, jobs: undefined });
});

it('runs one seed where that is named, and any number where only the time is limited', () => {
  expect(parseCommand(['--seed', '7'])).toMatchObject({ firstSeed: 7, seeds: 1 });
  expect(parseCommand(['--for', '110s'])).toMatchObject({ seeds: Infinity, forMs: 110_000 });
  expect(parseCommand(['--for', '2m', '--seeds', '9'])).toMatchObject({ seeds: 9, forMs: 120_000 });
});

it.each([
  [['--seeds', '0'], '--seeds must be a whole number from 1, got "0"'],
  [['--jobs', 'many'], '--jobs must be a whole number from 1, got "many"'],
  [['--for', '110'], '--for must be a time such as 110s or 2m, got "110"'],
  [['--shrink'], '--history and --shrink are about one run'],
  [['--seed', '1', '--seeds', '2', '--history', 'file'], '--history and --shrink are about one run'],
] as const)('refuses %j', (args, message) => {
  expect(() => parseCommand(args)).toThrow(message);
});
