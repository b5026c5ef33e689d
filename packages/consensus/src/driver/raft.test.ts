import { createMemoryLogStore, createVirtualWorld, MemoryDisk } from '@lic/testkit';
import { describe, expect, it } from 'vitest';
import { TestTriad } from '../harness/test-triad.ts';
import type { RaftOptions } from './options.ts';

function start(seed: string, count = 3, options: RaftOptions = {}): Promise<TestTriad<MemoryDisk>> {
  return TestTriad.start({
    world: createVirtualWorld({ seed }),
    newDisk: () => new MemoryDisk(),
    storeOn: (disk, runtime) => createMemoryLogStore(disk, { runtime, syncMs: 2 }),
    count,
    options,
  });
}

describe('raft on virtual time', () => {
  it('elects the primary at a first start, within a second', async () => {
    const triad = await start('first');
    const leader = await triad.decided(1_000);
    expect(leader.id).toBe('a');
    expect(leader.events).toEqual(['gained 1']);
  });

  it('applies what was proposed on all servers in the same order', async () => {
    const triad = await start('order');
    const leader = await triad.decided();
    const all = ['one', 'slow:two', 'three'].map((text) => leader.consensus.propose(Buffer.from(text)));
    const results = await triad.settled(Promise.all(all));
    expect(results.map(({ result }) => result)).toEqual(['1', '2', '3']);
    await triad.until(() => triad.servers.every((each) => each.machine.list.length === 3), 50);
    for (const { machine } of triad.servers) expect(machine.list).toEqual(['one', 'slow:two', 'three']);
  });

  it('puts another in control within 100 ms after the one in control was killed', async () => {
    const triad = await start('kill');
    const first = await triad.decided();
    await triad.propose(first, 'kept');
    triad.kill(first);
    const second = await triad.decided(100);
    expect(second.id).toBe('b');
    expect(await triad.propose(second, 'more')).toBe('2');
    await triad.boot(first);
    await triad.until(() => first.machine.list.length === 2);
  });

  it('runs alone as a quorum of one', async () => {
    const triad = await start('alone', 1);
    const leader = await triad.decided();
    expect(await triad.propose(leader, 'x')).toBe('1');
    await triad.settled(leader.consensus.readBarrier(), 10);
  });
});
