import type { ConfiguredMember } from '@lic/interfaces';
import { describe, expect, it } from 'vitest';
import { type TestServer, TestTriad, type TestTriadOptions } from '../testing/test-triad.ts';

const code = (expected: string, fields: object = {}) => expect.objectContaining({ code: expected, ...fields });
const voter = (server: TestServer): ConfiguredMember => ({ ...server.member, voter: true });
const learner = (server: TestServer): ConfiguredMember => ({ ...server.member, voter: false });

/** A triad whose third server has lost its disk and is back, empty. */
async function withEmptiedC(seed: string, options?: TestTriadOptions) {
  const triad = await TestTriad.start(seed, options);
  const [a, b, c] = triad.servers as [TestServer, TestServer, TestServer];
  await triad.decided();
  for (let each = 1; each <= 30; each += 1) await triad.propose(a, `${each}`);
  triad.kill(c);
  triad.empty(c);
  await triad.boot(c);
  return { triad, a, b, c };
}

describe('a stand-by that lost its disk', () => {
  it('is a learner that is brought up to date, and one of the quorum again once it is admitted', async () => {
    const { triad, a, b, c } = await withEmptiedC('re-admission');
    await triad.until(() => c.machine.list.length === 30);
    expect(c.consensus.status().state).toBe('learner');
    await triad.changeMembers(triad.servers.map(voter));
    await triad.until(() => c.consensus.status().state === 'standby');
    expect(a.consensus.status()).toMatchObject({ isChangingMembers: false, members: triad.servers.map(voter) });
    triad.kill(b);
    expect(await triad.propose(a, 'by two')).toBe('31');
    triad.kill(a);
    await triad.boot(b);
    // With the third down, who has just started waits 10 s before it votes.
    await triad.decided(15_000);
    expect(await triad.propose(triad.leader!, 'by the others')).toBe('32');
  });

  it('is filled by a snapshot, and learns the members from it', async () => {
    const { triad, c } = await withEmptiedC('re-admission by snapshot', { snapshotEntries: 8, keepEntries: 0 });
    await triad.changeMembers(triad.servers.map(voter));
    await triad.propose(triad.leader!, 'more');
    for (let each = 0; each < 12; each += 1) await triad.propose(triad.leader!, 'more');
    triad.kill(c);
    triad.empty(c);
    await triad.boot(c);
    await triad.until(() => c.machine.list.length === 43);
    const known = c.consensus.status().members.find(({ id }) => id === 'c');
    expect(known?.incarnation).toBe('c-2');
    await triad.changeMembers(triad.servers.map(voter));
    await triad.until(() => c.consensus.status().state === 'standby');
    expect(c.consensus.status().members).toEqual(triad.servers.map(voter));
  });

  it('is not admitted while it is the only other one', async () => {
    const { triad, a, b } = await withEmptiedC('no quorum');
    triad.kill(b);
    await triad.until(() => a.events.at(-1)?.startsWith('lost') === true);
    await expect(a.consensus.changeMembers(triad.servers.map(voter))).rejects.toEqual(code('NOT_IN_CONTROL'));
    await triad.run(5_000);
    expect(triad.leader).toBeUndefined();
    await triad.boot(b);
    await triad.decided();
    await triad.changeMembers(triad.servers.map(voter));
  });

  it('makes a quorum with the other, although both have forgotten that its admission was committed', async () => {
    const { triad, a, b, c } = await withEmptiedC('forgotten commit');
    await triad.changeMembers(triad.servers.map(voter));
    await triad.run(300);
    for (const server of [a, b, c]) triad.kill(server);
    await triad.boot(b);
    await triad.boot(c);
    await triad.decided(15_000);
    expect(await triad.propose(triad.leader!, 'by two')).toBe('31');
  });
});

describe('a change of members', () => {
  it('replaces one server by another, step by step', async () => {
    const triad = await TestTriad.start('replacement', { snapshotEntries: 8, keepEntries: 2 });
    const [a, b, c] = triad.servers as [TestServer, TestServer, TestServer];
    await triad.decided();
    for (let each = 1; each <= 20; each += 1) await triad.propose(a, `${each}`);
    triad.kill(c);
    const d = triad.add('d');
    await triad.boot(d);
    await triad.changeMembers([...[a, b, c].map(voter), learner(d)]);
    await triad.until(() => d.machine.list.length === 20);
    await triad.changeMembers([voter(a), voter(b), learner(d)]);
    await triad.changeMembers([a, b, d].map(voter));
    await triad.until(() => d.consensus.status().state === 'standby');
    triad.kill(b);
    expect(await triad.propose(a, 'by a and d')).toBe('21');
    triad.kill(a);
    await triad.boot(b);
    await triad.decided(15_000);
    expect(await triad.propose(triad.leader!, 'by b and d')).toBe('22');
    expect(triad.leader!.consensus.status().members).toEqual([a, b, d].map(voter));
  });

  it('that is refused says why, and may be asked for again', async () => {
    const triad = await TestTriad.start('refused');
    const [a, b, c] = triad.servers as [TestServer, TestServer, TestServer];
    await triad.decided();
    const asked = a.consensus.changeMembers([voter(a), voter(b), { ...voter(c), incarnation: 'c-9' }]);
    await expect(triad.settled(asked)).rejects.toEqual(
      code('MEMBERS_REFUSED', {
        retryable: true,
        message: 'The members stay as they are: c does not answer under the incarnation c-9.',
      }),
    );
    await expect(triad.settled(b.consensus.changeMembers([voter(a), voter(b)]))).rejects.toEqual(
      code('NOT_IN_CONTROL'),
    );
  });

  it('may yet come to be when control is lost before it is committed', async () => {
    const triad = await TestTriad.start('unknown');
    const [a, b, c] = triad.servers as [TestServer, TestServer, TestServer];
    await triad.decided();
    await triad.run(500);
    for (const id of ['b', 'c']) triad.hub.silence('a', id);
    const asked = a.consensus.changeMembers([voter(a), voter(b)]);
    await expect(triad.settled(asked)).rejects.toEqual(code('UNKNOWN'));
    expect(a.consensus.status()).toMatchObject({ isChangingMembers: true, members: [voter(a), voter(b)] });
    for (const id of ['b', 'c']) triad.hub.unsilence('a', id);
    await triad.until(() => a.consensus.status().state === 'standby');
    await triad.decided();
    await triad.propose(triad.leader!, 'goes on');
    await triad.until(() => a.consensus.status().members.length === 3);
    expect(a.consensus.status()).toMatchObject({ isChangingMembers: false, members: [a, b, c].map(voter) });
  });

  it('is told to listeners, when it is in force and when it is committed', async () => {
    const triad = await TestTriad.start('told');
    const [a, b] = triad.servers as [TestServer, TestServer, TestServer];
    await triad.decided();
    const told: string[] = [];
    b.consensus.on({
      onChange: ({ members, isChangingMembers }) =>
        told.push(`${members.length}${isChangingMembers ? ' changing' : ''}`),
    });
    await triad.changeMembers([voter(a), voter(b)]);
    await triad.run(300);
    expect(told).toEqual(['2 changing', '2']);
  });
});
