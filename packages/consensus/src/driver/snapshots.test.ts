import { describe, expect, it } from 'vitest';
import type { TestServer } from '../testing/test-triad.ts';
import { TestTriad } from '../testing/test-triad.ts';

const small = { snapshotEntries: 20, keepEntries: 5 };

async function proposeMany(triad: TestTriad, leader: TestServer, count: number): Promise<void> {
  for (let each = 0; each < count; each += 10) {
    const batch = Array.from({ length: 10 }, (_, at) => leader.consensus.propose(Buffer.from(`command ${each + at}`)));
    await triad.settled(Promise.all(batch));
  }
}

describe('snapshots', () => {
  it('keep the log short on every server, and a restart goes on from one', async () => {
    const triad = await TestTriad.start('short log', small);
    const leader = await triad.decided();
    await proposeMany(triad, leader, 200);
    await triad.run(100);
    for (const { disk } of triad.servers) {
      expect(disk.image.snapshots[0]?.meta.index).toBeGreaterThan(150);
      expect(disk.image.entries.length).toBeLessThan(80);
    }
    for (const server of triad.servers) triad.kill(server);
    for (const server of triad.servers) await triad.boot(server);
    const next = await triad.decided();
    await triad.until(() => next.machine.list.length === 200);
    expect(next.machine.restores).toBe(1);
    expect(await triad.propose(next, 'on')).toBe('201');
  });

  it('bring a server up to date that was away for long, while others go on', async () => {
    const triad = await TestTriad.start('install', small);
    const leader = await triad.decided();
    const c = triad.server('c');
    triad.kill(c);
    await proposeMany(triad, leader, 200);
    await triad.boot(c);
    await proposeMany(triad, leader, 50);
    await triad.until(() => c.machine.list.length === 250);
    expect(c.machine.restores).toBe(1);
    expect(c.machine.list).toEqual(leader.machine.list);
    // From now on it follows by the log, and counts.
    triad.kill(triad.server('b'));
    expect(await triad.propose(leader, 'counts')).toBe('251');
  });

  it('go on when the link closes half-way', async () => {
    const triad = await TestTriad.start('half-way', small);
    const leader = await triad.decided();
    const c = triad.server('c');
    triad.kill(c);
    await proposeMany(triad, leader, 400);
    await triad.boot(c);
    for (let each = 0; each < 3; each += 1) {
      await triad.run(4);
      triad.hub.open('a', 'c');
    }
    expect(c.machine.restores).toBe(0);
    await triad.until(() => c.machine.list.length === 400);
    expect(c.machine.list).toEqual(leader.machine.list);
  });

  it('are sent again, and not before one election timeout, when the receiver could not save it', async () => {
    const triad = await TestTriad.start('full receiver', small);
    const leader = await triad.decided();
    const c = triad.server('c');
    triad.kill(c);
    await proposeMany(triad, leader, 100);
    await triad.boot(c);
    c.disk.isFull = true;
    await triad.run(3_000);
    expect(c.machine.restores).toBe(0);
    c.disk.isFull = false;
    await triad.until(() => c.machine.list.length === 100, 10_000);
  });

  it('reach a server that comes with an empty disk, also after the leader changed on the way', async () => {
    const triad = await TestTriad.start('leader changes', small);
    const leader = await triad.decided();
    const c = triad.server('c');
    triad.kill(c);
    await proposeMany(triad, leader, 300);
    await triad.boot(c);
    await triad.run(5);
    triad.kill(leader);
    const next = await triad.decided(10_000);
    await triad.until(() => c.machine.list.length === 300);
    expect(await triad.propose(next, 'on')).toBe('301');
  });
});
