import { type Client, createClient, type Grant, isDenialError } from '@lic/client';
import { errorCode } from '@lic/interfaces';
import { tcp } from '@lic/transport-tcp';
import { ws } from '@lic/transport-ws';
import { expect, it } from 'vitest';
import { TriadUnderTest, until } from './triad-under-test.ts';

const clientCount = 40;
const seatsEach = 5;
const held = clientCount * seatsEach;
const spare = 3;

/** Half of the clients come over TCP, half over WebSocket. */
function makeClients(triad: TriadUnderTest): readonly Client[] {
  return Array.from({ length: clientCount }, (_, index) =>
    createClient({
      servers: triad.addresses(index % 2 === 0 ? 'tcp' : 'ws'),
      transports: [index % 2 === 0 ? tcp() : ws()],
      vendorKey: triad.vendorKey,
      identity: { user: `user-${index}`, host: 'test' },
    }),
  );
}

/** What happened to the grants that nobody gave back. */
class Witness {
  readonly grants: Grant[] = [];
  readonly misfortunes: string[] = [];
  #resumed = new Set<string>();

  add(grant: Grant): void {
    this.grants.push(grant);
    grant.on('resumed', () => this.#resumed.add(grant.id));
    grant.on('lost', () => this.misfortunes.push(`${grant.id} was lost`));
    grant.on('ended', ({ code }) => this.misfortunes.push(`${grant.id} ended: ${code}`));
  }

  forgetResumes(): void {
    this.#resumed = new Set();
  }

  /** Awaits that every grant has resumed since {@link forgetResumes}. */
  async allResumed(): Promise<void> {
    await until('every grant has resumed', async () => (this.#resumed.size === this.grants.length ? true : undefined));
  }
}

/** Operations on another feature all the while: what they come to, and that they never stop for good. */
class Load {
  operations = 0;
  readonly denials: string[] = [];
  readonly errors: string[] = [];
  #isOver = false;
  readonly #loops: Promise<void>[];

  constructor(clients: readonly Client[]) {
    this.#loops = clients.map((client) => this.#run(client));
  }

  async #run(client: Client): Promise<void> {
    while (!this.#isOver) {
      try {
        await client.withLicense('merge', () => {
          this.operations++;
        });
      } catch (error) {
        if (isDenialError(error)) this.denials.push(error.code);
        else this.errors.push(errorCode(error));
      }
    }
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#loops);
  }
}

it('holds 200 seats through kill -9, the loss of two servers and a restart of all three', {
  timeout: 240_000,
}, async () => {
  await using triad = await TriadUnderTest.start(
    [
      { name: 'compare', version: '12.0', count: held + spare },
      { name: 'merge', version: '12.0', count: clientCount },
    ],
    ['failbackAfter=1s'],
  );
  const inControl = (rank: number) =>
    until(`rank ${rank} is in control`, async () => ((await triad.status()).inControl === rank ? true : undefined));
  const heldIds = async (): Promise<readonly string[]> =>
    (await triad.status()).grants.filter(({ feature }) => feature === 'compare').map(({ id }) => id);

  // 200 seats, held by 40 clients, while each of them works.
  await inControl(1);
  const clients = makeClients(triad);
  const witness = new Witness();
  await Promise.all(
    clients.flatMap((client) =>
      Array.from({ length: seatsEach }, async () => witness.add(await client.checkout('compare'))),
    ),
  );
  const ids = new Set(witness.grants.map(({ id }) => id));
  expect(ids.size, 'no grant is doubled').toBe(held);
  const load = new Load(clients);

  // The server in control dies without a word.
  witness.forgetResumes();
  triad.killServer(1);
  await witness.allResumed();
  expect(witness.misfortunes, 'nothing is lost').toEqual([]);
  expect(new Set(await heldIds()), 'the same grants stand').toEqual(ids);

  // The last seats can be taken, and not one more.
  const [first] = clients as [Client];
  const last = await Promise.all(Array.from({ length: spare }, () => first.checkout('compare')));
  await expect(first.checkout('compare')).rejects.toMatchObject({
    code: 'NO_SEATS',
    denial: { count: held + spare, inUse: held + spare },
  });
  await Promise.all(last.map((grant) => grant.checkin()));

  // It comes back, and control with it.
  triad.startServer(1);
  await inControl(1);
  expect(new Set(await heldIds())).toEqual(ids);
  const doneBefore = load.operations;
  await until('operations go on', async () => (load.operations > doneBefore + clientCount ? true : undefined));
  expect(load.errors, 'no operation failed in all this').toEqual([]);
  expect(load.denials, 'no operation was denied in all this').toEqual([]);

  // Two die: nothing new is granted, nothing is taken away.
  await load.stop();
  triad.killServer(2);
  triad.killServer(3);
  const alone = await until('the quorum is lost', async () => {
    const status = await triad.status();
    return status.quorum ? undefined : status;
  });
  expect(alone).toMatchObject({ exitCode: 1, stale: true, inControl: null });
  expect(alone.grants.filter(({ feature }) => feature === 'compare')).toHaveLength(held);
  const hasty = createClient({
    servers: triad.addresses('tcp'),
    transports: [tcp()],
    vendorKey: triad.vendorKey,
    identity: { user: 'hasty', host: 'test' },
    controlWaitMs: 1_000,
  });
  await expect(hasty.checkout('compare')).rejects.toMatchObject({ code: 'NO_QUORUM' });
  expect(witness.grants.every((grant) => grant.holds)).toBe(true);

  // One comes back: the quorum with it.
  witness.forgetResumes();
  triad.startServer(2);
  await until('the quorum is back', async () => ((await triad.status()).quorum ? true : undefined));
  await witness.allResumed();
  expect(new Set(await heldIds())).toEqual(ids);

  // All three are stopped in order and started again.
  await triad.stopServer(2);
  await triad.stopServer(1);
  expect(await triad.stopAll(), 'lic triad has no child left and says so').toBe(1);
  witness.forgetResumes();
  await triad.startAll();
  await witness.allResumed();
  expect(witness.misfortunes).toEqual([]);
  expect(new Set(await heldIds())).toEqual(ids);

  // Everything is given back, and all three agree on what is left.
  await Promise.all(witness.grants.map((grant) => grant.checkin()));
  await Promise.all([...clients, hasty].map((client) => client.close()));
  const end = await until('all three have applied the same', async () => {
    const status = await triad.status();
    const indexes = new Set(status.servers.map(({ lastApplied }) => lastApplied));
    return status.servers.every(({ state }) => state !== 'unreachable') && indexes.size === 1 ? status : undefined;
  });
  expect(new Set(end.servers.map(({ stateHash }) => stateHash)).size, 'one state hash').toBe(1);
  expect(end).toMatchObject({ degraded: false, sessions: 0 });
  expect(end.pools.map(({ inUse }) => inUse)).toEqual([0, 0]);
});
