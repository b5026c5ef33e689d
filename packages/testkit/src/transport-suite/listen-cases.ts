import type { Connection } from '@lic/interfaces';
import { accept, connect, refusal } from './pair.ts';
import { record } from './recorder.ts';
import type { CaseContext, TransportWorld } from './transport-world.ts';

/** Listeners: addresses, bounds, and that their end is not the end of connections. */
export function listenCases({ runner: { describe, it, expect }, capabilities, withWorld }: CaseContext): void {
  /** A dial beyond the bound is refused, or what it opened ends at once. */
  const isTurnedAway = async (world: TransportWorld, address: string): Promise<boolean> => {
    const dial = world.dialer({}).dial(address);
    const turnedAway = dial.then(
      (connection: Connection) => record(connection).ended.then(({ kind }) => kind !== 'local'),
      () => true,
    );
    return world.run(turnedAway);
  };

  describe('listen', () => {
    if (capabilities.addressForPortZero)
      it(
        'on port 0 answers the real port, another each time, and calls once for each connection',
        withWorld(async (world) => {
          const first = await accept(world);
          const second = await accept(world);
          expect(first.listener.address === second.listener.address).toBe(false);
          const dialer = world.dialer({});
          for (const { listener, next } of [first, second, first])
            await world.run(Promise.all([dialer.dial(listener.address), next()]));
          expect([first.accepted.length, second.accepted.length]).toEqual([2, 1]);
        }),
      );

    it(
      'on a taken address is LISTEN_FAILED, and names it',
      withWorld(async (world) => {
        const { listener } = await accept(world);
        const again = world.acceptor({}).listen(listener.address, { onConnection: () => {} });
        const message = again.then(
          () => '',
          (error: unknown) => String(error),
        );
        expect((await world.run(refusal(again))).replace(' (retryable)', '')).toBe('LISTEN_FAILED');
        expect((await message).includes(listener.address)).toBe(true);
      }),
    );

    it(
      'on what is no address of its own is ADDRESS_INVALID',
      withWorld(async (world) => {
        const transport = world.acceptor({});
        for (const address of ['', 'gopher://127.0.0.1:0', `${transport.schemes[0]}://127.0.0.1`]) {
          const found = await world.run(refusal(transport.listen(address, { onConnection: () => {} })));
          expect(`${address} ${found}`).toBe(`${address} ADDRESS_INVALID`);
        }
      }),
    );

    for (const [name, limits, options] of [
      ['its option', {}, { connectionsMax: 2 }],
      ['the transport', { connectionsMax: 2 }, {}],
    ] as const)
      it(
        `takes no more connections at once than connectionsMax (${name}), and others when some have ended`,
        withWorld(async (world) => {
          const { listener, next, accepted } = await accept(world, limits, options);
          const dialer = world.dialer({});
          const open = async () => {
            const [dialed, taken] = await world.run(Promise.all([dialer.dial(listener.address), next()]));
            return { dialed: record(dialed), taken: record(taken) };
          };
          const first = await open();
          const second = await open();
          expect(await isTurnedAway(world, listener.address)).toBe(true);
          expect(accepted.length).toBe(2);
          second.dialed.connection.send('unharmed');
          expect(await world.run(second.taken.received(1))).toEqual(['unharmed']);
          first.dialed.connection.close();
          await world.run(Promise.all([first.dialed.ended, first.taken.ended]));
          await connect(world);
          const third = await open();
          third.dialed.connection.send('welcome');
          expect(await world.run(third.taken.received(1))).toEqual(['welcome']);
        }),
      );

    it(
      'closed: refuses dials, frees the address, leaves open connections alone; once more is harmless',
      withWorld(async (world) => {
        const { dialer, dialed, accepted, listener } = await connect(world);
        await world.run(listener.close());
        expect(await world.run(refusal(dialer.dial(listener.address)))).toBe('DIAL_REFUSED (retryable)');
        dialed.connection.send('there');
        accepted.connection.send('back');
        expect(await world.run(accepted.received(1))).toEqual(['there']);
        expect(await world.run(dialed.received(1))).toEqual(['back']);
        const second = await accept(world, {}, { address: listener.address });
        await world.run(listener.close());
        await world.run(Promise.all([dialer.dial(listener.address), second.next()]));
        expect([...dialed.reasons, ...accepted.reasons]).toEqual([]);
      }),
    );
  });
}
