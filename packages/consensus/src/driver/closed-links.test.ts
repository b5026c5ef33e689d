import { describe, expect, it } from 'vitest';
import { TestTriad } from '../testing/test-triad.ts';

describe('when the server in control is killed', () => {
  it.each([
    [0, 0],
    [1, 3],
    [3, 1],
    [10, 28],
    [28, 10],
    [12, 13],
    [13, 12],
    [12, 34],
  ])('rank 2 follows it, where it sees that after %i ms and rank 3 after %i ms', async (second, third) => {
    const noticesAfterMs = (id: string) => (id === 'b' ? second : third);
    const triad = await TestTriad.start(`seen after ${second} and ${third}`, { noticesAfterMs });
    const a = await triad.decided();
    await triad.run(150);
    const before = triad.world.nowMs;
    triad.kill(a);
    await triad.decided();
    expect(triad.leader?.id).toBe('b');
    // Five messages of 1 ms and three syncs of 2 ms after both know; nobody waits for a timer.
    expect(triad.world.nowMs - before).toBeLessThan(Math.max(second, third) + 35);
  });

  it('one stand-by that alone takes it for lost unseats nobody, and is first when it is', async () => {
    const triad = await TestTriad.start('one alone');
    const a = await triad.decided();
    triad.hub.close('a', 'c');
    await triad.run(3_000);
    expect(triad.leader?.id).toBe('a');
    expect(triad.server('c').consensus.status()).toMatchObject({ state: 'standby', leader: 'a', term: 1 });
    triad.kill(a);
    await triad.until(() => triad.leader !== undefined, 100);
  });
});

describe('links that are replaced', () => {
  it('trouble nobody: control stays where it is, and what was under way arrives', async () => {
    const triad = await TestTriad.start('replaced');
    const a = await triad.decided();
    const proposals: Promise<unknown>[] = [];
    for (let each = 0; each < 20; each += 1) {
      proposals.push(a.consensus.propose(Buffer.from(`${each}`)));
      triad.hub.open('a', each % 2 === 0 ? 'b' : 'c');
      await triad.run(3);
    }
    await triad.settled(Promise.all(proposals));
    await triad.run(2_000);
    expect(a.events).toEqual(['gained 1']);
    expect(triad.servers.every((each) => each.machine.list.length === 20)).toBe(true);
    triad.kill(a);
    await triad.until(() => triad.leader !== undefined, 100);
  });
});
