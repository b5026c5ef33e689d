import type { Consensus, ConsensusContext, ConsensusEvents, ConsensusStatus, StateMachine } from '@lic/interfaces';
import { describe, expect, it } from 'vitest';
import { ConsensusChecks } from './consensus-checks.ts';
import type { BrokenPromise } from './violation.ts';

const standby: ConsensusStatus = {
  state: 'standby',
  term: 1,
  leader: null,
  commitIndex: 0,
  appliedIndex: 0,
  lastIndex: 0,
  peers: [],
  members: ['a', 'b', 'c'].map((id) => ({ id, incarnation: `life of ${id}`, voter: true })),
  isChangingMembers: false,
  trouble: null,
};

/** A consensus that says what it is told to. */
class FakeConsensus {
  now: ConsensusStatus = standby;
  events: ConsensusEvents = {};
  round: Promise<void> = Promise.resolve();

  start = () => Promise.resolve();
  status = () => this.now;
  on = (events: ConsensusEvents) => {
    this.events = events;
  };
  readBarrier = () => this.round;

  be(changes: Partial<ConsensusStatus>): void {
    this.now = { ...this.now, ...changes };
  }

  gain(term: number, appliedIndex = 0): void {
    this.be({ state: 'in-control', term, appliedIndex });
    this.events.onControlGained?.(term);
  }
}

/** Three servers under the checks. */
class Rig {
  readonly broken: BrokenPromise[] = [];
  nowMs = 0;
  newestIndex = 0;
  readonly paused = new Set<string>();
  readonly rolledBack = new Set<string>();
  readonly checks = new ConsensusChecks({
    fail: (promise) => void this.broken.push(promise),
    note: () => {},
    nowMs: () => this.nowMs,
    electionTimeoutMaxMs: 1_000,
    newestIndex: () => this.newestIndex,
    onProposed: () => {},
    watchMachine: (_server, machine) => machine,
  });

  /** A server, and its consensus as the checks hand it on. */
  async server(
    key: string,
    life = `life of ${key}`,
    stored = 0,
  ): Promise<{ readonly fake: FakeConsensus; readonly wrapped: Consensus<unknown> }> {
    const fake = new FakeConsensus();
    const wrapped = this.checks.wrap(<Result>() => fake as unknown as Consensus<Result>, {
      server: key,
      key,
      isAlive: () => true,
      mayBeLearner: () => false,
      isPaused: () => this.paused.has(key),
      isRolledBack: () => this.rolledBack.has(key),
    })({
      self: { id: key, incarnation: life },
      contents: { vote: { term: 1, votedFor: null }, entries: [{ index: stored }] },
    } as unknown as ConsensusContext);
    await wrapped.start({} as StateMachine<unknown>);
    return { fake, wrapped };
  }

  get afterAnEvent(): readonly BrokenPromise[] {
    this.checks.check();
    return this.broken;
  }
}

it('says nothing of servers that follow, lead, and hand over', async () => {
  const rig = new Rig();
  const [a, b] = [await rig.server('a'), await rig.server('b')];
  a.fake.gain(1);
  a.fake.be({ state: 'standby', term: 2 });
  b.fake.gain(2);
  expect(rig.afterAnEvent).toEqual([]);
  expect(rig.checks.control).toMatchObject({ server: 'b', term: 2 });
});

describe('it fires where', () => {
  it('two are in control in one term (I1)', async () => {
    const rig = new Rig();
    const [a, b] = [await rig.server('a'), await rig.server('b')];
    a.fake.gain(1);
    b.fake.gain(1);
    expect(rig.broken).toEqual(['I1']);
  });

  it('one that is deposed has not noticed in time (I1), unless it stands still', async () => {
    const rig = new Rig();
    const [a, b] = [await rig.server('a'), await rig.server('b')];
    a.fake.gain(1);
    b.fake.gain(2);
    expect(rig.afterAnEvent).toEqual([]);
    rig.paused.add('a');
    rig.nowMs = 60_000;
    expect(rig.afterAnEvent).toEqual([]);
    rig.paused.delete('a');
    expect(rig.afterAnEvent).toEqual([]);
    rig.nowMs += 2_600;
    expect(rig.afterAnEvent).toEqual(['I1']);
  });

  it('one that is deposed has something confirmed that began afterwards (I1)', async () => {
    const rig = new Rig();
    const [a, b] = [await rig.server('a'), await rig.server('b')];
    a.fake.gain(1);
    b.fake.gain(2);
    await a.wrapped.readBarrier();
    expect(rig.broken).toEqual(['I1']);
  });

  it('one gains control without all that was applied (I4), or commits an older term first', async () => {
    const rig = new Rig();
    rig.newestIndex = 7;
    (await rig.server('a')).fake.gain(1, 6);
    expect(rig.broken).toEqual(['I4']);
    const older = new Rig();
    const { fake } = await older.server('a');
    fake.be({ leader: 'a', term: 2, commitIndex: 3, lastIndex: 6 });
    expect(older.afterAnEvent).toEqual([]);
    fake.be({ commitIndex: 5 });
    expect(older.afterAnEvent).toEqual(['I4']);
  });

  it('one votes without being named, or is taken for one without a memory (I8)', async () => {
    const amnesiac = new Rig();
    await amnesiac.server('a', 'another life');
    expect(amnesiac.afterAnEvent).toEqual(['I8']);
    const learner = new Rig();
    (await learner.server('a')).fake.be({ state: 'learner' });
    expect(learner.afterAnEvent).toEqual(['I8']);
  });

  it('an older copy of a disk is not recognised by those who know better (I8)', async () => {
    const after = async (stored: number): Promise<readonly BrokenPromise[]> => {
      const rig = new Rig();
      const { fake } = await rig.server('a');
      await rig.server('b');
      fake.gain(1);
      fake.be({ peers: [{ id: 'b', incarnation: 'life of b', matchIndex: 7, active: true }] });
      rig.checks.check();
      rig.rolledBack.add('b');
      await rig.server('b', 'life of b', stored);
      return rig.afterAnEvent;
    };
    expect(await after(7)).toEqual([]);
    expect(await after(6)).toEqual(['I8']);
  });

  it('one has stopped itself', async () => {
    const rig = new Rig();
    (await rig.server('a')).fake.be({ state: 'fenced', trouble: 'an assertion' });
    expect(rig.afterAnEvent).toEqual(['bug']);
  });
});
