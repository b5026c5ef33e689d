import { accept, connect } from './pair.ts';
import type { CaseContext, TransportCapabilities, TransportWorld } from './transport-world.ts';

/** Small, so that probing silence and hanging takes no time. */
const limits = { lingerMsMax: 50, pingAfterMs: 20, silenceMsMax: 60 };

/** Finds out for each capability whether it is there. */
const probes: Record<keyof TransportCapabilities, (world: TransportWorld) => Promise<boolean>> = {
  async canAbort(world) {
    const { dialed, accepted } = await connect(world);
    dialed.connection.abort();
    return (await world.run(accepted.ended)).kind === 'reset';
  },
  async seesOrderlyEnd(world) {
    const { dialed, accepted } = await connect(world);
    dialed.connection.close();
    return (await world.run(accepted.ended)).kind === 'orderly';
  },
  async addressForPortZero(world) {
    const { listener } = await accept(world);
    return world.run(
      world
        .dialer({})
        .dial(listener.address)
        .then(
          () => !/:0$/.test(listener.address),
          () => false,
        ),
    );
  },
  async canHalfOpen(world) {
    if (world.silentAddress === undefined) return false;
    const connection = await world.run(world.dialer(limits).dial(await world.silentAddress()));
    connection.onFrame(() => {});
    const kind = await world.run(new Promise((resolve) => connection.onClose((reason) => resolve(reason.kind))));
    return kind === 'timeout';
  },
  async canHangDial(world) {
    if (world.hangingAddress === undefined) return false;
    const dial = world.dialer({ dialMsMax: 100 }).dial(await world.hangingAddress());
    return world.run(
      dial.then(
        () => false,
        (error: unknown) => (error as { code?: unknown }).code === 'DIAL_TIMEOUT',
      ),
    );
  },
};

/** The manifest says what is there, no more and no less. */
export function manifestCases({ runner: { describe, it, expect }, capabilities, withWorld }: CaseContext): void {
  describe('capabilities', () => {
    it('names each capability', async () => {
      await Promise.resolve();
      expect(Object.keys(capabilities).sort(byText)).toEqual(Object.keys(probes).sort(byText));
    });
    for (const name of Object.keys(probes) as (keyof TransportCapabilities)[])
      it(
        `${name}: ${capabilities[name]}`,
        withWorld(async (world) => expect(await probes[name](world)).toBe(capabilities[name])),
      );
  });
}

function byText(a: string, b: string): number {
  return a < b ? -1 : 1;
}
