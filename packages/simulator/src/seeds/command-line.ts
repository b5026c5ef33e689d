import { parseArgs } from 'node:util';
import type { SeedsRange } from './seeds.ts';

/** What the simulator was told to do. */
export interface Command extends SeedsRange {
  readonly plantedBugs: boolean;
  /** Only this one of them. */
  readonly bug: string | undefined;
  /** One line of JSON instead of text. */
  readonly json: boolean;
  /** How many of the newest lines of its trace a failed seed prints. */
  readonly traceLines: number;
}

/** How to call it. */
export const usage = `npm run sim -- [--seeds N] [--seed S] [--seconds V] [--trace LINES] [--json] [--planted-bugs]

  --seeds N        run N seeds, from S on (default 50; 1 where --seed is given)
  --seed S         the first seed (default 1)
  --seconds V      virtual seconds of each run before everything is healed (default 30)
  --trace LINES    lines of the trace that a failed seed prints (default 80)
  --json           print one line of JSON
  --planted-bugs   put known bugs into the sources, one by one, and require that each is found within N seeds (default 400)
  --bug NAME       with it: only this one`;

/** Reads the command line. Throws an error whose message says what is wrong with it. */
export function parseCommand(args: readonly string[]): Command {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seeds: { type: 'string' },
      seed: { type: 'string' },
      seconds: { type: 'string' },
      trace: { type: 'string' },
      json: { type: 'boolean', default: false },
      bug: { type: 'string' },
      'planted-bugs': { type: 'boolean', default: false },
    },
  });
  const plantedBugs = values['planted-bugs'];
  const seedsDefault = plantedBugs ? 400 : values.seed === undefined ? 50 : 1;
  return {
    firstSeed: wholeNumber('--seed', values.seed, 1),
    seeds: wholeNumber('--seeds', values.seeds, seedsDefault),
    seconds: wholeNumber('--seconds', values.seconds, plantedBugs ? 20 : 30),
    traceLines: wholeNumber('--trace', values.trace, 80),
    json: values.json,
    plantedBugs,
    bug: values.bug,
  };
}

function wholeNumber(option: string, text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new RangeError(`${option} must be a whole number from 1, got "${text}".`);
  return value;
}
