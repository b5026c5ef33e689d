import { encodeCommand } from '@lic/core';
import { describe, expect, it } from 'vitest';
import { Cluster } from '../cluster/cluster.ts';
import type { ClusterServer } from '../cluster/cluster-server.ts';

const features = [{ name: 'compare', version: '12.0', count: 3, leaseSeconds: 3_600 }];

/** Corrupts the memory of one server: its ledger applies a command that no log has. */
function corrupt(server: ClusterServer): void {
  const { ledger } = server.server.inspect();
  const { licenseTimeMs: at } = ledger.summary();
  ledger.apply(0, encodeCommand({ kind: 'drain', server: server.key, on: true, at }));
}

const hashAt = (server: ClusterServer): string => server.server.inspect().ledger.hash();
const says = (server: ClusterServer, part: string): boolean =>
  server.logger.lines.some(({ level, message }) => level === 'error' && message.includes(part));

describe('a server with another state than the two others', () => {
  it.each([2, 3])(
    '(a stand-by, rank %d) is told, alarms, and is refilled by itself; nobody is denied',
    async (rank) => {
      const cluster = await Cluster.start({ features });
      const bad = cluster.server(rank);
      const session = await cluster.session(await cluster.control());
      const grant = await session.hold();
      await cluster.run(12_000);
      corrupt(bad);
      await session.hold();
      await cluster.until('the alarm', () => says(bad, 'STATE HASH DIFFERS'), 15_000);
      expect(says(cluster.server(1), 'STATE HASH DIFFERS')).toBe(true);
      expect(await session.checkout()).toMatchObject({ t: 'granted' });
      await cluster.until(
        'its return',
        () => bad.state === 'standby' && hashAt(bad) === hashAt(cluster.server(1)),
        40_000,
      );
      await cluster.run(1_000);
      const report = await cluster.status(cluster.server(1));
      expect(report).toMatchObject({ degraded: false, notices: [] });
      expect(report.servers.every(({ member }) => member === 'voter')).toBe(true);
      expect(bad.server.inspect().ledger.grant(grant.id)?.state).toBe('active');
    },
  );

  it('and in control hands over first', async () => {
    const cluster = await Cluster.start({ features, failback: 'sticky' });
    const bad = await cluster.control();
    const session = await cluster.session(bad);
    await session.hold();
    await cluster.run(12_000);
    corrupt(bad);
    await session.hold();
    await cluster.until('the handover', () => cluster.inControl().some((server) => server !== bad), 15_000);
    const control = await cluster.control();
    await cluster.until('its return', () => bad.state === 'standby' && hashAt(bad) === hashAt(control), 40_000);
    expect(control.server.inspect().ledger.summary()).toMatchObject({ grants: 2, drained: [] });
    expect(bad.server.inspect().ledger.summary()).toMatchObject({ grants: 2, drained: [] });
  });
});

describe('two servers whose states differ, the third away', () => {
  it('both stop granting with STATE_DIFFERS and say so, and take nothing away; the third decides', async () => {
    const cluster = await Cluster.start({ features, failback: 'sticky' });
    const [first, second, third] = [cluster.server(1), cluster.server(2), cluster.server(3)];
    const session = await cluster.session(first);
    const grant = await session.hold();
    await cluster.run(12_000);
    third.kill();
    await cluster.run(2_000);
    corrupt(second);
    await session.checkout();
    await cluster.until('the halt', () => says(first, 'STATE_DIFFERS') && says(second, 'STATE_DIFFERS'), 15_000);
    expect(await session.checkout()).toMatchObject({
      t: 'denied',
      denial: { code: 'STATE_DIFFERS', message: expect.stringContaining('third') },
    });
    // Nor is a place in the queue served.
    expect(await session.checkout({ waitMs: 60_000 })).toMatchObject({
      t: 'denied',
      denial: { code: 'STATE_DIFFERS' },
    });
    expect((await cluster.status(second)).notices).toContainEqual(expect.stringContaining('STATE_DIFFERS'));
    expect(first.server.inspect().ledger.grant(grant.id)?.state).toBe('active');
    // Where control moves nothing is granted either.
    await (await cluster.link(first)).admin(first.adminToken, { verb: 'transfer', to: '2' });
    const other = await cluster.session(await cluster.control());
    expect(await other.checkout()).toMatchObject({ t: 'denied', denial: { code: 'STATE_DIFFERS' } });
    await cluster.during(third.start());
    await cluster.until('the odd one to be found', () => says(second, 'is not that of the two others'), 30_000);
    const control = await cluster.control();
    expect(control).not.toBe(second);
    const again = await cluster.session(control);
    expect(await again.checkout()).toMatchObject({ t: 'granted' });
    await cluster.until('its return', () => second.state === 'standby' && hashAt(second) === hashAt(control), 40_000);
    expect((await cluster.status(control)).notices).toEqual([]);
  });
});
