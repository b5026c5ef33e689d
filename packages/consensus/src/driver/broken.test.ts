import { describe, expect, it } from 'vitest';
import { TestTriad } from '../testing/test-triad.ts';
import { encodeMessage } from '../wire/codec.ts';
import { InputLog } from './input-log.ts';

const code = (expected: string) => expect.objectContaining({ code: expected });

describe('a server whose invariant breaks', () => {
  it('takes no more part, says why, and reports its state and what it was told last; the others go on', async () => {
    const errors: { text: string; fields: Record<string, unknown> }[] = [];
    const triad = await TestTriad.start('broken', {
      onError: (text, fields) => errors.push({ text, fields: fields as Record<string, unknown> }),
    });
    const a = await triad.decided();
    await triad.propose(a, 'x');
    const pending = a.consensus.propose(Buffer.from('y'));
    pending.catch(() => {});
    // Another server that claims the very term that this one leads.
    triad.hub.inject('c', 'a', encodeMessage({ type: 'round', term: 1, round: 1, commit: 0, acknowledged: [] }));
    await triad.until(() => a.consensus.status().state === 'fenced');
    await expect(pending).rejects.toEqual(code('UNKNOWN'));
    await expect(a.consensus.propose(Buffer.from('z'))).rejects.toEqual(code('NOT_IN_CONTROL'));
    await expect(a.consensus.readBarrier()).rejects.toEqual(code('NOT_IN_CONTROL'));
    await expect(a.consensus.changeMembers([])).rejects.toEqual(code('NOT_IN_CONTROL'));
    await expect(a.consensus.transferControl('b')).rejects.toEqual(code('NOT_IN_CONTROL'));
    expect(a.consensus.status().trouble).toMatch(/c claims to lead term 1/);
    const broken = errors.find(({ text }) => text.includes('broke an invariant'))!;
    expect(broken.fields.report).toMatchObject({ role: 'leader', term: 1, peers: [{ id: 'b' }, { id: 'c' }] });
    const { inputs } = broken.fields.report as { inputs: string[] };
    expect(inputs.length).toBeGreaterThan(10);
    expect(inputs.at(-1)).toMatch(/^\d+ ms, round, peer c, term 1, at 1$/);
    await triad.until(() => triad.leader !== undefined);
    expect(triad.leader).not.toBe(a);
  });

  it('stays up, fenced, and leaves its disk alone where what it finds there breaks one at its start', async () => {
    const triad = await TestTriad.start('stored');
    const leader = await triad.decided();
    await triad.propose(leader, 'x');
    const c = triad.servers.find((server) => server !== leader)!;
    triad.kill(c);
    // Entries of a term that the disk never heard of.
    const entries = [{ index: 9, term: 7, kind: 'command' as const, data: Buffer.from('?') }];
    await triad.boot(c, undefined, {
      contents: { vote: { term: 1, votedFor: null }, snapshot: undefined, entries, damage: undefined },
    });
    expect(c.consensus.status()).toMatchObject({
      state: 'fenced',
      trouble: expect.stringMatching(/on disk are entries of term 7, and the term there is 1\. Keep the data folder/),
    });
    const before = JSON.stringify(c.disk);
    await triad.propose(leader, 'y');
    await triad.run(5_000);
    expect(JSON.stringify(c.disk)).toBe(before);
    expect(c.consensus.status().state).toBe('fenced');
  });
});

describe('the log of inputs', () => {
  it('keeps the newest 64, the oldest first', () => {
    const inputs = new InputLog();
    for (let each = 1; each <= 100; each += 1) inputs.note({ kind: 'stored', id: each }, each);
    const lines = inputs.lines();
    expect(lines.length).toBe(64);
    expect([lines[0], lines.at(-1)]).toEqual(['37 ms, stored, at 37', '100 ms, stored, at 100']);
  });

  it('says what came, without what it brought', () => {
    const inputs = new InputLog();
    const entries = [{ index: 5, term: 2, kind: 'command' as const, data: Buffer.from('secret') }];
    const append = { type: 'append', term: 2, prevIndex: 4, prevTerm: 1, commit: 3, probe: false, entries } as const;
    inputs.note({ kind: 'message', from: 'b', message: append }, 1.4);
    inputs.note({ kind: 'link', peer: 'c', up: false }, 2);
    inputs.note({ kind: 'mute', reason: 'damaged' }, 3);
    inputs.noteCall('propose', 4);
    expect(inputs.lines()).toEqual([
      '1 ms, append, peer b, term 2, at 4, with 1',
      '2 ms, link down, peer c',
      '3 ms, mute damaged',
      '4 ms, propose',
    ]);
  });
});
