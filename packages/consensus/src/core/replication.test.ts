import { describe, expect, it } from 'vitest';
import { CoreHarness, type CoreHarnessOptions, harnessEntry, lanTiming } from '../harness/core-harness.ts';
import { createRaftCore } from './core.ts';
import type { Append, AppendReply, Outgoing } from './messages.ts';

/** Carries messages between cores until none is left. */
function exchange(...cores: readonly CoreHarness[]): void {
  for (let more = true; more; ) {
    more = false;
    for (const core of cores) {
      for (const { to, message } of core.takeAll()) {
        more = true;
        cores.find((each) => each.id === to)?.deliver(core.id, message);
      }
    }
  }
}

const append = (fields: Partial<Append> = {}): Append => ({
  type: 'append',
  term: 1,
  prevIndex: 0,
  prevTerm: 0,
  commit: 0,
  probe: false,
  entries: [],
  ...fields,
});
const ack = (from: string, match: number, term: number): AppendReply => ({
  type: 'appendReply',
  term,
  match,
  incarnation: `${from}-1`,
});
const leader = (options: CoreHarnessOptions) => new CoreHarness({ role: 'leader', ...options });

describe('figure 7 of the Raft paper', () => {
  // The leader of term 8 has this log, and then its own first entry at 11.
  const leaderLog = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6];
  it.each([
    ['a', [1, 1, 1, 4, 4, 5, 5, 6, 6]],
    ['b', [1, 1, 1, 4]],
    ['c', [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6]],
    ['d', [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7]],
    ['e', [1, 1, 1, 4, 4, 4, 4]],
    ['f', [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3]],
  ])('follower (%s) ends with the log of the leader', (_, log) => {
    const a = leader({ term: 8, log: leaderLog, commit: 3 });
    const b = new CoreHarness({ id: 'b', term: 7, log, commit: 3 });
    exchange(a, b);
    expect(b.logTerms).toEqual([...leaderLog, 8]);
    expect(b.state.commit).toBe(11);
    expect(b.committed.map((entry) => entry.term)).toEqual([...leaderLog, 8].slice(3));
  });

  it('backs up a whole term per refusal, not an entry', () => {
    const a = leader({ term: 8, log: [...Array<number>(200).fill(1), ...Array<number>(300).fill(7)] });
    const b = new CoreHarness({
      id: 'b',
      term: 3,
      log: [...Array<number>(200).fill(1), ...Array<number>(250).fill(2)],
    });
    let refusals = 0;
    for (let more = true; more; ) {
      const out = a.take('b');
      b.deliver('a', ...out);
      const back = b.take('a');
      refusals += back.filter((message) => message.type === 'appendRefused').length;
      a.deliver('b', ...back);
      more = back.length > 0;
    }
    expect(b.logTerms).toEqual(a.logTerms);
    expect(refusals).toBeLessThanOrEqual(2);
  });
});

describe('figure 8 of the Raft paper', () => {
  it('commits no entry of an older term by counting', () => {
    // (c): the leader of term 4 has spread the entry of term 2 to a majority, and crashes before its own is there.
    const a = leader({ term: 4, log: [1, 2], commit: 1 });
    a.deliver('b', ack('b', 2, 4));
    a.deliver('c', ack('c', 2, 4));
    expect(a.state.commit).toBe(1);
    expect(a.committed).toEqual([]);
    // (e): with an entry of its own term, everything before it is committed as well.
    a.deliver('b', ack('b', 3, 4));
    expect(a.committed.map((entry) => entry.term)).toEqual([2, 4]);
  });
});

describe('a leader', () => {
  it('counts itself only after its own sync, and replicates meanwhile', () => {
    const a = leader({ term: 1, disk: 'manual', members: ['a', 'b', 'c'] });
    expect(a.take('b', 'append')).toMatchObject([{ entries: [{ index: 1, kind: 'noop' }] }]);
    a.deliver('b', ack('b', 1, 1));
    expect(a.state.commit).toBe(0);
    a.finishWrite();
    expect(a.state.commit).toBe(1);
  });

  it('commits by the two others while its own disk is slow', () => {
    const a = leader({ term: 1, disk: 'manual' });
    a.deliver('b', ack('b', 1, 1));
    a.deliver('c', ack('c', 1, 1));
    expect(a.state.commit).toBe(1);
  });

  it('counts no acknowledgement of another incarnation (I8), but goes on sending to it', () => {
    const a = leader({ term: 1 });
    a.deliver('b', { ...ack('b', 1, 1), incarnation: 'b-2' });
    expect(a.state.commit).toBe(0);
    a.takeAll();
    a.deliver('c', ack('c', 1, 1));
    a.propose('x');
    expect(a.take('b', 'append').at(-1)).toMatchObject({ entries: [{ index: 2 }] });
    a.deliver('b', { ...ack('b', 2, 1), incarnation: 'b-2' });
    expect(a.state.commit).toBe(1);
  });

  it('forgets what an earlier life of a peer acknowledged', () => {
    const a = leader({ term: 1 });
    a.deliver('b', ack('b', 1, 1));
    a.propose('x');
    a.deliver('b', ack('b', 2, 1));
    expect(a.state.commit).toBe(2);
    a.propose('y');
    a.deliver('b', { type: 'roundReply', term: 1, round: 1, incarnation: 'b-2' });
    expect(a.state.peers.get('b')?.match).toBe(0);
  });

  it('counts no acknowledgement of an older term', () => {
    const a = leader({ term: 3, log: [1] });
    a.deliver('b', ack('b', 2, 2));
    expect(a.state.commit).toBe(0);
  });

  it('pipelines appends up to its window, batching what waits', () => {
    const a = leader({ term: 1 });
    a.deliver('b', ack('b', 1, 1));
    a.takeAll();
    for (let each = 0; each < 20; each += 1) a.propose(`${each}`);
    const sent = a.take('b', 'append') as Append[];
    expect(sent.length).toBe(8);
    a.deliver('b', ack('b', 3, 1));
    const next = a.take('b', 'append') as Append[];
    expect(next.length).toBeLessThanOrEqual(2);
    expect(next[0]!.entries.length).toBe(12);
  });

  it('sends as many entries, and appends, as it may', () => {
    const config = { self: { id: 'a', incarnation: 'a-1' }, timing: lanTiming, witnessWaitMs: 0 };
    const { state } = new CoreHarness({
      term: 2,
      log: [1, 1, 1, 1, 1, 1],
      role: 'leader',
      progress: { b: { match: 1 } },
    });
    state.outbox = [];
    Object.assign(state.peers.get('b')!, { mode: 'replicate', next: 2, inFlight: [], inFlightBytes: 0 });
    const core = createRaftCore({ ...config, appends: { bytesMax: 1_000, entriesMax: 2, inFlightMax: 2 } }, state);
    const toB = () => core.ready().messages.filter(({ to, message }) => to === 'b' && message.type === 'append');
    const batches = (sent: readonly Outgoing[]) =>
      sent.map(({ message }) => (message.type === 'append' ? message.entries.map(({ index }) => index) : []));
    expect(batches(toB())).toEqual([
      [2, 3],
      [4, 5],
    ]);
    core.step(
      { kind: 'message', from: 'b', message: { type: 'appendReply', term: 2, match: 3, incarnation: 'b-1' } },
      0,
    );
    expect(batches(toB())).toEqual([[6, 7]]);
  });

  it('sends proposals of one turn as one batch', () => {
    const a = leader({ term: 1 });
    a.deliver('b', ack('b', 1, 1));
    a.takeAll();
    for (let each = 0; each < 20; each += 1) a.core.propose(Buffer.from('x'));
    a.settle();
    expect((a.take('b', 'append') as Append[]).map((message) => message.entries.length)).toEqual([20]);
  });

  it('tells an idle follower of a commit at once, and only once', () => {
    const a = leader({ term: 1 });
    a.deliver('b', ack('b', 1, 1));
    expect(a.take('b', 'append')).toMatchObject([{}, { commit: 1, entries: [] }]);
    a.deliver('b', ack('b', 1, 1));
    expect(a.take('b', 'append')).toEqual([]);
  });

  it('sends no entries over a link that has too much to carry, but rounds', () => {
    const a = leader({ term: 1 });
    a.deliver('b', ack('b', 1, 1));
    a.takeAll();
    a.step({ kind: 'congestion', peer: 'b', on: true });
    a.propose('x');
    a.advance(100);
    expect(a.take('b').map((message) => message.type)).toEqual(['round']);
    a.step({ kind: 'congestion', peer: 'b', on: false });
    expect(a.take('b', 'append')).toMatchObject([{ entries: [{ index: 2 }] }]);
  });

  it('sends again what a link took with it', () => {
    const a = leader({ term: 1 });
    a.deliver('b', ack('b', 1, 1));
    a.propose('x');
    a.takeAll();
    a.step({ kind: 'link', peer: 'b', up: false });
    a.propose('y');
    expect(a.take('b')).toEqual([]);
    a.step({ kind: 'link', peer: 'b', up: true });
    expect(a.take('b', 'append')).toMatchObject([{ probe: true, prevIndex: 1, entries: [{ index: 2 }, { index: 3 }] }]);
  });

  it('sends again where nothing comes back although the link stands', () => {
    const a = leader({ term: 1 });
    a.takeAll();
    for (let ms = 0; ms < 2_500; ms += 100) {
      a.advance(100);
      a.deliver('c', { type: 'roundReply', term: 1, round: a.state.round, incarnation: 'c-1' });
    }
    expect(a.take('b', 'append').length).toBe(2);
  });

  it('steps down when another has a newer term', () => {
    const a = leader({ term: 1 });
    a.deliver('b', { type: 'newerTerm', term: 5 });
    expect(a.state).toMatchObject({ role: 'follower', term: 5, votedFor: null });
  });

  it('refuses to go on where another claims its term', () => {
    const a = leader({ term: 1 });
    expect(() => a.deliver('b', append())).toThrow(expect.objectContaining({ code: 'RAFT_INVARIANT' }));
  });
});

describe('a follower', () => {
  const entries = [harnessEntry(1, 1), harnessEntry(2, 1)];

  it('acknowledges what its disk has, once per sync', () => {
    const b = new CoreHarness({ id: 'b', disk: 'manual' });
    b.deliver('a', append({ entries: [entries[0]!] }));
    b.deliver('a', append({ prevIndex: 1, prevTerm: 1, entries: [entries[1]!] }));
    expect(b.take('a')).toEqual([]);
    b.finishWrite();
    expect(b.take('a')).toMatchObject([{ type: 'appendReply', match: 1 }]);
    b.finishWrite();
    expect(b.take('a')).toMatchObject([{ type: 'appendReply', match: 2 }]);
  });

  it('acknowledges nothing in a term that its disk does not know yet', () => {
    const b = new CoreHarness({ id: 'b', term: 1, log: [1], disk: 'manual' });
    b.deliver('a', append({ term: 2, prevIndex: 1, prevTerm: 1, probe: true }));
    expect(b.take('a')).toEqual([]);
    b.finishWrite();
    expect(b.take('a')).toMatchObject([{ type: 'appendReply', term: 2, match: 1 }]);
  });

  it('does not take the end of a write for more than is left of what it wrote', () => {
    const b = new CoreHarness({ id: 'b', term: 1, log: [1], disk: 'manual' });
    b.deliver('a', append({ prevIndex: 1, prevTerm: 1, entries: [2, 3, 4].map((index) => harnessEntry(index, 1)) }));
    const replacing = [2, 3, 4].map((index) => harnessEntry(index, 2));
    b.deliver('c', append({ term: 2, prevIndex: 1, prevTerm: 1, entries: replacing }));
    b.finishWrite();
    expect(b.state.log.durableTo).toBe(1);
    b.finishWrite();
    expect(b.take('c', 'appendReply').at(-1)).toMatchObject({ match: 4 });
  });

  it('takes the same entries twice, or out of order, without harm', () => {
    const b = new CoreHarness({ id: 'b' });
    b.deliver('a', append({ entries }), append({ entries: [entries[0]!] }), append({ entries }));
    expect(b.logTerms).toEqual([1, 1]);
    expect(b.take('a', 'appendReply').at(-1)).toMatchObject({ match: 2 });
  });

  it('commits nothing beyond what the message shows to be equal', () => {
    const b = new CoreHarness({ id: 'b', term: 1, log: [1, 1, 1] });
    b.deliver('a', append({ term: 2, prevIndex: 1, prevTerm: 1, commit: 3 }));
    expect(b.state.commit).toBe(1);
    b.deliver('a', { type: 'round', term: 2, round: 1, commit: 3, acknowledged: [] });
    expect(b.state.commit).toBe(1);
  });

  it('never gives up what is committed', () => {
    const b = new CoreHarness({ id: 'b', term: 1, log: [1, 1], commit: 2 });
    b.deliver('a', append({ term: 2, prevIndex: 1, prevTerm: 1, entries: [harnessEntry(2, 2), harnessEntry(3, 2)] }));
    expect(b.logTerms).toEqual([1, 1, 2]);
  });

  it('answers the leader of an older term with the newer one', () => {
    const b = new CoreHarness({ id: 'b', term: 5 });
    b.deliver('a', append({ term: 4, entries }));
    expect(b.take('a')).toEqual([{ type: 'newerTerm', term: 5 }]);
    expect(b.logTerms).toEqual([]);
  });

  it('keeps nothing and acknowledges nothing while its disk takes no writes', () => {
    const b = new CoreHarness({ id: 'b', disk: 'manual' });
    b.deliver('a', append({ entries: [entries[0]!] }));
    b.step({ kind: 'disk', state: 'full' });
    b.deliver('a', append({ entries }), { type: 'round', term: 1, round: 1, commit: 0, acknowledged: [] });
    expect(b.take('a')).toEqual([]);
    expect(b.state.leader).toBe('a');
    expect(b.logTerms).toEqual([1]);
    b.finishWrite();
    expect(b.take('a')).toMatchObject([{ type: 'appendReply', match: 1 }]);
  });
});
