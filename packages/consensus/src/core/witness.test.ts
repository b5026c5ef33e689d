import { describe, expect, it } from 'vitest';
import { CoreHarness, type CoreHarnessOptions, harnessEntry } from '../harness/core-harness.ts';
import { encodeConfiguration } from '../wire/configuration.ts';
import type { Acknowledged, PreVote } from './messages.ts';

/** Server `a` as it starts on a disk that holds term 3 and entries of these terms. */
const starting = (log: readonly number[], options: CoreHarnessOptions = {}) =>
  new CoreHarness({
    stored: { vote: { term: 3, votedFor: null }, entries: log.map((term, at) => harnessEntry(at + 1, term)) },
    isStarting: true,
    ...options,
  });
const known = (term: number, index: number, entryTerm: number): Acknowledged => ({
  id: 'a',
  incarnation: 'a-1',
  term,
  index,
  entryTerm,
});
const answer = (about: Acknowledged | null) => ({ type: 'witnessAnswer' as const, term: 3, known: about });
const preVote: PreVote = { type: 'preVote', term: 9, lastIndex: 99, lastTerm: 8, target: 'a-1', position: 1 };

function wouldVote(a: CoreHarness): boolean {
  a.take('b', 'preVoteReply');
  a.deliver('b', preVote);
  const [reply] = a.take('b', 'preVoteReply');
  return reply?.type === 'preVoteReply' && reply.granted;
}

describe('a server that starts', () => {
  it('asks both peers what they know of it, and votes once both have answered', () => {
    const a = starting([1, 3]);
    a.step({ kind: 'link', peer: 'b', up: true });
    expect(a.take('b')).toMatchObject([{ type: 'witnessQuestion', incarnation: 'a-1' }]);
    expect(wouldVote(a)).toBe(false);
    a.deliver('b', answer(null));
    expect(wouldVote(a)).toBe(false);
    a.deliver('c', answer(known(3, 2, 3)));
    expect(wouldVote(a)).toBe(true);
    expect(a.core.role()).not.toBe('learner');
  });

  it('waits 10 s for the second peer, not longer, and for the first as long as it takes', () => {
    const a = starting([1, 3]);
    a.advance(11_000);
    expect(wouldVote(a)).toBe(false);
    expect(a.take('c', 'preVote')).toEqual([]);
    a.deliver('b', answer(null));
    expect(wouldVote(a)).toBe(true);
    const later = starting([1, 3]);
    later.deliver('b', answer(null));
    later.advance(9_900);
    expect(wouldVote(later)).toBe(false);
    later.advance(200);
    expect(wouldVote(later)).toBe(true);
  });

  it('asks again until it is answered', () => {
    const a = starting([1]);
    a.advance(2_000);
    expect(a.take('b', 'witnessQuestion').length).toBeGreaterThan(2);
    a.deliver('b', answer(null));
    a.advance(2_000);
    expect(a.take('b', 'witnessQuestion')).toEqual([]);
  });

  it('acknowledges neither appends nor rounds before that: it may have forgotten a newer term', () => {
    const a = starting([1, 3]);
    a.deliver('b', { type: 'round', term: 3, round: 1, commit: 0, acknowledged: [] });
    a.deliver('b', { type: 'append', term: 3, prevIndex: 2, prevTerm: 3, commit: 0, probe: true, entries: [] });
    expect(a.take('b').filter(({ type }) => type !== 'witnessQuestion')).toEqual([]);
    a.deliver('b', answer(null));
    a.deliver('c', answer(null));
    expect(a.take('b', 'appendReply')).toMatchObject([{ match: 2 }]);
  });

  it('is judged by what its disk held when it started, not by what a newer leader has replaced since', () => {
    const a = starting([1, 3], { disk: 'manual' });
    const entries = [harnessEntry(2, 4)];
    a.deliver('b', { type: 'append', term: 4, prevIndex: 1, prevTerm: 1, commit: 0, probe: true, entries });
    a.deliver('b', answer(known(3, 2, 3)));
    expect(a.state.mutes.has('rolledBack')).toBe(false);
    const older = starting([1]);
    older.deliver('b', { type: 'append', term: 4, prevIndex: 1, prevTerm: 1, commit: 0, probe: true, entries });
    older.deliver('b', answer(known(3, 2, 3)));
    expect(older.state.mutes.has('rolledBack')).toBe(true);
  });

  it('is judged by the term of a snapshot that came to the disk before the term itself did', () => {
    const a = new CoreHarness({
      isStarting: true,
      stored: {
        vote: { term: 2, votedFor: null },
        entries: [],
        snapshot: { index: 28, term: 3, config: new Uint8Array() },
      },
    });
    // In term 2 it had acknowledged entries that the leader of term 3 replaced by that snapshot.
    a.deliver('b', answer(known(2, 45, 2)));
    expect(a.state.mutes.has('rolledBack')).toBe(false);
  });

  it('is judged also by a witness that comes late, but not for what it has said since', () => {
    const late = () => {
      const a = starting([1, 3]);
      a.deliver('b', answer(null));
      a.advance(10_100);
      const entries = [harnessEntry(3, 4)];
      a.deliver('b', { type: 'append', term: 4, prevIndex: 2, prevTerm: 3, commit: 0, probe: true, entries });
      expect(a.take('b', 'appendReply')).toMatchObject([{ match: 3 }]);
      return a;
    };
    const honest = late();
    honest.deliver('c', answer(known(4, 3, 4)));
    expect(honest.state.mutes.has('rolledBack')).toBe(false);
    for (const about of [known(4, 4, 4), known(5, 0, 0)]) {
      const older = late();
      older.deliver('c', answer(about));
      expect(older.state.mutes.has('rolledBack')).toBe(true);
    }
  });

  it('waits for nobody when it is alone', () => {
    const a = starting([1], { members: ['a'] });
    a.advance(1);
    expect(a.core.role()).toBe('in-control');
  });

  it.each([
    ['acknowledged more in the newest term', known(3, 5, 3)],
    ['acknowledged another entry in the newest term', known(3, 2, 2)],
    ['voted or acknowledged in a newer term', known(4, 0, 0)],
  ])('knows that an older copy was restored, if it %s', (_, about) => {
    const a = starting([1, 3]);
    a.deliver('b', answer(about), answer(null));
    a.deliver('c', answer(null));
    expect(a.state.mutes.has('rolledBack')).toBe(true);
    expect(a.core.role()).toBe('learner');
    expect(wouldVote(a)).toBe(false);
    a.deliver('b', { type: 'append', term: 5, prevIndex: 2, prevTerm: 3, commit: 0, probe: true, entries: [] });
    expect(a.take('b', 'appendReply')).toEqual([]);
  });

  it.each([
    ['what it has', known(3, 2, 3)],
    ['less', known(3, 1, 1)],
    ['no more the term of what it has', known(3, 2, 0)],
    ['more, but in an older term: later leaders may have taken that back', known(2, 9, 2)],
    ['something of another incarnation', { ...known(4, 9, 4), incarnation: 'a-0' }],
  ])('is not alarmed by a peer that knows %s', (_, about) => {
    const a = starting([1, 3]);
    a.deliver('b', answer(about));
    a.deliver('c', answer(null));
    expect(a.state.mutes.has('rolledBack')).toBe(false);
    expect(wouldVote(a)).toBe(true);
  });
});

it('a snapshot that is on disk counts, also before the log begins behind it', () => {
  const a = starting([1, 3], { disk: 'manual' });
  a.deliver('b', { type: 'round', term: 3, round: 1, commit: 0, acknowledged: [] });
  const config = encodeConfiguration([{ id: 'a', incarnation: 'a-1', voter: true }]);
  a.step({ kind: 'snapshotReceived', meta: { index: 9, term: 3, config } });
  a.deliver('b', answer(known(3, 2, 3)));
  expect(a.state.mutes.has('rolledBack')).toBe(false);
});

describe('a witness', () => {
  const question = (incarnation: string) => ({ type: 'witnessQuestion' as const, term: 0, incarnation });

  it("knows from the leader's rounds what the other stand-by has acknowledged", () => {
    const b = new CoreHarness({ id: 'b' });
    const about = { id: 'c', incarnation: 'c-1', term: 2, index: 7, entryTerm: 2 };
    b.deliver('a', { type: 'round', term: 2, round: 1, commit: 0, acknowledged: [about] });
    const older = { ...about, index: 5 };
    b.deliver('a', { type: 'round', term: 2, round: 2, commit: 0, acknowledged: [older] });
    b.takeAll();
    b.deliver('c', question('c-1'), question('c-2'));
    expect(b.take('c')).toMatchObject([{ known: about }, { known: null }]);
  });

  it('as a leader knows it first-hand, and tells of its own disk as well', () => {
    const a = new CoreHarness({ term: 2, log: [1], role: 'leader' });
    a.deliver('b', { type: 'appendReply', term: 2, match: 2, incarnation: 'b-1' });
    a.advance(100);
    const round = a.take('c', 'round').at(-1);
    expect(round).toMatchObject({
      acknowledged: [
        { id: 'a', incarnation: 'a-1', term: 2, index: 2, entryTerm: 2 },
        { id: 'b', incarnation: 'b-1', term: 2, index: 2, entryTerm: 2 },
      ],
    });
    a.takeAll();
    a.deliver('b', question('b-1'));
    expect(a.take('b')).toMatchObject([{ known: { term: 2, index: 2 } }]);
  });

  it('takes no acknowledged round for one of the disk', () => {
    const a = new CoreHarness({ term: 2, log: [1], role: 'leader' });
    a.deliver('b', { type: 'roundReply', term: 2, round: 1, incarnation: 'b-1' });
    a.advance(100);
    expect(a.take('c', 'round').at(-1)).toMatchObject({ acknowledged: [{ id: 'a' }] });
  });

  it('knows of votes, given to it or asked of it', () => {
    const a = new CoreHarness({ term: 1, log: [1] });
    const vote = { type: 'vote' as const, term: 4, lastIndex: 1, lastTerm: 1, target: 'a-1', transfer: false };
    a.deliver('b', { ...vote, incarnation: 'b-1' });
    a.deliver('c', { type: 'voteReply', term: 5, asked: 5, granted: true, leader: null, incarnation: 'c-1' });
    a.takeAll();
    a.deliver('b', question('b-1'));
    a.deliver('c', question('c-1'));
    expect(a.takeAll().map(({ message }) => message)).toMatchObject([{ known: { term: 4 } }, { known: { term: 5 } }]);
  });
});
