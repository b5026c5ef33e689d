import { describe, expect, it } from 'vitest';
import { decodeConfiguration } from '../wire/configuration.ts';
import { CoreHarness } from './core-harness.ts';

describe('a server in a given state', () => {
  it('has term, vote, log and indexes, and all of it on disk', () => {
    const a = new CoreHarness({
      term: 3,
      votedFor: 'b',
      log: [1, { term: 2, kind: 'noop' }, 3],
      commit: 2,
      applied: 1,
    });
    expect(a.describe()).toBe('follower term=3 votedFor=b leader=- commit=2 applied=2 log=0..3 members=[a b c]');
    expect(a.committed.map(({ index }) => index)).toEqual([2]);
    expect(a.log.map(({ kind }) => kind)).toEqual(['command', 'noop', 'command']);
    expect(a.disk).toMatchObject({ vote: { term: 3, votedFor: 'b' }, entries: { length: 3 } });
    expect(a.commands).toEqual(['1.1']);
  });

  it('has entries in memory that are not on its disk yet', () => {
    const a = new CoreHarness({ term: 1, log: [1, 1, 1], durable: 1, disk: 'manual' });
    expect(a.write?.entries.map(({ index }) => index)).toEqual([2, 3]);
    expect(a.disk.entries.length).toBe(1);
    a.finishWrite();
    expect(a.disk.entries.length).toBe(3);
  });

  it('follows a configuration of its log, committed or not', () => {
    const members = ['a', { id: 'b', incarnation: 'b-2' }, { id: 'd', voter: false }];
    const a = new CoreHarness({ term: 1, log: [1, { term: 1, members }] });
    expect(a.describe()).toMatch('members=[a b-2 (d)]');
    expect(decodeConfiguration(a.log[1]!.data)[2]).toEqual({ id: 'd', incarnation: 'd-1', voter: false });
  });

  it('begins behind a snapshot', () => {
    const a = new CoreHarness({ term: 4, snapshot: { index: 7, term: 2, commands: ['x'] }, log: [2, 4] });
    expect(a.describe()).toMatch('commit=7 applied=7 log=7..9');
    expect(a.commands).toEqual(['x']);
  });

  it.each(['preCandidate', 'candidate'] as const)('is a %s with some answers', (role) => {
    const a = new CoreHarness({ members: ['a', 'b', 'c', 'd', 'e'], term: 2, role, votes: { b: true, c: false } });
    const asked = role === 'candidate' ? 2 : 3;
    const type = role === 'candidate' ? 'voteReply' : 'preVoteReply';
    a.deliver('d', { type, term: 2, asked, granted: true, leader: null, incarnation: 'd-1' });
    expect(a.state.role).toBe(role === 'candidate' ? 'leader' : 'candidate');
  });

  it('has just been elected, and appends the first entry of its term', () => {
    const a = new CoreHarness({ term: 2, log: [1], role: 'leader' });
    expect(a.logTerms).toEqual([1, 2]);
    expect(a.take('b', 'append')).toMatchObject([{ prevIndex: 1, entries: [{ index: 2, kind: 'noop' }] }]);
  });

  it('has led for a while, and knows what the others have', () => {
    const a = new CoreHarness({
      term: 2,
      log: [1, 2, 2, 2],
      commit: 3,
      role: 'leader',
      progress: { b: { match: 3 }, c: { match: 0, next: 3 } },
    });
    expect(a.core.role()).toBe('in-control');
    expect(a.take('b', 'append')).toMatchObject([{ prevIndex: 3, entries: [{ index: 4 }] }]);
    expect(a.take('c', 'append')).toMatchObject([{ prevIndex: 2, probe: true }]);
    a.deliver('b', { type: 'appendReply', term: 2, match: 4, incarnation: 'b-1' });
    expect(a.state.commit).toBe(4);
  });

  it.each([
    ['a term below its log', { term: 1, log: [2] }, 'entry of term 2'],
    ['a commit index behind its log', { log: [0], commit: 2 }, 'log ends at 1'],
    ['entries whose terms fall', { term: 3, log: [3, 1] }, 'term 1 after one of term 3'],
    ['applied what is not committed', { log: [0, 0], commit: 1, applied: 2 }, 'only 1 committed'],
  ])('is refused with %s', (_, options, why) => {
    expect(() => new CoreHarness(options)).toThrow(
      expect.objectContaining({ code: 'HARNESS_STATE', message: expect.stringContaining(why) }),
    );
  });

  it('is the whole state of another core', () => {
    const a = new CoreHarness({ term: 2, log: [1], role: 'leader' });
    const b = new CoreHarness({ state: structuredClone(a.state) });
    b.deliver('b', { type: 'appendReply', term: 2, match: 2, incarnation: 'b-1' });
    expect([a.state.commit, b.state.commit]).toEqual([0, 2]);
  });
});

describe('its disk', () => {
  it('loses what was not written, and keeps what a torn write brought', () => {
    const a = new CoreHarness({ term: 1, log: [1], disk: 'manual' });
    const entries = [2, 3].map((index) => ({ index, term: 2, kind: 'command' as const, data: Buffer.from('x') }));
    a.deliver('b', { type: 'append', term: 2, prevIndex: 1, prevTerm: 1, commit: 0, probe: false, entries });
    expect(a.fork().restart().describe()).toMatch('term=1 votedFor=- leader=- commit=0 applied=0 log=0..1');
    expect(a.fork().restart({ parts: 2 }).describe()).toMatch('term=2 votedFor=- leader=- commit=0 applied=0 log=0..2');
    a.finishWrite();
    expect(a.restart().lastIndex).toBe(3);
  });

  it('that is full finishes its write once there is room; one that failed takes nothing more', () => {
    const a = new CoreHarness({ term: 1, log: [1], disk: 'manual' });
    a.deliver('b', { type: 'append', term: 2, prevIndex: 1, prevTerm: 1, commit: 0, probe: true, entries: [] });
    a.failWrite('full');
    expect(a.take('b', 'appendReply')).toEqual([]);
    a.finishWrite();
    expect(a.take('b', 'appendReply')).toMatchObject([{ match: 1 }]);
    a.failWrite('failed');
    a.deliver('b', { type: 'append', term: 2, prevIndex: 1, prevTerm: 1, commit: 0, probe: true, entries: [] });
    expect(a.take('b')).toEqual([]);
  });
});

describe('what plain Raft does not have', () => {
  it('can be left out: pre-votes are granted by the harness', () => {
    const a = new CoreHarness({ preVote: false });
    a.campaign();
    expect(a.take().map(({ type }) => type)).toEqual(['vote', 'vote']);
  });

  it('can be left out: a vote is judged by term and log although a leader was heard, and at a leader', () => {
    const vote = { type: 'vote', term: 3, lastIndex: 9, lastTerm: 2, target: 'a-1', transfer: false } as const;
    for (const checkQuorum of [true, false]) {
      const a = new CoreHarness({ term: 2, leader: 'c', checkQuorum });
      a.deliver('b', { ...vote, incarnation: 'b-1' });
      expect(a.take('b', 'voteReply')).toMatchObject([{ granted: !checkQuorum }]);
      const led = new CoreHarness({ term: 2, role: 'leader', checkQuorum });
      led.deliver('b', { ...vote, incarnation: 'b-1' });
      expect(led.isLeader).toBe(checkQuorum);
    }
  });

  it('can be left out: a leader that nobody answers stays one', () => {
    for (const checkQuorum of [true, false]) {
      const a = new CoreHarness({ term: 2, role: 'leader', checkQuorum });
      a.advance(10_000);
      expect(a.isLeader).toBe(!checkQuorum);
    }
  });

  it('can be left out: all ranks wait equally long, from the start', () => {
    for (const id of ['a', 'b', 'c']) {
      const server = new CoreHarness({ id, electionTimeoutMs: 300 });
      server.advance(299);
      expect(server.take()).toEqual([]);
      server.advance(1);
      expect(server.take(undefined, 'preVote').length).toBe(2);
    }
  });
});

it('tells what it does, line by line', () => {
  const lines: string[] = [];
  const a = new CoreHarness({ members: ['a'], trace: (line) => lines.push(line) });
  a.campaign();
  expect(lines).toEqual([
    'follower term=0 leader=- commit=0 (candidate)',
    'candidate term=1 leader=- commit=0 (candidate)',
    'write term=1 votedFor=a',
    'leader term=1 leader=a commit=0 (candidate)',
    'write [1.1 noop]',
    'leader term=1 leader=a commit=1 (candidate)',
    'apply [1.1 noop]',
    'leader term=1 leader=a commit=1 (in-control)',
  ]);
});
