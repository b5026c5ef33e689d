import type { Runtime, Timer } from '@lic/interfaces';
import { EventQueue, type VirtualEvent } from './event-queue.ts';
import { type SeededRandom, seededRandom } from './random.ts';

/** How a process's clocks differ from true time. */
export interface VirtualClockOptions {
  /** Wall clock at the world's beginning minus true time, ms. Default 0. */
  readonly wallOffsetMs?: number;
  /** By how much both its clocks run fast, as a fraction: 0.01 gains 10 ms a second. Default 0. */
  readonly drift?: number;
}

/** The runtime of one process on virtual time, with the faults that its clocks and its life may have. */
export interface VirtualRuntime extends Runtime {
  readonly name: string;
  /** Moves the wall clock; the monotonic one stays. */
  stepWall(byMs: number): void;
  /** From now on both clocks run at 1 + drift. */
  setDrift(drift: number): void;
  /** The process stands still (SIGSTOP, garbage collection): due timers wait, clocks go on. */
  pause(): void;
  resume(): void;
  /** The process is gone: no timer of it fires any more. A new process is a new runtime. */
  kill(): void;
  readonly isAlive: boolean;
  readonly isPaused: boolean;
  /** Runs `callback` as the process's own work: at once where it runs, after `resume` where it is paused, never once killed. */
  deliver(callback: () => void): void;
}

/** When {@link VirtualWorld.run} stops. The first that comes true. */
export interface RunLimits {
  /** True time, ms since the beginning. */
  readonly untilMs?: number;
  /** For so much longer, ms. */
  readonly forMs?: number;
  /** Asked after every event. */
  readonly until?: () => boolean;
  /** Default 10 million: a run that goes on for ever is an error. */
  readonly eventsMax?: number;
}

/** One process-wide virtual time with all that happens in it, from one seed. */
export interface VirtualWorld {
  readonly seed: number | string;
  readonly random: SeededRandom;
  /** True time, ms since the beginning. */
  readonly nowMs: number;
  /** Events run so far. */
  readonly events: number;
  /** A process's runtime. Its randomness depends on the seed and its name. */
  runtime(name: string, options?: VirtualClockOptions): VirtualRuntime;
  /** Something of nobody's process (the network, a fault) after `delayMs` of true time. */
  schedule(delayMs: number, run: () => void): Timer;
  /**
   * Runs events in order of time until a limit is reached or nothing is left. All that an event sets off in promises
   * has settled before the next event begins. Answers whether `until` came true (true where there is none).
   */
  run(limits?: RunLimits): Promise<boolean>;
  /** Lets promises settle without running an event. */
  settle(): Promise<void>;
  /** Called after every event, when promises have settled: a checker of invariants. What it throws ends `run`. */
  onEvent(listener: () => void): void;
}

/** 2026-01-01T00:00:00Z: what a wall clock without offset says at the world's beginning. */
export const virtualEpochMs = Date.UTC(2026, 0, 1);
const eventsMaxDefault = 10_000_000;
/** A timer that is still due after rounding waits so long: an instant that is later for sure. */
const leastWaitMs = 1e-6;

/** Makes a world. The same seed and the same calls give the same run, byte for byte. */
export function createVirtualWorld(options: { readonly seed: number | string }): VirtualWorld {
  const random = seededRandom(options.seed);
  const queue = new EventQueue();
  const listeners: (() => void)[] = [];
  let nowMs = 0;
  let order = 0;
  let events = 0;
  let isRunning = false;

  const schedule = (delayMs: number, run: () => void): Timer => {
    const atMs = nowMs + (Number.isNaN(delayMs) ? 0 : Math.max(0, delayMs));
    const event: VirtualEvent = { atMs, order: order++, run, cancelled: false };
    queue.push(event);
    return {
      cancel() {
        event.cancelled = true;
      },
    };
  };

  const run = async (limits: RunLimits): Promise<boolean> => {
    const endMs = Math.min(limits.untilMs ?? Infinity, limits.forMs === undefined ? Infinity : nowMs + limits.forMs);
    const eventsMax = events + (limits.eventsMax ?? eventsMaxDefault);
    await settle();
    for (;;) {
      if (limits.until?.()) return true;
      const next = queue.peek();
      if (next === undefined || next.atMs > endMs) {
        if (Number.isFinite(endMs)) nowMs = Math.max(nowMs, endMs);
        return limits.until === undefined;
      }
      if (events >= eventsMax) throw new Error(`virtual world: still not done after ${events} events at ${nowMs} ms`);
      queue.pop();
      if (next.cancelled) continue;
      nowMs = next.atMs;
      events++;
      next.run();
      await settle();
      for (const listener of listeners) listener();
    }
  };

  return {
    seed: options.seed,
    random,
    get nowMs() {
      return nowMs;
    },
    get events() {
      return events;
    },
    schedule,
    settle,
    onEvent: (listener) => void listeners.push(listener),
    async run(limits = {}) {
      if (isRunning) throw new Error('virtual world: run was called while it runs');
      isRunning = true;
      try {
        return await run(limits);
      } finally {
        isRunning = false;
      }
    },
    runtime: (name, clock) =>
      virtualRuntime({
        name,
        clock: clock ?? {},
        random: random.fork(`runtime/${name}`),
        schedule,
        trueMs: () => nowMs,
      }),
  };
}

/** Every promise that can settle without an event has done so once a macrotask has gone by. */
function settle(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

interface VirtualRuntimeParts {
  readonly name: string;
  readonly clock: VirtualClockOptions;
  readonly random: SeededRandom;
  readonly schedule: (delayMs: number, run: () => void) => Timer;
  readonly trueMs: () => number;
}

function virtualRuntime({ name, clock, random, schedule, trueMs }: VirtualRuntimeParts): VirtualRuntime {
  let drift = clock.drift ?? 0;
  let anchorTrueMs = trueMs();
  let anchorMonotonicMs = 0;
  let wallMinusMonotonicMs = virtualEpochMs + anchorTrueMs + (clock.wallOffsetMs ?? 0);
  let isPaused = false;
  let isAlive = true;
  let waiting: (() => void)[] = [];

  const monotonic = (): number => anchorMonotonicMs + (trueMs() - anchorTrueMs) * (1 + drift);
  const deliver = (callback: () => void): void => {
    if (!isAlive) return;
    if (isPaused) waiting.push(callback);
    else callback();
  };

  return {
    name,
    monotonic,
    now: () => Math.floor(wallMinusMonotonicMs + monotonic()),
    random: (byteCount) => random.bytes(byteCount),
    setTimer(delayMs, callback) {
      const dueMs = monotonic() + (delayMs > 0 ? Math.min(delayMs, 2 ** 31 - 1) : 0);
      let isCancelled = false;
      let timer: Timer;
      const wait = (leastMs: number): void => {
        timer = schedule(Math.max(leastMs, (dueMs - monotonic()) / (1 + drift)), () => deliver(fire));
      };
      const fire = (): void => {
        if (isCancelled) return;
        // By rounding, or since the clock runs slower now: too early is never, as the contract has it.
        if (monotonic() < dueMs) wait(leastWaitMs);
        else callback();
      };
      wait(0);
      return {
        cancel() {
          isCancelled = true;
          timer.cancel();
        },
      };
    },
    stepWall(byMs) {
      wallMinusMonotonicMs += byMs;
    },
    setDrift(value) {
      anchorMonotonicMs = monotonic();
      anchorTrueMs = trueMs();
      drift = value;
    },
    pause() {
      isPaused = true;
    },
    resume() {
      if (!isPaused) return;
      isPaused = false;
      // One event each, so that the process handles its backlog as it would: one callback after the other.
      for (const callback of waiting) schedule(0, () => deliver(callback));
      waiting = [];
    },
    kill() {
      isAlive = false;
      waiting = [];
    },
    get isAlive() {
      return isAlive;
    },
    get isPaused() {
      return isPaused;
    },
    deliver,
  };
}
