import { ed25519Scheme } from '@lic/core';
import { absentIncarnation } from '@lic/interfaces';
import { beforeAll, describe, expect, it } from 'vitest';
import { makeMembers, type TestMembers } from '../peers/peer-triad.test.fixture.ts';
import { Hall } from './hall.test.fixture.ts';

let members: TestMembers;
beforeAll(async () => {
  members = await makeMembers(ed25519Scheme);
});
const everyone = [0, 1, 2] as const;

/** Both have the same formation, durably, with their own folders in it and the third as absent. */
function expectFormedWithout(hall: Hall, absent: number): void {
  const present = everyone.filter((at) => at !== absent);
  const formed = hall.record(present[0] ?? 0)?.formed;
  expect(formed?.formation.members[absent]).toMatchObject({ incarnation: absentIncarnation });
  expect(formed?.isNew).toBe(false);
  for (const at of present) {
    expect(hall.record(at)).toEqual({ incarnation: formed?.formation.members[at]?.incarnation, formed });
  }
}

describe('forming with two of three', () => {
  it.each(everyone)('takes an operator’s word, at whichever is there (absent: %i)', async (absent) => {
    for (const asked of everyone.filter((at) => at !== absent)) {
      const hall = new Hall(members);
      for (const at of everyone) if (at !== absent) await hall.start(at);
      await hall.world.run({ forMs: 3_000 });
      expect(hall.record(asked)?.formed).toBeUndefined();
      hall.server(asked).word.give();
      await hall.until(() => hall.allUpJoined(), 3_000);
      expectFormedWithout(hall, absent);
      // The third comes empty: a learner of the same triad.
      await hall.start(absent);
      await hall.until(() => hall.allUpJoined(), 3_000);
      const { instance, members: formed } = hall.record(asked)?.formed?.formation ?? {};
      expect(hall.record(absent)?.formed?.formation.instance).toBe(instance);
      expect(formed?.map(({ incarnation }) => incarnation)).not.toContain(hall.record(absent)?.incarnation);
    }
  });

  it('goes the normal way where all three are there, whatever the operator says', async () => {
    const hall = new Hall(members);
    // All are linked, and the first one's disk keeps the offer waiting.
    const endStall = hall.disk(0).stall();
    for (const at of everyone) await hall.start(at);
    await hall.world.run({ forMs: 1_000 });
    for (const at of everyone) hall.server(at).word.give();
    endStall();
    await hall.until(() => hall.allUpJoined(), 4_000);
    const incarnations = hall.record(0)?.formed?.formation.members.map(({ incarnation }) => incarnation);
    expect(incarnations).toEqual(everyone.map((at) => hall.record(at)?.incarnation));
  });

  it('is not done by one alone, and the word does not last', async () => {
    const hall = new Hall(members);
    (await hall.start(1)).word.give();
    await hall.world.run({ forMs: 6_000 });
    await hall.start(2);
    await hall.world.run({ forMs: 10_000 });
    expect(hall.record(1)?.offer ?? hall.record(2)?.offer).toBeUndefined();
    expect(hall.server(1).reasons.at(-1)).toMatch(/a .*can't be reached.*lic form/);
  });

  it('is gone through with once it was offered, although the third comes in between', async () => {
    const hall = new Hall(members);
    for (const at of [1, 2]) await hall.start(at);
    await hall.world.run({ forMs: 1_000 });
    hall.server(1).word.give();
    await hall.until(() => hall.record(2)?.offer !== undefined, 3_000);
    hall.crash(2, 'nothing');
    // The word is over, and what followed from it is not.
    await hall.world.run({ forMs: 6_000 });
    await hall.start(0);
    await hall.world.run({ forMs: 3_000 });
    expect(hall.record(1)?.formed).toBeUndefined();
    expect(hall.server(1).reasons.at(-1)).toMatch(/^c can't be reached. It was about to form with this server/);
    await hall.start(2);
    await hall.until(() => hall.allUpJoined(), 5_000);
    expectFormedWithout(hall, 0);
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])('leads to one triad, whoever crashes when (seed %i)', async (seed) => {
    const hall = new Hall(members, `two-${seed}`);
    const random = hall.world.random.fork('crashes');
    for (const at of [0, 2]) await hall.start(at);
    await hall.world.run({ forMs: 500 });
    for (let round = 0; round < 12; round++) {
      for (const at of [0, 2]) if (hall.servers.has(at)) hall.server(at).word.give();
      await hall.world.run({ forMs: random.between(1, 60) });
      const at = random.between(0, 1) < 0.5 ? 0 : 2;
      hall.crash(at, random.between(0, 1) < 0.5 ? 'nothing' : 'all-unsynced');
      await hall.world.run({ forMs: random.between(0, 400) });
      await hall.start(at);
      if (round === 8) await hall.start(1);
    }
    await hall.until(() => hall.allUpJoined(), 30_000);
    const instances = everyone.map((at) => hall.record(at)?.formed?.formation.instance);
    expect(new Set(instances).size).toBe(1);
    // Two whose folders count: they can elect.
    const formed = hall.record(0)?.formed?.formation.members ?? [];
    const counted = everyone.filter((at) => formed[at]?.incarnation === hall.record(at)?.incarnation);
    expect(counted.length).toBeGreaterThanOrEqual(2);
  });
});
