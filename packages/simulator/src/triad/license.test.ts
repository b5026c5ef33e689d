import { connectTo } from '@lic/client';
import { joinLicenses } from '@lic/core';
import { describe, expect, it } from 'vitest';
import { Cluster } from '../cluster/cluster.ts';
import { keyPair, vendor } from '../cluster/cluster-license.ts';
import type { ClusterServer } from '../cluster/cluster-server.ts';

const more = [{ name: 'compare', version: '12.0', count: 5, leaseSeconds: 10 }];

const hashOf = (server: ClusterServer): string | null => server.server.inspect().ledger.summary().licenseHash;

async function reload(cluster: Cluster, at: ClusterServer, license?: string) {
  const request = license === undefined ? { verb: 'reload' as const } : { verb: 'reload' as const, license };
  return (await cluster.link(at)).admin(at.adminToken, request);
}

describe('a reload', () => {
  it('is verified by every reachable server, is in force on all, and brings their files along', async () => {
    const cluster = await Cluster.start();
    const license = await cluster.signLicense({ id: 'license-2', features: more });
    cluster.server(2).licenseFile = license;
    // Of the asked server's file, forwarded to the one in control.
    expect(await reload(cluster, cluster.server(2))).toMatchObject({
      t: 'adminAnswer',
      result: { changed: true, verifiedBy: ['primary', 'secondary-1', 'secondary-2'] },
    });
    await cluster.run(200);
    expect(new Set(cluster.servers.map(hashOf)).size).toBe(1);
    for (const server of cluster.servers) expect(server.licenseFile).toBe(license);
    expect(await (await cluster.session(cluster.server(1))).checkout({ count: 5 })).toMatchObject({ t: 'granted' });
    expect(await reload(cluster, cluster.server(3), license)).toMatchObject({ result: { changed: false } });
  });

  it('that one server refuses is refused, naming server and reason, and changes nothing', async () => {
    const cluster = await Cluster.make();
    // The third server's machine is not the one that the next license will name.
    const bound = await cluster.signLicense({ id: 'license-2', hostIds: { 3: 'another-machine' } });
    await cluster.startAll();
    const before = hashOf(cluster.server(1));
    expect(await reload(cluster, cluster.server(1), bound)).toMatchObject({
      t: 'error',
      code: 'LICENSE_REFUSED',
      message: expect.stringContaining('secondary-2'),
      details: { server: 'secondary-2', reason: 'HOST_ID_MISMATCH' },
    });
    expect(cluster.servers.map(hashOf)).toEqual([before, before, before]);
  });

  it('that the asked server itself refuses names that server, too', async () => {
    const cluster = await Cluster.start();
    const [first, second] = [cluster.server(1), cluster.server(2)];
    const tampered = (await cluster.signLicense({ id: 'license-2' })).replace('"count": 3', '"count": 99');
    expect(await reload(cluster, first, tampered)).toMatchObject({
      code: 'LICENSE_REFUSED',
      details: { server: 'primary', reason: 'LICENSE_SIGNATURE' },
    });
    second.licenseFile = 'not a license';
    expect(await reload(cluster, second)).toMatchObject({
      code: 'LICENSE_REFUSED',
      details: { server: 'secondary-1', reason: 'LICENSE_INVALID' },
    });
    second.licenseFile = null;
    expect(await reload(cluster, second)).toMatchObject({
      code: 'LICENSE_REFUSED',
      details: { server: 'secondary-1' },
    });
  });

  it('that names two other keys is refused: ONE_SERVER_AT_A_TIME', async () => {
    const cluster = await Cluster.start();
    const [second, third] = [(await keyPair(98)).publicKey, (await keyPair(99)).publicKey];
    const license = await cluster.signLicense({ id: 'license-2', keys: { 2: second, 3: third } });
    expect(await reload(cluster, cluster.server(1), license)).toMatchObject({
      t: 'error',
      code: 'ONE_SERVER_AT_A_TIME',
    });
  });

  it('evicts nobody where the pool shrinks: new checkouts are denied until it fits', async () => {
    const cluster = await Cluster.start();
    const control = await cluster.control();
    const session = await cluster.session(control);
    const grants = [await session.hold(), await session.hold()];
    const one = [{ name: 'compare', version: '12.0', count: 1, leaseSeconds: 10 }];
    await reload(cluster, control, await cluster.signLicense({ id: 'license-2', features: one }));
    expect(control.server.inspect().ledger.pools()[0]).toMatchObject({ count: 1, inUse: 2, free: 0 });
    await session.checkin(grants[0]?.id ?? '');
    expect(await session.checkout()).toMatchObject({ t: 'denied', denial: { code: 'NO_SEATS' } });
    await session.checkin(grants[1]?.id ?? '');
    expect(await session.checkout()).toMatchObject({ t: 'granted' });
  });
});

describe('several license files', () => {
  const merge = [{ name: 'merge', version: '1.0', count: 2, leaseSeconds: 10 }];

  it('are in force as one set, on all servers and in their files, and prove servers to clients', async () => {
    const cluster = await Cluster.start();
    const [one, two] = [
      await cluster.signLicense({ id: 'license-2', features: more }),
      await cluster.signLicense({ id: 'license-3', features: [...more, ...merge] }),
    ];
    const both = joinLicenses([one, two]);
    expect(await reload(cluster, cluster.server(1), both)).toMatchObject({ result: { changed: true } });
    await cluster.run(200);
    for (const server of cluster.servers) {
      expect(server.licenseFile).toBe(both);
      expect(server.server.inspect().ledger.pools()).toMatchObject([{ count: 10 }, { count: 2 }]);
    }
    expect(await reload(cluster, cluster.server(2), joinLicenses([two, one]))).toMatchObject({
      result: { changed: false },
    });
    const third = cluster.server(3);
    third.kill();
    await cluster.during(third.start());
    await cluster.run(1_000);
    expect(hashOf(third)).toBe(hashOf(cluster.server(1)));
    expect((await cluster.status(cluster.server(1))).notices).toEqual([]);
    const connecting = connectTo(third.address, {
      transports: [cluster.network.transport('client')],
      vendorKey: vendor.publicKey,
      runtime: cluster.world.runtime('client'),
    });
    (await cluster.during(connecting)).close();
  });

  it('that do not go together are refused', async () => {
    const cluster = await Cluster.start();
    const [one, two] = [
      await cluster.signLicense({ id: 'license-2', features: more }),
      await cluster.signLicense({ id: 'license-3', keys: { 2: (await keyPair(98)).publicKey } }),
    ];
    expect(await reload(cluster, cluster.server(1), joinLicenses([one, two]))).toMatchObject({
      code: 'LICENSE_REFUSED',
      details: { reason: 'LICENSE_SET' },
    });
  });
});

it('a dry run of a reload says what would change and who holds it, and changes nothing', async () => {
  const cluster = await Cluster.start();
  const control = await cluster.control();
  await (await cluster.session(control)).hold();
  const before = hashOf(control);
  const features = [{ name: 'merge', version: '1.0', count: 2 }];
  const license = await cluster.signLicense({ id: 'license-2', features });
  const link = await cluster.link(cluster.server(2));
  expect(await link.admin(cluster.server(2).adminToken, { verb: 'reload', license, dryRun: true })).toMatchObject({
    t: 'adminAnswer',
    result: {
      changed: false,
      dryRun: true,
      added: ['license-2'],
      removed: ['license-1'],
      pools: [
        { feature: 'compare', before: 3, after: 0, inUse: 1, over: 1, ends: true },
        { feature: 'merge', before: 0, after: 2, inUse: 0, over: 0 },
      ],
      holders: [{ feature: 'compare', version: '12.0', count: 1 }],
    },
  });
  expect(hashOf(control)).toBe(before);
});

describe('a license file', () => {
  it('that the log has never had changes nothing; status and log say so until it is loaded', async () => {
    const cluster = await Cluster.start();
    const second = cluster.server(2);
    const inForce = hashOf(cluster.server(1));
    const license = await cluster.signLicense({ id: 'license-2', features: more });
    second.kill();
    second.licenseFile = license;
    await cluster.during(second.start());
    await cluster.run(1_000);
    expect(hashOf(second)).toBe(inForce);
    expect(second.licenseFile).toBe(license);
    expect(second.logger.lines.filter(({ message }) => message.includes('left alone'))).toHaveLength(1);
    const notice = 'secondary-1: The license file on disk is not the license in force';
    expect((await cluster.status(cluster.server(1))).notices).toEqual([expect.stringContaining(notice)]);
    await reload(cluster, second);
    await cluster.run(6_000);
    expect((await cluster.status(cluster.server(1))).notices).toEqual([]);
    for (const server of cluster.servers) expect(server.licenseFile).toBe(license);
  });

  it('that is put beside a running server is told of within seconds', async () => {
    const cluster = await Cluster.start();
    cluster.server(3).licenseFile = await cluster.signLicense({ id: 'license-2' });
    await cluster.run(6_000);
    expect((await cluster.status(cluster.server(1))).notices).toEqual([expect.stringMatching(/^secondary-2: /)]);
  });

  it('older than the log is brought to the one in force when its server catches up', async () => {
    const cluster = await Cluster.start();
    const third = cluster.server(3);
    third.kill();
    const [next, last] = [
      await cluster.signLicense({ id: 'license-2' }),
      await cluster.signLicense({ id: 'license-3', features: more }),
    ];
    await reload(cluster, cluster.server(1), next);
    await reload(cluster, cluster.server(1), last);
    await cluster.during(third.start());
    await cluster.run(1_000);
    expect(third.licenseFile).toBe(last);
  });

  it('is not needed by a server whose log has the license, nor can a broken one stop it', async () => {
    const cluster = await Cluster.start({ raft: { snapshotEntries: 10, keepEntries: 2 } });
    const second = cluster.server(2);
    second.kill();
    second.licenseFile = 'not a license';
    await cluster.during(second.start());
    await cluster.run(6_000);
    expect(second.state).toBe('standby');
    expect(second.licenseFile).toBe('not a license');
    const session = await cluster.session(cluster.server(1));
    for (let turn = 0; turn < 20; turn++) await session.checkin((await session.hold()).id);
    // Now the license is in a snapshot only.
    second.kill();
    second.licenseFile = null;
    await cluster.during(second.start());
    await cluster.run(6_000);
    expect(second.state).toBe('standby');
    expect(hashOf(second)).toBe(hashOf(cluster.server(1)));
  });

  it('that is not there stops a first start, and nothing stays behind', async () => {
    const cluster = await Cluster.make({ servers: 1 });
    const only = cluster.server(1);
    const license = only.licenseFile;
    only.licenseFile = null;
    await expect(cluster.during(only.start())).rejects.toThrow('There is no license file');
    await cluster.during(only.stop());
    only.licenseFile = license;
    await cluster.startAll();
  });
});

describe('a server that was formed without --new', () => {
  it('denies with NOT_OPEN_YET and the time left until it has waited one longest hold', async () => {
    const cluster = await Cluster.start({ isNew: false, settings: { leaseMs: 10_000 } });
    const openedMs = cluster.world.nowMs;
    const control = await cluster.control();
    const session = await cluster.session(control);
    const denied = await session.checkout();
    expect(denied).toMatchObject({ t: 'denied', denial: { code: 'NOT_OPEN_YET' } });
    expect('denial' in denied ? denied.denial.leftMs : 0).toBeGreaterThan(10_000);
    expect((await cluster.status(control)).open).toBe(false);
    await cluster.run(10_500);
    expect(await session.checkout()).toMatchObject({ t: 'denied', denial: { code: 'NOT_OPEN_YET' } });
    await cluster.until('the opening', () => control.server.inspect().ledger.summary().isOpen);
    expect(cluster.world.nowMs - openedMs).toBeGreaterThan(11_000);
    expect(cluster.world.nowMs - openedMs).toBeLessThan(11_300);
    expect(await session.checkout()).toMatchObject({ t: 'granted' });
  });

  it('waits anew where control changes before that', async () => {
    const cluster = await Cluster.start({ isNew: false, failback: 'sticky', settings: { leaseMs: 10_000 } });
    await cluster.run(9_000);
    (await cluster.control()).kill();
    const control = await cluster.control();
    await cluster.run(9_000);
    expect(control.server.inspect().ledger.summary().isOpen).toBe(false);
    await cluster.until('the opening', () => control.server.inspect().ledger.summary().isOpen, 3_000);
  });
});
