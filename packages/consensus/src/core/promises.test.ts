import { describe, expect, it } from 'vitest';
import { CoreHarness, type CoreHarnessOptions, harnessEntry } from '../harness/core-harness.ts';
import type { Message } from './messages.ts';
import type { RaftState } from './state.ts';

/** What a server of term 3 with two entries says to having `change` made to its state behind its back. */
function afterwards(change: (state: RaftState) => void, options: CoreHarnessOptions = {}): () => void {
  const a = new CoreHarness({ term: 3, log: [1, 3], commit: 1, disk: 'manual', ...options });
  a.takeAll();
  return () => {
    change(a.state);
    a.core.ready();
  };
}

const says = (message: Message) => (state: RaftState) => state.outbox.push({ to: 'b', message });
const violated = (what: RegExp) =>
  expect.objectContaining({ code: 'RAFT_INVARIANT', message: expect.stringMatching(what) });

describe('a server stops rather than say', () => {
  const vote = { type: 'voteReply', term: 3, asked: 3, granted: true, leader: null, incarnation: 'a-1' } as const;
  const ask = {
    type: 'vote',
    term: 4,
    lastIndex: 2,
    lastTerm: 3,
    target: 'b-1',
    incarnation: 'a-1',
    transfer: false,
  } as const;
  const round = { type: 'roundReply', term: 3, round: 1, incarnation: 'a-1' } as const;

  it.each<[string, Message, RegExp]>([
    ['a vote that is not on its disk', vote, /a vote for b in term 3 is answered before/],
    ['that it stands in a term that is not', ask, /votes are asked for in term 4 before/],
    [
      'that it has entries that its disk has not',
      { type: 'appendReply', term: 3, match: 3, incarnation: 'a-1' },
      /entry 3 is ack/,
    ],
    [
      'that it follows a term that its disk does not know',
      { type: 'appendReply', term: 4, match: 2, incarnation: 'a-1' },
      /term 4/,
    ],
  ])('%s', (_, message, what) => {
    expect(afterwards(says(message))).toThrow(violated(what));
  });

  it.each<[string, Message]>([
    ['a vote', vote],
    ['an append', { type: 'appendReply', term: 3, match: 1, incarnation: 'a-1' }],
    ['a round', round],
  ])('%s before its peers have vouched for its disk', (_, message) => {
    const unproved = (state: RaftState) => {
      state.isProved = false;
      state.saved = { term: 3, votedFor: 'b' };
      says(message)(state);
    };
    expect(afterwards(unproved)).toThrow(violated(/vouched/));
  });

  it('that an entry is of a term that it is not of', () => {
    const append = {
      type: 'append',
      term: 3,
      prevIndex: 1,
      prevTerm: 2,
      commit: 0,
      probe: false,
      entries: [],
    } as const;
    expect(afterwards(says(append), { role: 'leader' })).toThrow(violated(/entry 1 is of term 2/));
  });
});

describe('a server stops where it finds', () => {
  it.each<[string, (state: RaftState) => void, RegExp]>([
    ['a term on disk that it is not in', (state) => Object.assign(state, { term: 2 }), /the disk has term 3/],
    ['more on disk than went there', ({ log }) => Object.assign(log, { savedTo: 1 }), /entry 2 is on disk/],
    ['more gone to the disk than there is', ({ log }) => Object.assign(log, { savedTo: 5 }), /entry 5 went/],
    ['more committed than there is', (state) => Object.assign(state, { commit: 9 }), /entry 9 is committed/],
    ['a log that begins behind what is committed', ({ log }) => Object.assign(log, { baseIndex: 2 }), /begins after 2/],
    ['more applied than was to be', (state) => Object.assign(state, { commit: 2, applied: 2 }), /entry 2 is applied/],
    ['itself in control as a follower', (state) => Object.assign(state, { controlTerm: 3 }), /a follower of term 3 is/],
  ])('%s', (_, change, what) => {
    expect(afterwards(change)).toThrow(violated(what));
  });

  it('a committed entry that it does not have where it belongs', () => {
    const swap = (state: RaftState) => {
      state.commit = 2;
      state.log.entries.reverse();
    };
    expect(afterwards(swap)).toThrow(violated(/entry 2 is not where it belongs/));
  });

  it.each([
    ['a gap', [harnessEntry(1, 1), harnessEntry(3, 1)], /entry 3 follows entry 1/],
    ['terms that fall', [harnessEntry(1, 2), harnessEntry(2, 1)], /entry 2 of term 1/],
    ['a term that the disk did not know', [harnessEntry(1, 4)], /entries of term 4/],
  ])('%s in what it starts from', (_, entries, what) => {
    const stored = { vote: { term: 3, votedFor: null }, entries };
    expect(() => new CoreHarness({ stored })).toThrow(violated(what));
  });
});

it('a snapshot that came to the disk before its term did is no reason to go back to an older one', () => {
  const members = ['a'];
  const { disk } = new CoreHarness({ members, term: 5, snapshot: { index: 9, term: 5 } });
  const a = new CoreHarness({
    members,
    stored: { vote: { term: 3, votedFor: null }, entries: [], snapshot: disk.snapshot },
  });
  a.advance(2_000);
  expect(a.state).toMatchObject({ role: 'leader', term: 6, commit: 10 });
});
