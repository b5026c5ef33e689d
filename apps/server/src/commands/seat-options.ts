import { usageError } from '../usage-error.ts';

/** Options of what is asked for, alike of each feature where several are named. */
export interface SeatOptions {
  readonly count: number;
  /** The fewest seats that will do. */
  readonly countMin?: number;
  /** The least version that will do. */
  readonly version?: string;
  /** When the product was released: a date or an instant. */
  readonly releasedAt?: string;
  /** What the license may share seats by. */
  readonly display?: string;
  readonly shareKey?: string;
}

/** What is asked for of a feature: what was not said is left out. Throws a usage error where the counts contradict each other. */
export function seatsAskedFor({ count, countMin, ...options }: SeatOptions): SeatOptions {
  if (countMin !== undefined && countMin > count)
    throw usageError(`--count-min is the fewest seats that will do, so at most --count ${count}: ${countMin} is more.`);
  const { version, releasedAt, display, shareKey } = options;
  return {
    count,
    ...(countMin === undefined ? {} : { countMin }),
    ...(version === undefined ? {} : { version }),
    ...(releasedAt === undefined ? {} : { releasedAt }),
    ...(display === undefined ? {} : { display }),
    ...(shareKey === undefined ? {} : { shareKey }),
  };
}
