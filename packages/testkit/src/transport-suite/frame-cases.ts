import { type Frame, isLicError } from '@lic/interfaces';
import { connect } from './pair.ts';
import { record, show, someBytes } from './recorder.ts';
import type { CaseContext } from './transport-world.ts';

/** Frames: kinds, contents, order, sizes, receivers. */
export function frameCases({ runner: { describe, it, expect }, withWorld }: CaseContext): void {
  describe('frames', () => {
    it(
      'keep kind, content and order, in both directions at once',
      withWorld(async (world) => {
        const { dialed, accepted } = await connect(world);
        const there = ['{"a":1}', someBytes(3), 'ä€😀\u0000', '', new Uint8Array(0), 'last'];
        const back = [new Uint8Array(0), someBytes(300, 1), '\ufffd', '', someBytes(1, 2)];
        for (const frame of there) dialed.connection.send(frame);
        for (const frame of back) accepted.connection.send(frame);
        expect((await world.run(accepted.received(there.length))).map(show)).toEqual(there.map(show));
        expect((await world.run(dialed.received(back.length))).map(show)).toEqual(back.map(show));
      }),
    );

    it(
      'keep order when many are sent at once, small and large',
      withWorld(async (world) => {
        const { dialed, accepted } = await connect(world);
        const sent: Frame[] = [];
        for (let number = 0; number < 3_000; number++)
          sent.push(number % 2 === 0 ? `frame ${number}` : someBytes(number % 700, number));
        sent.splice(1_000, 0, someBytes(500_000, 1));
        sent.splice(2_000, 0, 'x'.repeat(200_000));
        for (const frame of sent) dialed.connection.send(frame);
        expect((await world.run(accepted.received(sent.length))).map(show)).toEqual(sent.map(show));
      }),
    );

    it(
      'are plain bytes that the receiver may change: nobody else sees it',
      withWorld(async (world) => {
        const { dialed, accepted } = await connect(world);
        const sent = [someBytes(10, 1), someBytes(10, 2)];
        for (const frame of sent) dialed.connection.send(frame);
        const first = (await world.run(accepted.received(2)))[0] as Uint8Array;
        expect(Object.getPrototypeOf(first) === Uint8Array.prototype).toBe(true);
        first.fill(255);
        expect(sent.map(show)).toEqual([someBytes(10, 1), someBytes(10, 2)].map(show));
        expect(show(accepted.frames[1] as Frame)).toBe(show(someBytes(10, 2)));
      }),
    );

    it(
      'arrive up to frameBytesMax, counted in bytes',
      withWorld(async (world) => {
        const limits = { frameBytesMax: 300_000 };
        const { dialed, accepted } = await connect(world, { dial: limits, accept: limits });
        const sent = [someBytes(300_000), '€'.repeat(100_000), 'end'];
        for (const frame of sent) dialed.connection.send(frame);
        expect((await world.run(accepted.received(3))).map(show)).toEqual(sent.map(show));
      }),
    );

    it(
      'above frameBytesMax throw FRAME_TOO_LARGE at the sender, and the connection goes on',
      withWorld(async (world) => {
        const { dialed, accepted } = await connect(world, { dial: { frameBytesMax: 300 } });
        const codeOf = (frame: Frame): string => {
          try {
            dialed.connection.send(frame);
            return 'sent';
          } catch (error) {
            return isLicError(error) ? error.code : String(error);
          }
        };
        expect(codeOf(someBytes(301))).toBe('FRAME_TOO_LARGE');
        expect(codeOf(`${'€'.repeat(100)}.`)).toBe('FRAME_TOO_LARGE');
        dialed.connection.send('goes on');
        await world.run(accepted.received(1));
        expect(accepted.frames.map(show)).toEqual([show('goes on')]);
      }),
    );

    it(
      'above frameBytesMax of the receiver end the connection: protocol, after the frames before it',
      withWorld(async (world) => {
        const { dialed, accepted } = await connect(world, { accept: { frameBytesMax: 1_000 } });
        dialed.connection.send(someBytes(1_000));
        dialed.connection.send(someBytes(1_001));
        dialed.connection.send('never seen');
        expect((await world.run(accepted.ended)).kind).toBe('protocol');
        expect(accepted.frames.map(show)).toEqual([show(someBytes(1_000))]);
        expect((await world.run(dialed.ended)).kind).toBe('reset');
      }),
    );
  });

  describe('receiver', () => {
    for (const deaf of ['accepted', 'dialed'] as const)
      it(
        `gets what came before it was set (${deaf} side)`,
        withWorld(async (world) => {
          const pair = await connect(world, { deaf });
          const [deafEnd, other] = deaf === 'accepted' ? [pair.accepted, pair.dialed] : [pair.dialed, pair.accepted];
          const sent = ['one', someBytes(2), 'three'];
          for (const frame of sent) other.connection.send(frame);
          // An answer on the same connection shows that time for the frames to arrive has gone by.
          deafEnd.connection.send('answer');
          await world.run(other.received(1));
          expect(deafEnd.frames.length).toBe(0);
          deafEnd.listen();
          expect((await world.run(deafEnd.received(3))).map(show)).toEqual(sent.map(show));
        }),
      );

    it(
      'is replaced by the next, also from within itself',
      withWorld(async (world) => {
        const { dialed, accepted } = await connect(world, { deaf: 'accepted' });
        const first: Frame[] = [];
        const second = new Promise<Frame[]>((resolve) => {
          const frames: Frame[] = [];
          accepted.connection.onFrame((frame) => {
            first.push(frame);
            accepted.connection.onFrame((later) => {
              frames.push(later);
              if (frames.length === 3) resolve(frames);
            });
          });
        });
        for (const frame of ['hello', 'a', 'b', 'c']) dialed.connection.send(frame);
        expect((await world.run(second)).map(show)).toEqual(['a', 'b', 'c'].map(show));
        expect(first.map(show)).toEqual([show('hello')]);
      }),
    );

    it(
      'may answer and end from within itself',
      withWorld(async (world) => {
        const { dialed, accepted } = await connect(world, { deaf: 'accepted' });
        accepted.connection.onFrame((frame) => {
          accepted.connection.send(frame);
          accepted.connection.close();
        });
        dialed.connection.send('echo');
        await world.run(Promise.all([dialed.ended, accepted.ended]));
        expect(dialed.frames.map(show)).toEqual([show('echo')]);
        expect(accepted.reasons.map(({ kind }) => kind)).toEqual(['local']);
      }),
    );
  });

  describe('connection', () => {
    it(
      'names the other end with a scheme of the transport',
      withWorld(async (world) => {
        const { dialer, dialed, accepted, listener } = await connect(world);
        for (const address of [dialed.connection.remote, accepted.connection.remote, listener.address])
          expect(dialer.schemes.some((scheme) => new RegExp(`^${scheme}://.+:\\d+$`).test(address))).toBe(true);
      }),
    );

    it(
      'works alike beside others of the same listener, unmixed',
      withWorld(async (world) => {
        const { dialer, dialed, accepted, listener } = await connect(world);
        const others = (await world.run(Promise.all([1, 2, 3].map(() => dialer.dial(listener.address))))).map((one) =>
          record(one),
        );
        dialed.connection.send('mine');
        await world.run(accepted.received(1));
        expect(accepted.frames.map(show)).toEqual([show('mine')]);
        expect(others.map(({ frames, reasons }) => frames.length + reasons.length)).toEqual([0, 0, 0]);
      }),
    );

    it(
      'takes setKeepAlive both ways and goes on',
      withWorld(async (world) => {
        const { dialed, accepted } = await connect(world);
        dialed.connection.setKeepAlive(false);
        accepted.connection.setKeepAlive(false);
        dialed.connection.setKeepAlive(true);
        dialed.connection.send('still here');
        await world.run(accepted.received(1));
        expect(accepted.frames.map(show)).toEqual([show('still here')]);
      }),
    );
  });
}
