import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { linearize } from './linearizability.ts';
import type { PoolOperation } from './pool-operation.ts';

type Rest = Partial<Pick<PoolOperation, 'of' | 'mayWait' | 'count' | 'share'>>;

const make = (kind: PoolOperation['kind'], from: number, until: number, rest: Rest = {}): PoolOperation => ({
  kind,
  from,
  until,
  count: 1,
  text: `${kind} ${from}–${until}`,
  ...rest,
});
const seats = (count: number, at = 0): PoolOperation => make('license', at, at, { count });
const verdictOn = (...operations: PoolOperation[]) => linearize(operations, { stepsMax: 100_000 });
const kindOf = (...operations: PoolOperation[]): string => verdictOn(...operations).kind;

describe('a pool of seats', () => {
  it('may have been used in the order in which everything happened', () => {
    const first = make('take', 1, 2);
    expect(kindOf(seats(1), first, make('deny', 3, 4), make('end', 5, 6, { of: first }), make('take', 7, 8))).toBe(
      'linearizable',
    );
  });

  it('has an order where a seat comes free while it is asked for', () => {
    const first = make('take', 1, 2);
    const end = make('end', 5, 20, { of: first });
    expect(kindOf(seats(1), first, end, make('deny', 6, 7), make('take', 6, 8))).toBe('linearizable');
  });

  it('may have given a seat before it was answered', () => {
    expect(kindOf(seats(1), make('take', 1, 9), make('deny', 2, 3))).toBe('linearizable');
  });

  it('may have lost a seat to a checkout that nobody heard of', () => {
    const lost = make('take', 1, Infinity);
    const itsEnd = make('end', 1, Infinity, { of: lost });
    expect(kindOf(seats(1), lost, itsEnd, make('deny', 2, 3), make('take', 4, 5))).toBe('linearizable');
    expect(kindOf(seats(1), lost, itsEnd, make('deny', 2, 3), make('take', 4, 5), make('deny', 6, 7))).toBe(
      'linearizable',
    );
  });

  it('may deny while somebody waits', () => {
    const big = make('take', 1, 9, { count: 2, mayWait: true });
    const held = make('take', 0.1, 0.2);
    expect(kindOf(seats(2), held, big, make('end', 5, 6, { of: held }), make('deny', 2, 3))).toBe('linearizable');
    const queued = [make('queue', 2, 2), make('unqueue', 8, 8)];
    expect(kindOf(seats(2), ...queued, make('deny', 3, 4))).toBe('linearizable');
    expect(kindOf(seats(2), ...queued, make('deny', 9, 10))).toBe('illegal');
  });

  it('gives those who share their seats once', () => {
    const first = make('take', 1, 2, { share: 'g1' });
    const second = make('take', 3, 4, { share: 'g1', count: 2 });
    const ends = [make('end', 5, 6, { of: second, count: 2 }), make('end', 9, 10, { of: first })];
    expect(kindOf(seats(2), first, second, make('deny', 4.1, 4.2), ...ends, make('take', 7, 8))).toBe('linearizable');
    expect(kindOf(seats(2), first, second, ...ends, make('take', 4.1, 4.2))).toBe('illegal');
    expect(kindOf(seats(2), first, make('take', 3, 4, { share: 'g3', count: 2 }))).toBe('illegal');
  });

  it('evicts nobody when it shrinks', () => {
    const held = make('take', 1, 2, { count: 2 });
    const end = make('end', 10, 11, { of: held, count: 2 });
    expect(kindOf(seats(2), held, seats(1, 5), end, make('deny', 6, 7), make('take', 12, 13))).toBe('linearizable');
    expect(kindOf(seats(2), held, seats(1, 5), end, make('take', 6, 7))).toBe('illegal');
    expect(kindOf(seats(2), make('tooMany', 1, 2, { count: 3 }))).toBe('linearizable');
    expect(kindOf(seats(2), make('tooMany', 1, 2, { count: 2 }))).toBe('illegal');
  });
});

describe('it is illegal', () => {
  it('to oversell', () => {
    const first = make('take', 1, 2);
    const second = make('take', 3, 4);
    const verdict = verdictOn(seats(1), first, make('end', 5, 6, { of: first }), second, make('take', 7, 8));
    expect(verdict).toMatchObject({ kind: 'illegal', stuck: second });
    expect(verdict.kind === 'illegal' && verdict.open).toEqual([second]);
  });

  it('to deny a seat that was free all the time', () => {
    const first = make('take', 1, 2);
    const denied = make('deny', 7, 8);
    expect(verdictOn(seats(1), first, make('end', 3, 6, { of: first }), denied)).toMatchObject({ stuck: denied });
  });

  it('to give one freed seat to two', () => {
    const first = make('take', 1, 2);
    const end = make('end', 3, 10, { of: first });
    expect(kindOf(seats(1), first, end, make('take', 4, 5), make('take', 4, 6))).toBe('illegal');
  });

  it('to take a seat back, give it and deny it again within less time than that takes', () => {
    const lost = make('take', 1, Infinity);
    expect(kindOf(seats(1), lost, make('deny', 2, 3), make('take', 4, 5))).toBe('illegal');
  });
});

it('gives up rather than searching for ever', () => {
  const many = Array.from({ length: 14 }, (_, at) => make('take', 1 + at / 100, 20, { count: 1 + (at % 3) }));
  const ends = many.map((of) => make('end', 1, 30, { of }));
  const verdict = linearize([seats(3), ...many, ...ends, make('deny', 40, 41)], { stepsMax: 1_000 });
  expect(verdict.kind).toBe('undecided');
});

/** Tries every order of every subset that has all that must have happened. */
function isLinearizable(operations: readonly PoolOperation[], done: readonly PoolOperation[] = [], at = 0): boolean {
  const left = operations.filter((operation) => !done.includes(operation));
  if (left.every(({ until }) => until === Infinity)) return true;
  return left.some((next) => {
    const moment = Math.max(at, next.from);
    if (left.some(({ until }) => until < moment) || !isAllowed(next, left, done, moment)) return false;
    return isLinearizable(operations, [...done, next], moment);
  });
}

function isAllowed(
  { kind, count, of }: PoolOperation,
  left: readonly PoolOperation[],
  done: readonly PoolOperation[],
  moment: number,
): boolean {
  const sum = (wanted: PoolOperation['kind']): number =>
    done.reduce((all, each) => (each.kind === wanted ? all + each.count : all), 0);
  const licensed = done.findLast((each) => each.kind === 'license')?.count ?? 0;
  const taken = sum('take') - sum('end');
  const limit = Math.min(...left.map(({ until }) => until));
  switch (kind) {
    case 'take':
      return taken + count <= licensed;
    case 'end':
      return of !== undefined && done.includes(of);
    case 'deny':
      return (
        taken + count > licensed ||
        done.filter((each) => each.kind === 'queue').length > done.filter((each) => each.kind === 'unqueue').length ||
        left.some((each) => each.mayWait === true && each.from <= Math.max(moment, limit))
      );
    case 'tooMany':
      return count > licensed;
    default:
      return true;
  }
}

const place = fc.integer({ min: 1, max: 12 });
const window = fc.tuple(place, place).map(([a, b]) => ({ from: Math.min(a, b), until: Math.max(a, b) }));
const count = fc.integer({ min: 1, max: 2 });
const usage = fc
  .record({ take: window, end: window, count, isLost: fc.boolean(), isOpen: fc.boolean() })
  .map(({ take, end, count: each, isLost, isOpen }) => {
    const taking = make('take', take.from, isLost ? Infinity : take.until, { count: each });
    return [taking, make('end', end.from, isOpen || isLost ? Infinity : end.until, { count: each, of: taking })];
  });
const denial = fc
  .record({ at: window, count })
  .map(({ at, count: each }) => [make('deny', at.from, at.until, { count: each })]);

it('agrees with trying everything', () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 2 }),
      fc.array(fc.oneof(usage, denial), { minLength: 1, maxLength: 3 }),
      fc.option(fc.record({ at: place, count: fc.integer({ min: 0, max: 2 }) })),
      (licensed, used, later) => {
        // A license takes its place in the log at a known moment.
        const operations = [seats(licensed), ...used.flat(), ...(later ? [seats(later.count, later.at + 0.5)] : [])];
        const { kind } = verdictOn(...operations);
        seen.add(kind);
        expect(kind === 'linearizable').toBe(isLinearizable(operations));
      },
    ),
    { numRuns: 400, seed: 7 },
  );
  expect([...seen].sort()).toEqual(['illegal', 'linearizable']);
});

it('is quick with ten thousand operations', () => {
  const operations: PoolOperation[] = [seats(4)];
  const held: PoolOperation[] = [];
  for (let at = 0; operations.length < 10_000; at++) {
    const from = 10 + at * 4;
    if (held.length < 4) {
      const take = make('take', from - 7, from + 2);
      held.push(take);
      operations.push(take);
    } else {
      const of = held.shift() as PoolOperation;
      operations.push(make('deny', from - 2, from + 1), make('end', from, from + 9, { of }));
    }
    if (at % 50 === 0) {
      const lost = make('take', from, Infinity);
      operations.push(lost, make('end', from, Infinity, { of: lost }));
    }
  }
  const before = process.hrtime.bigint();
  expect(verdictOn(...operations).kind).toBe('linearizable');
  expect(Number(process.hrtime.bigint() - before) / 1e6, 'milliseconds').toBeLessThan(5_000);
});
