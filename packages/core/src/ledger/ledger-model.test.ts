import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLedger } from './create-ledger.ts';
import type { Ledger } from './ledger-contract.ts';
import { commandOf } from './testing/model-commands.ts';
import { ModelLife } from './testing/model-life.ts';
import { keyOf, withoutId, withoutIds } from './testing/model-replies.ts';
import { type Step, sharingStepArbitrary, stepArbitrary } from './testing/model-steps.ts';

/** More find more: `LIC_MODEL_RUNS=2000`. */
const runs = Number(process.env.LIC_MODEL_RUNS ?? 100);

/** Model, ledger and a second ledger that now and then is replaced by a restored snapshot of the first. */
class Trial extends ModelLife {
  twin: Ledger = createLedger({ verifyLicense: () => undefined });
  /** Pools that a license, or the end of one file's period, made smaller than what is taken of them: I2's exception until it fits. */
  readonly shrunk = new Set<string>();
  /** What each pool had at the last look. */
  readonly seats = new Map<string, number>();

  constructor() {
    super();
    this.twin.apply(this.index, this.opening);
  }

  async step(step: Step): Promise<void> {
    if (step.kind === 'snapshot') {
      const copy = createLedger({ verifyLicense: () => undefined });
      await copy.restore(this.ledger.snapshot());
      this.twin = copy;
      expect(copy.hash()).toBe(this.ledger.hash());
      return;
    }
    this.atMs += step.laterMs;
    const before = this.ledger.summary().licenseTimeMs;
    const command = commandOf(step, this);
    const { result, modelReply, bytes } = this.apply(command);
    // Borrows from before a recovery are taken though seats are missing: I2's other exception.
    if (command.kind === 'acceptBorrow')
      for (const { feature, version } of this.ledger.pools()) this.shrunk.add(`${feature} ${version}`);
    expect(withoutIds(result.reply, (id) => this.keys.get(id)!)).toEqual(modelReply);
    // I9: a ledger that came by its state from a snapshot gives the same answer, events and hash.
    expect(this.twin.apply(this.index, bytes)).toEqual(result);
    expect(this.twin.hash()).toBe(this.ledger.hash());
    expect(this.twin.nextDeadlineMs()).toBe(this.ledger.nextDeadlineMs());
    expect(this.twin.assignable(() => true)).toEqual(this.ledger.assignable(() => true));
    expect(this.twin.summary()).toEqual(this.ledger.summary());
    // I7.
    expect(this.ledger.summary().licenseTimeMs).toBe(Math.max(before, this.atMs));
    this.#compareViews();
  }

  #compareViews(): void {
    const { ledger, model } = this;
    expect([...ledger.grants()].map((grant) => withoutId(grant, (id) => this.keys.get(id)!))).toEqual([
      ...model.held.map((grant) => model.view(grant)),
      ...model.lingering.map((one) => model.viewLingering(one)),
      ...model.borrowed.map((one) => model.viewBorrowed(one)),
    ]);
    expect([...ledger.endingGrants()].map(({ id }) => this.keys.get(id))).toEqual(
      model.held.filter(({ ending }) => ending !== null).map(({ key }) => key),
    );
    for (const name of ['a', 'b', 'c', 'g', 'h', 'l', 's', 'u', 'x'])
      expect([...ledger.queue(name)].map(({ session, checkoutSeq }) => keyOf(session, checkoutSeq))).toEqual(
        model
          .queue()
          .filter(({ feature }) => feature === name)
          .map(({ key }) => key),
      );
    expect([...ledger.sessionIds()].sort()).toEqual([...model.clients.keys()].sort());
    for (const pool of ledger.pools()) {
      const key = `${pool.feature} ${pool.version}`;
      expect(pool.inUse).toBe(model.inUse(key));
      const seats = pool.count === 'uncounted' ? Number.POSITIVE_INFINITY : pool.count + (pool.overdraft ?? 0);
      const fits = pool.inUse <= seats;
      if (fits) this.shrunk.delete(key);
      else if (seats < (this.seats.get(key) ?? 0)) this.shrunk.add(key);
      this.seats.set(key, seats);
      // I2.
      expect(fits || this.shrunk.has(key)).toBe(true);
    }
  }
}

describe('the ledger against the rules written plainly', () => {
  it.each([
    ['any', stepArbitrary],
    ['shared and lingering', sharingStepArbitrary],
  ])(
    'gives the same replies, queues and state on every way there, with %s seats',
    {
      timeout: 30_000 + 1000 * runs,
    },
    async (_, steps) => {
      await fc.assert(
        fc.asyncProperty(fc.array(steps, { maxLength: 120, size: 'max' }), async (life) => {
          const trial = new Trial();
          for (const step of life) await trial.step(step);
        }),
        { numRuns: runs },
      );
    },
  );
});
