import { describe, expect, it } from 'vitest';
import { CoreHarness, type CoreHarnessOptions, lanTiming } from '../harness/core-harness.ts';
import { createRaftCore } from './core.ts';
import type { PreVote, VoteReply, VoteRequest } from './messages.ts';

const vote = (fields: Partial<VoteRequest> = {}): VoteRequest => ({
  type: 'vote',
  term: 2,
  lastIndex: 1,
  lastTerm: 1,
  target: 'a-1',
  transfer: false,
  incarnation: 'b-1',
  ...fields,
});
const preVote = (fields: Partial<PreVote> = {}): PreVote => ({
  type: 'preVote',
  term: 2,
  lastIndex: 1,
  lastTerm: 1,
  target: 'a-1',
  position: 1,
  ...fields,
});
const reply = (type: VoteReply['type'], from: string, fields: Partial<VoteReply> = {}): VoteReply => ({
  type,
  term: 1,
  asked: 2,
  granted: true,
  leader: null,
  incarnation: `${from}-1`,
  ...fields,
});
const at1 = (options: CoreHarnessOptions = {}) => new CoreHarness({ term: 1, log: [1], ...options });

describe('a vote', () => {
  it('is answered only once it is on disk', () => {
    const a = at1({ disk: 'manual' });
    a.deliver('b', vote());
    expect(a.take('b')).toEqual([]);
    a.finishWrite();
    expect(a.take('b')).toMatchObject([{ type: 'voteReply', granted: true, term: 2, incarnation: 'a-1' }]);
  });

  it('is never answered after a write that failed', () => {
    const a = at1({ disk: 'manual' });
    a.deliver('b', vote());
    a.step({ kind: 'disk', state: 'failed' });
    a.deliver('c', vote({ term: 3 }));
    a.advance(5_000);
    expect(a.takeAll().filter(({ message }) => message.type === 'voteReply' && message.granted)).toEqual([]);
  });

  it('goes to one candidate per term', () => {
    const a = at1();
    a.deliver('b', vote());
    a.deliver('c', vote());
    expect(a.take('b')).toMatchObject([{ granted: true }]);
    expect(a.take('c')).toMatchObject([{ granted: false }]);
  });

  it('is kept when a leader steps down in the same term', () => {
    const a = at1({ term: 2, role: 'leader' });
    a.advance(2_000);
    expect(a.state.role).not.toBe('leader');
    expect(a.state.term).toBe(2);
    a.deliver('b', vote({ lastTerm: 9, lastIndex: 9 }));
    expect(a.take('b', 'voteReply')).toMatchObject([{ granted: false }]);
    expect(a.state.votedFor).toBe('a');
  });

  it.each([
    ['has an older last term', { lastIndex: 9, lastTerm: 1 }],
    ['is shorter in the same term', { lastIndex: 2, lastTerm: 2 }],
  ])('is refused to a candidate whose log %s', (_, end) => {
    const a = new CoreHarness({ term: 2, log: [1, 2, 2] });
    a.deliver('b', vote({ term: 3, ...end }));
    expect(a.take('b')).toMatchObject([{ granted: false }]);
  });

  it('of an older term is refused with the newer one', () => {
    const a = at1({ term: 5 });
    a.deliver('b', vote({ term: 4, lastTerm: 4, lastIndex: 9 }));
    expect(a.take('b')).toMatchObject([{ granted: false, term: 5, asked: 4 }]);
    expect(a.state.votedFor).toBe(null);
  });

  it('is never refused because of rank', () => {
    const a = at1();
    a.deliver('c', vote());
    expect(a.take('c')).toMatchObject([{ granted: true }]);
  });

  it('is refused, without a change of term, while a leader is heard; unless that leader asks for it', () => {
    const a = at1({ leader: 'b' });
    a.deliver('c', vote({ term: 9 }));
    expect(a.take('c')).toMatchObject([{ granted: false, term: 1, leader: 'b' }]);
    expect(a.state.term).toBe(1);
    a.deliver('c', vote({ term: 9, transfer: true }));
    expect(a.take('c')).toMatchObject([{ granted: true, term: 9 }]);
  });

  it('is refused by a server that was emptied, and would not be counted (I8)', () => {
    const emptied = new CoreHarness({ incarnation: 'a-2' });
    emptied.deliver('b', vote({ lastIndex: 0, lastTerm: 0 }));
    expect(emptied.take('b')).toMatchObject([{ granted: false }]);
    expect(emptied.core.role()).toBe('learner');
  });

  it('that comes from another incarnation elects nobody (I8)', () => {
    const b = new CoreHarness({ id: 'b' });
    b.advance(600);
    b.deliver('a', reply('preVoteReply', 'a', { term: 0, asked: 1, incarnation: 'a-2' }));
    expect(b.state.role).toBe('preCandidate');
    b.deliver('a', reply('preVoteReply', 'a', { term: 0, asked: 1 }));
    expect(b.state.role).toBe('candidate');
    b.deliver('a', reply('voteReply', 'a', { asked: 1, incarnation: 'a-2' }));
    b.deliver('x', reply('voteReply', 'x', { asked: 1 }));
    expect(b.state.role).toBe('candidate');
    b.deliver('a', reply('voteReply', 'a', { asked: 1 }));
    expect(b.state.role).toBe('leader');
  });

  it('for another term elects nobody', () => {
    const a = at1();
    a.advance(600);
    a.deliver('b', reply('preVoteReply', 'b'));
    expect(a.state).toMatchObject({ role: 'candidate', term: 2 });
    a.deliver('b', reply('voteReply', 'b', { asked: 1 }));
    expect(a.state.role).toBe('candidate');
  });
});

describe('a candidate', () => {
  it('asks for votes, and counts its own, only when the disk has its vote', () => {
    const a = at1({ disk: 'manual' });
    a.advance(600);
    a.deliver('b', reply('preVoteReply', 'b'));
    expect(a.take('b', 'vote')).toEqual([]);
    expect(a.state.votes.size).toBe(0);
    a.finishWrite();
    expect(a.take('b', 'vote')).toMatchObject([{ term: 2, lastIndex: 1, lastTerm: 1, target: 'b-1' }]);
    expect(a.state.votes.size).toBe(1);
  });

  it('disturbs no term while it only asks whether it would win', () => {
    const a = at1();
    a.advance(20_000);
    expect(a.state.term).toBe(1);
    expect(a.take('b', 'preVote').length).toBeGreaterThan(10);
  });

  it('retries soon after a vote that was split, the better rank first', () => {
    const waits = ['a', 'b', 'c'].map((id) => {
      const core = at1({ id });
      core.advance(600);
      const others = ['a', 'b', 'c'].filter((each) => each !== id);
      core.deliver(others[0]!, reply('preVoteReply', others[0]!));
      expect(core.state.role).toBe('candidate');
      for (const other of others) core.deliver(other, reply('voteReply', other, { term: 2, granted: false }));
      return core.core.wakeAt() - core.now;
    });
    expect(waits[0]).toBeLessThan(waits[1]!);
    expect(waits[1]).toBeLessThan(waits[2]!);
    expect(waits[2]).toBeLessThanOrEqual(400);
  });

  it('follows whoever leads its term', () => {
    const a = at1();
    a.advance(600);
    a.deliver('b', reply('preVoteReply', 'b'));
    a.deliver('c', { type: 'round', term: 2, round: 1, commit: 0, acknowledged: [] });
    expect(a.state).toMatchObject({ role: 'follower', leader: 'c', term: 2 });
  });
});

describe('a pre-vote', () => {
  it('is granted when no leader is heard, and resets no timer', () => {
    const a = at1();
    const due = a.core.wakeAt();
    a.deliver('b', preVote());
    expect(a.take('b')).toMatchObject([{ type: 'preVoteReply', granted: true, asked: 2, term: 1 }]);
    expect(a.core.wakeAt()).toBe(due);
    expect(a.state.votedFor).toBe(null);
  });

  it('is refused with the name of the leader that is heard, and resets no timer', () => {
    const a = at1({ leader: 'b' });
    a.advance(100);
    const due = a.core.wakeAt();
    a.deliver('c', preVote());
    expect(a.take('c')).toMatchObject([{ granted: false, leader: 'b' }]);
    expect(a.core.wakeAt()).toBe(due);
  });

  it('is granted again one least election timeout after the leader fell silent', () => {
    const a = at1({ leader: 'b' });
    a.advance(499);
    a.deliver('c', preVote());
    a.advance(1);
    a.deliver('c', preVote());
    expect(a.take('c', 'preVoteReply')).toMatchObject([{ granted: false }, { granted: true }]);
  });

  it('lets the better rank go first where two ask at the same instant', () => {
    const c = at1({ id: 'c', leader: 'a' });
    c.step({ kind: 'peerLost', peer: 'a' });
    expect(c.state.role).toBe('preCandidate');
    c.deliver('b', preVote({ target: 'c-1', position: 1 }));
    expect(c.take('b', 'preVoteReply')).toMatchObject([{ granted: true }]);
    c.deliver('b', reply('preVoteReply', 'b'));
    expect(c.state).toMatchObject({ role: 'follower', term: 1 });
    const b = at1({ id: 'b', leader: 'a' });
    b.step({ kind: 'peerLost', peer: 'a' });
    b.deliver('c', preVote({ target: 'b-1', position: 2 }));
    expect(b.state.role).toBe('preCandidate');
  });
});

describe('a stand-by whose link to the leader closed', () => {
  it('asks at once, and again every 20 ms while refused, until one greatest election timeout has passed', () => {
    const c = at1({ id: 'c', leader: 'a' });
    c.step({ kind: 'peerLost', peer: 'a' });
    let asked = 0;
    for (let ms = 0; ms < 1_200; ms += 5) {
      for (const message of c.take('b', 'preVote')) {
        asked += 1;
        expect(message.term).toBe(2);
        c.deliver('b', reply('preVoteReply', 'b', { granted: false, leader: 'a' }));
      }
      c.advance(5);
    }
    expect(asked).toBeGreaterThanOrEqual(49);
    // After the greatest election timeout only the ordinary election timer asks.
    expect(asked).toBeLessThanOrEqual(53);
    expect(c.state.term).toBe(1);
  });

  it('stays a stand-by that knows where control is, when the other names the leader', () => {
    const c = at1({ id: 'c', leader: 'a' });
    c.step({ kind: 'peerLost', peer: 'a' });
    expect(c.core.role()).toBe('candidate');
    c.deliver('b', reply('preVoteReply', 'b', { granted: false, leader: 'a' }));
    expect(c.core.role()).toBe('standby');
    expect(c.state.leader).toBe('a');
  });

  it('does not take that for having heard the leader: two can not assure each other of a dead one', () => {
    const c = at1({ id: 'c', leader: 'a' });
    c.step({ kind: 'peerLost', peer: 'a' });
    c.deliver('b', reply('preVoteReply', 'b', { granted: false, leader: 'a' }));
    c.deliver('b', preVote({ target: 'c-1' }));
    expect(c.take('b', 'preVoteReply')).toMatchObject([{ granted: true }]);
  });

  it('wins at once where both links are seen to close', () => {
    const b = at1({ id: 'b', leader: 'a' });
    b.step({ kind: 'peerLost', peer: 'a' });
    b.deliver('c', reply('preVoteReply', 'c'));
    b.deliver('c', reply('voteReply', 'c', { term: 2 }));
    expect(b.state).toMatchObject({ role: 'leader', term: 2 });
  });

  it('lets the better rank win although that one saw the link close first, and was refused', () => {
    const b = at1({ id: 'b', leader: 'a' });
    const c = at1({ id: 'c', leader: 'a' });
    const bring = (from: CoreHarness, to: CoreHarness) => to.deliver(from.id, ...from.take(to.id));
    b.step({ kind: 'peerLost', peer: 'a' });
    bring(b, c);
    bring(c, b);
    expect(b.core.role()).toBe('standby');
    for (const each of [b, c]) each.advance(8);
    c.step({ kind: 'peerLost', peer: 'a' });
    bring(c, b);
    bring(b, c);
    bring(c, b);
    expect([b.state.role, b.state.term, c.state.role]).toEqual(['leader', 2, 'follower']);
  });

  it('that stood back for a better rank asks for itself 20 ms later, if that one is gone', () => {
    const c = at1({ id: 'c', leader: 'a' });
    c.deliver('b', preVote({ target: 'c-1', position: 1 }));
    c.step({ kind: 'peerLost', peer: 'a' });
    expect(c.take('b')).toMatchObject([{ granted: false, leader: 'a' }, { granted: true }]);
    c.advance(20);
    expect(c.take('b', 'preVote').length).toBe(1);
  });

  it.each([
    ['asked too long ago', { lastIndex: 5, lastTerm: 1 }, 41],
    ['has less of the log', { lastIndex: 0, lastTerm: 0 }, 1],
    ['is of a worse rank', { lastIndex: 5, lastTerm: 1, position: 2 }, 1],
  ])('asks for itself at once where the other %s', (_, fields, afterMs) => {
    const b = at1({ id: 'b', leader: 'a' });
    b.deliver('c', preVote({ target: 'b-1', position: 0, ...fields }));
    b.advance(afterMs);
    b.takeAll();
    b.step({ kind: 'peerLost', peer: 'a' });
    expect(b.take('c')).toMatchObject(
      fields.lastIndex === 0 ? [{ granted: false }, { type: 'preVote' }] : [{ type: 'preVote' }],
    );
  });

  it('does nothing when the link to another stand-by closes', () => {
    const c = at1({ id: 'c', leader: 'a' });
    c.step({ kind: 'peerLost', peer: 'b' });
    expect(c.takeAll()).toEqual([]);
    expect(c.core.role()).toBe('standby');
  });
});

describe('rank and fitness', () => {
  it('the better rank waits less, always within the bounds', () => {
    for (let seed = 0; seed < 50; seed += 1) {
      const waits = ['a', 'b', 'c'].map((id) => {
        const core = at1({ id, seed });
        core.deliver(id === 'a' ? 'b' : 'a', { type: 'round', term: 5, round: 1, commit: 0, acknowledged: [] });
        core.advance(3_000);
        return core.state.timeoutMs;
      });
      expect(waits[0]).toBeGreaterThanOrEqual(500);
      expect(waits[0]).toBeLessThan(waits[1]!);
      expect(waits[1]).toBeLessThan(waits[2]!);
      expect(waits[2]).toBeLessThanOrEqual(1_000);
    }
  });

  it('a drained server votes, but stands only after nobody else was elected for one greatest timeout', () => {
    const a = at1();
    a.step({ kind: 'electable', on: false });
    a.advance(990);
    expect(a.take('b', 'preVote')).toEqual([]);
    a.deliver('b', preVote());
    expect(a.take('b')).toMatchObject([{ granted: true }]);
    a.advance(1_000);
    expect(a.take('b', 'preVote').length).toBeGreaterThan(0);
  });

  it('a learner receives the log but never stands', () => {
    const a = new CoreHarness({ incarnation: 'a-2' });
    a.advance(10_000);
    expect(a.takeAll()).toEqual([]);
    a.deliver('b', { type: 'append', term: 1, prevIndex: 0, prevTerm: 0, commit: 0, probe: true, entries: [] });
    expect(a.take('b')).toMatchObject([{ type: 'appendReply', incarnation: 'a-2' }]);
  });

  it('one server alone is a quorum', () => {
    const a = new CoreHarness({ members: ['a'] });
    a.advance(400);
    expect(a.core.role()).toBe('in-control');
  });

  it('a server that reaches no majority says so', () => {
    const a = at1();
    expect(a.core.role()).toBe('candidate');
    a.step({ kind: 'link', peer: 'b', up: false });
    a.step({ kind: 'link', peer: 'c', up: false });
    expect(a.core.role()).toBe('isolated');
    a.step({ kind: 'link', peer: 'c', up: true });
    expect(a.core.role()).toBe('candidate');
    // A link that is up but answers nothing reaches nobody either.
    a.advance(3_000);
    expect(a.core.role()).toBe('isolated');
    a.deliver('c', reply('preVoteReply', 'c', { granted: false }));
    expect(a.core.role()).toBe('candidate');
    // Nor does one whose answer comes from a folder that does not count.
    a.deliver('c', reply('preVoteReply', 'c', { granted: false, incarnation: 'c-2' }));
    expect(a.core.role()).toBe('isolated');
  });
});

it('the state is plain data: a copy of it goes on exactly alike', () => {
  const a = at1();
  a.advance(600);
  a.deliver('b', reply('preVoteReply', 'b'));
  const copy = createRaftCore(
    { self: { id: 'a', incarnation: 'a-1' }, timing: lanTiming, witnessWaitMs: 0 },
    structuredClone(a.state),
  );
  for (const core of [a.core, copy]) {
    core.step({ kind: 'message', from: 'b', message: reply('voteReply', 'b', { term: 2 }) }, a.now);
    core.step({ kind: 'tick' }, a.now + 250);
  }
  expect(copy.ready()).toEqual(a.core.ready());
  expect(copy.state).toEqual(structuredClone(a.state));
  expect(copy.state.role).toBe('leader');
});
