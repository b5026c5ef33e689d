import { describe, expect, it } from 'vitest';
import { Cluster } from './cluster.ts';

describe('a cluster', () => {
  it.each([1, 3] as const)('of %d forms, serves a session and gives its seat back', async (servers) => {
    const cluster = await Cluster.start({ servers });
    const control = await cluster.control();
    expect(control.rank).toBe(1);
    const session = await cluster.session(control);
    const grant = await session.hold();
    expect((await cluster.status(control)).pools[0]).toMatchObject({ inUse: 1, free: 2 });
    expect(await session.checkin(grant.id)).toMatchObject({ t: 'done' });
    expect((await cluster.status(control)).pools[0]).toMatchObject({ inUse: 0, free: 3 });
  });

  it('serves a real client, and another server takes over', async () => {
    const cluster = await Cluster.start();
    const client = cluster.client();
    const grant = await cluster.during(client.checkout('compare'));
    (await cluster.control()).kill();
    await cluster.control();
    await cluster.run(5_000);
    expect(grant.state).toBe('holding');
    await cluster.during(client.close());
  });
});
