import { connect } from './pair.ts';
import { record } from './recorder.ts';
import type { CaseContext } from './transport-world.ts';

/** Half-open connections are found, and idle ones are left alone. */
export function silenceCases({ runner: { describe, it, expect }, capabilities, withWorld }: CaseContext): void {
  if (!capabilities.canHalfOpen) return;
  const limits = { pingAfterMs: 40, silenceMsMax: 160 };

  describe('silence', () => {
    it(
      'of the other side ends a connection with timeout; a live one stays, however idle',
      withWorld(async (world) => {
        const { dialed, accepted } = await connect(world, { dial: limits, accept: limits });
        const silent = record(await world.run(world.dialer(limits).dial((await world.silentAddress?.()) ?? '')));
        silent.connection.send('anybody there?');
        expect((await world.run(silent.ended)).kind).toBe('timeout');
        expect(silent.connection.send('nobody')).toBe(false);
        await world.run(silent.connection.drained());
        expect([...dialed.reasons, ...accepted.reasons]).toEqual([]);
        dialed.connection.send('still here');
        expect(await world.run(accepted.received(1))).toEqual(['still here']);
      }),
    );

    it(
      'is not assumed of a side that only this one keeps waiting',
      withWorld(async (world) => {
        const { dialed, accepted } = await connect(world, { dial: limits, accept: limits, deaf: 'accepted' });
        const silent = record(await world.run(world.dialer(limits).dial((await world.silentAddress?.()) ?? '')));
        dialed.connection.send('waiting');
        await world.run(silent.ended);
        accepted.listen();
        expect(await world.run(accepted.received(1))).toEqual(['waiting']);
        expect([...dialed.reasons, ...accepted.reasons]).toEqual([]);
      }),
    );
  });
}
