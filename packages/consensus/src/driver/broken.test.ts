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
