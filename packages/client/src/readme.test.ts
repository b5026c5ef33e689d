import { readFileSync } from 'node:fs';
import { endReasonSchema } from '@lic/protocol';
import { expect, test } from 'vitest';
import { createClient } from './client.ts';
import { clientErrorCodes } from './error-codes.ts';
import { defaultTiming } from './logic/timing.ts';
import { agentDefault, connectTimeoutMsDefault } from './options.ts';
import { serveTriad } from './testing/served-triad.ts';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

test('the example type-checks and runs', async () => {
  const served = await serveTriad();
  served.triad.giveControl(2);
  const { addresses, vendorKey } = served;
  const runtime = served.world.runtime('ws-17');
  const tcp = () => served.network.transport('ws-17');
  const compared: string[] = [];
  const [left, right] = ['left', 'right'];
  const compare = async (a: string, b: string, signal: AbortSignal): Promise<void> => {
    compared.push(a, b, String(signal.aborted), `${served.triad.ledger.summary().grants} held`);
  };

  const run = async (): Promise<void> => {
    const client = createClient({
      servers: addresses,
      transports: [tcp()],
      vendorKey,
      identity: { user: 'ann', host: 'ws-17' },
      runtime,
    });
    await client.withLicense('compare', async ({ signal }) => {
      await compare(left, right, signal);
    });
    await client.close();
  };
  await served.run(run());
  expect(compared).toEqual(['left', 'right', 'false', '1 held']);
  expect(served.triad.ledger.summary()).toMatchObject({ grants: 0, sessions: 0 });

  // What stands in the README stands here, line by line, but for addresses and key.
  const lines = (text: string): string[] => text.split('\n').map((line) => line.trim());
  const here = lines(readFileSync(new URL(import.meta.url), 'utf8'));
  const example = lines(/```ts\n(.*?)```/s.exec(readme)?.[1] ?? 'no example');
  expect(example.filter((line) => !here.includes(line) && !/^(servers|vendorKey):/.test(line))).toEqual([]);
});

test('every error code is there with whether to try again, and no other', () => {
  const table = readme.slice(readme.indexOf('| code | retryable |')).match(/(^\|.*\n)+/m)?.[0] ?? '';
  const rows = table.trim().split('\n').slice(2);
  const documented = rows.map((row) => row.split('|').map((cell) => cell.trim()));
  expect(
    Object.fromEntries(documented.map(([, code, yes]) => [code?.replaceAll('`', ''), { retryable: yes === 'yes' }])),
  ).toEqual(clientErrorCodes);
});

test('every reason of an end, and every default is there', () => {
  for (const reason of endReasonSchema.options) expect(readme).toContain(`\`${reason}\``);
  const defaults = [
    `| \`controlWaitMs\` | ${defaultTiming.controlWaitMs.toLocaleString('en').replace(',', ' ')} |`,
    `| \`connectTimeoutMs\` | ${connectTimeoutMsDefault.toLocaleString('en').replace(',', ' ')} |`,
    `| \`agent\` | \`${agentDefault}\` |`,
  ];
  for (const row of defaults) expect(readme).toContain(row);
});
