import { describe, expect, it } from 'vitest';
import { CoreHarness, type CoreHarnessOptions } from '../harness/core-harness.ts';
import type { RoundReply } from './messages.ts';

/** A leader of term 2 that is in control. */
function inControl(options: CoreHarnessOptions = {}): CoreHarness {
  const a = new CoreHarness({ term: 2, log: [1], commit: 1, role: 'leader', ...options });
  a.deliver('b', { type: 'appendReply', term: 2, match: 2, incarnation: 'b-1' });
  expect(a.core.role()).toBe('in-control');
  a.takeAll();
  return a;
}

const ack = (round: number, fields: Partial<RoundReply> = {}): RoundReply => ({
  type: 'roundReply',
  term: 2,
  round,
  incarnation: 'b-1',
  ...fields,
});

describe('a read barrier', () => {
  it('is confirmed by a quorum that acknowledged a round begun after the request', () => {
    const a = inControl();
    const round = a.read();
    expect(round).toBe(2);
    a.advance(100);
    expect(a.take('b', 'round')).toMatchObject([{ round: 2 }]);
    expect(a.state.readsThrough).toBe(0);
    a.deliver('b', ack(2));
    expect(a.state.readsThrough).toBe(2);
  });

  it('is not confirmed by a round that had begun before the request', () => {
    const a = inControl();
    a.read();
    a.deliver('b', ack(1));
    a.deliver('c', ack(1, { incarnation: 'c-1' }));
    expect(a.state.readsThrough).toBe(0);
  });

  it('is not confirmed by an acknowledgement of another term', () => {
    const a = inControl();
    a.read();
    a.advance(100);
    a.deliver('b', ack(2, { term: 1 }));
    expect(a.state.readsThrough).toBe(0);
  });

  it('is not confirmed by another incarnation, nor by a stranger', () => {
    const a = inControl();
    a.read();
    a.advance(100);
    a.deliver('c', ack(2, { incarnation: 'c-2' }));
    a.deliver('x', ack(2, { incarnation: 'x-1' }));
    expect(a.state.readsThrough).toBe(0);
  });

  it('is not confirmed by an acknowledgement of a round that never began', () => {
    const a = inControl();
    a.read();
    a.deliver('b', ack(7));
    a.advance(100);
    expect(a.state.readsThrough).toBe(0);
  });

  it('is not confirmed by an append that is acknowledged later', () => {
    const a = inControl();
    a.propose('x');
    a.read();
    a.deliver('b', { type: 'appendReply', term: 2, match: 3, incarnation: 'b-1' });
    expect(a.state.commit).toBe(3);
    expect(a.state.readsThrough).toBe(0);
  });

  it('waits until what was committed at the request is applied', () => {
    const a = inControl();
    // Committed, but this harness would apply it at once: look at the core alone.
    a.core.propose(Buffer.from('x'));
    a.core.step(
      { kind: 'message', from: 'b', message: { type: 'appendReply', term: 2, match: 2, incarnation: 'b-1' } },
      a.now,
    );
    a.core.ready();
    a.core.step({ kind: 'stored', id: a.state.write!.id }, a.now);
    a.core.step(
      { kind: 'message', from: 'b', message: { type: 'appendReply', term: 2, match: 3, incarnation: 'b-1' } },
      a.now,
    );
    expect(a.state.commit).toBe(3);
    const round = a.core.read(a.now);
    a.core.ready();
    a.core.step({ kind: 'tick' }, a.now + 100);
    a.core.step({ kind: 'message', from: 'b', message: ack(round) }, a.now + 100);
    expect(a.core.ready().readsThrough).toBe(0);
    a.core.step({ kind: 'applied', index: 3 }, a.now + 100);
    expect(a.core.ready().readsThrough).toBe(round);
  });

  it('is refused until an entry of the own term is committed', () => {
    const a = new CoreHarness({ term: 2, log: [1], commit: 1, role: 'leader' });
    expect(a.read()).toBe(0);
  });

  it('is refused by all but the one in control', () => {
    expect(new CoreHarness({ term: 2, leader: 'b' }).read()).toBe(0);
  });

  it('begins a round at once when the last one is long enough ago, and one round serves all', () => {
    const a = inControl();
    a.now += 150;
    const rounds = [a.read(), a.read()];
    expect(rounds).toEqual([2, 3]);
    expect(a.take('b', 'round')).toMatchObject([{ round: 2 }]);
    const more = [a.read(), a.read()];
    expect(more).toEqual([3, 3]);
    a.advance(99);
    expect(a.take('b', 'round')).toEqual([]);
    a.advance(1);
    expect(a.take('b', 'round')).toMatchObject([{ round: 3 }]);
    a.deliver('b', ack(3));
    expect(a.state.readsThrough).toBe(3);
  });

  it('needs nobody where one server is the quorum', () => {
    const a = new CoreHarness({ members: ['a'] });
    a.advance(400);
    const round = a.read();
    expect(a.state.readsThrough).toBe(round);
  });
});

describe('rounds', () => {
  it('go out at least every roundMs', () => {
    const a = inControl();
    for (let each = 0; each < 10; each += 1) {
      a.advance(100);
      a.deliver('b', ack(a.state.round));
    }
    expect(a.take('c', 'round').length).toBe(10);
  });

  it('are answered at once, although the disk is busy', () => {
    const b = new CoreHarness({ id: 'b', disk: 'manual' });
    b.deliver('a', { type: 'round', term: 3, round: 7, commit: 0, acknowledged: [] });
    expect(b.take('a')).toEqual([{ type: 'roundReply', term: 3, round: 7, incarnation: 'b-1' }]);
  });
});
