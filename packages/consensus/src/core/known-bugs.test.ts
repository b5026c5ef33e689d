import { describe, expect, it } from 'vitest';
import { CoreHarness, type CoreHarnessOptions, harnessEntry } from '../harness/core-harness.ts';
import { CoreNetwork } from '../harness/core-network.ts';
import { encodeConfiguration } from '../wire/configuration.ts';

const vote = {
  type: 'vote',
  term: 2,
  lastIndex: 9,
  lastTerm: 1,
  target: 'a-1',
  transfer: false,
  incarnation: 'b-1',
} as const;
const at1 = (options: CoreHarnessOptions = {}) => new CoreHarness({ term: 1, log: [1], ...options });

// Each of these was in a system that people relied on. A ninth, a checksum error in mid-log taken for a torn tail, is in log/damage.test.ts.
describe('what others had wrong', () => {
  it('a vote was answered before it was durable, and given again after a crash', () => {
    const a = at1({ disk: 'manual' });
    a.deliver('b', vote);
    expect(a.take('b')).toEqual([]);
    const again = a.restart();
    again.deliver('c', { ...vote, incarnation: 'c-1' });
    again.finishWrite();
    expect(again.take('c', 'voteReply')).toMatchObject([{ granted: true }]);
  });

  it('a leader that stepped down in its own term forgot its vote, and gave another', () => {
    const a = at1({ term: 2, role: 'leader' });
    a.advance(2_000);
    expect(a.isLeader).toBe(false);
    a.deliver('b', { ...vote, lastTerm: 9 });
    expect(a.take('b', 'voteReply')).toMatchObject([{ granted: false }]);
  });

  it('an entry of an older term was committed by counting its copies', () => {
    const a = new CoreHarness({ term: 4, log: [1, 2], role: 'leader' });
    a.deliver('b', { type: 'appendReply', term: 4, match: 2, incarnation: 'b-1' });
    a.deliver('c', { type: 'appendReply', term: 4, match: 2, incarnation: 'c-1' });
    expect(a.state.commit).toBe(0);
    a.deliver('b', { type: 'appendReply', term: 4, match: 3, incarnation: 'b-1' });
    expect(a.state.commit).toBe(3);
  });

  it('votes were asked for after the write of the own vote had failed', () => {
    const a = at1({ disk: 'manual' });
    a.campaign();
    a.deliver('b', { type: 'preVoteReply', term: 1, asked: 2, granted: true, leader: null, incarnation: 'b-1' });
    expect(a.state.role).toBe('candidate');
    a.failWrite('failed');
    a.advance(10_000);
    expect(a.take(undefined, 'vote')).toEqual([]);
    a.deliver('b', { type: 'voteReply', term: 2, asked: 2, granted: true, leader: null, incarnation: 'b-1' });
    expect(a.isLeader).toBe(false);
  });

  it('an older snapshot was accepted, and set the machine back', () => {
    const b = new CoreHarness({ id: 'b', term: 2, log: [1, 1, 1, 1], commit: 4, leader: 'a' });
    const config = encodeConfiguration([{ id: 'a', incarnation: 'a-1', voter: true }]);
    b.step({ kind: 'snapshotReceived', meta: { index: 2, term: 1, config } });
    expect(b.state).toMatchObject({ commit: 4, applied: 4 });
    expect([b.lastIndex, b.wishes, b.state.configurations.at(-1)!.members.length]).toEqual([4, [], 3]);
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])('two candidates duelled for ever (seed %i)', (seed) => {
    const net = new CoreNetwork({ members: ['a', 'b', 'c'], term: 1, log: [1], seed });
    net.crash('a');
    // Both stand at the same instant, and each has its own vote on disk before it hears of the other.
    for (const id of ['b', 'c']) net.at(id).campaign();
    for (const id of ['b', 'c']) {
      const other = id === 'b' ? 'c' : 'b';
      const granted = { type: 'preVoteReply', term: 1, asked: 2, granted: true, leader: null } as const;
      net.at(id).deliver(other, { ...granted, incarnation: `${other}-1` });
    }
    net.stabilize();
    for (let ms = 0; ms < 1_000 && net.leader === undefined; ms += 10) {
      net.advance(10);
      net.stabilize();
    }
    expect(net.leader?.state.term).toBeLessThanOrEqual(4);
  });

  it('a leader that is heard by all and hears nobody stayed one for ever', () => {
    const net = new CoreNetwork({ members: ['a', 'b', 'c'] });
    net.at('a').campaign();
    net.stabilize();
    for (const id of ['b', 'c']) net.cut(id, 'a');
    for (let ms = 0; ms < 3_000; ms += 20) {
      net.advance(20);
      net.stabilize();
    }
    expect(net.leader?.id).not.toBe('a');
    expect(net.at('a').isLeader).toBe(false);
  });

  it('a server that does not hear the leader, but is heard by the others, unseated it again and again', () => {
    const net = new CoreNetwork({ members: ['a', 'b', 'c'] });
    net.at('a').campaign();
    net.stabilize();
    net.cut('a', 'c');
    const { term } = net.at('a').state;
    for (let ms = 0; ms < 10_000; ms += 50) {
      net.advance(50);
      net.stabilize();
    }
    expect([net.at('a').isLeader, net.at('a').state.term]).toEqual([true, term]);
    expect(net.at('c').core.role()).toBe('standby');
  });

  it('entries that were committed were overwritten by a leader that had been away (missing restriction on votes)', () => {
    const b = new CoreHarness({ id: 'b', term: 2, log: [1, 2], commit: 2 });
    b.advance(2_000);
    b.deliver('c', { ...vote, term: 9, lastIndex: 5, lastTerm: 1, target: 'b-1', incarnation: 'c-1' });
    expect(b.take('c', 'voteReply')).toMatchObject([{ granted: false }]);
    expect(() => {
      const entries = [harnessEntry(2, 9)];
      b.deliver('c', { type: 'append', term: 9, prevIndex: 1, prevTerm: 1, commit: 2, probe: false, entries });
    }).not.toThrow();
    expect(b.logTerms).toEqual([1, 2]);
  });
});
