import { type SeededRandom, seededRandom } from '@lic/testkit';
import { z } from 'zod';
import { deedKinds, faultKinds } from '../faults/fault-kinds.ts';
import { draw, drawHabits, drawPlan, type Plan, planSchema, type RangeMs } from './plan.ts';

const scheduledSchema = z.strictObject({
  /** What else is to be drawn for it is drawn from the seed and this number: it stays the same when others are left out. */
  id: z.int().min(1),
  atMs: z.number().min(0),
  /** The rank of the server that it is about, or the one that is in control then. */
  server: z.union([z.int().min(1).max(3), z.literal('in-control')]),
});

const faultSchema = scheduledSchema.extend({
  kind: z.enum(faultKinds),
  /** Of one that passes. */
  lastsMs: z.number().min(0),
});

const deedSchema = scheduledSchema.extend({ kind: z.enum(deedKinds) });

/** One fault that is to happen. */
export type ScheduledFault = z.infer<typeof faultSchema>;

/** One thing that an operator is to do. */
export type ScheduledDeed = z.infer<typeof deedSchema>;

/** All that a run does. What is not in it (latencies, what clients ask for) is drawn from the seed. */
const scheduleSchema = z.strictObject({
  seed: z.int(),
  /** Virtual time before everything is healed. */
  seconds: z.number().positive(),
  plan: planSchema,
  /** Numbers of the clients that work, from 1. */
  clients: z.array(z.int().min(1)),
  faults: z.array(faultSchema),
  deeds: z.array(deedSchema),
});

export type Schedule = z.infer<typeof scheduleSchema>;

/** Of all seeds, in so many a machine is exchanged, within so much time, ms; as a deed with a number of its own. */
const exchangeShare = 0.2;
const exchangeMsMax = 8_000;
const exchangeId = 1_000_000;

/** More clients than this are a crowd; disks and links are slow together from so much on, ms; and a server is busy from so many entries on. */
const crowdMin = 6;
const slowMsMin = 20;
const busyFrom = 20;
/** Appends under way at once over slow links, at least. */
const underWay = 8;

/** Draws the schedule of a seed. */
export function drawSchedule(seed: number, seconds: number): Schedule {
  const random = seededRandom(seed).fork('schedule');
  const habits = drawHabits(random.fork('habits'));
  const plan = withBounds(drawPlan(random.fork('plan')), habits.clients);
  const { faults, faultEvery, faultLasts, deeds, deedEvery } = habits;
  const forFaults = random.fork('faults');
  const forDeeds = random.fork('deeds');
  return {
    seed,
    seconds,
    plan,
    clients: Array.from({ length: habits.clients }, (_, at) => at + 1),
    faults: timesUntil(seconds, faults.length === 0 ? undefined : faultEvery, random.fork('fault times')).map(
      (atMs, at) => ({
        id: at + 1,
        atMs,
        kind: forFaults.pick(faults),
        server: drawServer(forFaults, plan.servers),
        // Some pass at once: the quickest restart is the one in which most is still under way.
        lastsMs: Math.round(forFaults.chance(0.2) ? forFaults.float() * 20 : draw(forFaults, faultLasts)),
      }),
    ),
    deeds: [
      ...drawExchange(random.fork('exchange'), plan.servers, seconds),
      ...timesUntil(seconds, deeds.length === 0 ? undefined : deedEvery, random.fork('deed times')).map((atMs, at) => ({
        id: at + 1,
        atMs,
        kind: forDeeds.pick(deeds),
        server: drawServer(forDeeds, plan.servers),
      })),
    ],
  };
}

/**
 * Tens of clients ask for more than slow disks and links do one entry at a time: there servers say early that they are busy, instead of
 * falling behind by more than clients wait. Over slow links a new leader that sends one entry at a time, or two, needs longer for what a
 * stand-by lacks than control may take: there a few are under way at once.
 */
function withBounds(plan: Plan, clients: number): Plan {
  const { latency, sync, raft } = plan;
  const isCrowded = clients > crowdMin && latency.maxMs + sync.maxMs > slowMsMin;
  const isHampered =
    latency.maxMs > slowMsMin && raft.appendEntriesMax === 1 && (raft.appendsInFlightMax ?? underWay) < underWay;
  return {
    ...plan,
    raft: {
      ...raft,
      ...(isCrowded ? { inFlightMax: busyFrom } : {}),
      ...(isHampered ? { appendsInFlightMax: underWay } : {}),
    },
  };
}

/** In some runs one machine takes the place of another. */
function drawExchange(random: SeededRandom, servers: number, seconds: number): ScheduledDeed[] {
  const atMs = Math.round(random.float() * exchangeMsMax);
  if (servers < 3 || !random.chance(exchangeShare) || atMs > seconds * 1_000) return [];
  return [{ id: exchangeId, atMs, kind: 'exchange', server: random.between(1, servers) }];
}

/** Reads a schedule from the text of a file. Throws an error that says what is wrong with it, at which field. */
export function parseSchedule(text: string): Schedule {
  const parsed = scheduleSchema.safeParse(JSON.parse(text));
  if (parsed.success) return parsed.data;
  throw new TypeError(`This is no schedule of the simulator: ${z.prettifyError(parsed.error)}`);
}

function drawServer(random: SeededRandom, servers: number): ScheduledFault['server'] {
  return random.chance(0.4) ? 'in-control' : random.between(1, servers);
}

function timesUntil(seconds: number, every: RangeMs | undefined, random: SeededRandom): number[] {
  const times: number[] = [];
  if (every === undefined) return times;
  for (let atMs = draw(random, every); atMs < seconds * 1_000; atMs += draw(random, every))
    times.push(Math.round(atMs));
  return times;
}
