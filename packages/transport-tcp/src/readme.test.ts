import { readFileSync } from 'node:fs';
import { silentLogger } from '@lic/interfaces';
import { runtime } from '@lic/runtime';
import { tcp } from '@lic/transport-tcp';
import { describe, expect, it, vi } from 'vitest';
import { tcpDefaults } from './index.ts';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

describe('README', () => {
  it('has an example that type-checks and runs', async () => {
    const console = { log: vi.fn() };
    const transport = tcp({ pingAfterMs: 2_000, silenceMsMax: 6_000 })({ runtime, logger: silentLogger });
    const listener = await transport.listen('tcp://127.0.0.1:0', {
      onConnection(connection) {
        connection.onFrame((frame) => connection.send(frame));
      },
    });
    const connection = await transport.dial(listener.address, { signal: AbortSignal.timeout(1_000) });
    connection.onClose(({ kind, message }) => console.log(kind, message));
    connection.onFrame((frame) => {
      console.log(frame);
      connection.close();
    });
    if (!connection.send('hello')) await connection.drained();

    await vi.waitFor(() => expect(console.log).toHaveBeenCalledTimes(2));
    expect(console.log.mock.calls).toEqual([['hello'], ['local', 'closed by this side']]);
    await listener.close();
    // What stands in the README stands here, line by line.
    const lines = (text: string): string[] => text.split('\n').map((line) => line.trim());
    const here = lines(readFileSync(new URL(import.meta.url), 'utf8'));
    const example = lines(/```ts\n(.*?)```/s.exec(readme)?.[1] ?? 'no example');
    expect(example.filter((line) => !here.includes(line))).toEqual([]);
  });

  it('names each limit with its default', () => {
    for (const [name, value] of Object.entries(tcpDefaults)) expect(readme).toContain(`| \`${name}\` | ${value} |`);
  });
});
