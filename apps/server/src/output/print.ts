import { styleText } from 'node:util';

type Style = 'red' | 'green' | 'yellow' | 'cyan' | 'bold' | 'dim';

/** A line on standard output. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** A line on standard error: what a script does not want to read. */
export function printError(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** A line that is printed with {@link print} or {@link printError} can be coloured for where it goes. */
export type Stream = Pick<NodeJS.WriteStream, 'isTTY'>;

/** Colours text where a person reads it on a terminal (and NO_COLOR is not set). */
export function style(format: Style, text: string, stream: Stream = process.stdout): string {
  return stream.isTTY && process.env['NO_COLOR'] === undefined
    ? styleText(format, text, { validateStream: false })
    : text;
}

// Written by clients and vendors: a name must not move the cursor or recolour a terminal.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const controls = /[\u0000-\u001f\u007f-\u009f]/g;

/** Text from somebody else, without its control characters. */
export function plain(text: string): string {
  return text.replace(controls, '?');
}

/** Columns as wide as their widest cell; cells may be styled. */
export function printTable(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => visibleLength(row[column] ?? ''))),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell + ' '.repeat(Math.max(0, (widths[column] ?? 0) - visibleLength(cell))))
      .join('  ')
      .trimEnd();
  print(style('dim', line(head)));
  for (const row of rows) print(line(row));
}

function visibleLength(text: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: an escape sequence begins with one.
  return text.replace(/\u001b\[[0-9;]*m/g, '').length;
}
