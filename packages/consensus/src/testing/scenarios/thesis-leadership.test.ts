import { describe, expect, it } from 'vitest';
import { CoreHarness, CoreNetwork } from '../../index.ts';

/** Three servers, `a` in control, with commands applied everywhere. */
function elected(options: ConstructorParameters<typeof CoreNetwork>[0] = {}): CoreNetwork {
  const net = new CoreNetwork({ electionTimeoutMs: 500, ...options });
  net.at('a').campaign();
  net.stabilize();
  net.at('a').propose('x');
  net.stabilize();
  return net;
}

describe('thesis 3.10, leadership transfer', () => {
  it('1. the prior leader stops accepting requests', () => {
    const net = elected();
    net.at('a').transfer('b');
    expect(net.at('a').propose('y')).toBe(0);
  });

  it('2. it brings the target’s log up to date before anything else', () => {
    const net = elected();
    net.at('a').propose('y');
    net.drop({ to: 'b' });
    net.stabilize('a', 'c');
    net.at('a').transfer('b');
    net.stabilize();
    expect(net.pending({ type: 'timeoutNow' })).toEqual([]);
    expect(net.at('a').isLeader).toBe(true);
    // The lost append goes again after an election timeout, which is also when a transfer is given up; this one is begun anew.
    net.run(700);
    net.at('a').transfer('b');
    net.stabilize();
    expect(net.leader?.id).toBe('b');
    expect(net.at('b').commands).toEqual(['x', 'y']);
  });

  it('3. TimeoutNow: the target campaigns at once, without a pre-vote, and is not refused because a leader was heard', () => {
    const net = elected();
    net.at('a').transfer('b');
    expect(net.deliver({ type: 'timeoutNow' })).toBe(1);
    expect(net.pending({ from: 'b' }).map(({ message }) => message.type)).toEqual(['vote', 'vote']);
    net.stabilize();
    expect(net.leader?.id).toBe('b');
    expect(net.at('a').state.role).toBe('follower');
  });

  it('is given up after about an election timeout, and requests are accepted again', () => {
    const net = elected();
    net.isolate('b');
    net.at('a').transfer('b');
    net.run(400);
    expect(net.at('a').propose('y')).toBe(0);
    net.run(200);
    expect(net.at('a').propose('y')).toBeGreaterThan(0);
    expect(net.at('a').wishes).toMatchObject([{ transferFailed: true }]);
  });

  it('TimeoutNow of an older term, or from who does not lead, does nothing', () => {
    const a = new CoreHarness({ term: 3, leader: 'b' });
    a.deliver('b', { type: 'timeoutNow', term: 2 });
    a.deliver('c', { type: 'timeoutNow', term: 3 });
    expect(a.state).toMatchObject({ role: 'follower', term: 3 });
  });
});

describe('thesis 4.2.3, disruptive servers', () => {
  const vote = { type: 'vote', term: 9, lastIndex: 99, lastTerm: 8, target: 'a-1', incarnation: 'd-1' } as const;

  it('a server that hears a leader neither updates its term nor grants a vote', () => {
    const a = new CoreHarness({ term: 2, leader: 'b', electionTimeoutMs: 500 });
    a.deliver('d', { ...vote, transfer: false });
    expect(a.state).toMatchObject({ term: 2, votedFor: null, leader: 'b' });
    expect(a.take('d', 'voteReply')).toMatchObject([{ granted: false, leader: 'b' }]);
  });

  it('nor does the leader itself', () => {
    const a = new CoreHarness({ term: 2, role: 'leader' });
    a.deliver('d', { ...vote, transfer: false });
    expect(a.state).toMatchObject({ term: 2, role: 'leader' });
  });

  it('once no leader was heard for the least election timeout, it does', () => {
    const a = new CoreHarness({ term: 2, leader: 'b', electionTimeoutMs: 500 });
    a.advance(499);
    a.deliver('d', { ...vote, transfer: false });
    expect(a.take('d', 'voteReply')).toMatchObject([{ granted: false }]);
    a.now += 1;
    a.deliver('d', { ...vote, transfer: false });
    expect(a.take('d', 'voteReply')).toMatchObject([{ granted: true }]);
  });

  it('a vote that the leader itself asked for is no disruption', () => {
    const a = new CoreHarness({ term: 2, leader: 'b' });
    a.deliver('c', { ...vote, incarnation: 'c-1', transfer: true });
    expect(a.take('c', 'voteReply')).toMatchObject([{ granted: true }]);
  });
});

describe('thesis 6.4, read-only queries without the log (ReadIndex)', () => {
  it('1. a leader that has not committed an entry of its term can serve none', () => {
    const a = new CoreHarness({ term: 2, log: [1], commit: 1, role: 'leader' });
    expect(a.read()).toBe(0);
  });

  it('2.–4. readIndex is the commit index; a round of heartbeats begun after it must be answered by a majority; and it must be applied', () => {
    const a = new CoreHarness({ term: 2, log: [1, 2], commit: 2, role: 'leader', progress: { b: { match: 2 } } });
    const answer = (round: number) => a.deliver('b', { type: 'roundReply', term: 2, round, incarnation: 'b-1' });
    const waitsFor = a.read();
    const [round] = a.state.reads;
    expect(round).toEqual({ round: waitsFor, index: 2 });
    answer(waitsFor - 1);
    expect(a.readsThrough).toBeLessThan(waitsFor);
    a.advance(100);
    answer(waitsFor);
    expect(a.readsThrough).toBe(waitsFor);
  });

  it('one round serves all reads that accumulated', () => {
    const net = elected();
    const rounds = ['r1', 'r2', 'r3'].map(() => net.at('a').read());
    expect(new Set(rounds).size).toBe(1);
    net.run(100);
    expect(net.at('a').readsThrough).toBe(rounds[0]);
  });

  it('a deposed leader that does not know it yet confirms nothing', () => {
    const net = elected();
    net.partition(['a'], ['b', 'c']);
    net.at('b').advance(500);
    net.at('c').advance(500);
    net.stabilize('b', 'c');
    expect(net.leader?.id).not.toBe('a');
    expect(net.at('a').isLeader).toBe(true);
    const waitsFor = net.at('a').read();
    net.at('a').advance(200);
    net.stabilize();
    expect(net.at('a').readsThrough).toBeLessThan(waitsFor);
    // Nor when it is reached again, by answers of the later term.
    net.heal();
    net.run(300);
    expect(net.at('a').readsThrough).toBeLessThan(waitsFor);
  });
});

describe('thesis 9.6, preventing disruptions when a server rejoins the cluster (pre-vote)', () => {
  it('a partitioned server does not increase its term, and unseats nobody when it comes back', () => {
    const net = elected();
    net.isolate('c');
    net.run(20_000);
    expect(net.at('c').state.term).toBe(1);
    net.heal();
    net.run(2_000);
    expect(net.at('a').state).toMatchObject({ role: 'leader', term: 1 });
    expect(net.at('c').state.leader).toBe('a');
  });

  it('without it the same server does both', () => {
    const net = elected({ preVote: false, checkQuorum: false });
    net.isolate('c');
    net.run(20_000);
    expect(net.at('c').state.term).toBeGreaterThan(10);
    net.heal();
    net.run(2_000);
    expect(net.leader!.state.term).toBeGreaterThan(10);
  });

  it('a pre-vote is granted to who could win: by log, and only where no leader was heard', () => {
    const ask = { type: 'preVote', term: 3, target: 'a-1', position: 1 } as const;
    const granted = (a: CoreHarness, lastTerm: number, lastIndex: number) => {
      a.deliver('b', { ...ask, lastTerm, lastIndex });
      const [reply] = a.take('b', 'preVoteReply');
      return reply?.type === 'preVoteReply' && reply.granted;
    };
    const alone = () => new CoreHarness({ term: 2, log: [1, 2] });
    expect(granted(alone(), 2, 2)).toBe(true);
    expect(granted(alone(), 2, 1)).toBe(false);
    expect(granted(alone(), 1, 5)).toBe(false);
    expect(granted(new CoreHarness({ term: 2, log: [1, 2], leader: 'c' }), 2, 2)).toBe(false);
  });

  it('changes nothing at who grants it, and may be granted to several', () => {
    const a = new CoreHarness({ term: 2, log: [1, 2] });
    for (const from of ['b', 'c']) {
      a.deliver(from, { type: 'preVote', term: 3, lastTerm: 2, lastIndex: 2, target: 'a-1', position: 1 });
      expect(a.take(from, 'preVoteReply')).toMatchObject([{ granted: true }]);
    }
    expect(a.disk.vote).toEqual({ term: 2, votedFor: null });
  });
});

describe('thesis 10.2.1, writing to the leader’s disk in parallel', () => {
  const leader = (members: readonly string[]) =>
    new CoreHarness({
      members,
      term: 2,
      log: [1, 2],
      commit: 2,
      role: 'leader',
      disk: 'manual',
      progress: Object.fromEntries(members.filter((id) => id !== 'a').map((id) => [id, { match: 2 }])),
    });
  const acknowledge = (a: CoreHarness, from: string, match: number) =>
    a.deliver(from, { type: 'appendReply', term: 2, match, incarnation: `${from}-1` });

  it('the leader sends an entry before its own disk has it', () => {
    const a = leader(['a', 'b', 'c']);
    a.propose('x');
    expect(a.write?.entries.map(({ index }) => index)).toEqual([3]);
    expect(a.take('b', 'append').at(-1)).toMatchObject({ entries: [{ index: 3 }] });
    expect(a.disk.entries.length).toBe(2);
  });

  it('and counts itself only when it has', () => {
    const a = leader(['a', 'b', 'c']);
    a.propose('x');
    acknowledge(a, 'b', 3);
    expect(a.state.commit).toBe(2);
    a.finishWrite();
    expect(a.state.commit).toBe(3);
  });

  it('an entry that a majority of others has is committed before the leader’s own disk has it', () => {
    const a = leader(['a', 'b', 'c', 'd', 'e']);
    a.propose('x');
    for (const id of ['b', 'c']) acknowledge(a, id, 3);
    expect(a.state.commit).toBe(2);
    acknowledge(a, 'd', 3);
    expect(a.state.commit).toBe(3);
    // And is not lost with the leader, which comes back without it.
    expect(a.restart().lastIndex).toBe(2);
  });
});
