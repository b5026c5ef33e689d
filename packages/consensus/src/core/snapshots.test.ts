import type { SnapshotMeta } from '@lic/interfaces';
import { describe, expect, it } from 'vitest';
import { CoreHarness, harnessEntry } from '../harness/core-harness.ts';
import { encodeConfiguration } from '../wire/configuration.ts';
import { configuration } from './membership.ts';

const members = ['a', 'b', 'c'].map((id) => ({ id, incarnation: `${id}-1`, voter: true }));
const meta = (index: number, term: number, of = members): SnapshotMeta => ({
  index,
  term,
  config: encodeConfiguration(of),
});

/** A leader of term 2 whose log begins after a snapshot at 4. */
function compacted(): CoreHarness {
  const a = new CoreHarness({ term: 2, log: [1, 1, 1, 1, 1], commit: 5, role: 'leader' });
  a.step({ kind: 'snapshotSaved', meta: meta(4, 1) });
  a.step({ kind: 'compact', through: 4 });
  expect(a.state.log.baseIndex).toBe(4);
  return a;
}

const refused = (fields: object = {}) => ({
  type: 'appendRefused' as const,
  term: 2,
  prevIndex: 5,
  hintIndex: 0,
  hintTerm: 0,
  incarnation: 'b-1',
  ...fields,
});

describe('a leader', () => {
  it('sends a snapshot to a follower whose next entry is compacted away, and then goes on behind it', () => {
    const a = compacted();
    a.deliver('b', refused());
    expect(a.wishes).toMatchObject([{ snapshotsFor: ['b'] }]);
    a.takeAll();
    a.propose('x');
    expect(a.take('b', 'append')).toEqual([]);
    a.step({ kind: 'snapshotSent', to: 'b', index: 4 });
    expect(a.take('b', 'append')).toMatchObject([{ prevIndex: 4, probe: true, entries: [{ index: 5 }, { index: 6 }] }]);
  });

  it('goes on as well when the follower acknowledges the snapshot itself', () => {
    const a = compacted();
    a.deliver('b', refused());
    a.takeAll();
    a.deliver('b', { type: 'appendReply', term: 2, match: 4, incarnation: 'b-1' });
    expect(a.take('b', 'append')).toMatchObject([{ prevIndex: 4, entries: [{ index: 5 }, { index: 6 }] }]);
  });

  it('does not mistake an old entry of a higher term at its base for a common one', () => {
    const a = new CoreHarness({ term: 5, log: [1, 1, 3, 3, 3], commit: 5, role: 'leader' });
    a.step({ kind: 'snapshotSaved', meta: meta(4, 3) });
    a.step({ kind: 'compact', through: 4 });
    a.deliver('b', refused({ term: 5, hintIndex: 5, hintTerm: 2 }));
    expect(a.wishes).toMatchObject([{ snapshotsFor: ['b'] }]);
  });

  it('waits one election timeout after a failure before it tries again', () => {
    const a = compacted();
    a.deliver('b', refused());
    a.step({ kind: 'snapshotFailed', to: 'b' });
    const wishes = () => a.wishes.length;
    for (let ms = 0; ms < 900; ms += 100) {
      a.advance(100);
      a.deliver('b', refused({ prevIndex: 0 }));
      a.deliver('c', { type: 'roundReply', term: 2, round: a.state.round, incarnation: 'c-1' });
    }
    expect(wishes()).toBe(1);
    a.advance(200);
    expect(wishes()).toBe(2);
  });

  it('keeps sending to the others meanwhile', () => {
    const a = compacted();
    a.deliver('b', refused());
    a.deliver('c', { type: 'appendReply', term: 2, match: 6, incarnation: 'c-1' });
    expect(a.core.role()).toBe('in-control');
  });
});

describe('a snapshot from the leader', () => {
  it('replaces a log that does not contain it, and the machine; and is acknowledged when the log begins behind it on disk', () => {
    const b = new CoreHarness({ id: 'b', term: 1, log: [1, 1], commit: 1, disk: 'manual' });
    b.deliver('a', { type: 'round', term: 2, round: 1, commit: 0, acknowledged: [] });
    b.finishWrite();
    b.takeAll();
    b.step({ kind: 'snapshotReceived', meta: meta(9, 2) });
    expect(b.wishes).toMatchObject([{ restore: { index: 9 } }]);
    expect(b.write).toMatchObject({ reset: { index: 9 }, entries: [] });
    expect(b.take('a')).toEqual([]);
    b.finishWrite();
    expect(b.take('a')).toMatchObject([{ type: 'appendReply', match: 9 }]);
    expect(b.state).toMatchObject({ commit: 9, applied: 9 });
  });

  it('that came while a write was under way is not acknowledged by the end of that write', () => {
    const b = new CoreHarness({ id: 'b', term: 2, log: [1], disk: 'manual' });
    const entries = [2, 3, 4].map((index) => harnessEntry(index, 2));
    b.deliver('a', { type: 'append', term: 2, prevIndex: 1, prevTerm: 1, commit: 0, probe: false, entries });
    b.takeAll();
    b.step({ kind: 'snapshotReceived', meta: meta(9, 2) });
    b.finishWrite();
    expect(b.take('a')).toEqual([]);
    b.finishWrite();
    expect(b.take('a')).toMatchObject([{ match: 9 }]);
  });

  it('that is older than what is committed changes nothing', () => {
    const b = new CoreHarness({ id: 'b', term: 2, log: [1, 1, 2], commit: 3, leader: 'a' });
    b.step({ kind: 'snapshotReceived', meta: meta(2, 1) });
    expect(b.logTerms).toEqual([1, 1, 2]);
    expect(b.wishes).toEqual([]);
    expect(b.take('a')).toMatchObject([{ match: 3 }]);
  });

  it('that the log contains only shows what is committed', () => {
    const b = new CoreHarness({ id: 'b', term: 2, log: [1, 1, 2, 2], commit: 1, leader: 'a' });
    b.step({ kind: 'snapshotReceived', meta: meta(3, 2) });
    expect(b.logTerms).toEqual([1, 1, 2, 2]);
    expect(b.wishes).toEqual([]);
    expect(b.committed.map((entry) => entry.index)).toEqual([2, 3]);
  });

  it('of another history replaces entries that go beyond it', () => {
    const b = new CoreHarness({ id: 'b', term: 3, log: [1, 2, 2, 2], commit: 1, leader: 'a' });
    b.step({ kind: 'snapshotReceived', meta: meta(3, 3) });
    expect(b.logTerms).toEqual([]);
    expect(b.state.log).toMatchObject({ baseIndex: 3, baseTerm: 3 });
  });

  it('brings the configuration in force with it', () => {
    const b = new CoreHarness({ id: 'b', term: 2, leader: 'a' });
    const changed = members.map((member) => (member.id === 'c' ? { ...member, incarnation: 'c-2' } : member));
    b.step({ kind: 'snapshotReceived', meta: meta(9, 2, changed) });
    expect(configuration(b.state).members).toEqual(changed);
  });
});

describe('a configuration entry', () => {
  const changed = members.map((member) => (member.id === 'b' ? { ...member, incarnation: 'b-2' } : member));
  const entry = { index: 2, term: 1, kind: 'config' as const, data: encodeConfiguration(changed) };
  const append = (fields: object) => ({
    type: 'append' as const,
    term: 1,
    prevIndex: 1,
    prevTerm: 1,
    commit: 0,
    probe: false,
    entries: [entry],
    ...fields,
  });

  it('is in force on append, and out of force when it is removed', () => {
    const b = new CoreHarness({ id: 'b', term: 1, log: [1] });
    expect(b.core.role()).not.toBe('learner');
    b.deliver('a', append({}));
    expect(configuration(b.state).members).toEqual(changed);
    expect(b.core.role()).toBe('learner');
    b.deliver('c', append({ term: 2, entries: [harnessEntry(2, 2)] }));
    expect(configuration(b.state).members).toEqual(members);
    expect(b.core.role()).toBe('standby');
  });

  it('is found again in a stored log', () => {
    const vote = { term: 1, votedFor: null };
    const b = new CoreHarness({ id: 'b', incarnation: 'b-2', stored: { vote, entries: [harnessEntry(1, 1), entry] } });
    expect(configuration(b.state)).toMatchObject({ index: 2, members: changed });
    expect(b.core.role()).not.toBe('learner');
  });
});

describe('a stored log', () => {
  const vote = { term: 3, votedFor: null };

  it('goes on behind its snapshot', () => {
    const entries = [3, 4, 5].map((index) => harnessEntry(index, 2));
    const b = new CoreHarness({ id: 'b', stored: { vote, entries, snapshot: meta(4, 2) } });
    expect(b.state).toMatchObject({ commit: 4, applied: 4 });
    expect(b.logTerms.length).toBe(2);
    expect(b.write).toBe(null);
  });

  it('that contradicts its snapshot is dropped, on disk as well', () => {
    const entries = [3, 4, 5].map((index) => harnessEntry(index, 1));
    const b = new CoreHarness({ id: 'b', stored: { vote, entries, snapshot: meta(4, 2) }, disk: 'manual' });
    expect(b.logTerms).toEqual([]);
    expect(b.write).toMatchObject({ reset: { index: 4 } });
  });
});
