import { accept, connect, refusal } from './pair.ts';
import { record } from './recorder.ts';
import type { CaseContext } from './transport-world.ts';

/** Dials: what is refused, and how; how one gives up. */
export function dialCases({ runner: { describe, it, expect }, capabilities, withWorld }: CaseContext): void {
  describe('dial', () => {
    it(
      'refuses what is no address of its own: ADDRESS_INVALID',
      withWorld(async (world) => {
        const transport = world.dialer({});
        const scheme = transport.schemes[0] ?? 'none';
        const { listener } = await accept(world);
        const foreign = listener.address.replace(/^\w+/, 'gopher');
        const withoutPort = listener.address.replace(/:\d+$/, '');
        for (const address of [
          ...['', 'nonsense', `${scheme}:`, `${scheme}://`, `${scheme}://:80`, `${scheme}://a b:80`],
          ...[`${scheme}://::1:80`, `${scheme}://[::1:80`, `${scheme}://[]:80`, `${scheme}://user@host:80`],
          ...[foreign, withoutPort, `${withoutPort}:`, `${withoutPort}:0`, `${withoutPort}:65536`, `${withoutPort}:-1`],
          ...[`${listener.address}/path`, `${listener.address}?query`, ` ${listener.address}`, `${listener.address}x`],
        ]) {
          const found = await world.run(refusal(transport.dial(address)));
          expect(`${address} ${found}`).toBe(`${address} ADDRESS_INVALID`);
        }
      }),
    );

    it(
      'is refused where nobody listens: DIAL_REFUSED, worth a retry, naming the address',
      withWorld(async (world) => {
        const { listener } = await accept(world);
        await world.run(listener.close());
        const dial = world.dialer({}).dial(listener.address);
        const message = dial.then(
          () => '',
          (error: unknown) => String(error),
        );
        expect(await world.run(refusal(dial))).toBe('DIAL_REFUSED (retryable)');
        expect((await message).includes(listener.address)).toBe(true);
      }),
    );

    it(
      'rejects with the reason of a signal that is aborted already, and connects to nobody',
      withWorld(async (world) => {
        const { listener, accepted } = await accept(world);
        const reason = new Error('changed my mind');
        const dial = world.dialer({}).dial(listener.address, { signal: AbortSignal.abort(reason) });
        expect(await world.run(dial.catch((error: unknown) => error))).toBe(reason);
        await connect(world);
        expect(accepted.length).toBe(0);
      }),
    );

    it(
      'rejects with the reason of a signal aborted while it is under way, and leaves nothing behind',
      withWorld(async (world) => {
        const { listener, accepted } = await accept(world);
        const controller = new AbortController();
        const reason = new Error('too slow');
        const dial = world.dialer({}).dial(listener.address, { signal: controller.signal });
        controller.abort(reason);
        expect(await world.run(dial.catch((error: unknown) => error))).toBe(reason);
        await connect(world);
        for (const connection of accepted) await world.run(record(connection).ended);
      }),
    );

    it(
      'is not touched by a signal aborted afterwards',
      withWorld(async (world) => {
        const { listener, next } = await accept(world);
        const controller = new AbortController();
        const dialed = await world.run(world.dialer({}).dial(listener.address, { signal: controller.signal }));
        const accepted = record(await world.run(next()));
        controller.abort();
        dialed.send('still here');
        expect(await world.run(accepted.received(1))).toEqual(['still here']);
      }),
    );

    if (!capabilities.canHangDial) return;

    it(
      'that hangs ends with DIAL_TIMEOUT, worth a retry',
      withWorld(async (world) => {
        const address = (await world.hangingAddress?.()) ?? '';
        const dial = world.dialer({ dialMsMax: 100 }).dial(address);
        expect(await world.run(refusal(dial))).toBe('DIAL_TIMEOUT (retryable)');
      }),
    );

    it(
      'that hangs can be given up',
      withWorld(async (world) => {
        const address = (await world.hangingAddress?.()) ?? '';
        const controller = new AbortController();
        const dial = world.dialer({ dialMsMax: 2 ** 30 }).dial(address, { signal: controller.signal });
        const outcome = dial.catch((error: unknown) => error);
        // Time for the dial to be well under way.
        await connect(world);
        controller.abort('enough');
        expect(await world.run(outcome)).toBe('enough');
      }),
    );
  });
}
