import { describe, expect, it } from 'vitest';
import { CoreHarness, CoreNetwork } from '../../index.ts';

// The Raft paper, figure 7: what followers may look like when the leader at the top comes to power.
const leaderLog = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6];
const followers: Readonly<Record<string, readonly number[]>> = {
  a: [1, 1, 1, 4, 4, 5, 5, 6, 6],
  b: [1, 1, 1, 4],
  c: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
  d: [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7],
  e: [1, 1, 1, 4, 4, 4, 4],
  f: [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
};
const members = ['leader', ...Object.keys(followers)];
const plain = { members, term: 7, preVote: false, checkQuorum: false, electionTimeoutMs: 500 } as const;

/** All seven, before anybody leads term 8. */
function all(): CoreNetwork {
  const logs = Object.entries(followers).map(([id, log]) => [id, { log }]);
  return new CoreNetwork({ ...plain, servers: { leader: { log: leaderLog }, ...Object.fromEntries(logs) } });
}

describe('Figure 7, who can be elected for term 8 when all seven can be reached', () => {
  // At least four of seven must have a log that is no newer: f < b < e < a < leader < c < d.
  it.each([
    ['leader', true],
    ['a', true],
    ['b', false],
    ['c', true],
    ['d', true],
    ['e', false],
    ['f', false],
  ])('%s: %s', (id, isElected) => {
    const net = all();
    net.at(id).campaign();
    net.stabilize();
    expect(net.leader?.id === id).toBe(isElected);
    expect(net.at(id).state.term).toBe(8);
  });
});

describe('Figure 7, the leader of term 8 repairs each log', () => {
  it.each(Object.entries(followers))('(%s)', (id, log) => {
    const leader = new CoreHarness({ ...plain, id: 'leader', term: 8, log: leaderLog, role: 'leader' });
    const follower = new CoreHarness({ ...plain, id, log });
    let refusals = 0;
    for (let round = 0; round < 20; round += 1) {
      follower.deliver('leader', ...leader.take(id));
      const answers = follower.take('leader');
      refusals += answers.filter(({ type }) => type === 'appendRefused').length;
      leader.deliver(id, ...answers);
    }
    expect(follower.logTerms).toEqual([...leaderLog, 8]);
    expect(follower.log).toEqual(leader.log);
    expect(follower.disk.entries).toEqual(leader.log);
    expect(leader.state.peers.get(id)).toMatchObject({ mode: 'replicate', match: 11, next: 12 });
    // A refusal skips a whole term, so there are not more than terms in which the logs differ.
    expect(refusals).toBeLessThanOrEqual(3);
  });

  it('all at once, and commits its log only with its own first entry', () => {
    const net = all();
    net.at('leader').campaign();
    net.stabilize();
    for (const server of net.servers.values()) {
      expect(server.logTerms).toEqual([...leaderLog, 8]);
      expect(server.state.commit).toBe(11);
      expect(server.commands).toEqual(net.at('leader').commands);
    }
  });

  it('also where every message but the last of each kind is lost, and those arrive twice and in reverse', () => {
    const net = all();
    net.at('leader').campaign();
    net.stabilize('leader', 'a', 'b', 'c');
    for (let round = 0; round < 12; round += 1) {
      net.duplicate();
      net.reorder();
      net.drop({ type: 'round' }, 3);
      net.deliver();
      net.advance(600);
    }
    net.run(2_000);
    for (const server of net.servers.values()) expect(server.logTerms).toEqual(net.leader!.logTerms);
  });
});

it('Figure 7, the followers (c) and (d) may have entries that the leader of term 8 takes away: none of them was committed', () => {
  const net = all();
  net.at('leader').campaign();
  net.stabilize();
  expect(net.at('c').log[10]).toMatchObject({ term: 8, kind: 'noop' });
  expect(net.at('d').lastIndex).toBe(11);
});
