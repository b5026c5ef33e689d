import { ed25519Scheme } from '@lic/core';
import { isLicError, type LicError, type Runtime, type TransportFactory } from '@lic/interfaces';
import { describe, expect, test } from 'vitest';
import { type Client, createClient } from './client.ts';
import { connectTo } from './direct.ts';
import { isDenialError } from './errors.ts';
import type { ClientOptions } from './options.ts';
import { type ServedTriad, serveTriad } from './testing/served-triad.ts';

async function serving(): Promise<ServedTriad> {
  const served = await serveTriad();
  served.triad.giveControl(1);
  return served;
}

let clients = 0;

function clientOf(served: ServedTriad, changes: Partial<ClientOptions> = {}): Client {
  const host = `host-${++clients}`;
  return createClient({
    servers: served.addresses,
    transports: [served.network.transport(host)],
    vendorKey: served.vendorKey,
    identity: { user: 'ann', host },
    runtime: served.world.runtime(host),
    ...changes,
  } as ClientOptions);
}

const failureOf = (promise: Promise<unknown>): Promise<LicError> =>
  promise.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: LicError) => error,
  );

describe('a client over real frames', () => {
  test('checks out, checks in, closes', async () => {
    const served = await serving();
    const client = clientOf(served);
    const grant = await served.run(client.checkout('compare', { version: '12.0', count: 2 }));
    expect(grant).toMatchObject({
      feature: 'compare',
      version: '12.0',
      count: 2,
      state: 'holding',
      holds: true,
      leaseMs: 10_000,
    });
    expect(grant.signal.aborted).toBe(false);
    const checkin = grant.checkin();
    expect(grant).toMatchObject({ state: 'ended', holds: false, ended: { code: 'checkedIn' } });
    expect(grant.signal.aborted).toBe(true);
    expect(grant.checkin()).toBe(checkin);
    await served.run(checkin);
    await served.run(grant.checkin());
    expect(served.triad.ledger.summary().grants).toBe(0);
    await served.run(client.close());
    expect(served.triad.ledger.summary().sessions).toBe(0);
    await served.world.run({ forMs: 2_000 });
    expect(served.network.connectionCount()).toBe(0);
  });

  test('checks out several features at once, each with its own grant', async () => {
    const served = await serveTriad([
      { name: 'compare', count: 2 },
      { name: 'merge', count: 1 },
    ]);
    served.triad.giveControl(1);
    const client = clientOf(served);
    const wanted = [{ feature: 'compare', count: 5, countMin: 1 }, { feature: 'merge' }];
    const grants = await served.run(client.checkoutAll(wanted));
    expect(grants).toMatchObject([
      { feature: 'compare', count: 2, state: 'holding' },
      { feature: 'merge', count: 1, state: 'holding' },
    ]);
    await served.run(grants[0]!.checkin());
    expect(grants[1]!.state).toBe('holding');
    expect(await served.run(failureOf(clientOf(served).checkoutAll(wanted)))).toMatchObject({ code: 'NO_SEATS' });
    expect(served.triad.ledger.summary().grants).toBe(1);
    const [alone] = await served.run(clientOf(served).checkoutAll([{ feature: 'compare' }]));
    expect(alone).toMatchObject({ feature: 'compare', count: 1 });
  });

  test.each([
    ['wanted', []],
    ['wanted', [{ feature: 'compare' }, { feature: 'compare' }]],
    ['wanted', Array.from({ length: 33 }, (_, at) => ({ feature: `f${at}` }))],
    ['wait', [{ feature: 'compare', wait: 5 }, { feature: 'merge' }]],
    ['countMin', [{ feature: 'compare', count: 1, countMin: 2 }]],
    ['feature', [{ feature: '' }]],
  ])('refuses several features with a bad %s before anything is sent', async (argument, wanted) => {
    const failure = await failureOf(clientOf(await serving()).checkoutAll(wanted));
    expect(failure).toMatchObject({ code: 'INVALID_ARGUMENT', details: { argument } });
  });

  test('withLicense holds a seat for one operation, whatever comes of it', async () => {
    const served = await serving();
    const client = clientOf(served);
    const seats: number[] = [];
    const result = await served.run(
      client.withLicense('compare', ({ signal }) => {
        seats.push(served.triad.ledger.summary().grants);
        return signal.aborted ? 'aborted' : 'done';
      }),
    );
    const failure = await served.run(
      failureOf(
        client.withLicense('compare', () => {
          seats.push(served.triad.ledger.summary().grants);
          throw new Error('the operation failed');
        }),
      ),
    );
    expect([result, failure.message, seats]).toEqual(['done', 'the operation failed', [1, 1]]);
    expect(served.triad.ledger.summary().grants).toBe(0);
  });

  test('a denial is an error with the facts', async () => {
    const served = await serving();
    const client = clientOf(served);
    await served.run(client.checkout('compare', { count: 2 }));
    const failure = await served.run(failureOf(client.checkout('compare')));
    expect(isDenialError(failure) && failure.denial).toMatchObject({ code: 'NO_SEATS', inUse: 2, count: 2 });
    expect(failure).toMatchObject({ code: 'NO_SEATS', retryable: true, name: 'DenialError' });
    expect(await served.run(failureOf(client.checkout('nothing')))).toMatchObject({
      code: 'UNKNOWN_FEATURE',
      retryable: false,
    });
  });

  test('a grant survives the loss of the server, and its holder is told', async () => {
    const served = await serving();
    const client = clientOf(served);
    const grant = await served.run(client.checkout('compare'));
    const told: string[] = [];
    for (const name of ['reconnecting', 'resumed', 'moving', 'lost', 'ended'] as const)
      grant.on(name, ({ type }) => told.push(type));
    served.kill(1);
    await served.world.run({ forMs: 300 });
    served.triad.giveControl(2);
    await served.world.run({ forMs: 300 });
    expect(told).toEqual(['reconnecting', 'resumed']);
    expect(grant.holds).toBe(true);
    expect(served.triad.ledger.summary().grants).toBe(1);
  });

  test('the signal aborts with the loss, and a fresh one follows the return', async () => {
    const served = await serving();
    const client = clientOf(served);
    const grant = await served.run(client.checkout('compare'));
    const first = grant.signal;
    served.triad.giveControl(null);
    await served.world.run({ forMs: 11_000 });
    expect(first.aborted).toBe(true);
    expect(first.reason).toMatchObject({ type: 'lost' });
    served.triad.giveControl(2);
    await served.world.run({ forMs: 1_000 });
    expect(grant.signal.aborted).toBe(false);
    expect(grant.signal).not.toBe(first);
  });

  test('an aborted wait rejects with the reason and leaves the queue', async () => {
    const served = await serving();
    const client = clientOf(served);
    await served.run(client.checkout('compare', { count: 2 }));
    const abort = new AbortController();
    const positions: number[] = [];
    const waiting = failureOf(
      client.checkout('compare', {
        wait: 60_000,
        signal: abort.signal,
        onQueued: ({ position }) => positions.push(position),
      }),
    );
    await served.world.run({ forMs: 100 });
    expect(served.triad.ledger.summary().queued).toBe(1);
    abort.abort(new Error('changed my mind'));
    expect(await waiting).toMatchObject({ message: 'changed my mind' });
    await served.world.run({ forMs: 100 });
    expect([positions, served.triad.ledger.summary().queued]).toEqual([[1], 0]);
    expect(await failureOf(client.checkout('compare', { signal: abort.signal }))).toMatchObject({
      message: 'changed my mind',
    });
  });

  test('disposal never hangs: 2 s without a server in control', async () => {
    const served = await serving();
    const client = clientOf(served);
    const grant = await served.run(client.checkout('compare'));
    served.triad.giveControl(null);
    await served.world.run({ forMs: 100 });
    const beganMs = served.world.nowMs;
    await served.run(grant[Symbol.asyncDispose]());
    expect(served.world.nowMs - beganMs).toBeCloseTo(2_000, 0);
    await served.run(client[Symbol.asyncDispose]());
    expect(served.world.nowMs - beganMs).toBeLessThan(4_100);
  });

  test('a listener that throws or checks in at once disturbs nobody', async () => {
    const served = await serving();
    const client = clientOf(served);
    const [first, second] = [
      await served.run(client.checkout('compare')),
      await served.run(client.checkout('compare')),
    ];
    first.on('ended', () => {
      throw new Error('a bug of the product');
    });
    const done: string[] = [];
    first.on('ended', () => void second.checkin().then(() => done.push('second')));
    await served.run(first.checkin());
    await served.world.run({ forMs: 100 });
    expect(done).toEqual(['second']);
    expect(served.triad.ledger.summary().grants).toBe(0);
  });

  test('calls after close fail with CLOSED', async () => {
    const served = await serving();
    const client = clientOf(served);
    await served.run(client.checkout('compare'));
    await served.run(client.close());
    await served.run(client.close());
    expect(await failureOf(client.checkout('compare'))).toMatchObject({ code: 'CLOSED' });
    expect(await failureOf(client.status())).toMatchObject({ code: 'CLOSED' });
  });

  test('status and administrative requests are answered', async () => {
    const served = await serving();
    const client = clientOf(served);
    expect(await served.run(client.status())).toMatchObject({ quorum: true, inControl: 1 });
    expect(await served.run(client.admin({ verb: 'drain' }, 'token'))).toEqual({ message: 'did drain', result: {} });
  });

  test.each([
    ['feature', (client: Client) => client.checkout('')],
    ['count', (client: Client) => client.checkout('compare', { count: 0 })],
    ['count', (client: Client) => client.checkout('compare', { count: 1.5 })],
    ['wait', (client: Client) => client.checkout('compare', { wait: Number.NaN })],
    ['version', (client: Client) => client.checkout('compare', { version: 'x'.repeat(129) })],
  ])('an argument that makes no sense is named: %s', async (argument, call) => {
    const served = await serving();
    expect(await failureOf(call(clientOf(served)))).toMatchObject({ code: 'INVALID_ARGUMENT', details: { argument } });
  });

  test.each([
    [{ servers: [] }, 'INVALID_ARGUMENT'],
    [{ servers: ['tcp://nowhere:1'] }, 'ADDRESS_INVALID'],
    [{ transports: [] }, 'INVALID_ARGUMENT'],
    [{ vendorKey: undefined }, 'INVALID_ARGUMENT'],
    [{ identity: { user: '', host: 'x' } }, 'INVALID_ARGUMENT'],
  ])('options that make no sense are refused: %j', async (changes, code) => {
    const served = await serving();
    expect(() => clientOf(served, changes as never)).toThrow(expect.objectContaining({ code }) as Error);
  });
});

describe('the process', () => {
  test('is kept alive by what is held or awaited, and by nothing else', async () => {
    const served = await serving();
    const base = served.world.runtime('alive');
    const timers: (boolean | undefined)[] = [];
    const connections: boolean[] = [];
    const runtime: Runtime = {
      ...base,
      setTimer(delayMs, callback, options) {
        timers.push(options?.keepAlive);
        return base.setTimer(delayMs, callback, options);
      },
    };
    const transport: TransportFactory = (context) => {
      const inner = served.network.transport('alive')({ ...context, runtime: base });
      return {
        ...inner,
        async dial(address, options) {
          const connection = await inner.dial(address, options);
          const { setKeepAlive } = connection;
          connection.setKeepAlive = (on) => {
            connections.push(on);
            setKeepAlive.call(connection, on);
          };
          return connection;
        },
      };
    };
    const client = clientOf(served, { runtime, transports: [transport] });
    const grant = await served.run(client.checkout('compare'));
    expect(connections.at(-1)).toBe(true);
    await served.world.run({ forMs: 5_000 });
    expect(timers).not.toContain(false);
    await served.run(grant.checkin());
    expect(connections.at(-1)).toBe(false);
    timers.length = 0;
    served.kill(1);
    await served.world.run({ forMs: 5_000 });
    expect(timers).not.toContain(true);
    served.triad.giveControl(2);
    const again = await served.run(client.checkout('compare'));
    expect(connections.at(-1)).toBe(true);
    expect(again.holds).toBe(true);
  });

  test('a server that can not be understood is left, as one that is gone', async () => {
    const served = await serving();
    const client = clientOf(served);
    const grant = await served.run(client.checkout('compare'));
    const told: string[] = [];
    grant.on('reconnecting', ({ type }) => told.push(type)).on('resumed', ({ type }) => told.push(type));
    for (const connection of served.triad.server(1).connections) connection.send({ t: 'nonsense' } as never);
    await served.world.run({ forMs: 1_000 });
    expect(told).toEqual(['reconnecting', 'resumed']);
  });
});

describe('trust', () => {
  const refused = async (served: ServedTriad, changes: Partial<ClientOptions> = {}): Promise<LicError> =>
    served.run(failureOf(clientOf(served, changes).checkout('compare')));

  test('a server of another vendor is refused', async () => {
    const served = await serving();
    const { publicKey } = await ed25519Scheme.generate(new Uint8Array(32).fill(9));
    expect(await refused(served, { vendorKey: publicKey })).toMatchObject({ code: 'SERVER_NOT_TRUSTED' });
  });

  test.each([
    ['an answer of another connection', { nonce: 'A'.repeat(43) }],
    ['a changed state', { state: 'in-control', term: 99 }],
    ['a field that a newer server adds', { surprise: true }],
    ['a signature that is none', { signature: '***' }],
    ['a license that is not the named one', { licenseHash: 'f'.repeat(64) }],
    ['no license', { license: undefined }],
  ])('%s is refused', async (_, changes) => {
    const served = await serving();
    served.tamper = (welcome) => ({ ...welcome, ...changes }) as never;
    expect(await refused(served)).toMatchObject({ code: 'SERVER_NOT_TRUSTED' });
  });

  test('a license text under the right hash, but changed, is refused', async () => {
    const served = await serving();
    served.tamper = (welcome) => ({ ...welcome, license: welcome.license?.replace('Test', 'Best') });
    expect(await refused(served)).toMatchObject({ code: 'SERVER_NOT_TRUSTED' });
  });

  test('a license is shown and verified once', async () => {
    const served = await serving();
    const client = clientOf(served);
    await served.run(client.checkout('compare'));
    served.kill(1);
    served.triad.giveControl(2);
    await served.world.run({ forMs: 2_000 });
    expect(served.hellos.map(({ licenseHash }) => licenseHash === undefined)).toEqual([true, false]);
    expect(served.hellos[1]?.rank).toBe(2);
  });

  test('without a vendor key a tool talks to any server that holds its own key', async () => {
    const served = await serving();
    await served.run(clientOf(served, { vendorKey: undefined, insecure: true }).checkout('compare'));
    served.tamper = (welcome) => ({ ...welcome, term: 99 });
    expect(await refused(served, { vendorKey: undefined, insecure: true })).toMatchObject({
      code: 'SERVER_NOT_TRUSTED',
    });
  });
});

describe('a direct connection', () => {
  const connect = (served: ServedTriad, rank: number) => {
    const host = `tool-${++clients}`;
    return connectTo(served.addresses[rank - 1] as string, {
      transports: [served.network.transport(host)],
      runtime: served.world.runtime(host),
      vendorKey: served.vendorKey,
    });
  };

  test('asks one certain server', async () => {
    const served = await serving();
    const connection = await served.run(connect(served, 3));
    expect(connection.welcome).toMatchObject({ server: { rank: 3 }, state: 'standby', control: { rank: 1 } });
    expect(await served.run(connection.status())).toMatchObject({ inControl: 1 });
    expect(await served.run(connection.admin({ verb: 'undrain' }, 'token'))).toMatchObject({ message: 'did undrain' });
    connection.close();
    expect(await served.run(failureOf(connection.status()))).toMatchObject({ code: 'UNKNOWN' });
  });

  test('says what is wrong where there is no server', async () => {
    const served = await serving();
    served.kill(2);
    const failure = await served.run(failureOf(connect(served, 2)));
    expect(isLicError(failure, 'DIAL_REFUSED')).toBe(true);
  });

  test('gives up a server that does not answer', async () => {
    const served = await serving();
    served.network.block('secondary', '*');
    const connection = await served.run(connect(served, 1));
    served.network.block('primary', '*');
    expect(await served.run(failureOf(connection.status()))).toMatchObject({ code: 'TIMEOUT' });
    expect(await served.run(failureOf(connect(served, 2)))).toMatchObject({
      code: expect.stringMatching(/TIMEOUT$/) as string,
    });
  });
});
