import type { Frame } from '@lic/interfaces';
import { connect, letPass } from './pair.ts';
import { show, someBytes } from './recorder.ts';
import type { CaseContext } from './transport-world.ts';

/** How connections end: what arrives before, and what each side is told. */
export function endCases({ runner: { describe, it, expect }, capabilities, withWorld }: CaseContext): void {
  const { canAbort, seesOrderlyEnd } = capabilities;
  const lingerMsMax = 200;
  const megabyte = new Uint8Array(1_000_000);

  describe('close', () => {
    it(
      'lets what was sent before go out first, in order',
      withWorld(async (world) => {
        const { dialed, accepted } = await connect(world);
        const sent: Frame[] = [];
        for (let number = 0; number < 200; number++) sent.push(someBytes(5_000, number), `frame ${number}`);
        for (const frame of sent) dialed.connection.send(frame);
        dialed.connection.close();
        const [here, there] = await world.run(Promise.all([dialed.ended, accepted.ended]));
        expect(accepted.frames.map(show)).toEqual(sent.map(show));
        expect(here.kind).toBe('local');
        if (seesOrderlyEnd) expect(there.kind).toBe('orderly');
      }),
    );

    it(
      'from the side that accepted does the same',
      withWorld(async (world) => {
        const { dialed, accepted } = await connect(world);
        accepted.connection.send('bye');
        accepted.connection.close();
        const [there, here] = await world.run(Promise.all([dialed.ended, accepted.ended]));
        expect(dialed.frames).toEqual(['bye']);
        expect(here.kind).toBe('local');
        if (seesOrderlyEnd) expect(there.kind).toBe('orderly');
      }),
    );

    it(
      'is seen after the frames that came before it, also where the receiver is set late',
      withWorld(async (world) => {
        const { dialed, accepted } = await connect(world, { dial: { lingerMsMax }, deaf: 'accepted' });
        for (const frame of ['one', 'two', 'three']) dialed.connection.send(frame);
        dialed.connection.close();
        await world.run(dialed.ended);
        expect(accepted.frames.length + accepted.reasons.length).toBe(0);
        accepted.listen();
        const { kind } = await world.run(accepted.ended);
        expect(accepted.frames).toEqual(['one', 'two', 'three']);
        if (seesOrderlyEnd) expect(kind).toBe('orderly');
      }),
    );

    it(
      'waits no longer than its linger for a side that does not read',
      withWorld(async (world) => {
        const { dialed } = await connect(world, {
          dial: { lingerMsMax, sendBufferBytesMax: 2 ** 28 },
          deaf: 'accepted',
        });
        for (let number = 0; number < 24; number++) dialed.connection.send(megabyte);
        dialed.connection.close();
        expect((await world.run(dialed.ended)).kind).toBe('local');
      }),
    );

    it(
      'on both sides at once ends both, in order',
      withWorld(async (world) => {
        const { dialed, accepted } = await connect(world);
        dialed.connection.close();
        accepted.connection.close();
        const [here, there] = await world.run(Promise.all([dialed.ended, accepted.ended]));
        expect([here.kind, there.kind]).toEqual(['local', 'local']);
      }),
    );

    it(
      'repeated, or followed by abort, is one end',
      withWorld(async (world) => {
        const { dialed } = await connect(world);
        dialed.connection.close();
        dialed.connection.close();
        dialed.connection.abort();
        dialed.connection.close();
        await world.run(dialed.ended);
        await letPass(world);
        expect(dialed.reasons.map(({ kind }) => kind)).toEqual(['local']);
      }),
    );
  });

  describe('abort', () => {
    it(
      'is local on this side, and never orderly on the other',
      withWorld(async (world) => {
        const { dialed, accepted } = await connect(world);
        dialed.connection.abort();
        dialed.connection.abort();
        const [here, there] = await world.run(Promise.all([dialed.ended, accepted.ended]));
        expect(here.kind).toBe('local');
        if (canAbort) expect(there.kind).toBe('reset');
        await letPass(world);
        expect(dialed.reasons.length).toBe(1);
      }),
    );

    it(
      'does not wait for what was sent',
      withWorld(async (world) => {
        // Were the linger waited for, the run would take longer than any world allows.
        const { dialed } = await connect(world, {
          dial: { lingerMsMax: 2 ** 30, sendBufferBytesMax: 2 ** 28 },
          deaf: 'accepted',
        });
        for (let number = 0; number < 24; number++) dialed.connection.send(megabyte);
        dialed.connection.abort();
        expect((await world.run(dialed.ended)).kind).toBe('local');
      }),
    );
  });
}
