import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { createClient, openBorrow } from '@lic/client';
import { fileBorrowStore } from '@lic/client/node';
import { tcp } from '@lic/transport-tcp';
import { expect, it } from 'vitest';
import { runLic, TriadUnderTest, until } from './triad-under-test.ts';

const page = readFileSync(new URL('../../../docs/borrow.md', import.meta.url), 'utf8');
/** Each command of the page with what it prints. */
const steps = [...page.matchAll(/```console\n(.*?)```/gs)]
  .flatMap(([, block = '']) =>
    block
      .trim()
      .split(/^\$ lic /m)
      .filter((step) => step !== ''),
  )
  .map((step) => step.trim().split('\n') as [string, ...string[]]);

const hourMs = 3_600_000;
const features = [
  { name: 'compare', version: '12.0', count: 2, borrow: { longestSeconds: 7200, countMax: 2 } },
  { name: 'merge', version: '12.0', count: 1 },
];

/** A line of the page as a pattern: `…` is anything. */
function patternOf(line: string): RegExp {
  const parts = line.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/ +/g, ' +'));
  return new RegExp(`^${parts.join('.*')}$`);
}

it('lends by the book, and through the loss of the server in control', { timeout: 120_000 }, async () => {
  await using triad = await TriadUnderTest.start(features, []);
  const env = { LIC_BORROWS: join(triad.directory, 'borrows'), NO_COLOR: '1' };
  const run = (command: string) => runLic(command.replace('--dir triad', `--dir ${triad.triadPath}`).split(' '), env);
  await until('a server is in control', async () => ((await triad.status()).inControl === null ? undefined : true));

  expect(steps.length).toBeGreaterThan(5);
  for (const [command, ...lines] of steps) {
    const { stdout, stderr } = await run(command);
    const printed = `${stdout}${stderr}`.trim().split('\n');
    for (const [at, line] of lines.entries())
      expect(
        printed.some((text) => patternOf(line).test(text.trim())),
        `${command}, line ${at + 1}: ${printed.join(' / ')}`,
      ).toBe(true);
  }

  // Borrowed, then the server that lent is killed: the next one counts it, takes it back, and its token holds with no server at all.
  const store = fileBorrowStore(join(triad.directory, 'laptop', 'compare.borrow'));
  const clientOf = () =>
    createClient({
      servers: triad.addresses('tcp'),
      transports: [tcp()],
      vendorKey: triad.vendorKey,
      identity: { user: 'ann', host: hostname() },
    });
  const borrowedOf = async () => (await triad.status()).grants.filter(({ state }) => state === 'borrowed');
  await using first = clientOf();
  await first.borrow('compare', { store, for: hourMs, count: 2 });
  const [shown] = await borrowedOf();
  expect(shown).toMatchObject({ count: 2, user: 'ann', until: expect.stringContaining('T') });
  triad.killServer(1);
  const stillShown = await until('another server is in control', async () => {
    const { inControl, quorum } = await triad.status();
    return quorum && inControl !== null && inControl !== 1 ? borrowedOf() : undefined;
  });
  expect(stillShown).toEqual([shown]);
  await using next = clientOf();
  await expect(
    next.borrow('compare', { store: fileBorrowStore(join(triad.directory, 'x')), for: hourMs }),
  ).rejects.toMatchObject({
    code: 'BORROW_LIMIT',
  });
  triad.killServer(2);
  triad.killServer(3);
  {
    await using open = await openBorrow({ store, vendorKey: triad.vendorKey, host: hostname() });
    expect(open).toMatchObject({ holds: true, borrow: { feature: 'compare', count: 2 } });
  }
  triad.startServer(1);
  triad.startServer(2);
  await until('the quorum is back', async () => ((await triad.status()).quorum ? true : undefined));
  const unknown = await run(`return b999 --dir triad`);
  expect([unknown.code, unknown.stderr]).toEqual([1, expect.stringContaining('No such borrow: b999')]);
  const gone = await run(`return ${shown?.id} --json --dir triad`);
  expect(JSON.parse(gone.stdout)).toMatchObject({ ok: true, borrow: shown?.id, user: 'ann', count: 2 });
  await using last = clientOf();
  await last.returnBorrow(store);
  expect([await borrowedOf(), await store.load()]).toEqual([[], undefined]);
});
