import { LicError } from '@lic/interfaces';
import { protocolLimits } from '@lic/protocol';
import { createVirtualWorld, type VirtualWorld } from '@lic/testkit';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { clientLimits } from './client-hub.ts';
import { hello, makeHub, type TestConnection, type TestHub } from './hub.test.fixture.ts';

let world: VirtualWorld;
let test: TestHub;

beforeEach(() => {
  world = createVirtualWorld({ seed: 1 });
  test = makeHub(world.runtime('server'));
});

async function greeted(): Promise<TestConnection> {
  const connection = test.connect();
  connection.receive(hello);
  await world.settle();
  expect(connection.sent.pop()).toMatchObject({ t: 'welcome' });
  return connection;
}

const status = (id: number): string => JSON.stringify({ t: 'status', id });

describe('a new connection', () => {
  it('is a peer where its first frame is bytes, and a client where it is text', () => {
    const [peer, client] = [test.connect(), test.connect()];
    peer.receive(new Uint8Array([1]));
    client.receive(hello);
    expect(test.peers).toEqual([peer]);
    expect(test.hub.size).toBe(1);
  });

  it('has so long to say something, and no longer', async () => {
    const connection = test.connect();
    await world.run({ forMs: clientLimits.helloMsMax - 1 });
    expect(connection.closed).toBeUndefined();
    await world.run({ forMs: 1 });
    expect(connection.closed?.kind).toBe('local');
  });

  it.each([
    ['another message', status(7), { code: 'HELLO_EXPECTED', id: 7 }],
    ['nonsense', '{', { code: 'BAD_MESSAGE' }],
    [
      'a hello without a nonce',
      JSON.stringify({ t: 'hello', protocol: { min: 1, max: 1 }, agent: 'x' }),
      { code: 'BAD_MESSAGE', details: { path: 'nonce' } },
    ],
  ])('that begins with %s is told why, and closed', (_, text, error) => {
    const connection = test.connect();
    connection.receive(text);
    expect(connection.sent).toMatchObject([{ t: 'error', ...error }]);
    expect(connection.closed?.kind).toBe('local');
  });

  it('is told which versions are spoken here where none is in common', async () => {
    test.welcome = async () => {
      throw new LicError('PROTOCOL_UNSUPPORTED', 'no version in common', { details: { ours: { min: 1, max: 1 } } });
    };
    const connection = test.connect();
    connection.receive(hello);
    await world.settle();
    expect(connection.sent).toMatchObject([{ code: 'PROTOCOL_UNSUPPORTED', details: { ours: { min: 1, max: 1 } } }]);
    expect(connection.closed).toBeDefined();
  });

  it('that waits for its welcome is not served yet', async () => {
    const connection = test.connect();
    connection.receive(hello);
    connection.receive(status(3));
    expect(connection.sent).toMatchObject([{ code: 'HELLO_EXPECTED', id: 3 }]);
    await world.settle();
    connection.receive(status(4));
    expect(test.messages.map(({ message }) => message)).toEqual([{ t: 'status', id: 4 }]);
  });
});

describe('a greeted connection', () => {
  it('is closed after so many bad messages in a row, each answered with its code', async () => {
    const connection = await greeted();
    for (let bad = 1; bad < clientLimits.badMessagesMax; bad++) connection.receive('nonsense');
    expect(connection.closed).toBeUndefined();
    connection.receive(status(1));
    for (let bad = 1; bad < clientLimits.badMessagesMax; bad++) connection.receive(hello);
    expect(connection.closed).toBeUndefined();
    connection.receive('nonsense');
    expect(connection.closed).toBeDefined();
    const codes = connection.sent.map((message) => (message.t === 'error' ? message.code : message.t));
    expect(new Set(codes)).toEqual(new Set(['BAD_MESSAGE', 'HELLO_EXPECTED']));
    expect(codes).toHaveLength(2 * clientLimits.badMessagesMax - 1);
  });

  it('is not read any more once it was closed here', async () => {
    const connection = await greeted();
    for (let bad = 0; bad < clientLimits.badMessagesMax; bad++) connection.receive('nonsense');
    const said = connection.sent.length;
    connection.receive(status(1));
    connection.receive('nonsense');
    expect(test.messages).toEqual([]);
    expect(connection.sent).toHaveLength(said);
  });

  it('is told of a message that is too long, and of one in bytes', async () => {
    const connection = await greeted();
    connection.receive(JSON.stringify({ t: 'status', id: 1, token: 'x'.repeat(protocolLimits.messageBytesMax) }));
    connection.receive(new Uint8Array([1, 2, 3]));
    expect(connection.sent).toMatchObject([
      { code: 'BAD_MESSAGE', details: { limit: protocolLimits.messageBytesMax } },
      { code: 'BAD_MESSAGE' },
    ]);
  });

  it('hears what is told to all, and its end is told once', async () => {
    const [connection, silent] = [await greeted(), test.connect()];
    test.hub.broadcast({ t: 'moving', to: null, reason: 'x' });
    expect(connection.sent).toEqual([{ t: 'moving', to: null, reason: 'x' }]);
    expect(silent.sent).toEqual([]);
    connection.end('orderly');
    expect(test.ends).toMatchObject([
      { reason: { kind: 'orderly' }, link: { isOpen: false, end: { kind: 'orderly' } } },
    ]);
    test.hub.broadcast({ t: 'moving', to: null, reason: 'x' });
    expect(connection.sent).toHaveLength(1);
  });

  it('is closed with all others when the server ends, also those that have not said anything', async () => {
    const connections = [await greeted(), test.connect()];
    test.hub.closeAll();
    for (const { closed } of connections) expect(closed?.kind).toBe('local');
  });
});

describe('whatever a client sends', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.json({ maxDepth: 4 }),
    fc.integer({ min: 1, max: 5_000 }).map((depth) => '['.repeat(depth)),
    fc
      .tuple(
        fc.constantFrom(
          'hello',
          'checkout',
          'checkin',
          'resume',
          'heartbeat',
          'status',
          'admin',
          'goodbye',
          '__proto__',
        ),
        fc.dictionary(
          fc.constantFrom(
            'id',
            'session',
            'seq',
            'epoch',
            'feature',
            'count',
            'waitMs',
            'token',
            'request',
            '__proto__',
          ),
          fc.jsonValue({ maxDepth: 2 }),
        ),
      )
      .map(([t, fields]) => JSON.stringify({ t, ...fields })),
  );

  it('is answered with an error that has a code, or understood; nothing is thrown', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(text, { maxLength: 15 }), async (texts) => {
        const connection = await greeted();
        const understood = test.messages.length;
        for (const each of texts) connection.receive(each);
        await world.settle();
        expect(test.messages.length - understood + connection.sent.length).toBe(texts.length);
        for (const message of connection.sent) {
          expect(message).toMatchObject({ t: 'error', code: expect.stringMatching(/^(BAD_MESSAGE|HELLO_EXPECTED)$/) });
        }
      }),
    );
  });
});
