import type { ConsensusStatus } from '@lic/interfaces';
import { describe, expect, it } from 'vitest';
import type { PeerEndpoint } from '../peers/peer-endpoint.ts';
import { PeerRoster } from './peer-roster.ts';

const endpoint = (id: string, rank: number): PeerEndpoint => ({
  id,
  name: `server-${id}`,
  rank,
  addresses: [`mem://${id}:1`],
});
const first = [endpoint('a', 1), endpoint('b', 2), endpoint('c', 3)];
const second = [endpoint('a', 1), endpoint('b', 2), endpoint('d', 3)];

const configured = (ids: string, more: Partial<ConsensusStatus> = {}): ConsensusStatus =>
  ({
    members: [...ids].map((id) => ({ id: id.toLowerCase(), incarnation: 'x', voter: id === id.toLowerCase() })),
    isChangingMembers: false,
    appliedIndex: 9,
    peers: [],
    ...more,
  }) as ConsensusStatus;

function rosterOf(seed: readonly PeerEndpoint[], throughIndex = 0) {
  const told: string[] = [];
  const roster = new PeerRoster((links) => told.push(links.map(({ id }) => id).join('')));
  roster.seeded(seed, throughIndex);
  return { roster, told };
}

describe('links', () => {
  it('are taken from the servers of the license, and nobody is told the same twice', () => {
    const { roster, told } = rosterOf(first);
    roster.licensed(first);
    roster.configured(configured('abc'));
    expect(told).toEqual(['abc']);
  });

  it('are taken from old and new until the configuration is that of the license, and its change can not be taken back', () => {
    const { roster, told } = rosterOf(first);
    roster.licensed(second);
    roster.configured(configured('abc'));
    roster.configured(configured('abcD'));
    roster.configured(configured('abD', { isChangingMembers: true }));
    expect(told.at(-1)).toBe('abdc');
    roster.configured(configured('abD'));
    expect(told.at(-1)).toBe('abd');
  });

  it('are taken from the servers of the newest license in the log while it is not applied', () => {
    const { roster, told } = rosterOf(second, 20);
    roster.licensed(first);
    roster.configured(configured('abc', { appliedIndex: 19 }));
    expect(told.at(-1)).toBe('abcd');
    // It was not committed: the log went on without it.
    roster.configured(configured('abc', { appliedIndex: 20 }));
    expect(told.at(-1)).toBe('abc');
  });

  it('are taken from the file of a server without a log, until a license in force names all of them', () => {
    const { roster, told } = rosterOf(second, Number.POSITIVE_INFINITY);
    // The log is filled from its beginning, by one that came with a later license.
    roster.licensed(first);
    roster.configured(configured('abc', { appliedIndex: 2 }));
    expect(told.at(-1)).toBe('abcd');
    roster.licensed(second);
    roster.configured(configured('abd', { appliedIndex: 20 }));
    expect(told.at(-1)).toBe('abd');
    roster.licensed(first);
    roster.configured(configured('abc', { appliedIndex: 30 }));
    expect(told.at(-1)).toBe('abc');
  });

  it('are dialled where a license says, and a member of whom no license is known can dial itself', () => {
    const { roster } = rosterOf(second);
    roster.configured(configured('abc'));
    expect(roster.links.find(({ id }) => id === 'c')?.addresses).toEqual([]);
    const { roster: other } = rosterOf(first);
    other.licensed(second);
    other.configured(configured('abc'));
    expect(other.links.find(({ id }) => id === 'c')?.addresses).toEqual(['mem://c:1']);
  });

  it('are not dialled at an address that a server of the license in force has', () => {
    const { roster } = rosterOf(first);
    roster.licensed([endpoint('a', 1), endpoint('b', 2), { ...endpoint('d', 3), addresses: ['mem://c:1'] }]);
    roster.configured(configured('abc'));
    expect(roster.links.map(({ id, addresses }) => [id, addresses.length])).toEqual([
      ['a', 1],
      ['b', 1],
      ['d', 1],
      ['c', 0],
    ]);
  });

  it('are told anew when only an address has changed', () => {
    const { roster, told } = rosterOf(first);
    roster.licensed([...first.slice(0, 2), { ...endpoint('c', 3), addresses: ['mem://elsewhere:1'] }]);
    expect(told).toEqual(['abc', 'abc']);
  });
});

it('ranks are those of the license in force; who is not named comes last, but is still known by name', () => {
  const { roster } = rosterOf(first);
  roster.licensed([{ ...endpoint('b', 1) }, { ...endpoint('a', 2) }, endpoint('d', 3)]);
  roster.configured(configured('abc'));
  expect(['a', 'b', 'c', 'd'].map((id) => roster.rankOf(id))).toEqual([2, 1, Number.MAX_SAFE_INTEGER, 3]);
  expect(roster.find('c')?.name).toBe('server-c');
  expect(roster.isServer('c')).toBe(false);
});

it('says what each server is: a voter, a learner, a voter whose disk was lost, or none yet', () => {
  const { roster } = rosterOf(second);
  expect(roster.memberOf('a')).toBe(undefined);
  const peers = [{ id: 'b', incarnation: 'another', matchIndex: 1, active: true }];
  roster.configured(configured('abcD', { peers }));
  expect(['a', 'b', 'c', 'd', 'e'].map((id) => roster.memberOf(id))).toEqual([
    'voter',
    'learner',
    'voter',
    'learner',
    'none',
  ]);
  expect(roster.voters).toEqual(['a', 'b', 'c']);
});

it('voters are those of the configuration, once there is one', () => {
  const { roster } = rosterOf(second);
  expect(roster.voters).toEqual(['a', 'b', 'd']);
  roster.configured(configured('abcD'));
  expect(roster.voters).toEqual(['a', 'b', 'c']);
});
