import { describe, expect, it } from 'vitest';
import { CoreHarness, CoreNetwork, type CoreNetworkOptions, entryText, type MemberLike } from '../../index.ts';

/** Servers of which `a` is in control of term 1. */
function elected(options: CoreNetworkOptions = {}): CoreNetwork {
  const net = new CoreNetwork({ electionTimeoutMs: 500, ...options });
  net.at('a').campaign();
  net.stabilize();
  return net;
}

const membersOf = (server: CoreHarness) => server.state.configurations.at(-1)!.members.map(({ id }) => id);
const isTaken = (server: CoreHarness, members: readonly MemberLike[]) => {
  const answer = server.changeMembers(members);
  return typeof answer === 'object' && 'index' in answer;
};

describe('thesis 4.1, single-server membership changes', () => {
  it('a configuration is in force on each server as soon as it is added to its log', () => {
    const net = elected();
    expect(isTaken(net.at('a'), ['a', 'b'])).toBe(true);
    expect(membersOf(net.at('a'))).toEqual(['a', 'b']);
    expect(membersOf(net.at('b'))).toEqual(['a', 'b', 'c']);
    net.deliver({ to: 'b' });
    expect(membersOf(net.at('b'))).toEqual(['a', 'b']);
    expect(net.at('b').state.commit).toBe(1);
  });

  it('where the entry is removed again, the configuration before it is in force again', () => {
    const net = elected();
    net.isolate('a');
    net.at('a').changeMembers(['a', 'b']);
    net.at('b').advance(500);
    net.at('c').advance(500);
    net.stabilize('b', 'c');
    const second = net.leader!;
    expect(second.state.term).toBe(2);
    expect(membersOf(net.at('a'))).toEqual(['a', 'b']);
    net.heal();
    net.run(700);
    expect(membersOf(net.at('a'))).toEqual(['a', 'b', 'c']);
  });

  it('only one change at a time: the next one waits until the one before is committed', () => {
    const net = elected({ members: ['a', 'b', 'c', 'd', 'e'] });
    expect(isTaken(net.at('a'), ['a', 'b', 'c', 'd'])).toBe(true);
    expect(net.at('a').changeMembers(['a', 'b', 'c'])).toEqual({
      refused: 'the change before, entry 2, is not committed yet',
    });
    net.stabilize();
    expect(isTaken(net.at('a'), ['a', 'b', 'c'])).toBe(true);
  });

  it('figure 4.3: more than one server at a time is refused, as majorities need not overlap', () => {
    const net = elected({ members: ['a', 'b', 'c', { id: 'd', voter: false }, { id: 'e', voter: false }] });
    net.run(1_000);
    expect(isTaken(net.at('a'), ['a', 'b', 'c', 'd', 'e'])).toBe(false);
    expect(isTaken(net.at('a'), ['a'])).toBe(false);
  });

  it('the leader decides by the new configuration at once: a server that is removed is not asked', () => {
    const net = elected({ members: ['a', 'b', 'c', 'd'] });
    net.isolate('d');
    net.isolate('c');
    // Two of four are no quorum, two of three are.
    net.at('a').changeMembers(['a', 'b', 'c']);
    net.stabilize();
    expect(net.at('a').state.commit).toBe(1);
    net.heal();
    net.cut('d', 'a');
    net.run(700);
    expect(net.at('a').state.commit).toBe(2);
    net.isolate('c');
    net.at('a').propose('x');
    net.stabilize();
    expect(net.at('a').commands).toEqual(['x']);
  });
});

// Found after the thesis was published: two leaders may each append a configuration that differs by one server from the one committed, and
// those two may have majorities without a server in common, unless a leader first commits an entry of its own term.
describe('thesis 4.1, the bug in single-server changes, and its cure', () => {
  const founded = ['s1', 's2', 's3', 's4'];

  it('without the cure there would be two committed configurations', () => {
    // S1 has led term 1 and appended a configuration with S5, which reached S5 alone. S2 then leads term 2 by S3 and S4, and would remove S1.
    const withS5 = { term: 1, members: [...founded, 's5'] };
    const net = new CoreNetwork({
      members: founded,
      term: 1,
      log: [1],
      commit: 1,
      preVote: false,
      checkQuorum: false,
      servers: {
        s1: { log: [1, withS5] },
        s2: {},
        s3: {},
        s4: {},
        s5: { log: [1, withS5] },
      },
    });
    net.isolate('s1');
    net.isolate('s5');
    net.at('s2').campaign();
    net.deliver({ type: 'vote' });
    net.deliver({ type: 'voteReply' });
    const second = net.at('s2');
    expect(second.isLeader).toBe(true);
    // The cure: nothing before an entry of its own term is committed.
    expect(second.changeMembers(['s2', 's3', 's4'])).toBe('not-in-control');
    expect(second.propose('x')).toBe(0);
    net.stabilize();
    expect(second.core.role()).toBe('in-control');
    expect(isTaken(second, ['s2', 's3', 's4'])).toBe(true);
    net.stabilize();
    expect(second.state.commit).toBe(3);
    // And now S1 can't be elected by {S1, S5, S3} any more: S3 has a newer log, and so has each majority of S2's configuration.
    net.heal();
    for (let each = 0; each < 4; each += 1) {
      net.at('s1').campaign();
      net.stabilize();
      expect(net.at('s1').isLeader).toBe(false);
    }
  });

  it('a leader that has just been elected with a configuration of an earlier term in its log waits for that one too', () => {
    const a = new CoreHarness({
      term: 2,
      log: [1, { term: 1, members: ['a', 'b', 'c', { id: 'd', voter: false }] }],
      commit: 1,
      role: 'leader',
    });
    expect(a.changeMembers(['a', 'b', 'c'])).toBe('not-in-control');
    a.deliver('b', { type: 'appendReply', term: 2, match: 3, incarnation: 'b-1' });
    expect(isTaken(a, ['a', 'b', 'c'])).toBe(true);
  });
});

describe('thesis 4.2.1, catching up new servers', () => {
  const withLearner = ['a', 'b', 'c', { id: 'd', voter: false }];

  it('a new server is a learner first: it is sent the log, and counts for nothing', () => {
    const net = elected();
    net.at('a').changeMembers(withLearner);
    net.stabilize();
    net.start('d', { term: 0, log: [] });
    net.run(1_200);
    expect(net.at('d').log.map(entryText)).toEqual(net.at('a').log.map(entryText));
    expect(net.at('d').core.role()).toBe('learner');
    net.isolate('b');
    net.isolate('c');
    net.at('a').propose('x');
    net.stabilize();
    expect(net.at('d').lastIndex).toBe(3);
    expect(net.at('a').state.commit).toBe(2);
    // Nor does it stand.
    net.at('d').advance(5_000);
    expect(net.at('d').state.term).toBe(1);
  });

  it('it becomes a voter only when it is caught up, so that nobody waits for it', () => {
    const net = elected();
    net.at('a').changeMembers(withLearner);
    net.stabilize();
    expect(net.at('a').changeMembers(['a', 'b', 'c', 'd'])).toMatchObject({
      refused: expect.stringContaining('does not answer'),
    });
    net.start('d', { term: 0, log: [] });
    net.run(1_200);
    expect(isTaken(net.at('a'), ['a', 'b', 'c', 'd'])).toBe(true);
    net.stabilize();
    expect(net.at('d').core.role()).toBe('standby');
  });

  it('by a snapshot, where the log does not go back far enough', () => {
    const net = elected();
    for (const text of ['x', 'y']) net.at('a').propose(text);
    net.at('a').changeMembers(withLearner);
    net.stabilize();
    expect(net.at('a').snapshot()).toBe(4);
    net.start('d', { term: 0, log: [] });
    net.run(1_200);
    expect(net.at('d').commands).toEqual(['x', 'y']);
    expect(membersOf(net.at('d'))).toEqual(['a', 'b', 'c', 'd']);
  });
});

describe('thesis 4.2.2, removing the current leader', () => {
  it('is refused: it hands over first, and its successor removes it', () => {
    const net = elected();
    expect(net.at('a').changeMembers(['b', 'c'])).toEqual({
      refused: 'this server itself would be no voter; hand control over first',
    });
    net.at('a').transfer('b');
    net.stabilize();
    expect(isTaken(net.at('b'), ['b', 'c'])).toBe(true);
    net.stabilize();
    expect(net.at('b').state.commit).toBe(net.at('b').lastIndex);
  });
});

describe('thesis 4.2.3, disruptive servers', () => {
  it('a removed server that was told nothing does not unseat the leader', () => {
    const net = elected();
    net.at('a').changeMembers(['a', 'b']);
    net.stabilize();
    expect(membersOf(net.at('c'))).toEqual(['a', 'b', 'c']);
    net.run(10_000);
    expect(net.at('a').state).toMatchObject({ role: 'leader', term: 1 });
  });
});
