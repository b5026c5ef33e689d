import { describe, expect, it } from 'vitest';
import { Cluster } from '../cluster/cluster.ts';
import type { ClusterServer } from '../cluster/cluster-server.ts';

const troubleOf = (server: ClusterServer): string | null => server.server.inspect().consensus?.trouble ?? null;
const indexOf = (server: ClusterServer): number => server.server.inspect().consensus?.lastIndex ?? 0;

/** Some checkouts and checkins of a real client: every one must be granted. */
async function work(cluster: Cluster, times: number): Promise<void> {
  const client = cluster.client();
  for (let time = 0; time < times; time++) {
    const grant = await cluster.during(client.checkout('compare'));
    await cluster.during(grant.checkin());
  }
  await cluster.during(client.close());
}

describe('a disk that can not be written for a while', () => {
  it('costs a stand-by its acknowledgements, and it goes on by itself', async () => {
    const cluster = await Cluster.start();
    await cluster.control();
    const standby = cluster.servers[2] as ClusterServer;
    standby.disk.faults.isReadOnly = true;
    await work(cluster, 3);
    await cluster.until('the stand-by to say so', () => troubleOf(standby) !== null);
    expect(troubleOf(standby)).toContain('EROFS');
    const before = standby.server;
    standby.disk.faults.isReadOnly = false;
    await cluster.until('the stand-by to be in sync', () => {
      const all = cluster.servers.map(indexOf);
      return troubleOf(standby) === null && all.every((index) => index === all[0]);
    });
    expect(standby.server).toBe(before);
  });

  it('costs the one in control its control, and no client a checkout', async () => {
    const cluster = await Cluster.start();
    const first = await cluster.control();
    first.disk.faults.isReadOnly = true;
    await work(cluster, 3);
    expect(cluster.inControl().map(({ name }) => name)).not.toContain(first.name);
    first.disk.faults.isReadOnly = false;
    await cluster.until('it to be a stand-by again', () => troubleOf(first) === null && first.state === 'standby');
  });

  it('is waited for by a server that starts on it', async () => {
    const cluster = await Cluster.start();
    await cluster.control();
    const standby = cluster.servers[2] as ClusterServer;
    standby.kill();
    standby.disk.faults.isReadOnly = true;
    const starting = standby.start();
    await cluster.run(3_000);
    expect(standby.logger.lines.some(({ message }) => message.includes('can not begin yet'))).toBe(true);
    standby.disk.faults.isReadOnly = false;
    await cluster.during(starting);
    await cluster.until('it to stand by', () => standby.state === 'standby');
  });
});
