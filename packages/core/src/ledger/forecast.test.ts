import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CheckoutCommand } from './commands.ts';
import type { Forecast } from './forecast.ts';
import type { LedgerReply } from './results.ts';
import { LedgerRig, secretHash, sessionId, type Wish } from './testing/ledger-rig.ts';
import { commandOf } from './testing/model-commands.ts';
import { ModelLife } from './testing/model-life.ts';
import { type Step, stepArbitrary } from './testing/model-steps.ts';

const runs = Number(process.env.LIC_MODEL_RUNS ?? 100);

describe('the forecast of a checkout', () => {
  it('is what the same checkout comes to next, in any state, and changes nothing', {
    timeout: 30_000 + 500 * runs,
  }, () => {
    const steps = (most: number) => fc.array(stepArbitrary, { maxLength: most, size: 'max' });
    const property = fc.property(steps(60), steps(6), fc.boolean(), (past, asks, isHalted) => {
      const life = new ModelLife();
      for (const step of past) {
        if (step.kind === 'snapshot') continue;
        life.atMs += step.laterMs;
        life.apply(commandOf(step, life));
      }
      // What is foreseen is so as of the last command.
      life.apply({ kind: 'tick', at: life.atMs });
      for (const [at, ask] of asks.entries()) {
        const { opening, ...command } = firstCheckout(ask, life, `asker-${at}`, isHalted && at === 0);
        const before = life.ledger.hash();
        const { user, host, project, product } = opening!;
        const foreseen = life.ledger.forecast({ user, host, project, product, ...command });
        expect(life.ledger.hash()).toBe(before);
        expect(foreseen).toEqual(asForecast(life.apply({ ...command, opening }).result.reply));
      }
    });
    fc.assert(property, { numRuns: runs });
  });

  it.each([
    ['fewer seats, as many as there are', { count: 9, countMin: 2 }, [['build', 5]]],
    [
      'all of several features',
      { count: 1, more: [{ feature: 'merge', count: 1 }] },
      [
        ['build', 1],
        ['merge', 1],
      ],
    ],
  ] as const)('foresees %s', (_, wish: Wish, seats) => {
    const rig = new LedgerRig([
      { name: 'build', count: 8 },
      { name: 'merge', count: 1 },
    ]);
    rig.client('ann').take('build', { count: 3 });
    const foreseen = rig.ledger.forecast({ feature: 'build', count: 1, user: 'bob', host: 'h', ...wish });
    expect(foreseen).toMatchObject({ granted: true, seats: seats.map(([feature, count]) => ({ feature, count })) });
  });

  it('foresees the denial of the one of several that is not to be had', () => {
    const rig = new LedgerRig([
      { name: 'build', count: 8 },
      { name: 'merge', count: 1 },
    ]);
    rig.client('ann').take('merge');
    const supposed = { feature: 'build', count: 1, user: 'bob', host: 'h', more: [{ feature: 'merge', count: 1 }] };
    expect(rig.ledger.forecast(supposed)).toMatchObject({ denial: { code: 'NO_SEATS', feature: 'merge' } });
  });

  it('knows what servers of an earlier ledger version would not', () => {
    const rig = new LedgerRig([{ name: 'build', count: 8 }], { ledgerVersion: 2 });
    rig.client('ann').take('build', { count: 3 });
    const supposed = { feature: 'build', count: 8, countMin: 1, user: 'bob', host: 'h' };
    expect(rig.ledger.forecast(supposed)).toMatchObject({ denial: { code: 'NO_SEATS' } });
  });
});

/** The step's checkout, as the first request of a session that nobody knows. It does not wait: nor does what is foreseen. */
function firstCheckout(ask: Step, life: ModelLife, name: string, isHalted: boolean): CheckoutCommand {
  const { waitMs: _waitMs, ...command } = commandOf({ ...ask, kind: 'checkout' }, life) as CheckoutCommand;
  const who = { user: `user-${ask.who}`, host: 'h', ...(ask.who === 1 ? { project: 'bridge' } : { product: 'cad' }) };
  return {
    ...command,
    session: sessionId(name),
    seq: 1,
    awaited: 1,
    attempt: 1,
    epoch: 0,
    opening: { secretHash: secretHash(name), ...who },
    ...(isHalted ? { isHalted } : {}),
  };
}

function asForecast(reply: LedgerReply): Forecast {
  if (reply.kind === 'denied') return { granted: false, denial: reply.denial };
  if (reply.kind !== 'granted') throw new Error(`neither granted nor denied: ${JSON.stringify(reply)}`);
  const seats = [reply.grant, ...(reply.more ?? [])].map(({ feature, version, count }) => ({
    feature,
    version,
    count,
  }));
  return { granted: true, seats };
}
