import { describe, expect, it } from 'vitest';
import { checkHistory } from './history-check.ts';
import type { HistoryRecord } from './history-record.ts';

type Call = {
  readonly op: number;
  readonly count?: number;
  readonly countMin?: number;
  readonly client?: string;
  readonly waitMs?: number;
  readonly together?: number;
};

/** Writes a history by hand. */
class Script {
  readonly records: HistoryRecord[] = [];
  readonly #calls = new Map<number, Call>();

  add(record: Record<string, unknown>): this {
    const { length: index } = this.records;
    this.records.push({ index, time: index, type: 'info', ...record } as unknown as HistoryRecord);
    return this;
  }

  seats(count: number | 'uncounted', version?: string): this {
    return this.add({ f: 'seats', feature: 'compare', count, version });
  }

  ask(call: Call): this {
    this.#calls.set(call.op, call);
    return this.#end(call.op, { type: 'invoke' });
  }

  granted(op: number, grant: string): this {
    return this.#end(op, { type: 'ok', grant });
  }

  denied(op: number, code = 'NO_SEATS'): this {
    return this.#end(op, { type: 'fail', code });
  }

  lost(op: number): this {
    return this.#end(op, { type: 'info', code: 'NO_SERVER' });
  }

  held(grant: string, value: boolean, client = 'a'): this {
    return this.add({ f: 'held', grant, value, client });
  }

  giveBack(op: number, grant: string, type: 'invoke' | 'ok' | 'info'): this {
    return this.add({
      f: 'checkin',
      type,
      op,
      process: 0,
      client: 'a',
      feature: 'compare',
      count: 1,
      waitMs: 0,
      grant,
    });
  }

  taken(grant: string, client = 'a', count = 1): this {
    return this.add({ f: 'taken', grant, client, feature: 'compare', count });
  }

  freed(grant: string, code = 'checkedIn'): this {
    return this.add({ f: 'freed', grant, code });
  }

  get verdict(): string {
    const { broken } = checkHistory(this.records);
    return broken === undefined ? 'fine' : `${broken.promise}: ${broken.message}`;
  }

  #end(op: number, rest: Record<string, unknown>): this {
    const { client = 'a', count = 1, waitMs = 0, ...more } = this.#calls.get(op) ?? {};
    return this.add({ f: 'checkout', process: op, client, feature: 'compare', count, waitMs, ...more, op, ...rest });
  }
}

const script = (): Script => new Script();

describe('a history of seats that are shared or linger', () => {
  const begun = (): Script => script().add({ f: 'account' }).seats(1).ask({ op: 1 });

  it('is fine where two have one seat by the same share, and only then', () => {
    const taken = (share: object): string => {
      const first = begun().add({ f: 'taken', grant: 'g1', client: 'a', feature: 'compare', count: 1, share: 'g1' });
      const asked = first.granted(1, 'g1').held('g1', true).ask({ op: 2, client: 'b' });
      const second = asked.add({ f: 'taken', grant: 'g2', client: 'b', feature: 'compare', count: 1, ...share });
      return second.granted(2, 'g2').held('g2', true, 'b').verdict;
    };
    expect(taken({ share: 'g1' })).toBe('fine');
    expect(taken({})).toMatch(/^history: /);
  });

  it('denies what lingers to others until it does no more', () => {
    const lingering = (): Script => {
      const held = begun().add({ f: 'taken', grant: 'g1', client: 'a', feature: 'compare', count: 1 }).granted(1, 'g1');
      const over = held.giveBack(2, 'g1', 'invoke').freed('g1');
      return over.add({ f: 'lingering', grant: 'g1', feature: 'compare', count: 1 }).giveBack(2, 'g1', 'ok');
    };
    expect(lingering().ask({ op: 3, client: 'b' }).denied(3).verdict).toBe('fine');
    const over = lingering().add({ f: 'lingering', grant: 'g1', feature: 'compare', count: 0 });
    expect(over.ask({ op: 3, client: 'b' }).denied(3).verdict).toMatch(/^history: /);
  });

  it('may linger beyond what a license has by then', () => {
    const held = script().add({ f: 'account' }).seats(2).ask({ op: 1, count: 2 }).taken('g1', 'a', 2).granted(1, 'g1');
    const shrunk = held.held('g1', true).seats(1).giveBack(2, 'g1', 'invoke').held('g1', false).freed('g1');
    const lingering = shrunk.add({ f: 'lingering', grant: 'g1', feature: 'compare', count: 2 });
    expect(lingering.ask({ op: 3, client: 'b' }).denied(3).verdict).toBe('fine');
  });
});

describe('a history without an account', () => {
  it('is fine where one after the other has the seat', () => {
    const first = script().seats(1).ask({ op: 1 }).granted(1, 'g1').held('g1', true).ask({ op: 2 }).denied(2);
    const second = first.giveBack(3, 'g1', 'invoke').held('g1', false).giveBack(3, 'g1', 'ok');
    expect(second.ask({ op: 4 }).granted(4, 'g2').verdict).toBe('fine');
  });

  it('may have reclaimed a seat once its client holds it no more', () => {
    const silent = script().seats(1).ask({ op: 1 }).granted(1, 'g1').held('g1', true).held('g1', false);
    expect(silent.ask({ op: 2, client: 'b' }).granted(2, 'g2').verdict).toBe('fine');
    const dead = script().seats(1).ask({ op: 1 }).granted(1, 'g1').held('g1', true).add({ f: 'died', client: 'a' });
    expect(dead.ask({ op: 2, client: 'b' }).granted(2, 'g2').verdict).toBe('fine');
  });

  it('has no order where two hold one seat', () => {
    const held = script().seats(1).ask({ op: 1 }).granted(1, 'g1').held('g1', true);
    expect(held.ask({ op: 2, client: 'b' }).granted(2, 'g2').verdict).toMatch(/^history: no order .* take .*g2 of b/);
  });

  it('has none where a grant comes back to life after another had its seat', () => {
    const away = script().seats(1).ask({ op: 1 }).granted(1, 'g1').held('g1', true).held('g1', false);
    const between = away.ask({ op: 2, client: 'b' }).granted(2, 'g2').held('g2', true, 'b');
    expect(between.verdict).toBe('fine');
    expect(between.held('g1', true).verdict).toMatch(/^history: /);
  });

  it('has none where a free seat is denied, and shows the smallest window', () => {
    const { verdict } = script().seats(1).ask({ op: 1 }).denied(1).ask({ op: 2 }).granted(2, 'g1');
    expect(verdict).toMatch(/^history: no order of the calls explains deny \(call 1 of a\) of compare:/);
    expect(verdict.split('\n')).toHaveLength(3);
  });

  it('may deny for an unknown outcome, or for one who waits', () => {
    expect(script().seats(1).ask({ op: 1, client: 'b' }).lost(1).ask({ op: 2 }).denied(2).verdict).toBe('fine');
    expect(script().seats(1).ask({ op: 1, client: 'b', waitMs: 9 }).ask({ op: 2 }).denied(2).verdict).toBe('fine');
    expect(script().seats(2).ask({ op: 1, client: 'b' }).lost(1).ask({ op: 2 }).denied(2).verdict).toMatch(/^history/);
  });

  it('has none where the license is said to have too few, and has not', () => {
    expect(script().seats(1).ask({ op: 1, count: 2 }).denied(1, 'COUNT_TOO_HIGH').verdict).toBe('fine');
    expect(script().seats(2).ask({ op: 1, count: 2 }).denied(1, 'COUNT_TOO_HIGH').verdict).toMatch(/^history/);
    expect(script().seats(0).ask({ op: 1 }).denied(1, 'UNKNOWN_FEATURE').verdict).toBe('fine');
    expect(script().seats(1).ask({ op: 1 }).denied(1, 'UNKNOWN_FEATURE').verdict).toMatch(/^history/);
  });

  it('does not judge denials of a feature that has several pools, nor sells out what is uncounted', () => {
    const divided = script().seats(1, '1.0').seats(1, '2.0');
    expect(divided.ask({ op: 1 }).denied(1).verdict).toBe('fine');
    const many = script().seats('uncounted').ask({ op: 1 }).granted(1, 'g1').held('g1', true);
    expect(many.ask({ op: 2, count: 9 }).granted(2, 'g2').verdict).toBe('fine');
  });

  it('has no grant that answers two calls', () => {
    const twice = script().seats(2).ask({ op: 1 }).granted(1, 'g1').ask({ op: 2, client: 'b' }).granted(2, 'g1');
    expect(twice.verdict).toMatch(/^I5: grant g1 was the answer to two calls/);
  });
});

describe('a history with an account', () => {
  const begun = (): Script => script().add({ f: 'account' }).seats(1);

  it('explains a denial by what nobody was told of', () => {
    const asked = begun().ask({ op: 1, client: 'b' }).lost(1).taken('g1', 'b');
    expect(asked.ask({ op: 2 }).denied(2).verdict).toBe('fine');
    expect(begun().ask({ op: 1, client: 'b' }).lost(1).ask({ op: 2 }).denied(2).verdict).toMatch(/^history/);
    const over = begun().ask({ op: 1, client: 'b' }).lost(1).taken('g1', 'b').freed('g1');
    expect(over.ask({ op: 2 }).denied(2).verdict).toMatch(/^history/);
  });

  it('explains one by the queue', () => {
    const queued = begun().add({ f: 'queued', place: 'q1', feature: 'compare', count: 1 });
    expect(queued.ask({ op: 1 }).denied(1).verdict).toBe('fine');
    expect(queued.add({ f: 'unqueued', place: 'q1' }).ask({ op: 2 }).denied(2).verdict).toMatch(/^history/);
  });

  it('has in the log what clients were told of', () => {
    expect(begun().ask({ op: 1 }).granted(1, 'g1').verdict).toMatch(/^I4: a was told of grant g1/);
    const early = begun().ask({ op: 1 }).taken('g1').granted(1, 'g1').held('g1', true).giveBack(2, 'g1', 'invoke');
    expect(early.held('g1', false).giveBack(2, 'g1', 'ok').freed('g1').verdict).toMatch(
      /^I4: a .* given back grant g1/,
    );
  });

  it('frees nothing that is held', () => {
    const held = begun().ask({ op: 1 }).taken('g1').granted(1, 'g1').held('g1', true).freed('g1', 'reclaimed');
    expect(held.held('g1', false).verdict).toMatch(/^I3: grant g1 was freed \(reclaimed\) before a held it/);
  });

  it('counts the seats of each version by themselves', () => {
    const taken = (op: number, version: string): Script =>
      script()
        .add({ f: 'account' })
        .seats(1, '1.0')
        .seats(1, '2.0')
        .ask({ op: 1 })
        .add({ f: 'taken', grant: 'g1', client: 'a', feature: 'compare', version: '1.0', count: 1 })
        .granted(1, 'g1')
        .held('g1', true)
        .ask({ op, client: 'b' })
        .add({ f: 'taken', grant: 'g2', client: 'b', feature: 'compare', version, count: 1 })
        .granted(op, 'g2')
        .held('g2', true, 'b');
    expect(taken(2, '2.0').verdict).toBe('fine');
    expect(taken(2, '1.0').verdict).toMatch(/^history: no order .* of compare 1.0/);
  });

  it('denies fewer seats that would do only where they are not to be had, once that is in force', () => {
    const partial = { op: 1, count: 2, countMin: 1 };
    expect(begun().ask(partial).denied(1).verdict).toBe('fine');
    expect(begun().add({ f: 'terms' }).ask(partial).denied(1).verdict).toMatch(/^history: /);
  });

  it('gives several features at once, with one entry', () => {
    const pair = (entry: number): string =>
      script()
        .add({ f: 'account' })
        .seats(2)
        .ask({ op: 1, together: 1 })
        .ask({ op: 2, together: 1 })
        .add({ f: 'taken', grant: 'g1', client: 'a', feature: 'compare', count: 1, entry: 7 })
        .add({ f: 'taken', grant: 'g2', client: 'a', feature: 'compare', count: 1, entry })
        .granted(1, 'g1')
        .granted(2, 'g2').verdict;
    expect(pair(7)).toBe('fine');
    expect(pair(8)).toMatch(/^I5: grant g2 of a was given with entry 8/);
  });

  it('gives nobody what was not asked for', () => {
    const asked = begun().ask({ op: 1 }).taken('g1').granted(1, 'g1');
    expect(asked.freed('g1').verdict).toBe('fine');
    expect(asked.taken('g2').verdict).toMatch(/^I5: a was given grant g2/);
  });
});
