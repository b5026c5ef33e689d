import type { ConsensusStatus } from '@lic/interfaces';
import { createVirtualWorld } from '@lic/testkit';
import { describe, expect, it } from 'vitest';
import { hasLostTriad, type LostTriadFacts, LostTriadWatch } from './lost-triad-watch.ts';
import { isRolledBack } from './rolled-back.ts';

const status: ConsensusStatus = {
  state: 'learner',
  term: 0,
  leader: null,
  commitIndex: 0,
  appliedIndex: 0,
  lastIndex: 0,
  peers: [],
  members: [{ id: 'a', incarnation: 'a1', voter: true }],
  isChangingMembers: false,
  trouble: null,
};
const self = { id: 'b', incarnation: 'b1' };
const lost: LostTriadFacts = { self, status, refusals: [{ code: 'PEER_SAYS_OTHER_INSTANCE' }] };
const named = (incarnation: string) => ({ ...status, members: [{ ...self, incarnation, voter: true }] });

describe('a new folder has lost its triad', () => {
  it.each<[string, Partial<LostTriadFacts>, boolean]>([
    ['where it is told of another instance', {}, true],
    ['where it tells the other so itself', { refusals: [{ code: 'OTHER_INSTANCE' }] }, true],
    ['where it is named under another incarnation', { status: named('b0') }, true],
    ['not where it is refused for other reasons', { refusals: [{ code: 'UNKNOWN_KEY' }] }, false],
    ['not where it has something of it', { status: { ...status, lastIndex: 1 } }, false],
    ['not where it hears the one in control', { status: { ...status, leader: 'a' } }, false],
    ['not where it is counted on', { status: named('b1') }, false],
  ])('%s', (_what, changes, isLost) => {
    expect(hasLostTriad({ ...lost, ...changes })).toBe(isLost);
  });

  it('and is told so once, and not after it was stopped', async () => {
    const world = createVirtualWorld({ seed: 1 });
    let told = 0;
    let refusals: LostTriadFacts['refusals'] = [];
    const facts = () => ({ ...lost, refusals });
    const parts = { runtime: world.runtime('b'), roundMs: 100, facts, onLost: () => void told++ };
    const watch = new LostTriadWatch(parts);
    await world.run({ forMs: 10_000 });
    expect(told).toBe(0);
    refusals = lost.refusals;
    await world.run({ forMs: 10_000 });
    expect(told).toBe(1);
    watch.stop();
    new LostTriadWatch(parts).stop();
    await world.run({ forMs: 10_000 });
    expect(told).toBe(1);
  });
});

it.each<[string, Partial<ConsensusStatus>, boolean]>([
  ['it is counted on, and takes no part', {}, true],
  ['not where all is well', { trouble: null }, false],
  ['not where it is damaged: nobody counts on what it is now', { members: named('b0').members }, false],
  ['not where its disk has failed', { state: 'isolated' }, false],
])('a folder is rolled back where %s', (_when, changes, expected) => {
  expect(isRolledBack({ ...named('b1'), trouble: 'older', ...changes }, self)).toBe(expected);
});
