import { describe, expect, it } from 'vitest';
import { CoreHarness, type CoreHarnessOptions } from '../harness/core-harness.ts';

/** A leader of term 2 that is in control, with `b` up to date. */
function inControl(options: CoreHarnessOptions = {}): CoreHarness {
  const a = new CoreHarness({ term: 2, log: [1], commit: 1, role: 'leader', ...options });
  a.finishWrite();
  acknowledge(a, 'b', 2);
  a.takeAll();
  return a;
}

function acknowledge(a: CoreHarness, from: string, match: number): void {
  a.deliver(from, { type: 'appendReply', term: 2, match, incarnation: `${from}-1` });
}

/** Lets time go by while `from` answers every round. */
function answerRounds(a: CoreHarness, forMs: number, from: readonly string[]): void {
  for (let ms = 0; ms < forMs; ms += 50) {
    a.advance(50);
    for (const id of from) {
      a.deliver(id, { type: 'roundReply', term: 2, round: a.state.round, incarnation: `${id}-1` });
    }
  }
}

describe('control', () => {
  it('is announced only when the first entry of the term is committed and applied', () => {
    const a = new CoreHarness({ term: 2, log: [1], commit: 0, role: 'leader' });
    expect(a.core.role()).toBe('candidate');
    acknowledge(a, 'b', 1);
    expect(a.core.role()).toBe('candidate');
    acknowledge(a, 'b', 2);
    expect(a.core.role()).toBe('in-control');
    expect(a.committed.map((entry) => entry.index)).toEqual([1, 2]);
  });

  it('is not gained before everything is applied', () => {
    const a = new CoreHarness({ term: 2, log: [1], commit: 0, role: 'leader' });
    a.core.step(
      { kind: 'message', from: 'b', message: { type: 'appendReply', term: 2, match: 2, incarnation: 'b-1' } },
      0,
    );
    a.core.step({ kind: 'applied', index: 1 }, 0);
    expect(a.core.role()).toBe('candidate');
    expect(a.core.propose(Buffer.from('x'))).toBe(0);
    a.core.step({ kind: 'applied', index: 2 }, 0);
    expect(a.core.role()).toBe('in-control');
  });

  it('is given up when no quorum answered for one election timeout', () => {
    const a = inControl();
    answerRounds(a, 5_000, ['b']);
    expect(a.core.role()).toBe('in-control');
    a.advance(1_100);
    expect(a.core.role()).not.toBe('in-control');
    expect(a.state).toMatchObject({ role: expect.not.stringMatching('leader'), stepDownReason: 'no-quorum', term: 2 });
  });

  it('is given up although others answer, if they are not those of the configuration (I8)', () => {
    const a = inControl();
    for (let ms = 0; ms < 1_200; ms += 50) {
      a.advance(50);
      a.deliver('b', { type: 'roundReply', term: 2, round: a.state.round, incarnation: 'b-2' });
    }
    expect(a.state.stepDownReason).toBe('no-quorum');
  });
});

describe('a disk that hangs or fails', () => {
  it('makes the leader hand over, although it could go on heart-beating', () => {
    const a = inControl({ disk: 'manual' });
    a.propose('x');
    answerRounds(a, 900, ['b', 'c']);
    expect(a.state.role).toBe('leader');
    answerRounds(a, 200, ['b', 'c']);
    expect(a.state).toMatchObject({ role: 'follower', stepDownReason: 'disk' });
    expect(a.take('b', 'timeoutNow')).toMatchObject([{ term: 2 }]);
    expect(a.take('c', 'timeoutNow')).toEqual([]);
  });

  it('keeps a server from standing and from granting pre-votes', () => {
    const a = new CoreHarness({ term: 1, log: [1], disk: 'manual' });
    a.deliver('b', {
      type: 'vote',
      term: 2,
      lastIndex: 1,
      lastTerm: 1,
      target: 'a-1',
      transfer: false,
      incarnation: 'b-1',
    });
    a.advance(5_000);
    expect(a.take('b', 'preVote').length).toBeLessThanOrEqual(2);
    a.deliver('c', { type: 'preVote', term: 3, lastIndex: 9, lastTerm: 2, target: 'a-1', position: 2 });
    expect(a.take('c', 'preVoteReply')).toMatchObject([{ granted: false }]);
  });

  it.each(['full', 'failed'] as const)('%s: the leader hands over at once and stands no more', (state) => {
    const a = inControl({ disk: 'manual' });
    a.propose('x');
    a.step({ kind: 'disk', state });
    expect(a.take('b', 'timeoutNow').length).toBe(1);
    expect(a.state.role).toBe('follower');
    a.advance(5_000);
    expect(a.take(undefined, 'preVote')).toEqual([]);
  });

  it('full: once there is room again, the server stands again', () => {
    const a = inControl({ disk: 'manual' });
    a.propose('x');
    a.step({ kind: 'disk', state: 'full' });
    a.advance(3_000);
    a.finishWrite();
    a.advance(2_000);
    expect(a.take('b', 'preVote').length).toBeGreaterThan(0);
  });
});

describe('a transfer', () => {
  it('brings the target up to date, then tells it to campaign', () => {
    const a = inControl();
    a.propose('x');
    a.step({ kind: 'transfer', to: 'c' });
    expect(a.propose('y')).toBe(0);
    acknowledge(a, 'c', 1);
    expect(a.take('c', 'timeoutNow')).toEqual([]);
    acknowledge(a, 'c', 3);
    expect(a.take('c', 'timeoutNow')).toMatchObject([{ term: 2 }]);
    expect(a.core.role()).toBe('in-control');
  });

  it('lets the target campaign at once, past "a leader was heard lately"', () => {
    const c = new CoreHarness({ id: 'c', term: 2, log: [1, 2], leader: 'a' });
    c.deliver('a', { type: 'timeoutNow', term: 2 });
    const [request] = c.take('b', 'vote');
    expect(request).toMatchObject({ term: 3, transfer: true, incarnation: 'c-1' });
    const b = new CoreHarness({ id: 'b', term: 2, log: [1, 2], leader: 'a' });
    b.deliver('c', request!);
    expect(b.take('c', 'voteReply')).toMatchObject([{ granted: true }]);
  });

  it('is given up after one greatest election timeout, still in control', () => {
    const a = inControl();
    a.step({ kind: 'transfer', to: 'c' });
    answerRounds(a, 900, ['b']);
    expect(a.wishes).toEqual([]);
    answerRounds(a, 200, ['b']);
    expect(a.wishes).toMatchObject([{ transferFailed: true }]);
    expect(a.core.role()).toBe('in-control');
    expect(a.propose('y')).toBe(3);
  });

  it('fails at once to a server that is no member, or from one that is not in control', () => {
    const a = inControl();
    a.step({ kind: 'transfer', to: 'x' });
    expect(a.wishes).toMatchObject([{ transferFailed: true }]);
    const b = new CoreHarness({ id: 'b', leader: 'a' });
    b.step({ kind: 'transfer', to: 'c' });
    expect(b.wishes).toMatchObject([{ transferFailed: true }]);
  });

  it('is not taken by a server that is drained, nor at the word of another than the leader', () => {
    const c = new CoreHarness({ id: 'c', term: 2, log: [1, 2], leader: 'a' });
    c.deliver('b', { type: 'timeoutNow', term: 2 });
    c.deliver('a', { type: 'timeoutNow', term: 1 });
    c.step({ kind: 'electable', on: false });
    c.deliver('a', { type: 'timeoutNow', term: 2 });
    expect(c.state).toMatchObject({ role: 'follower', term: 2 });
  });

  it('goes to no other incarnation (I8)', () => {
    const a = inControl();
    a.deliver('c', { type: 'appendReply', term: 2, match: 2, incarnation: 'c-2' });
    a.step({ kind: 'transfer', to: 'c' });
    expect(a.take('c', 'timeoutNow')).toEqual([]);
  });
});

describe('a server that may not take part (damaged, rolled back, fenced)', () => {
  it('hands over, and from then on only watches who leads', () => {
    const a = inControl();
    a.step({ kind: 'mute', reason: 'damaged' });
    expect(a.take('b', 'timeoutNow').length).toBe(1);
    expect(a.core.role()).toBe('learner');
    a.deliver('b', {
      type: 'vote',
      term: 3,
      lastIndex: 9,
      lastTerm: 9,
      target: 'a-1',
      transfer: true,
      incarnation: 'b-1',
    });
    expect(a.take('b', 'voteReply')).toMatchObject([{ granted: false }]);
    a.deliver('b', { type: 'round', term: 3, round: 1, commit: 0, acknowledged: [] });
    a.deliver('b', { type: 'append', term: 3, prevIndex: 2, prevTerm: 2, commit: 2, probe: true, entries: [] });
    expect(a.take('b')).toEqual([]);
    expect(a.state.leader).toBe('b');
    a.advance(5_000);
    expect(a.takeAll()).toEqual([]);
  });

  it('says nothing any more that waited for its disk', () => {
    const a = new CoreHarness({ term: 2, log: [1, 2], disk: 'manual' });
    const vote = { type: 'vote', term: 3, lastIndex: 9, lastTerm: 2, transfer: false } as const;
    a.deliver('b', { ...vote, target: 'a-1', incarnation: 'b-1' });
    a.step({ kind: 'mute', reason: 'suspended' });
    a.finishWrite();
    expect(a.take('b')).toEqual([]);
    const entry = { index: 3, term: 3, kind: 'command' as const, data: Buffer.from('x') };
    const b = new CoreHarness({ id: 'b', term: 3, log: [1, 2], disk: 'manual' });
    b.deliver('a', { type: 'append', term: 3, prevIndex: 2, prevTerm: 2, commit: 2, probe: false, entries: [entry] });
    b.takeAll();
    b.step({ kind: 'mute', reason: 'suspended' });
    b.finishWrite();
    expect(b.take('a')).toEqual([]);
  });

  it('takes part again when it is suspended no more, but not when there is another reason', () => {
    const round = { type: 'round', term: 3, round: 1, commit: 0, acknowledged: [] } as const;
    for (const isDamaged of [false, true]) {
      const a = inControl();
      a.step({ kind: 'mute', reason: 'suspended' });
      if (isDamaged) a.step({ kind: 'mute', reason: 'damaged' });
      a.step({ kind: 'unmute' });
      a.deliver('b', round);
      expect(a.take('b', 'roundReply').length).toBe(isDamaged ? 0 : 1);
      a.advance(5_000);
      expect(a.take('c', 'preVote').length > 0).toBe(!isDamaged);
    }
  });
});
