/**
 * `npm run bench`: what the ledger alone costs, and what three real servers on this machine's disk do. It prints and asserts nothing: this
 * is one machine, shared by clients and servers, so lines of one run may be compared with each other and with no other run.
 * docs/measurements.md says what can be asked for, and what the lines mean.
 */
import { parseArgs } from 'node:util';
import { type Client, createClient } from '@lic/client';
import { tcp } from '@lic/transport-tcp';
import { TriadUnderTest, until } from '../e2e/triad-under-test.ts';
import { measureDisk } from './disk-rate.ts';
import { printLedgerCosts } from './ledger/report.ts';
import { benchOptions } from './options.ts';
import { quantile, shownMs } from './quantiles.ts';

const { values: options } = parseArgs({ options: benchOptions });
const rounds = Number(options.rounds);
const seconds = Number(options.seconds);

function makeClient(triad: TriadUnderTest, user: string): Client {
  return createClient({
    servers: triad.addresses('tcp'),
    transports: [tcp()],
    vendorKey: triad.vendorKey,
    identity: { user, host: 'bench' },
    controlWaitMs: 30_000,
  });
}

/** Each client takes a seat and gives it back, again and again. */
async function measureCheckouts(triad: TriadUnderTest, clientCount: number): Promise<string> {
  const clients = Array.from({ length: clientCount }, (_, index) => makeClient(triad, `bench-${index}`));
  // Connected and with a session each, before the clock runs.
  await Promise.all(clients.map((client) => client.withLicense('compare', () => {})));
  const latenciesMs: number[] = [];
  const beganMs = performance.now();
  await Promise.all(
    clients.map(async (client) => {
      while (performance.now() - beganMs < seconds * 1_000) {
        const startedMs = performance.now();
        const grant = await client.checkout('compare');
        latenciesMs.push(performance.now() - startedMs);
        await grant.checkin();
      }
    }),
  );
  const perSecond = latenciesMs.length / ((performance.now() - beganMs) / 1_000);
  await Promise.all(clients.map((client) => client.close()));
  return `${String(clientCount).padStart(4)} clients ${String(Math.round(perSecond)).padStart(7)} checkouts/s (and as many checkins)   p50 ${shownMs(quantile(latenciesMs, 0.5))}   p99 ${shownMs(quantile(latenciesMs, 0.99))}`;
}

/** From `kill -9` of the server in control to the next checkout that is granted, on a client that was connected to it. */
async function measureFailover(triad: TriadUnderTest): Promise<number> {
  const report = await until('all three are in sync', async () => {
    const status = await triad.status();
    return status.quorum && !status.degraded && status.inControl !== null ? status : undefined;
  });
  await using client = makeClient(triad, 'failover');
  await client.withLicense('compare', () => {});
  const victim = report.inControl as number;
  triad.killServer(victim);
  const killedMs = performance.now();
  const grant = await client.checkout('compare');
  const tookMs = performance.now() - killedMs;
  await grant.checkin();
  triad.startServer(victim);
  return tookMs;
}

await printLedgerCosts((line) => console.log(line));
if (!options.ledger) await measureTriad();

/** The disk, and what three servers on it do. */
async function measureTriad(): Promise<void> {
  const disk = await measureDisk(Math.min(seconds, 3));
  console.log(
    `disk         ${Math.round(disk.perSecond)} fdatasync/s of 1 KiB, one after the other   p50 ${shownMs(quantile(disk.latenciesMs, 0.5))}   p99 ${shownMs(quantile(disk.latenciesMs, 0.99))}`,
  );
  await using triad = await TriadUnderTest.start(
    [{ name: 'compare', version: '12.0', count: 1_000 }],
    ['failback=sticky'],
  );
  for (const clientCount of [1, 16, 64]) console.log(await measureCheckouts(triad, clientCount));

  const failoversMs: number[] = [];
  for (let round = 0; round < rounds; round++) failoversMs.push(await measureFailover(triad));
  console.log(
    `failover     kill -9 of the server in control to the next granted checkout, ${rounds} rounds   median ${shownMs(quantile(failoversMs, 0.5))}   worst ${shownMs(Math.max(...failoversMs))}`,
  );
}
