import { connect } from './pair.ts';
import { show, someBytes } from './recorder.ts';
import type { CaseContext } from './transport-world.ts';

/** Above what any system buffers for one connection, in frames of `frameBytes`. */
const framesMax = 512;
const frameBytes = 131_072;

/** Sends that outrun the other side. */
export function backpressureCases({ runner: { describe, it, expect }, withWorld }: CaseContext): void {
  const limits = { highWaterBytes: 100_000, lowWaterBytes: 50_000, sendBufferBytesMax: 2 ** 28 };

  describe('backpressure', () => {
    it(
      'answers false above the high-water mark; drained resolves once the other side reads',
      withWorld(async (world) => {
        const { dialed, accepted } = await connect(world, { dial: limits, deaf: 'accepted' });
        const { connection } = dialed;
        let sent = 0;
        let mayGoOn = true;
        while (mayGoOn && sent < framesMax) {
          while (mayGoOn && sent < framesMax) mayGoOn = connection.send(someBytes(frameBytes, sent++));
          void connection.drained().then(() => {
            mayGoOn = true;
          });
          // The system takes what it will meanwhile, until it takes no more.
          await connect(world);
        }
        expect(sent).toBeLessThanOrEqual(framesMax - 1);
        const drained = connection.drained();
        accepted.listen();
        await world.run(drained);
        expect(connection.send('goes on')).toBe(true);
        const frames = await world.run(accepted.received(sent + 1));
        for (let number = 0; number < sent; number += 7)
          expect(show(frames[number] as Uint8Array)).toBe(show(someBytes(frameBytes, number)));
        expect(frames[sent]).toBe('goes on');
      }),
    );

    it(
      'lets small sends pass, and drained resolves where little is buffered',
      withWorld(async (world) => {
        const { dialed } = await connect(world, { dial: limits });
        await world.run(dialed.connection.drained());
        expect(dialed.connection.send('small')).toBe(true);
        await world.run(dialed.connection.drained());
      }),
    );

    it(
      'not heeded ends the connection: overrun here, reset there',
      withWorld(async (world) => {
        const { dialed, accepted } = await connect(world, {
          dial: { ...limits, sendBufferBytesMax: 1_000_000 },
          deaf: 'accepted',
        });
        let sent = 0;
        while (dialed.reasons.length === 0 && sent < framesMax) {
          for (let burst = 0; burst < 16; burst++, sent++) dialed.connection.send(someBytes(frameBytes, sent));
          await Promise.resolve();
        }
        expect((await world.run(dialed.ended)).kind).toBe('overrun');
        accepted.listen();
        expect((await world.run(accepted.ended)).kind).toBe('reset');
      }),
    );

    it(
      'drained resolves at the end of a connection that never drains',
      withWorld(async (world) => {
        const { dialed } = await connect(world, { dial: limits, deaf: 'accepted' });
        const frame = new Uint8Array(1_000_000);
        for (let sent = 0; sent < 24; sent++) dialed.connection.send(frame);
        const drained = dialed.connection.drained();
        dialed.connection.abort();
        await world.run(drained);
      }),
    );
  });
}
