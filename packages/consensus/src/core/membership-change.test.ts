import type { ConfiguredMember } from '@lic/interfaces';
import { absentIncarnation } from '@lic/interfaces';
import { describe, expect, it } from 'vitest';
import { CoreHarness, type CoreHarnessOptions, harnessEntry } from '../harness/core-harness.ts';
import { encodeConfiguration } from '../wire/configuration.ts';

const voter = (id: string, life = 1): ConfiguredMember => ({ id, incarnation: `${id}-${life}`, voter: true });
const learner = (id: string, life = 1): ConfiguredMember => ({ ...voter(id, life), voter: false });
const formed = [voter('a'), voter('b'), voter('c')];
const readmitted = [voter('a'), voter('b'), voter('c', 2)];

/** A leader of term 2 that is in control, with `b` up to date; nobody has answered a round yet. */
function inControl(options: CoreHarnessOptions = {}): CoreHarness {
  const a = new CoreHarness({ term: 2, log: [1], commit: 1, role: 'leader', ...options });
  a.finishWrite();
  has(a, 'b', 2);
  a.takeAll();
  return a;
}

function has(a: CoreHarness, from: string, match: number, incarnation = `${from}-1`): void {
  a.deliver(from, { type: 'appendReply', term: 2, match, incarnation });
}

function answers(a: CoreHarness, from: string, round = a.state.round, incarnation = `${from}-1`): void {
  a.deliver(from, { type: 'roundReply', term: 2, round, incarnation });
}

/** A leader that has heard `c` under a second incarnation, and `b` once more after that. */
function withNewLifeOfC(): CoreHarness {
  const a = inControl();
  has(a, 'c', 2, 'c-2');
  a.advance(100);
  answers(a, 'b');
  return a;
}

function change(a: CoreHarness, members: readonly ConfiguredMember[]): string {
  const answer = a.core.changeMembers(members);
  a.settle();
  if (answer === 'not-in-control') return answer;
  return 'index' in answer ? `in force by ${answer.index}` : answer.refused;
}

const membersOf = (a: CoreHarness) => a.state.configurations.at(-1)!.members;

describe('a change of members', () => {
  it('is one entry, in force as soon as it is appended, and replicated to newcomers', () => {
    const a = inControl();
    expect(change(a, [...formed, learner('d')])).toBe('in force by 3');
    expect(membersOf(a)).toEqual([...formed, learner('d')]);
    expect(a.take('d', 'append')).toMatchObject([{ prevIndex: 3, probe: true }]);
    expect(a.take('b', 'append')).toMatchObject([{ entries: [{ index: 3, kind: 'config' }] }]);
    expect(a.state.commit).toBe(2);
    has(a, 'd', 3);
    expect(a.state.commit).toBe(2);
    has(a, 'b', 3);
    expect(a.state.commit).toBe(3);
  });

  it('that asks for what is in force already is no entry', () => {
    const a = inControl();
    expect(change(a, [...formed].reverse())).toBe('in force by 0');
    expect(a.lastIndex).toBe(2);
  });

  it.each<[string, readonly ConfiguredMember[], string]>([
    ['more than one voter comes', [...formed, voter('d'), voter('e')], 'more than one voter'],
    ['one comes and another goes', [voter('a'), voter('b'), voter('d')], 'more than one voter'],
    ['two identities are swapped at once', [voter('a'), voter('b', 2), voter('c', 2)], 'more than one voter'],
    ['the leader would be no voter', [learner('a'), voter('b'), voter('c')], 'hand control over first'],
    ['the leader would have another incarnation', [voter('a', 2), voter('b'), voter('c')], 'hand control over first'],
    ['a member is named twice', [...formed, learner('c')], 'named twice'],
    ['there are too many', [...formed, ...[...'defghij'].map((id) => learner(id))], '10 members'],
    ['a voter comes that is no learner', [...formed, voter('d')], 'learner first'],
    ['a voter comes back that was not heard', readmitted, 'does not answer under the incarnation c-2'],
    [
      'nobody can have the incarnation',
      [voter('a'), voter('b'), { ...voter('c'), incarnation: absentIncarnation }],
      'absent',
    ],
  ])('is refused where %s', (_, members, why) => {
    const a = inControl();
    expect(change(a, members)).toMatch(why);
    expect(a.lastIndex).toBe(2);
    expect(membersOf(a)).toEqual(formed);
  });

  it('is refused without control', () => {
    expect(change(new CoreHarness({ term: 2, log: [1], leader: 'b' }), formed)).toBe('not-in-control');
    const elected = new CoreHarness({ term: 2, log: [1], role: 'leader' });
    expect(change(elected, [voter('a'), voter('b')])).toBe('not-in-control');
  });

  it('is refused while the change before is not committed, or control is being handed over', () => {
    const a = inControl();
    change(a, [voter('a'), voter('b'), learner('c')]);
    expect(change(a, formed)).toMatch('entry 3, is not committed yet');
    has(a, 'b', 3);
    has(a, 'c', 3);
    expect(change(a, formed)).toBe('in force by 4');
    has(a, 'b', 4);
    a.transfer('b');
    expect(change(a, [voter('a'), voter('b')])).toMatch('handed to b');
  });

  it('brings in nobody who is more than a round behind', () => {
    const a = inControl();
    change(a, [...formed, learner('d')]);
    has(a, 'b', 3);
    for (let each = 0; each < 3; each += 1) a.propose();
    has(a, 'b', 6);
    a.advance(100);
    has(a, 'd', 5);
    expect(change(a, [...formed, voter('d')])).toMatch('up to 5 of 6');
    has(a, 'd', 6);
    a.propose();
    expect(change(a, [...formed, voter('d')])).toBe('in force by 8');
  });

  it('brings in nobody who has acknowledged nothing: it is not vouched for yet', () => {
    const a = new CoreHarness({ term: 2, log: [1], role: 'leader' });
    has(a, 'b', 2);
    change(a, [...formed, learner('d')]);
    has(a, 'b', 3);
    a.deliver('d', { type: 'appendRefused', term: 2, prevIndex: 3, hintIndex: 0, hintTerm: 0, incarnation: 'd-1' });
    expect(change(a, [...formed, voter('d')])).toMatch('up to 0 of 2');
  });

  it('brings in nobody who fell silent', () => {
    const a = inControl();
    change(a, [...formed, learner('d')]);
    has(a, 'd', 3);
    for (let each = 0; each < 30; each += 1) {
      a.advance(50);
      answers(a, 'b');
      has(a, 'b', 3);
    }
    expect(change(a, [...formed, voter('d')])).toMatch('does not answer');
  });

  it('by which a voter goes needs nobody but a quorum of both configurations', () => {
    const a = inControl();
    expect(change(a, [voter('a'), voter('b')])).toBe('in force by 3');
    expect([...a.state.peers.keys()]).toEqual(['b']);
    has(a, 'b', 3);
    expect(a.state.commit).toBe(3);
  });
});

describe('a server that lost its disk (I8)', () => {
  it('counts for nothing before it is admitted again', () => {
    const a = inControl();
    has(a, 'c', 2, 'c-2');
    a.propose();
    has(a, 'c', 3, 'c-2');
    expect(a.state.commit).toBe(2);
  });

  it('is not admitted before the other has answered a round that began after its new life was heard', () => {
    const a = inControl();
    a.advance(100);
    const before = a.state.round;
    has(a, 'c', 2, 'c-2');
    expect(change(a, readmitted)).toMatch('b must be heard once more since c is back');
    answers(a, 'b', before);
    expect(change(a, readmitted)).toMatch('b must be heard once more');
    a.advance(100);
    answers(a, 'c', a.state.round, 'c-2');
    expect(change(a, readmitted)).toMatch('b must be heard once more');
    answers(a, 'b', a.state.round, 'b-2');
    expect(change(a, readmitted)).toMatch('b must be heard once more');
    answers(a, 'b');
    has(a, 'b', 2);
    a.advance(100);
    answers(a, 'b');
    expect(change(a, readmitted)).toBe('in force by 3');
  });

  it('is not admitted by a late word of its old life, which starts the waiting afresh', () => {
    const a = inControl();
    has(a, 'c', 2, 'c-2');
    a.advance(100);
    has(a, 'c', 2, 'c-1');
    has(a, 'c', 2, 'c-2');
    answers(a, 'b');
    expect(change(a, readmitted)).toMatch('b must be heard once more');
    a.advance(100);
    answers(a, 'b');
    expect(change(a, readmitted)).toBe('in force by 3');
  });

  it('is admitted by a change that both others have acknowledged: its own word does not count for it', () => {
    const a = withNewLifeOfC();
    expect(change(a, readmitted)).toBe('in force by 3');
    has(a, 'c', 3, 'c-2');
    expect(a.state.commit).toBe(2);
    has(a, 'b', 3);
    expect(a.state.commit).toBe(3);
    a.propose();
    has(a, 'c', 4, 'c-2');
    expect(a.state.commit).toBe(4);
  });

  it('confirms no round, and keeps nobody in control, before that', () => {
    const a = withNewLifeOfC();
    change(a, readmitted);
    const round = a.read();
    a.advance(100);
    answers(a, 'c', a.state.round, 'c-2');
    expect(a.readsThrough).toBeLessThan(round);
    for (let each = 0; each < 30; each += 1) {
      a.advance(50);
      answers(a, 'c', a.state.round, 'c-2');
    }
    expect(a.state).toMatchObject({ stepDownReason: 'no-quorum', commit: 2 });
  });

  it('needs all others where there are more than three', () => {
    const five = ['a', 'b', 'c', 'd', 'e'];
    const a = inControl({ members: five });
    has(a, 'd', 2);
    has(a, 'c', 2, 'c-2');
    a.advance(100);
    for (const id of ['b', 'd']) answers(a, id);
    const members = five.map((id) => voter(id, id === 'c' ? 2 : 1));
    expect(change(a, members)).toMatch('e must be heard once more');
    answers(a, 'e');
    has(a, 'e', 2);
    a.advance(100);
    for (const id of ['b', 'd', 'e']) answers(a, id);
    expect(change(a, members)).toBe('in force by 3');
  });

  it('that was never there is admitted like one that was emptied', () => {
    const a = inControl({ members: ['a', 'b', { id: 'c', incarnation: absentIncarnation }] });
    has(a, 'c', 2, absentIncarnation);
    a.propose();
    has(a, 'c', 3, absentIncarnation);
    expect(a.state.commit).toBe(2);
    has(a, 'b', 3);
    has(a, 'c', 3, 'c-2');
    a.advance(100);
    answers(a, 'b');
    expect(change(a, readmitted)).toBe('in force by 4');
  });

  it('votes under its new incarnation for whoever knows of it, and only for those', () => {
    const c = new CoreHarness({ id: 'c', incarnation: 'c-2', term: 2, log: [1] });
    const vote = { type: 'vote', term: 3, lastIndex: 9, lastTerm: 2, transfer: false, incarnation: 'b-1' } as const;
    c.deliver('b', { ...vote, target: 'c-1' });
    expect(c.take('b', 'voteReply')).toMatchObject([{ granted: false }]);
    c.deliver('a', { ...vote, target: 'c-2' });
    expect(c.take('a', 'voteReply')).toMatchObject([{ granted: true, incarnation: 'c-2' }]);
  });

  it('is counted by the newest configuration alone once another leads: what the first had appended need not be acknowledged by all', () => {
    const entries = [
      harnessEntry(1, 1),
      { index: 2, term: 2, kind: 'config' as const, data: encodeConfiguration(readmitted) },
    ];
    const b = new CoreHarness({ id: 'b', stored: { vote: { term: 2, votedFor: null }, entries } });
    b.advance(1_000);
    b.deliver('c', { type: 'preVoteReply', term: 2, asked: 3, granted: true, leader: null, incarnation: 'c-2' });
    b.deliver('c', { type: 'voteReply', term: 3, asked: 3, granted: true, leader: null, incarnation: 'c-2' });
    expect(b.isLeader).toBe(true);
    b.deliver('c', { type: 'appendReply', term: 3, match: 3, incarnation: 'c-2' });
    expect(b.state.commit).toBe(3);
  });
});

describe('a configuration', () => {
  it('that was appended and lost is not in force any more', () => {
    const b = new CoreHarness({ id: 'b', term: 2, log: [1, { term: 2, members: ['a', 'b'] }], commit: 1 });
    expect(membersOf(b).length).toBe(2);
    b.deliver('c', {
      type: 'append',
      term: 3,
      prevIndex: 1,
      prevTerm: 1,
      commit: 1,
      probe: false,
      entries: [harnessEntry(2, 3)],
    });
    expect(membersOf(b)).toEqual(formed);
  });

  it('under which the leader is no voter ends its term once it is committed', () => {
    const a = new CoreHarness({
      members: ['a', 'b'],
      term: 2,
      log: [1, { term: 1, members: [{ id: 'a', voter: false }, 'b'] }],
      role: 'leader',
    });
    has(a, 'b', 3);
    expect(a.state.commit).toBe(3);
    a.advance(100);
    expect(a.state).toMatchObject({ role: 'follower', stepDownReason: 'removed' });
    a.advance(5_000);
    expect(a.take(undefined, 'preVote')).toEqual([]);
  });

  it('that a snapshot brings has them asked as well', () => {
    const a = new CoreHarness({ isStarting: true });
    const config = encodeConfiguration([voter('a'), voter('b'), voter('d')]);
    a.deliver('b', { type: 'round', term: 2, round: 1, commit: 0, acknowledged: [] });
    a.step({ kind: 'snapshotReceived', meta: { index: 9, term: 2, config } });
    expect([...a.state.toAsk].sort()).toEqual(['b', 'c', 'd']);
  });

  it('that brings in another peer before this server was vouched for has that one asked as well', () => {
    const members = [voter('a'), voter('b'), voter('d')];
    const a = new CoreHarness({
      isStarting: true,
      stored: { vote: { term: 2, votedFor: null }, entries: [harnessEntry(1, 1)] },
    });
    const entry = { index: 2, term: 2, kind: 'config' as const, data: encodeConfiguration(members) };
    a.deliver('b', { type: 'append', term: 2, prevIndex: 1, prevTerm: 1, commit: 1, probe: true, entries: [entry] });
    a.deliver('b', { type: 'witnessAnswer', term: 2, known: null });
    expect(a.take('b', 'appendReply')).toEqual([]);
    a.advance(600);
    expect(a.take('d', 'witnessQuestion').length).toBeGreaterThan(0);
    a.deliver('d', { type: 'witnessAnswer', term: 2, known: null });
    expect(a.take('b', 'appendReply')).toEqual([]);
    // Who is no member any more may know better than who is one now.
    a.deliver('c', { type: 'witnessAnswer', term: 2, known: null });
    expect(a.take('b', 'appendReply')).toMatchObject([{ match: 2 }]);
  });
});
