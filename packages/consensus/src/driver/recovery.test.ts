import { describe, expect, it } from 'vitest';
import { ListMachine } from '../testing/list-machine.ts';
import { type TestServer, TestTriad, type TestTriadOptions } from '../testing/test-triad.ts';

/** A triad of which only `b` is left, with what it had on disk. */
async function survivorOf(seed: string, options?: TestTriadOptions) {
  const triad = await TestTriad.start(seed, options);
  const [a, b, c] = triad.servers as [TestServer, TestServer, TestServer];
  await triad.decided();
  for (let each = 1; each <= 20; each += 1) await triad.propose(a, `${each}`);
  await triad.run(200);
  for (const server of [a, b, c]) triad.kill(server);
  return { triad, b, recover: () => triad.boot(b, new ListMachine(), { isRecovering: true }) };
}

describe('lic recover', () => {
  it('makes the survivor the only member, in control with all that it had', async () => {
    const { triad, b, recover } = await survivorOf('recover');
    const { term } = b.consensus.status();
    await recover();
    await triad.until(() => b.consensus.status().state === 'in-control', 1_000);
    expect(b.machine.list.length).toBe(20);
    expect(b.consensus.status()).toMatchObject({ members: [{ id: 'b', incarnation: 'b-1', voter: true }] });
    expect(b.consensus.status().term).toBeGreaterThan(term);
    expect(await triad.propose(b, 'alone')).toBe('21');
  });

  it('is done once, however often it is begun', async () => {
    const { triad, b, recover } = await survivorOf('recover again');
    await recover();
    await triad.until(() => b.consensus.status().state === 'in-control');
    const { lastIndex, term } = b.consensus.status();
    triad.kill(b);
    await recover();
    await triad.until(() => b.consensus.status().state === 'in-control');
    // Nothing but the first entry of the new term.
    expect(b.consensus.status()).toMatchObject({ lastIndex: lastIndex + 1, term: term + 1 });
  });

  it('goes on from a snapshot that the log had not begun behind yet', async () => {
    const { triad, b, recover } = await survivorOf('recover behind a snapshot', { snapshotEntries: 8, keepEntries: 0 });
    await recover();
    await triad.until(() => b.consensus.status().state === 'in-control', 1_000);
    expect(b.machine.list.length).toBe(20);
    triad.kill(b);
    await triad.boot(b);
    await triad.until(() => b.consensus.status().state === 'in-control', 1_000);
    expect(b.machine.list.length).toBe(20);
  });

  it('lets others in again as learners, then as voters', async () => {
    const { triad, b, recover } = await survivorOf('recover, then three');
    await recover();
    await triad.until(() => b.consensus.status().state === 'in-control');
    const [a, , c] = triad.servers as [TestServer, TestServer, TestServer];
    for (const server of [a, c]) {
      triad.empty(server);
      await triad.boot(server);
      const { members } = b.consensus.status();
      const learner = { ...server.member, voter: false };
      await triad.changeMembers([...members, learner]);
      await triad.changeMembers([...members, { ...learner, voter: true }]);
      expect(server.machine.list.length).toBe(20);
    }
    expect(b.consensus.status().members.length).toBe(3);
    triad.kill(b);
    await triad.decided();
    expect(await triad.propose(triad.leader!, 'more')).toBe('21');
  });
});
