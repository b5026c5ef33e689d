import { virtualEpochMs } from '@lic/testkit';
import { describe, expect, it } from 'vitest';
import { Cluster } from '../cluster/cluster.ts';
import type { ClusterServer } from '../cluster/cluster-server.ts';

const names = (servers: readonly ClusterServer[]): string[] => servers.map(({ name }) => name);

/** One checkout and checkin after the other while `during` runs; answers how each of them went. */
async function workDuring(cluster: Cluster, during: () => Promise<unknown>): Promise<readonly string[]> {
  const client = cluster.client();
  const pause = cluster.world.runtime('work');
  const outcomes: string[] = [];
  let isOver = false;
  const work = async (): Promise<void> => {
    while (!isOver) {
      try {
        const grant = await client.checkout('compare');
        outcomes.push('granted');
        await grant.checkin();
        await new Promise<void>((resolve) => pause.setTimer(10, resolve));
      } catch (error) {
        outcomes.push((error as { readonly code?: string }).code ?? String(error));
      }
    }
  };
  const working = work();
  await cluster.run(200);
  await during();
  await cluster.run(500);
  isOver = true;
  await cluster.during(working);
  await cluster.during(client.close());
  return outcomes;
}

const indexOf = (server: ClusterServer): number => server.server.inspect().consensus?.lastIndex ?? 0;
const lines = (server: ClusterServer, part: string): number =>
  server.logger.lines.filter(({ message }) => message.includes(part)).length;

describe('a drain', () => {
  it('hands over without a denied checkout, is in the log and lasts until undrain', async () => {
    const cluster = await Cluster.start();
    const first = await cluster.control();
    const link = await cluster.link(first);
    const outcomes = await workDuring(cluster, async () => {
      const outcome = await link.admin(first.adminToken, { verb: 'drain', server: first.name });
      expect(outcome).toMatchObject({ t: 'adminAnswer', result: { server: 'primary', drained: true } });
      await cluster.until('the handover', () => cluster.inControl().some((server) => server !== first), 2_000);
    });
    expect(new Set(outcomes)).toEqual(new Set(['granted']));
    const second = await cluster.control();
    expect(second.rank).toBe(2);
    // Told before it happened, and to whom it goes.
    expect(link.heard.find(({ t }) => t === 'moving')).toMatchObject({ to: { rank: 2 } });
    for (const { server } of cluster.servers) expect(server.inspect().ledger.summary().drained).toEqual([first.key]);
    // However well it is, and over restarts.
    await cluster.run(15_000);
    expect(names(cluster.inControl())).toEqual([second.name]);
    first.kill();
    await cluster.during(first.start());
    await cluster.run(15_000);
    expect(names(cluster.inControl())).toEqual([second.name]);
    await (await cluster.link(second)).admin(second.adminToken, { verb: 'undrain', server: first.name });
    const gaveBackMs = await cluster.until('the failback', () => cluster.inControl().includes(first), 30_000);
    // It must have been fit for so long, not only up.
    expect(gaveBackMs).toBeGreaterThan(9_500);
    expect(lines(second, 'could not be moved')).toBe(0);
  });

  it('of one that cannot be spared leaves it in control: it stands where nobody else can win', async () => {
    const cluster = await Cluster.start();
    const [first, second, third] = [cluster.server(1), cluster.server(2), cluster.server(3)];
    await (await cluster.link(first)).admin(first.adminToken, { verb: 'drain', server: first.name });
    await cluster.until('the handover', () => cluster.inControl().includes(second), 2_000);
    await (await cluster.link(second)).admin(second.adminToken, { verb: 'drain', server: second.name });
    await cluster.until('the second handover', () => cluster.inControl().includes(third), 2_000);
    third.kill();
    const last = await cluster.control();
    expect([first, second]).toContain(last);
    expect(await (await cluster.session(last)).checkout()).toMatchObject({ t: 'granted' });
  });
});

describe('a transfer', () => {
  it('goes where the operator wants, without a denied checkout, and suspends failback until an unplanned change', async () => {
    const cluster = await Cluster.start();
    const [first, second, third] = [cluster.server(1), cluster.server(2), cluster.server(3)];
    const outcomes = await workDuring(cluster, async () => {
      const outcome = await (await cluster.link(first)).admin(first.adminToken, { verb: 'transfer', to: '3' });
      expect(outcome).toMatchObject({ t: 'adminAnswer', result: { inControl: 3 } });
    });
    expect(new Set(outcomes)).toEqual(new Set(['granted']));
    await cluster.run(30_000);
    expect(names(cluster.inControl())).toEqual([third.name]);
    // A planned change is none: it takes the suspension along.
    const say = async (verb: 'drain' | 'undrain', server: string): Promise<void> => {
      const control = await cluster.control();
      await (await cluster.link(control)).admin(control.adminToken, { verb, server });
    };
    await say('drain', '1');
    await say('drain', '3');
    await cluster.until('the handover', () => cluster.inControl().includes(second), 2_000);
    await say('undrain', '1');
    await say('undrain', '3');
    await cluster.run(30_000);
    expect(names(cluster.inControl())).toEqual([second.name]);
    second.kill();
    await cluster.until(
      'an unplanned change, and failback after it',
      () => cluster.inControl().includes(first),
      30_000,
    );
  });

  it('to a server that can not take it is refused, with the reason', async () => {
    const cluster = await Cluster.start();
    const first = await cluster.control();
    const link = await cluster.link(first);
    cluster.server(3).kill();
    await cluster.run(1_500);
    const refusal = { t: 'error', code: 'ADMIN_FAILED', details: { reason: 'TRANSFER_FAILED' } };
    expect(await link.admin(first.adminToken, { verb: 'transfer', to: '3' })).toMatchObject(refusal);
    expect(await link.admin(first.adminToken, { verb: 'transfer', to: '1' })).toMatchObject({
      ...refusal,
      message: expect.stringContaining('already'),
    });
    expect(await link.admin(first.adminToken, { verb: 'transfer', to: 'nobody' })).toMatchObject({
      details: { reason: 'UNKNOWN_SERVER' },
    });
    expect(names(cluster.inControl())).toEqual([first.name]);
  });
});

describe('failback', () => {
  it('gives control back to the best rank ten seconds after it has caught up', async () => {
    const cluster = await Cluster.start();
    const first = await cluster.control();
    first.kill();
    await cluster.control();
    await cluster.during(first.start());
    const outcomes = await workDuring(cluster, async () => {
      const tookMs = await cluster.until('the failback', () => cluster.inControl().includes(first), 20_000);
      expect(tookMs).toBeGreaterThan(9_000);
    });
    expect(new Set(outcomes)).toEqual(new Set(['granted']));
  });

  it('waits twice as long after one that was followed by a loss, whoever notices the loss', async () => {
    const cluster = await Cluster.start();
    const first = cluster.server(1);
    const waits: number[] = [];
    for (let turn = 0; turn < 3; turn++) {
      first.kill();
      await cluster.control();
      await cluster.during(first.start());
      waits.push(await cluster.until('the failback', () => cluster.inControl().includes(first), 120_000));
      await cluster.run(5_000);
    }
    expect(waits.map((ms) => Math.round(ms / 10_000))).toEqual([1, 2, 4]);
  });

  it('waits longer, too, where another server notices the loss than the one that gave control back', async () => {
    const cluster = await Cluster.start();
    const first = cluster.server(1);
    first.kill();
    const giver = await cluster.control();
    await cluster.during(first.start());
    await cluster.until('the failback', () => cluster.inControl().includes(first), 20_000);
    // What it knew is gone with its process, and it may not take control itself.
    giver.kill();
    await cluster.during(giver.start());
    await (await cluster.link(first)).admin(first.adminToken, { verb: 'drain', server: giver.name });
    await cluster.run(2_000);
    first.kill();
    expect((await cluster.control()).rank).not.toBe(giver.rank);
    await cluster.during(first.start());
    const waitedMs = await cluster.until('the next failback', () => cluster.inControl().includes(first), 60_000);
    expect(waitedMs).toBeGreaterThan(19_000);
  });

  it('does not happen where it is sticky', async () => {
    const cluster = await Cluster.start({ failback: 'sticky' });
    const first = await cluster.control();
    first.kill();
    const next = await cluster.control();
    await cluster.during(first.start());
    await cluster.run(60_000);
    expect(names(cluster.inControl())).toEqual([next.name]);
  });
});

describe('SIGTERM', () => {
  it('hands over without a denied checkout, leaves nothing in the log and suspends no failback', async () => {
    const cluster = await Cluster.start();
    const first = await cluster.control();
    const link = await cluster.link(first);
    let stopMs = 0;
    const outcomes = await workDuring(cluster, async () => {
      const fromMs = cluster.world.nowMs;
      await cluster.during(first.stop());
      stopMs = cluster.world.nowMs - fromMs;
    });
    expect(new Set(outcomes)).toEqual(new Set(['granted']));
    expect(stopMs).toBeLessThan(1_000);
    const moving = link.heard.filter(({ t }) => t === 'moving');
    // At once, with nobody named, and before it happens with the one that takes it.
    expect(moving).toMatchObject([{ to: null }, { to: { rank: 2 } }]);
    expect(link.closed?.kind).toBe('orderly');
    const second = await cluster.control();
    expect(second.server.inspect().ledger.summary().drained).toEqual([]);
    await cluster.during(first.start());
    await cluster.until('the failback', () => cluster.inControl().includes(first), 15_000);
  });

  it('adds no log entry but the one that begins the next term', async () => {
    const cluster = await Cluster.start();
    const first = await cluster.control();
    const before = indexOf(first);
    await cluster.during(first.stop());
    const second = await cluster.control();
    expect(indexOf(second)).toBe(before + 1);
  });

  it('of all three at once ends all three, within their time', async () => {
    const cluster = await Cluster.start();
    const fromMs = cluster.world.nowMs;
    await cluster.during(Promise.all(cluster.servers.map((server) => server.stop())));
    expect(cluster.world.nowMs - fromMs).toBeLessThan(3_500);
  });

  it('of one that can reach nobody ends it after at most one election timeout', async () => {
    const cluster = await Cluster.start();
    const first = await cluster.control();
    const others = names(cluster.servers.filter((server) => server !== first));
    cluster.network.partition([first.name], others);
    const fromMs = cluster.world.nowMs;
    await cluster.during(first.stop());
    // The notices to its peers, the handover, and the ends of its connections.
    expect(cluster.world.nowMs - fromMs).toBeLessThan(500 + 1_000 + 1_500);
  });

  it('of a stand-by is told to its clients with where control is, and is no interruption', async () => {
    const cluster = await Cluster.start();
    const standby = cluster.server(3);
    const link = await cluster.link(standby);
    const outcomes = await workDuring(cluster, () => cluster.during(standby.stop()));
    expect(new Set(outcomes)).toEqual(new Set(['granted']));
    expect(link.heard.find(({ t }) => t === 'moving')).toMatchObject({ to: { rank: 1 } });
    expect(cluster.inControl()[0]?.rank).toBe(1);
  });
});

describe('a clock alarm', () => {
  it('moves control to a server without one, also where failback is sticky; it votes and stamps the agreed time', async () => {
    const cluster = await Cluster.start({ failback: 'sticky' });
    const first = await cluster.control();
    first.runtime.stepWall(-120_000);
    await cluster.until('the handover', () => cluster.inControl().some((server) => server !== first), 10_000);
    const second = await cluster.control();
    expect((await cluster.status(second)).servers[0]).toMatchObject({ rank: 1, clockAlarm: true, state: 'standby' });
    // It leads where nobody else can.
    await (await cluster.link(second)).admin(second.adminToken, { verb: 'drain', server: '3' });
    second.kill();
    const last = await cluster.control();
    expect(await (await cluster.session(last)).checkout()).toMatchObject({ t: 'granted' });
    const stampedMs = last.server.inspect().ledger.summary().licenseTimeMs;
    expect(stampedMs - (virtualEpochMs + cluster.world.nowMs)).toBeLessThan(60_000);
  });
});

describe('a stand-by with a clock alarm', () => {
  /** Who takes over from the primary under the same seed, where the clock of one stand-by is off. */
  async function nextAfter(offAt?: number): Promise<number> {
    const cluster = await Cluster.start({ seed: 5 });
    if (offAt !== undefined) cluster.server(offAt).runtime.stepWall(120_000);
    await cluster.run(5_000);
    cluster.server(1).kill();
    return (await cluster.control()).rank;
  }

  it('is not elected where the other one can be', async () => {
    const usual = await nextAfter();
    expect(await nextAfter(usual)).not.toBe(usual);
  });
});

describe('the log of the server in control', () => {
  it('says when a stand-by is lost and when it is back', async () => {
    const cluster = await Cluster.start();
    const first = await cluster.control();
    await cluster.run(2_000);
    expect(lines(first, 'degraded')).toBe(0);
    cluster.server(3).kill();
    await cluster.run(3_000);
    expect(lines(first, 'degraded')).toBe(1);
    await cluster.during(cluster.server(3).start());
    await cluster.run(3_000);
    expect(lines(first, 'is back')).toBe(1);
  });
});
