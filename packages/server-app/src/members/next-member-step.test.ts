import { absentIncarnation, type ConfiguredMember } from '@lic/interfaces';
import { describe, expect, it } from 'vitest';
import { type AnsweredPeer, type MemberFacts, type MemberStep, nextMemberStep } from './next-member-step.ts';

const voter = (id: string, incarnation = `${id}1`): ConfiguredMember => ({ id, incarnation, voter: true });
const learner = (id: string): ConfiguredMember => ({ id, incarnation: absentIncarnation, voter: false });
const here = (id: string, incarnation = `${id}1`): AnsweredPeer => ({ id, incarnation, isCaughtUp: true });
const behind = (id: string, incarnation = `${id}1`): AnsweredPeer => ({ id, incarnation, isCaughtUp: false });
const abc = [voter('A'), voter('B'), voter('C')];

/** `A` is in control unless said otherwise. */
const step = (facts: Partial<MemberFacts>): MemberStep | null =>
  nextMemberStep({ self: 'A', members: abc, servers: ['A', 'B', 'C'], peers: [here('B'), here('C')], ...facts });

describe('the next step', () => {
  it.each<[string, Partial<MemberFacts>, MemberStep | null]>([
    ['is none where the configuration is that of the license', {}, null],
    ['is none where a voter is away', { peers: [here('B')] }, null],
    [
      'lets a lost disk count again once it is caught up',
      { peers: [here('B'), here('C', 'C2')] },
      { kind: 'readmit', server: 'C', members: [voter('A'), voter('B'), voter('C', 'C2')] },
    ],
    ['waits for a lost disk to be caught up', { peers: [here('B'), behind('C', 'C2')] }, null],
    ['waits for both others: one alone does not do', { peers: [here('C', 'C2')] }, null],
    ['waits for both others to be caught up', { peers: [behind('B'), here('C', 'C2')] }, null],
    ['never lets two lost disks count for each other', { peers: [here('B', 'B2'), here('C', 'C2')] }, null],
    [
      'admits one that was not there when the others formed',
      { members: [voter('A'), voter('B'), voter('C', absentIncarnation)] },
      { kind: 'readmit', server: 'C', members: abc },
    ],
    [
      'begins a replacement with a learner, be it there or not',
      { servers: ['A', 'B', 'D'] },
      { kind: 'learn', server: 'D', members: [...abc, learner('D')] },
    ],
    [
      'waits until the learner is caught up',
      { servers: ['A', 'B', 'D'], members: [...abc, learner('D')], peers: [here('B'), here('C'), behind('D')] },
      null,
    ],
    [
      'takes the old one out then, though it be gone',
      { servers: ['A', 'B', 'D'], members: [...abc, learner('D')], peers: [here('B'), here('D')] },
      { kind: 'remove', server: 'C', members: [voter('A'), voter('B'), learner('D')] },
    ],
    [
      'does not take the old one out while the rest would be no quorum',
      { servers: ['A', 'B', 'D'], members: [...abc, learner('D')], peers: [here('C'), here('D')] },
      null,
    ],
    [
      'does not take the old one out while another disk is lost',
      {
        servers: ['A', 'B', 'D'],
        members: [...abc, learner('D')],
        peers: [behind('B', 'B2'), here('C'), here('D')],
      },
      null,
    ],
    [
      'admits the new one then, under the incarnation that it answered under',
      {
        servers: ['A', 'B', 'D'],
        members: [voter('A'), voter('B'), learner('D')],
        peers: [here('B'), here('D', 'D7')],
      },
      { kind: 'admit', server: 'D', members: [voter('A'), voter('B'), voter('D', 'D7')] },
    ],
    [
      'does not admit one that has not answered',
      { servers: ['A', 'B', 'D'], members: [voter('A'), voter('B'), learner('D')], peers: [here('B'), here('D', '')] },
      null,
    ],
    [
      'is a handover where the one in control is replaced',
      { servers: ['B', 'C', 'D'], members: [...abc, learner('D')], peers: [here('B'), here('C'), here('D')] },
      { kind: 'handOver', server: 'A' },
    ],
    [
      'is no handover where nobody could take control',
      { servers: ['B', 'C', 'D'], members: [...abc, learner('D')], peers: [behind('B'), behind('C'), here('D')] },
      null,
    ],
    [
      'forgets a learner that is not wanted any more',
      { servers: ['A', 'B', 'C'], members: [...abc, learner('D')] },
      { kind: 'forget', server: 'D', members: abc },
    ],
    [
      'lets the disk of one that is to go count again while its successor is not there',
      { servers: ['A', 'B', 'D'], members: [...abc, learner('D')], peers: [here('B'), here('C', 'C2')] },
      { kind: 'readmit', server: 'C', members: [voter('A'), voter('B'), voter('C', 'C2'), learner('D')] },
    ],
    [
      'brings the others in after a recovery, first as learners',
      { members: [voter('A')], peers: [] },
      { kind: 'learn', server: 'B', members: [voter('A'), learner('B')] },
    ],
    [
      'brings them in one by one',
      { members: [voter('A'), learner('B'), learner('C')], peers: [here('B'), here('C')] },
      { kind: 'admit', server: 'B', members: [voter('A'), voter('B'), learner('C')] },
    ],
    [
      'adds before it removes where there is one server only',
      { servers: ['D'], members: [voter('A'), learner('D')], peers: [here('D')] },
      { kind: 'admit', server: 'D', members: [voter('A'), voter('D')] },
    ],
    [
      'hands over to it then',
      { servers: ['D'], members: [voter('A'), voter('D')], peers: [here('D')] },
      { kind: 'handOver', server: 'A' },
    ],
    [
      'and it takes the old one out',
      { self: 'D', servers: ['D'], members: [voter('A'), voter('D')], peers: [here('A')] },
      { kind: 'remove', server: 'A', members: [voter('D')] },
    ],
  ])('%s', (_what, facts, expected) => {
    expect(step(facts)).toEqual(expected);
  });
});

/** How a server is: its folder's life, and whether it answers and is caught up. */
type Condition = 'away' | 'behind' | 'here' | 'lost disk, behind' | 'lost disk, here';
const conditions: readonly Condition[] = ['away', 'behind', 'here', 'lost disk, behind', 'lost disk, here'];

function peerOf(id: string, condition: Condition): AnsweredPeer[] {
  const incarnation = condition.startsWith('lost') ? `${id}2` : `${id}1`;
  return condition === 'away' ? [] : [{ id, incarnation, isCaughtUp: condition.endsWith('here') }];
}

/** Every combination of conditions of some servers. */
function* combinations(ids: readonly string[]): Generator<readonly AnsweredPeer[]> {
  const [first, ...rest] = ids;
  if (first === undefined) yield [];
  else for (const peers of combinations(rest)) for (const each of conditions) yield [...peerOf(first, each), ...peers];
}

const votersOf = (members: readonly ConfiguredMember[]): readonly string[] =>
  members.flatMap(({ id, incarnation, voter: isVoter }) => (isVoter ? [`${id} ${incarnation}`] : []));

/** Every set of voters that is a quorum. */
function quorums(voters: readonly string[]): readonly ReadonlySet<string>[] {
  const all: Set<string>[] = [];
  for (let bits = 0; bits < 2 ** voters.length; bits++) {
    const chosen = voters.filter((_, at) => (bits >> at) & 1);
    if (chosen.length > voters.length / 2) all.push(new Set(chosen));
  }
  return all;
}

/** What must hold of each step, whatever the servers are like. */
function checkStep(facts: MemberFacts, members: readonly ConfiguredMember[]): void {
  const [before, after] = [votersOf(facts.members), votersOf(members)];
  const gone = before.filter((each) => !after.includes(each));
  const come = after.filter((each) => !before.includes(each));
  expect(Math.max(gone.length, come.length)).toBeLessThanOrEqual(1);
  // The one in control goes on voting.
  expect(after.some((each) => each.startsWith(`${facts.self} `))).toBe(true);
  const alive = new Set([
    ...after.filter((each) => each.startsWith(`${facts.self} `)),
    ...facts.peers.flatMap(({ id, incarnation, isCaughtUp }) => (isCaughtUp ? [`${id} ${incarnation}`] : [])),
  ]);
  if (come.length === 1) expect(alive.has(come[0] ?? '')).toBe(true);
  const isNewLife = gone.length === 1 && come.length === 1;
  if (isNewLife) {
    // Then two quorums may share nothing but the folder that was lost: so all others have to acknowledge, without it.
    expect(gone[0]?.split(' ')[0]).toBe(come[0]?.split(' ')[0]);
    for (const each of before) if (each !== gone[0]) expect(alive.has(each)).toBe(true);
    return;
  }
  for (const one of quorums(before)) {
    for (const other of quorums(after)) expect([...one].some((each) => other.has(each))).toBe(true);
  }
  // It can be committed, by the servers that answer now, under both.
  if (gone.length + come.length > 0) {
    for (const voters of [before, after]) {
      expect(voters.filter((each) => alive.has(each)).length).toBeGreaterThan(voters.length / 2);
    }
  }
}

describe('from every configuration and every license that a reload allows', () => {
  const licenses = [
    ['A', 'B', 'C'],
    ['A', 'B', 'D'],
    ['A', 'D', 'C'],
    ['D', 'B', 'C'],
  ];

  it('each step is safe in every condition of the servers, and goes on from there', () => {
    for (const servers of licenses) {
      const seen = new Set<string>();
      const toSee: (readonly ConfiguredMember[])[] = [abc];
      for (let members = toSee.pop(); members !== undefined; members = toSee.pop()) {
        const name = JSON.stringify(members);
        if (seen.has(name)) continue;
        seen.add(name);
        for (const { id: self, incarnation, voter: isVoter } of members) {
          if (!isVoter || incarnation !== `${self}1`) continue;
          for (const peers of combinations(members.map(({ id }) => id).filter((id) => id !== self))) {
            const facts = { self, members, servers, peers };
            const next = nextMemberStep(facts);
            if (next === null || next.kind === 'handOver') continue;
            checkStep(facts, next.members);
            toSee.push(next.members);
          }
        }
      }
      expect(seen.size).toBeGreaterThan(2);
    }
  });

  it('ends at the servers of the license, all voters under their own incarnations, once all answer', () => {
    for (const servers of licenses) {
      for (const lost of ['', 'B', 'C']) {
        for (const first of ['A', 'B', 'C'].filter((id) => id !== lost)) {
          let self = first;
          let members: readonly ConfiguredMember[] = abc;
          const lifeOf = (id: string): string => (id === lost ? `${id}2` : `${id}1`);
          const kinds: string[] = [];
          for (;;) {
            const others = members.filter(({ id }) => id !== self).map(({ id }) => here(id, lifeOf(id)));
            const next = nextMemberStep({ self, members, servers, peers: others });
            if (next === null) break;
            kinds.push(next.kind);
            expect(kinds.length).toBeLessThan(8);
            if (next.kind === 'handOver')
              self = members.find(({ id, incarnation }) => id !== self && incarnation === lifeOf(id))?.id ?? '';
            else members = next.members;
          }
          expect([...votersOf(members)].sort()).toEqual(servers.map((id) => `${id} ${lifeOf(id)}`).sort());
          expect(members).toHaveLength(3);
        }
      }
    }
  });
});
