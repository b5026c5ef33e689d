import { plain } from '../output/print.ts';

/** Lines of a log's end that a person is shown where a server did not come up. */
const linesMax = 5;
/** Fields that every line has, or that stand elsewhere in it. */
const known = new Set(['level', 'time', 'pid', 'msg']);

/** The last lines of a server's log, each as a sentence with its facts. */
export function readableLogEnd(log: string): readonly string[] {
  return log.trimEnd().split('\n').slice(-linesMax).map(readable);
}

function readable(line: string): string {
  try {
    const entry = JSON.parse(line) as Readonly<Record<string, unknown>>;
    const facts = Object.entries(entry).filter(([key]) => !known.has(key));
    const tail = facts.map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
    return plain([`${String(entry['level'])}: ${String(entry['msg'])}`, ...tail].join('  '));
  } catch {
    // Not one of the logger's lines, such as what Node itself prints.
    return plain(line);
  }
}
