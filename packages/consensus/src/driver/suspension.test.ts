import { describe, expect, it } from 'vitest';
import { TestTriad } from '../testing/test-triad.ts';

describe('a suspended server', () => {
  it('in control hands over, says why, and neither votes nor acknowledges nor applies until it is told to', async () => {
    const triad = await TestTriad.start('suspended');
    const a = await triad.decided();
    await triad.propose(a, 'one');
    a.consensus.suspend('IDENTITY_IN_USE: this identity answers twice.');
    await triad.until(() => triad.leader !== undefined && triad.leader !== a, 300);
    const next = triad.leader!;
    await triad.propose(next, 'two');
    await triad.run(500);
    const trouble = 'IDENTITY_IN_USE: this identity answers twice.';
    expect(a.consensus.status()).toMatchObject({ state: 'fenced', leader: next.id, trouble });
    expect(a.machine.list).toEqual(['one']);
    const third = triad.servers.find((each) => each !== a && each !== next)!;
    triad.kill(third);
    const proposal = next.consensus.propose(Buffer.from('three'));
    await expect(triad.settled(proposal)).rejects.toThrow();
    await triad.run(5_000);
    expect(triad.leader).toBeUndefined();
    a.consensus.suspend(null);
    await triad.decided();
    expect(a.consensus.status()).toMatchObject({ state: expect.stringMatching(/in-control|standby/), trouble: null });
    await triad.until(() => a.machine.list.includes('two'));
  });

  it('that is fenced as well stays fenced', async () => {
    const triad = await TestTriad.start('suspended early');
    await triad.decided();
    const c = triad.server('c');
    c.consensus.suspend('wait');
    await triad.run(500);
    expect(c.consensus.status()).toMatchObject({ state: 'fenced', trouble: 'wait' });
    c.machine.refuses = 'bad';
    c.consensus.suspend(null);
    await triad.propose(triad.leader!, 'bad');
    await triad.until(() => c.consensus.status().trouble?.includes("can't be prepared") === true);
    c.consensus.suspend('wait');
    c.consensus.suspend(null);
    expect(c.consensus.status()).toMatchObject({
      state: 'fenced',
      trouble: expect.stringContaining("can't be prepared"),
    });
  });
});
