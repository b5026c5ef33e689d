import { describe, expect, it } from 'vitest';
import { checkRecovery, checkRefill, type OtherServer, repairOf } from './life-checks.ts';
import type { OwnLife } from './own-life.ts';

const status = {
  term: 1,
  leader: null,
  commitIndex: 5,
  appliedIndex: 5,
  lastIndex: 5,
  peers: [],
  members: [],
  isChangingMembers: false,
};

type Changes = Partial<OwnLife> & { readonly state?: OwnLife['view']['state']; readonly trouble?: string };

function life({ state = 'isolated', trouble, ...more }: Changes = {}): OwnLife {
  return {
    folder: 'formed',
    failure: null,
    isRecovering: false,
    damage: undefined,
    view: { state, term: 1, leader: null, trouble: trouble ?? null },
    status: { ...status, state: state === 'forming' ? 'isolated' : state, trouble: trouble ?? null },
    isDoubled: false,
    ...more,
  };
}
const damage = { file: 'log-1', offset: 77, what: 'A bit.' };
const damaged = life({ state: 'learner', damage, trouble: 'x' });
const forming = { state: 'forming', status: null } as const;
const failed = (failure: string) =>
  life({ ...forming, folder: undefined, failure: { code: failure, message: 'It says why.' } });
const code = (act: () => unknown): unknown => {
  try {
    act();
    return 'fine';
  } catch (error) {
    return (error as { readonly code?: string }).code;
  }
};
const others = (...states: readonly OtherServer['state'][]): readonly OtherServer[] =>
  states.map((state, at) => ({ name: `s${at + 2}`, state }));
const gone = others('unreachable', 'unreachable');

describe('what a repair does', () => {
  it.each<[string, OwnLife, string]>([
    ['a damaged log', damaged, 'refill'],
    ['a rolled-back folder', life({ state: 'learner', trouble: 'older' }), 'refill'],
    ['a state that differs', life({ state: 'fenced', trouble: 'STATE HASH DIFFERS' }), 'refill'],
    ['a log without a record', life({ ...forming, folder: 'data' }), 'refill'],
    ['an unreadable record', failed('FOLDER_RECORD_INVALID'), 'refill'],
    ['a disk that failed while it joined', failed('STORE_FAILED'), 'reopen'],
    ['a failed disk', life({ trouble: 'EIO' }), 'reopen'],
    ['a failed disk of a stand-by', life({ state: 'standby', trouble: 'EIO' }), 'reopen'],
  ])('to %s', (_what, own, kind) => {
    expect(repairOf(own, 's1').kind).toBe(kind);
  });

  it.each<[string, OwnLife, string]>([
    ['a server in order', life({ state: 'standby' }), 'REPAIR_NOT_NEEDED'],
    ['one that is being refilled', life({ state: 'learner' }), 'REPAIR_NOT_NEEDED'],
    ['one that waits to form', life({ ...forming, folder: 'empty' }), 'REPAIR_NOT_NEEDED'],
    ['one of two processes', life({ state: 'fenced', trouble: 'x', isDoubled: true }), 'REPAIR_NOT_POSSIBLE'],
    ['a folder of a newer version', failed('FOLDER_FORMAT_UNKNOWN'), 'REPAIR_NOT_POSSIBLE'],
    ['one that is being recovered', life({ state: 'learner', damage, isRecovering: true }), 'REPAIR_NOT_POSSIBLE'],
  ])('is nothing to %s', (_what, own, expected) => {
    expect(code(() => repairOf(own, 's1'))).toBe(expected);
  });

  it.each<[readonly OtherServer[], string]>([
    [others('in-control', 'standby'), 'fine'],
    [others('standby', 'in-control'), 'fine'],
    [others('standby', 'standby'), 'REPAIR_NOT_POSSIBLE'],
    [others('in-control', 'unreachable'), 'REPAIR_NOT_POSSIBLE'],
    [others('in-control', 'learner'), 'REPAIR_NOT_POSSIBLE'],
    [others('in-control', 'fenced'), 'REPAIR_NOT_POSSIBLE'],
    [others('isolated', 'unreachable'), 'REPAIR_NOT_POSSIBLE'],
    [others('candidate', 'candidate'), 'REPAIR_NOT_POSSIBLE'],
    [others(), 'REPAIR_NOT_POSSIBLE'],
  ])('drops a folder only beside %j: %s', (there, expected) => {
    expect(code(() => checkRefill('s1', there))).toBe(expected);
  });
});

describe('a recovery', () => {
  it.each<[string, OwnLife, readonly OtherServer[], string]>([
    ['both others gone', life(), gone, 'fine'],
    ['both others empty', life(), others('learner', 'forming'), 'fine'],
    ['itself damaged, others gone', damaged, others('unreachable', 'forming'), 'fine'],
    ['no record of its triad', life({ ...forming, folder: 'data' }), gone, 'fine'],
    ['alone by license, damaged', damaged, others(), 'fine'],
    ['two whose states differ', life({ state: 'fenced', trouble: 'x' }), others('fenced', 'unreachable'), 'fine'],
    ['itself in control', life({ state: 'in-control' }), others('unreachable', 'standby'), 'RECOVER_NOT_NEEDED'],
    ['itself a stand-by', life({ state: 'standby' }), others('in-control', 'unreachable'), 'RECOVER_NOT_NEEDED'],
    ['another that has a sound log', damaged, others('isolated', 'unreachable'), 'RECOVER_NOT_NEEDED'],
    ['an election', life({ state: 'candidate' }), others('candidate', 'unreachable'), 'RECOVER_NOT_NEEDED'],
    ['one under way already', life({ isRecovering: true }), gone, 'RECOVER_NOT_NEEDED'],
    ['an empty folder', life({ ...forming, folder: 'empty' }), gone, 'RECOVER_NOT_POSSIBLE'],
    ['two processes', life({ isDoubled: true }), gone, 'RECOVER_NOT_POSSIBLE'],
  ])('with %s', (_what, own, there, expected) => {
    expect(code(() => checkRecovery(own, 's1', there))).toBe(expected);
  });
});
