import { describe, expect, it } from 'vitest';
import { TestTriad } from '../testing/test-triad.ts';

const code = (expected: string, fields: object = {}) => expect.objectContaining({ code: expected, ...fields });

describe('a full disk', () => {
  it('makes the one in control hand over and say so; with room again it takes part again', async () => {
    const triad = await TestTriad.start('full');
    const a = await triad.decided();
    a.disk.isFull = true;
    const proposal = a.consensus.propose(Buffer.from('x'));
    await expect(triad.settled(proposal)).rejects.toEqual(code('UNKNOWN'));
    const next = await triad.decided(300);
    expect(next.id).not.toBe('a');
    expect(a.consensus.status().trouble).toMatch(/space|full/i);
    await triad.propose(next, 'y');
    await triad.run(3_000);
    expect(a.consensus.status()).toMatchObject({ state: 'standby', leader: next.id });
    a.disk.isFull = false;
    await triad.until(() => a.machine.list.length === next.machine.list.length);
    expect(a.consensus.status().trouble).toBe(null);
    expect(a.machine.list).toEqual(next.machine.list);
  });

  it('of a stand-by interrupts nothing', async () => {
    const triad = await TestTriad.start('full stand-by');
    const a = await triad.decided();
    triad.server('c').disk.isFull = true;
    expect(await triad.propose(a, 'x')).toBe('1');
    await triad.run(3_000);
    expect(a.events).toEqual(['gained 1']);
    expect(triad.server('c').consensus.status().trouble).not.toBe(null);
  });

  it('never acknowledges: with only two servers nothing is committed', async () => {
    const triad = await TestTriad.start('full of two');
    const a = await triad.decided();
    triad.kill(triad.server('b'));
    triad.server('c').disk.isFull = true;
    await expect(triad.settled(a.consensus.propose(Buffer.from('x')))).rejects.toEqual(code('UNKNOWN'));
    expect(a.machine.list).toEqual([]);
  });
});

describe('a disk that fails', () => {
  it('makes the one in control hand over, and keeps it from voting until it is started anew', async () => {
    const triad = await TestTriad.start('failed');
    const a = await triad.decided();
    a.disk.failNext('STORE_FAILED');
    await expect(triad.settled(a.consensus.propose(Buffer.from('x')))).rejects.toEqual(code('UNKNOWN'));
    const next = await triad.decided(300);
    expect(next.id).not.toBe('a');
    expect(a.consensus.status().trouble).not.toBe(null);
    triad.kill(triad.servers.find((each) => each !== a && each !== next)!);
    await triad.run(5_000);
    expect(triad.leader).toBeUndefined();
    triad.kill(a);
    await triad.boot(a);
    // A server that starts waits 10 s for the second witness.
    expect((await triad.decided(15_000)).machine.list.length).toBeLessThanOrEqual(1);
  });
});

describe('a disk that hangs', () => {
  it('makes the one in control step down after one election timeout', async () => {
    const triad = await TestTriad.start('hangs');
    const a = await triad.decided();
    const end = a.disk.stall();
    const proposal = a.consensus.propose(Buffer.from('x'));
    // The two others have it on their disks, so it is committed without this one's.
    expect(await triad.settled(proposal)).toMatchObject({ result: '1' });
    await triad.until(() => triad.leader !== undefined && triad.leader !== a, 1_500);
    end();
    await triad.until(() => a.consensus.status().state === 'standby');
  });
});

describe('a damaged log', () => {
  it('makes a learner that says where, neither votes nor acknowledges, and knows where control is', async () => {
    const triad = await TestTriad.start('damaged');
    const a = await triad.decided();
    await triad.propose(a, 'x');
    const c = triad.server('c');
    triad.kill(c);
    c.disk.damage({ file: '0001.log', offset: 4096, what: 'Bad checksum.' });
    await triad.boot(c);
    await triad.run(1_000);
    const trouble = expect.stringMatching(/0001\.log.*4096.*Bad checksum/);
    expect(c.consensus.status()).toMatchObject({ state: 'learner', leader: 'a', trouble });
    triad.kill(triad.server('b'));
    await triad.run(5_000);
    expect(triad.leader).toBeUndefined();
  });
});

describe('an older copy of a disk (I8)', () => {
  it('is recognised by what the others know; its server has no vote and says why', async () => {
    const triad = await TestTriad.start('older copy');
    const a = await triad.decided();
    const c = triad.server('c');
    await triad.propose(a, 'one');
    await triad.run(100);
    const copy = c.disk.clone();
    await triad.propose(a, 'two');
    await triad.run(300);
    triad.kill(c);
    c.disk.rollback(copy);
    // Not even the leader that has the acknowledgement at first hand needs to be there.
    triad.kill(a);
    await triad.boot(c);
    await triad.run(15_000);
    expect(c.consensus.status()).toMatchObject({ state: 'learner', trouble: expect.stringContaining('older copy') });
    expect(triad.leader).toBeUndefined();
    await triad.boot(a);
    expect((await triad.decided(15_000)).machine.list).toEqual(['one', 'two']);
  });
});
