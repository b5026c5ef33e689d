import { describe, expect, it } from 'vitest';
import { TestTriad } from '../testing/test-triad.ts';
import { encodeMessage } from '../wire/codec.ts';

const code = (expected: string, fields: object = {}) => expect.objectContaining({ code: expected, ...fields });

describe('a transfer of control', () => {
  it('puts the target in control within milliseconds; no proposal is lost or in doubt', async () => {
    const triad = await TestTriad.start('transfer');
    const a = await triad.decided();
    const before = triad.world.nowMs;
    const proposals = ['one', 'two'].map((text) => a.consensus.propose(Buffer.from(text)));
    const transfer = a.consensus.transferControl('c');
    const held = a.consensus.propose(Buffer.from('held'));
    held.catch(() => {});
    expect((await triad.settled(Promise.all(proposals))).map(({ result }) => result)).toEqual(['1', '2']);
    await triad.settled(transfer);
    expect(triad.world.nowMs - before).toBeLessThan(50);
    await expect(held).rejects.toEqual(code('NOT_IN_CONTROL', { details: { leader: 'c' } }));
    expect((await triad.decided()).id).toBe('c');
    expect(a.events).toEqual(['gained 1', 'transferring c', 'lost 1']);
    expect(triad.server('c').events).toEqual(['gained 2']);
  });

  it('to a server that is down fails after one greatest election timeout; then proposals that were held go on', async () => {
    const triad = await TestTriad.start('transfer fails');
    const a = await triad.decided();
    triad.kill(triad.server('c'));
    const before = triad.world.nowMs;
    const transfer = a.consensus.transferControl('c');
    transfer.catch(() => {});
    const held = a.consensus.propose(Buffer.from('held'));
    await expect(triad.settled(transfer)).rejects.toEqual(code('TRANSFER_FAILED', { retryable: true }));
    expect(triad.world.nowMs - before).toBeLessThanOrEqual(1_100);
    expect(await triad.settled(held)).toMatchObject({ result: '1' });
    expect(a.events).toEqual(['gained 1', 'transferring c']);
  });

  it('to a drained server fails, still in control', async () => {
    const triad = await TestTriad.start('transfer drained');
    const a = await triad.decided();
    triad.server('b').consensus.setElectable(false);
    await expect(triad.settled(a.consensus.transferControl('b'))).rejects.toEqual(code('TRANSFER_FAILED'));
    expect(a.consensus.status().state).toBe('in-control');
  });

  it('is refused where control is not, and while another goes on; to itself it is done', async () => {
    const triad = await TestTriad.start('transfer refused');
    const a = await triad.decided();
    await expect(triad.server('b').consensus.transferControl('c')).rejects.toEqual(code('NOT_IN_CONTROL'));
    await a.consensus.transferControl('a');
    const first = a.consensus.transferControl('c');
    await expect(a.consensus.transferControl('b')).rejects.toEqual(code('TRANSFER_FAILED'));
    await triad.settled(first);
  });

  it('back and forth under load loses nothing', async () => {
    const triad = await TestTriad.start('back and forth');
    let applied = 0;
    for (let turn = 0; turn < 10; turn += 1) {
      const leader = await triad.decided();
      const to = leader.id === 'a' ? 'b' : 'a';
      const proposals = Array.from({ length: 20 }, (_, each) =>
        leader.consensus.propose(Buffer.from(`${turn}.${each}`)),
      );
      const transfer = leader.consensus.transferControl(to);
      applied += (await triad.settled(Promise.all(proposals))).length;
      await triad.settled(transfer);
    }
    await triad.decided();
    await triad.until(() => triad.servers.every((each) => each.machine.list.length === applied));
  });
});

describe('a command that a server can not prepare', () => {
  it('fences that server alone, which hands over first', async () => {
    const triad = await TestTriad.start('fenced');
    const a = await triad.decided();
    a.machine.refuses = 'other version';
    const proposal = a.consensus.propose(Buffer.from('other version'));
    await expect(triad.settled(proposal)).rejects.toEqual(code('UNKNOWN'));
    expect(a.consensus.status()).toMatchObject({ state: 'fenced', trouble: expect.stringContaining('entry 2') });
    const next = await triad.decided(200).catch(() => triad.server('b'));
    await triad.until(() => next.machine.list.length === 1);
    expect(a.machine.list).toEqual([]);
    expect(await triad.propose(next, 'x')).toBe('2');
    await triad.run(3_000);
    expect(a.consensus.status()).toMatchObject({ state: 'fenced', leader: next.id });
    await expect(a.consensus.propose(Buffer.from('x'))).rejects.toEqual(
      code('NOT_IN_CONTROL', { details: { leader: next.id } }),
    );
  });
});

describe('a violated invariant', () => {
  it('stops that server with a report, and the others go on', async () => {
    const triad = await TestTriad.start('invariant');
    const a = await triad.decided();
    const forged = encodeMessage({ type: 'round', term: 1, round: 1, commit: 0, acknowledged: [] });
    triad.hub.inject('b', 'a', forged);
    await triad.run(10);
    expect(a.consensus.status()).toMatchObject({
      state: 'fenced',
      trouble: expect.stringContaining('claims to lead term 1'),
    });
    expect(a.events).toEqual(['gained 1', 'lost 1']);
    const next = await triad.decided(3_000).catch(() => triad.leader!);
    expect(await triad.propose(next, 'x')).toBe('1');
  });
});

describe('an emptied server (I8)', () => {
  it('has no vote and no say in what is committed, but catches up', async () => {
    const triad = await TestTriad.start('emptied');
    const a = await triad.decided();
    await triad.propose(a, 'one');
    const c = triad.server('c');
    triad.kill(c);
    c.disk.wipe();
    c.member = { id: 'c', incarnation: 'c-2' };
    await triad.boot(c);
    await triad.until(() => c.machine.list.length === 1);
    expect(c.consensus.status().state).toBe('learner');
    triad.kill(triad.server('b'));
    const proposal = a.consensus.propose(Buffer.from('two'));
    await expect(triad.settled(proposal)).rejects.toEqual(code('UNKNOWN'));
    await triad.run(5_000);
    expect(triad.leader).toBeUndefined();
    expect(c.machine.list).toEqual(['one']);
  });
});
