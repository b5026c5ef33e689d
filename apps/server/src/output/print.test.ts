import { expect, it } from 'vitest';
import { printedBy } from '../testing/printed.ts';
import { plain, printTable, style } from './print.ts';
import { momentText, spanText } from './readable.ts';

it('aligns columns by what is seen of them', async () => {
  const { stdout } = await printedBy(() =>
    printTable(
      ['NAME', 'N', 'LAST'],
      [
        ['a', '1', 'x'],
        ['\u001b[32mlonger\u001b[39m', '22', ''],
      ],
    ),
  );
  expect(stdout.split('\n')).toEqual(['NAME    N   LAST', 'a       1   x', '\u001b[32mlonger\u001b[39m  22', '']);
});

it('colours on a terminal only', () => {
  expect(style('red', 'x', { isTTY: false })).toBe('x');
  expect(style('red', 'x', { isTTY: true })).toBe(
    process.env['NO_COLOR'] === undefined ? '\u001b[31mx\u001b[39m' : 'x',
  );
});

it('lets no name move the cursor', () => {
  expect(plain('eve\u001b[2J\r\n\u009bA é')).toBe('eve?[2J???A é');
});

it.each([
  [-5, '0 s'],
  [59_999, '59 s'],
  [60_000, '1 min'],
  [7_500_000, '2 h 5 min'],
  [7_200_000, '2 h'],
  [522_000_000, '6 d 1 h'],
])('says %d ms as %s', (ms, text) => {
  expect(spanText(ms)).toBe(text);
});

it('says a moment to the minute', () => {
  expect(momentText('2027-11-24T23:59:59.999Z')).toBe('2027-11-24 23:59 UTC');
});
