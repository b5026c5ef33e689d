import { describe, expect, it } from 'vitest';
import {
  type Append,
  CoreHarness,
  type CoreHarnessOptions,
  CoreNetwork,
  harnessLog,
  type VoteRequest,
} from '../../index.ts';

// The Raft paper, figure 2: each of its rules, in its order. Pre-vote and check-quorum are no part of it.
const plain: CoreHarnessOptions = { preVote: false, checkQuorum: false, electionTimeoutMs: 500 };
const server = (options: CoreHarnessOptions = {}) => new CoreHarness({ ...plain, ...options });

/** AppendEntries from b, with entries of these terms behind `prev`, which is `[term, index]`. */
function appendEntries(term: number, prev: readonly [number, number], terms: readonly number[], commit = 0): Append {
  const [prevTerm, prevIndex] = prev;
  const entries = harnessLog(terms, prevIndex + 1);
  return { type: 'append', term, prevIndex, prevTerm, commit, probe: true, entries };
}

/** RequestVote from b, whose last entry is `[term, index]`. */
function requestVote(term: number, last: readonly [number, number]): VoteRequest {
  const [lastTerm, lastIndex] = last;
  return { type: 'vote', term, lastIndex, lastTerm, target: 'a-1', incarnation: 'b-1', transfer: false };
}

describe('Figure 2, State', () => {
  it('currentTerm, votedFor and log are on stable storage before an RPC is answered', () => {
    const voter = server({ disk: 'manual' });
    voter.deliver('b', requestVote(1, [0, 0]));
    expect(voter.take('b')).toEqual([]);
    voter.finishWrite();
    expect(voter.disk.vote).toEqual({ term: 1, votedFor: 'b' });
    expect(voter.take('b')).toMatchObject([{ type: 'voteReply', granted: true }]);

    const follower = server({ disk: 'manual' });
    follower.deliver('b', appendEntries(1, [0, 0], [1, 1]));
    expect(follower.take('b')).toEqual([]);
    // The term, and entries that came while it was written, go in the next write.
    while (follower.write !== null) follower.finishWrite();
    expect(follower.disk.vote.term).toBe(1);
    expect(follower.disk.entries.length).toBe(2);
    expect(follower.take('b').at(-1)).toMatchObject({ type: 'appendReply', match: 2 });
  });

  it('commitIndex and lastApplied increase monotonically', () => {
    const a = server({ term: 1, log: [1, 1, 1], commit: 3 });
    a.deliver('b', appendEntries(1, [1, 3], [], 1));
    expect(a.state).toMatchObject({ commit: 3, applied: 3 });
  });

  it('nextIndex begins behind the leader’s log, matchIndex at 0', () => {
    const a = server({ term: 2, log: [1, 1], role: 'leader' });
    expect(a.state.peers.get('b')).toMatchObject({ next: 3, match: 0 });
  });
});

describe('Figure 2, AppendEntries RPC, receiver implementation', () => {
  it('1. replies false if term < currentTerm', () => {
    const a = server({ term: 3, log: [1] });
    a.deliver('b', appendEntries(2, [1, 1], [2]));
    expect(a.take('b')).toEqual([{ type: 'newerTerm', term: 3 }]);
    expect(a.logTerms).toEqual([1]);
  });

  it.each([
    ['no entry at prevLogIndex', [1, 4] as const],
    ['an entry of another term there', [3, 2] as const],
  ])('2. replies false if the log has %s', (_, prev) => {
    const a = server({ term: 3, log: [1, 2] });
    a.deliver('b', appendEntries(3, prev, [3]));
    expect(a.take('b')).toMatchObject([{ type: 'appendRefused', prevIndex: prev[1] }]);
    expect(a.logTerms).toEqual([1, 2]);
  });

  it('3. deletes an existing entry that conflicts, and all that follow it', () => {
    const a = server({ term: 3, log: [1, 1, 2, 2, 2] });
    a.deliver('b', appendEntries(3, [1, 2], [3]));
    expect(a.logTerms).toEqual([1, 1, 3]);
    expect(a.disk.entries.map(({ term }) => term)).toEqual([1, 1, 3]);
  });

  it('4. appends entries not already in the log, and takes nothing away for an older message', () => {
    const a = server({ term: 1, log: [1, 1] });
    const later = appendEntries(1, [1, 1], [1, 1, 1]);
    const earlier = appendEntries(1, [1, 1], [1]);
    a.deliver('b', later, earlier);
    expect(a.logTerms).toEqual([1, 1, 1, 1]);
  });

  it('5. sets commitIndex to min(leaderCommit, index of last new entry)', () => {
    const a = server({ term: 2, log: [1, 1, 1] });
    // What is behind the last new entry may not be the leader's.
    a.deliver('b', appendEntries(2, [1, 1], [1], 9));
    expect(a.state.commit).toBe(2);
    a.deliver('b', appendEntries(2, [1, 2], [2, 2], 3));
    expect(a.state.commit).toBe(3);
  });
});

describe('Figure 2, RequestVote RPC, receiver implementation', () => {
  const answer = (a: CoreHarness, request: VoteRequest) => {
    a.deliver('b', request);
    const [reply] = a.take('b', 'voteReply');
    return reply?.type === 'voteReply' && reply.granted;
  };

  it('1. replies false if term < currentTerm', () => {
    const a = server({ term: 3 });
    expect(answer(a, requestVote(2, [2, 9]))).toBe(false);
    expect(a.state.term).toBe(3);
  });

  it('2. grants if votedFor is null or candidateId, once per term', () => {
    const a = server({ term: 1, log: [1] });
    expect(answer(a, requestVote(2, [1, 1]))).toBe(true);
    expect(answer(a, requestVote(2, [1, 1]))).toBe(true);
    a.deliver('c', { ...requestVote(2, [1, 1]), incarnation: 'c-1' });
    expect(a.take('c', 'voteReply')).toMatchObject([{ granted: false }]);
  });

  it.each([
    ['a later last term, although the log is shorter', [3, 1], true],
    ['the same last term and the same length', [2, 3], true],
    ['the same last term and a longer log', [2, 4], true],
    ['the same last term and a shorter log', [2, 2], false],
    ['an earlier last term, although the log is longer', [1, 9], false],
  ] as const)('2. %s: up-to-date is %s, granted %s', (_, last, granted) => {
    expect(answer(server({ term: 2, log: [1, 2, 2] }), requestVote(4, last))).toBe(granted);
  });
});

describe('Figure 2, Rules for servers, all servers', () => {
  it('commitIndex > lastApplied: applies log[lastApplied + 1], in order', () => {
    const a = server({ term: 1, log: [1, 1, 1] });
    a.deliver('b', appendEntries(1, [1, 3], [1], 4));
    expect(a.committed.map(({ index }) => index)).toEqual([1, 2, 3, 4]);
  });

  const laterTerm = { term: 5, incarnation: 'b-1' };
  it.each([
    ['AppendEntries', appendEntries(5, [0, 0], [])],
    ['RequestVote', requestVote(5, [0, 0])],
    ['an answer to AppendEntries', { ...laterTerm, type: 'appendReply', match: 0 }],
    ['an answer to a heartbeat', { ...laterTerm, type: 'roundReply', round: 1 }],
    ['an answer to RequestVote', { ...laterTerm, type: 'voteReply', asked: 4, granted: false, leader: null }],
    ['"your term is over"', { type: 'newerTerm', term: 5 }],
  ] as const)('a later term in %s: sets currentTerm, and follows', (_, message) => {
    for (const role of ['follower', 'candidate', 'leader'] as const) {
      const a = server({ term: 4, role });
      a.deliver('b', message);
      expect(a.state).toMatchObject({ term: 5, role: 'follower' });
    }
  });
});

describe('Figure 2, Rules for servers, followers', () => {
  it('become candidates when an election timeout goes by without AppendEntries from the current leader or granting a vote', () => {
    const a = server({ term: 1 });
    a.advance(400);
    a.deliver('b', appendEntries(1, [0, 0], []));
    a.advance(400);
    expect(a.state.role).toBe('follower');
    a.deliver('c', { ...requestVote(2, [0, 0]), incarnation: 'c-1' });
    a.advance(400);
    expect(a.state.role).toBe('follower');
    a.advance(100);
    expect(a.state).toMatchObject({ role: 'candidate', term: 3 });
  });

  it('stay so for no vote that they refused', () => {
    const a = server({ term: 1, log: [1] });
    a.advance(400);
    a.deliver('b', requestVote(2, [0, 0]));
    a.advance(100);
    expect(a.state.role).toBe('candidate');
  });
});

describe('Figure 2, Rules for servers, candidates', () => {
  const candidate = () => {
    const a = server({ term: 1, log: [1] });
    a.campaign();
    return a;
  };

  it('increment currentTerm, vote for themselves, and ask all others', () => {
    const a = candidate();
    expect(a.state).toMatchObject({ role: 'candidate', term: 2, votedFor: 'a' });
    expect(a.disk.vote).toEqual({ term: 2, votedFor: 'a' });
    expect(a.takeAll().map(({ to, message }) => [to, message.type])).toEqual([
      ['b', 'vote'],
      ['c', 'vote'],
    ]);
  });

  it('reset the election timer', () => {
    const a = server({ term: 1 });
    a.advance(500);
    expect(a.state.term).toBe(2);
    a.advance(499);
    expect(a.state.term).toBe(2);
  });

  it('become leader with votes from a majority', () => {
    const a = server({ members: ['a', 'b', 'c', 'd', 'e'] });
    a.campaign();
    const vote = { type: 'voteReply', term: 1, asked: 1, granted: true, leader: null } as const;
    a.deliver('b', { ...vote, incarnation: 'b-1' }, { ...vote, incarnation: 'b-1' });
    expect(a.state.role).toBe('candidate');
    a.deliver('c', { ...vote, incarnation: 'c-1' });
    expect(a.state.role).toBe('leader');
  });

  it('follow a new leader that sends AppendEntries', () => {
    const a = candidate();
    a.deliver('c', appendEntries(2, [1, 1], []));
    expect(a.state).toMatchObject({ role: 'follower', leader: 'c', term: 2 });
  });

  it('start a new election when the timeout goes by', () => {
    const a = candidate();
    a.advance(500);
    expect(a.state).toMatchObject({ role: 'candidate', term: 3 });
  });
});

describe('Figure 2, Rules for servers, leaders', () => {
  const leader = (options: CoreHarnessOptions = {}) =>
    server({ term: 2, log: [1, 2], commit: 2, role: 'leader', progress: { b: { match: 2 } }, ...options });
  const success = (match: number, from = 'b') =>
    ({ type: 'appendReply', term: 2, match, incarnation: `${from}-1` }) as const;

  it('send heartbeats on election, and again while idle', () => {
    const a = server({ term: 2, role: 'leader' });
    expect(a.take('b', 'round')).toMatchObject([{ term: 2, round: 1 }]);
    a.takeAll();
    a.advance(100);
    expect(a.take('c', 'round')).toMatchObject([{ term: 2, round: 2 }]);
  });

  it('append a command to the local log, and answer after it is applied', () => {
    const a = leader();
    expect(a.propose('x')).toBe(3);
    expect(a.commands).not.toContain('x');
    a.deliver('b', success(3));
    expect(a.commands).toContain('x');
  });

  it('last log index ≥ nextIndex: send entries from nextIndex on', () => {
    const a = leader();
    a.takeAll();
    a.propose('x');
    expect(a.take('b', 'append')).toMatchObject([{ prevIndex: 2, prevTerm: 2, entries: [{ index: 3 }] }]);
  });

  it('success: nextIndex and matchIndex are updated', () => {
    const a = leader();
    a.propose('x');
    a.deliver('b', success(3));
    expect(a.state.peers.get('b')).toMatchObject({ match: 3, next: 4 });
  });

  it('inconsistency: nextIndex goes back, and it is tried again', () => {
    const a = server({ term: 4, log: [1, 2, 3], role: 'leader' });
    a.takeAll();
    a.deliver('b', { type: 'appendRefused', term: 4, prevIndex: 3, hintIndex: 1, hintTerm: 1, incarnation: 'b-1' });
    expect(a.take('b', 'append')).toMatchObject([{ prevIndex: 1, prevTerm: 1, entries: { length: 3 } }]);
  });

  it('commitIndex = N where a majority has N and log[N] is of the current term; never by an older term’s entry alone', () => {
    const a = server({ term: 3, log: [1, 2, 3], role: 'leader', progress: { b: {}, c: {} } });
    a.deliver('b', { type: 'appendReply', term: 3, match: 2, incarnation: 'b-1' });
    expect(a.state.commit).toBe(0);
    a.deliver('b', { type: 'appendReply', term: 3, match: 3, incarnation: 'b-1' });
    expect(a.state.commit).toBe(3);
  });
});

it('Figure 3, Election Safety: two candidates of one term, and one leader', () => {
  const net = new CoreNetwork(plain);
  net.at('a').campaign();
  net.at('b').campaign();
  net.stabilize();
  const leaders = [...net.servers.values()].filter((each) => each.isLeader);
  expect(leaders.length).toBeLessThanOrEqual(1);
});
