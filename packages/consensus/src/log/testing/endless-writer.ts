import { stdout } from 'node:process';
import { fileLogStore } from '../file-log-store.ts';

/**
 * A process that writes until it is killed: `node endless-writer.js FOLDER`. It prints `opened N`, then the index of each entry that was
 * acknowledged, one a line. A pipe is written to synchronously, so what it printed it had.
 */
const [folder = '.'] = process.argv.slice(2);
const store = fileLogStore({ directory: folder, segmentBytes: 256 * 1_024 });
const contents = await store.open();
const last = contents.entries.at(-1)?.index ?? contents.snapshot?.index ?? 0;
if (contents.damage !== undefined) throw new Error(contents.damage.what);
stdout.write(`opened ${last}\n`);
let next = last + 1;
await Promise.all(
  [1, 2, 3, 4].map(async () => {
    for (;;) {
      const index = next++;
      await store.write({ entries: [{ index, term: 1, kind: 'command', data: new Uint8Array(1_000).fill(index) }] });
      stdout.write(`${index}\n`);
      if (index % 400 !== 0) continue;
      const config = new Uint8Array(0);
      await store.saveSnapshot({ index, term: 1, config }, (async function* () {})());
      await store.compact(index);
    }
  }),
);
