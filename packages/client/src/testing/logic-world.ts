import type { Timer } from '@lic/interfaces';
import { type SeededRandom, seededRandom } from '@lic/testkit';
import type { LogicTiming } from '../logic/timing.ts';
import { FakeTriad } from './fake-triad.ts';
import { fakeServers, type TestFeature, unsignedLicense } from './licenses.ts';
import { LogicClient } from './logic-client.ts';

interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
  isCancelled: boolean;
}

export interface LogicWorldOptions {
  readonly seed?: number;
  readonly features?: readonly TestFeature[];
  readonly leaseMs?: number;
  readonly marginMs?: number;
  readonly latencyMs?: number;
  readonly timing?: Partial<LogicTiming>;
  /** What clients are given; default: one address of each server. */
  readonly addresses?: readonly string[];
}

/** Clients' logic and a fake triad on virtual time, one event after the other, no promises anywhere. */
export class LogicWorld {
  readonly random: SeededRandom;
  readonly triad: FakeTriad;
  readonly clients: LogicClient[] = [];
  readonly options: LogicWorldOptions;
  readonly latencyMs: number;
  /** Called after every event. */
  check: () => void = () => undefined;
  commitMs = 2;
  nowMs = 0;
  #events: Event[] = [];
  #order = 0;

  constructor(options: LogicWorldOptions = {}) {
    this.options = options;
    this.latencyMs = options.latencyMs ?? 1;
    this.random = seededRandom(options.seed ?? 1);
    this.triad = new FakeTriad({
      nowMs: () => this.nowMs,
      schedule: (delayMs, run) => this.schedule(delayMs, run),
      license: unsignedLicense(options.features ?? [{ name: 'compare', count: 2 }]),
      licenseHash: '0'.repeat(64),
      servers: fakeServers,
      leaseMs: options.leaseMs ?? 10_000,
      marginMs: options.marginMs ?? 1_000,
      commitMs: () => this.commitMs,
    });
    const reclaim = (): void => {
      this.triad.reclaim();
      this.triad.serveQueue();
      this.schedule(100, reclaim);
    };
    this.schedule(100, reclaim);
  }

  schedule(delayMs: number, run: () => void): Timer {
    const event: Event = { atMs: this.nowMs + Math.max(0, delayMs), order: this.#order++, run, isCancelled: false };
    let low = 0;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.#events[middle] as Event;
      if (other.atMs > event.atMs || (other.atMs === event.atMs && other.order > event.order)) low = middle + 1;
      else high = middle;
    }
    this.#events.splice(low, 0, event);
    return {
      cancel: () => {
        event.isCancelled = true;
      },
    };
  }

  /** Lets time go by. */
  run(forMs: number): void {
    const endMs = this.nowMs + forMs;
    for (let next = this.#events.at(-1); next !== undefined && next.atMs <= endMs; next = this.#events.at(-1)) {
      this.#events.pop();
      if (next.isCancelled) continue;
      this.nowMs = next.atMs;
      next.run();
      this.check();
    }
    this.nowMs = endMs;
  }

  /** Lets time go by until `isTrue`, at most so long; throws where that does not come. */
  runUntil(isTrue: () => boolean, mostMs = 30_000): void {
    const endMs = this.nowMs + mostMs;
    while (!isTrue()) {
      const next = this.#events.pop();
      if (next === undefined || next.atMs > endMs) throw new Error(`still not so after ${mostMs} ms`);
      if (next.isCancelled) continue;
      this.nowMs = next.atMs;
      next.run();
      this.check();
    }
  }

  client(name = 'ann'): LogicClient {
    const client = new LogicClient(this, name);
    this.clients.push(client);
    return client;
  }
}

export type { LogicClient, LogicGrant } from './logic-client.ts';
