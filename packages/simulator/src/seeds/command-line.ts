import { parseArgs } from 'node:util';

/** What the simulator was told to do. */
export interface Command {
  /** Undefined: drawn. */
  readonly firstSeed: number | undefined;
  /** How many; Infinity where only the time is limited. */
  readonly seeds: number;
  /** Virtual seconds of each run before everything is healed. */
  readonly seconds: number;
  /** Real time after which no other seed is begun, ms. */
  readonly forMs: number | undefined;
  /** Processes; undefined: one for each core. */
  readonly jobs: number | undefined;
  /** A file with a schedule to be run instead of one drawn from a seed. */
  readonly schedule: string | undefined;
  /** Look for the smallest schedule that breaks the same promise. */
  readonly shrink: boolean;
  /** Where the clients' history goes. */
  readonly history: string | undefined;
  readonly plantedBugs: boolean;
  /** Only this one of them. */
  readonly bug: string | undefined;
  /** Write down for the tests which seeds have found which bugs. */
  readonly record: boolean;
  /** One line of JSON instead of text. */
  readonly json: boolean;
  /** How many of the newest lines of its trace a failed seed prints. */
  readonly traceLines: number;
}

/** How to call it. */
export const usage = `npm run sim -- [--seeds N] [--seed S] [--seconds V] [--for T] [--jobs N] [--trace LINES] [--json]
               [--schedule FILE] [--shrink] [--history FILE] [--planted-bugs [--bug NAME] [--record]]

  --seeds N        run N seeds, from S on (default 50; 1 where --seed is given)
  --seed S         the first seed (default: drawn, and printed)
  --seconds V      virtual seconds of each run before everything is healed (default 30)
  --for T          begin no other seed after so much real time, for example 110s or 2m
  --jobs N         processes (default: one for each core)
  --trace LINES    lines of the trace that a failed seed prints (default 80)
  --json           print one line of JSON
  --schedule FILE  run the schedule in this file, as a failed run or --shrink has written it
  --shrink         where the run fails: look for the smallest schedule that breaks the same promise, and write it to a file
  --history FILE   of one seed or schedule: write what clients asked and were told, one line of JSON each
  --planted-bugs   put known bugs into the sources, one by one, and require that each is found within N seeds (default 400)
  --bug NAME       with it: only this one
  --record         with it: write down for the tests which seeds have found them`;

/** Reads the command line. Throws an error whose message says what is wrong with it. */
export function parseCommand(args: readonly string[]): Command {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seeds: { type: 'string' },
      seed: { type: 'string' },
      seconds: { type: 'string' },
      for: { type: 'string' },
      jobs: { type: 'string' },
      trace: { type: 'string' },
      json: { type: 'boolean', default: false },
      schedule: { type: 'string' },
      shrink: { type: 'boolean', default: false },
      history: { type: 'string' },
      bug: { type: 'string' },
      record: { type: 'boolean', default: false },
      'planted-bugs': { type: 'boolean', default: false },
    },
  });
  const plantedBugs = values['planted-bugs'];
  const one = values.schedule !== undefined || (values.seed !== undefined && values.seeds === undefined);
  if (!one && (values.history !== undefined || values.shrink))
    throw new RangeError('--history and --shrink are about one run: name it with --seed or --schedule.');
  const forMs = values.for === undefined ? undefined : duration(values.for);
  const seedsDefault = plantedBugs ? 400 : values.seed !== undefined ? 1 : forMs === undefined ? 50 : Infinity;
  return {
    firstSeed: values.seed === undefined ? undefined : wholeNumber('--seed', values.seed),
    seeds: values.seeds === undefined ? seedsDefault : wholeNumber('--seeds', values.seeds),
    seconds: values.seconds === undefined ? (plantedBugs ? 20 : 30) : wholeNumber('--seconds', values.seconds),
    forMs,
    jobs: values.jobs === undefined ? undefined : wholeNumber('--jobs', values.jobs),
    traceLines: values.trace === undefined ? 80 : wholeNumber('--trace', values.trace),
    json: values.json,
    schedule: values.schedule,
    shrink: values.shrink,
    history: values.history,
    plantedBugs,
    bug: values.bug,
    record: values.record,
  };
}

function wholeNumber(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new RangeError(`${option} must be a whole number from 1, got "${text}".`);
  return value;
}

const unitMs = { s: 1_000, m: 60_000 } as const;

function duration(text: string): number {
  const [, digits, unit] = /^(\d+)(s|m)$/.exec(text) ?? [];
  if (digits === undefined) throw new RangeError(`--for must be a time such as 110s or 2m, got "${text}".`);
  return Number(digits) * unitMs[unit as keyof typeof unitMs];
}
