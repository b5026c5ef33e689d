import type { License } from '@lic/core';
import { type ConfiguredMember, type ConsensusStatus, LicError } from '@lic/interfaces';
import { createVirtualWorld } from '@lic/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { keepingLogger } from '../peers/peer-triad.test.fixture.ts';
import { MemberKeeper } from './member-keeper.ts';
import { PeerRoster } from './peer-roster.ts';

const timing = { roundMs: 100, electionTimeoutMinMs: 500, electionTimeoutMaxMs: 1_000 };
const voter = (id: string, incarnation = `${id}1`): ConfiguredMember => ({ id, incarnation, voter: true });
const refused = new LicError('MEMBERS_REFUSED', 'Not yet.', { retryable: true });

/** A keeper at server `a` of three, on a consensus that does as it is told. */
function setUp() {
  const world = createVirtualWorld({ seed: 1 });
  const roster = new PeerRoster(() => {});
  const servers = ['a', 'b', 'c'].map((id, at) => ({ id, name: `server-${id}`, rank: at + 1, addresses: [] }));
  roster.seeded(servers, 0);
  const logger = keepingLogger();
  const state = {
    world,
    logger,
    license: { servers: servers.map(({ id }) => ({ key: id })) } as unknown as License | null,
    status: {
      state: 'in-control',
      members: [voter('a'), voter('b'), voter('c')],
      isChangingMembers: false,
      appliedIndex: 5,
      commitIndex: 5_000,
      peers: [
        { id: 'b', incarnation: 'b1', matchIndex: 5_000, active: true },
        { id: 'c', incarnation: 'c2', matchIndex: 5_000, active: true },
      ],
    } as unknown as ConsensusStatus,
    /** When it was asked for what, ms. */
    asked: [] as [number, readonly ConfiguredMember[]][],
    answer: async (_members: readonly ConfiguredMember[]): Promise<void> => {},
    handovers: 0,
    keeper: undefined as MemberKeeper | undefined,
  };
  state.keeper = new MemberKeeper({
    runtime: world.runtime('a'),
    logger,
    ledger: { license: () => state.license },
    consensus: {
      status: () => state.status,
      changeMembers: (members) => {
        state.asked.push([world.nowMs, members]);
        return state.answer(members);
      },
    },
    control: {
      yieldControl: async () => {
        state.handovers++;
        return false;
      },
    },
    self: 'a',
    roster,
    timing,
  });
  return state;
}

describe('the keeper of members', () => {
  let state: ReturnType<typeof setUp>;
  beforeEach(() => {
    state = setUp();
  });
  afterEach(() => state.keeper?.stop());
  const run = (forMs: number): Promise<unknown> => state.world.run({ forMs });

  it('takes the step that is due, within a round, and says so in plain words', async () => {
    state.answer = async (members) => {
      state.status = { ...state.status, members };
    };
    await run(300);
    expect(state.asked.map(([, members]) => members)).toEqual([[voter('a'), voter('b'), voter('c', 'c2')]]);
    expect(state.logger.lines).toEqual([
      expect.objectContaining({
        message: expect.stringContaining('counts again'),
        fields: expect.objectContaining({ server: 'server-c' }),
      }),
    ]);
  });

  it.each<[string, { readonly status?: Partial<ConsensusStatus>; readonly license?: null; readonly peers?: object }]>([
    ['is not in control', { status: { state: 'standby' } }],
    ['has a change that is not committed', { status: { isChangingMembers: true } }],
    ['has no license yet', { license: null }],
    ['has peers that lack more than what is under way', { peers: { matchIndex: 3_999 } }],
    ['has peers that do not answer now', { peers: { active: false } }],
  ])('does nothing while it %s', async (_what, { status, license, peers }) => {
    const changed = state.status.peers.map((peer) => ({ ...peer, ...peers }));
    state.status = { ...state.status, peers: changed, ...status };
    if (license === null) state.license = null;
    await run(1_000);
    expect(state.asked).toEqual([]);
  });

  it('asks for one thing at a time', async () => {
    state.answer = () => new Promise(() => {});
    await run(1_000);
    expect(state.asked).toHaveLength(1);
  });

  it('comes again ever later where it is refused, and says so once', async () => {
    state.answer = () => Promise.reject(refused);
    await run(10_000);
    const times = state.asked.map(([atMs]) => atMs);
    expect(times.slice(0, 6)).toEqual([100, 200, 400, 800, 1_600, 3_200]);
    expect(times.length).toBeLessThan(11);
    expect(state.logger.lines.filter(({ level }) => level === 'info')).toHaveLength(1);
    // And at once again after the next success.
    state.answer = async () => {};
    const before = state.asked.length;
    await run(2_000);
    expect(state.asked.length).toBeGreaterThan(before + 2);
  });

  it('hands over where it is itself to go', async () => {
    state.license = { servers: ['b', 'c'].map((key) => ({ key })) } as unknown as License;
    state.status = {
      ...state.status,
      peers: state.status.peers.map((peer) => ({ ...peer, incarnation: `${peer.id}1` })),
    };
    await run(150);
    expect(state.handovers).toBe(1);
    expect(state.asked).toEqual([]);
    await run(1_000);
    expect(state.handovers).toBeLessThan(6);
  });
});
