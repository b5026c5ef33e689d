import { connect, letPass, type Pair } from './pair.ts';
import { someBytes } from './recorder.ts';
import type { CaseContext, TransportWorld } from './transport-world.ts';

/** The close event, and what a connection does after it. */
export function closeEventCases({ runner: { describe, it, expect }, withWorld }: CaseContext): void {
  describe('close event', () => {
    const ends: Record<string, (pair: Pair) => void> = {
      'close here': ({ dialed }) => dialed.connection.close(),
      'close there': ({ accepted }) => accepted.connection.close(),
      'abort here': ({ dialed }) => dialed.connection.abort(),
      'abort there': ({ accepted }) => accepted.connection.abort(),
    };
    for (const [name, end] of Object.entries(ends))
      it(
        `comes once to each listener, also to late ones: ${name}`,
        withWorld(async (world) => {
          const pair = await connect(world);
          const { connection } = pair.dialed;
          const calls = { second: 0, fromWithin: 0, late: 0 };
          connection.onClose(() => {
            calls.second++;
            connection.onClose(() => void calls.fromWithin++);
          });
          end(pair);
          const reason = await world.run(pair.dialed.ended);
          const lateReason = new Promise((resolve) =>
            connection.onClose((late) => {
              calls.late++;
              resolve(late);
            }),
          );
          expect(calls.late).toBe(0);
          expect(await world.run(lateReason)).toEqual(reason);
          await letPass(world);
          expect(calls).toEqual({ second: 1, fromWithin: 1, late: 1 });
          expect(pair.dialed.reasons.length).toBe(1);
          expect(pair.dialed.lateFrames).toBe(0);
          expect(reason.message.length).toBeGreaterThanOrEqual(10);
        }),
      );
  });

  describe('after the end', () => {
    const ends: Record<string, (world: TransportWorld) => Promise<Pair>> = {
      async 'close here'(world) {
        const pair = await connect(world);
        pair.dialed.connection.close();
        return pair;
      },
      async 'close there'(world) {
        const pair = await connect(world);
        pair.accepted.connection.close();
        return pair;
      },
      async 'abort there'(world) {
        const pair = await connect(world);
        pair.accepted.connection.abort();
        return pair;
      },
      async protocol(world) {
        const pair = await connect(world, { dial: { frameBytesMax: 1_000 } });
        pair.accepted.connection.send(someBytes(1_001));
        return pair;
      },
    };
    for (const [name, end] of Object.entries(ends))
      it(
        `nothing throws, sends are dropped, drained resolves: ${name}`,
        withWorld(async (world) => {
          const { connection, ended } = (await end(world)).dialed;
          await world.run(ended);
          expect([connection.send('late'), connection.send(new Uint8Array(2 ** 25))]).toEqual([false, false]);
          connection.close();
          connection.abort();
          connection.setKeepAlive(false);
          connection.setKeepAlive(true);
          connection.onFrame(() => {});
          await world.run(connection.drained());
          expect(connection.remote.length).toBeGreaterThanOrEqual(1);
        }),
      );

    it(
      'a frame sent after close is dropped at once',
      withWorld(async (world) => {
        const { dialed, accepted } = await connect(world);
        dialed.connection.send('before');
        dialed.connection.close();
        expect(dialed.connection.send('after')).toBe(false);
        await world.run(accepted.ended);
        expect(accepted.frames).toEqual(['before']);
      }),
    );
  });
}
