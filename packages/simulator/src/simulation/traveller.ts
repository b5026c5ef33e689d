import { type BorrowStore, type Client, createClient, isDenialError, openBorrow } from '@lic/client';
import type { GrantView } from '@lic/core';
import { errorCode, errorMessage } from '@lic/interfaces';
import type { MemoryNetwork, SeededRandom, VirtualRuntime, VirtualWorld } from '@lic/testkit';
import type { Believed } from '../checks/beliefs.ts';
import type { Fail } from '../checks/violation.ts';
import { type Feature, vendor } from '../cluster/cluster-license.ts';
import type { RarePath } from '../rare-paths/rare-paths.ts';
import { earlyRelease } from './identities.ts';
import { sleep } from './sleep.ts';

/** What a {@link Traveller} is made with. */
export interface TravellerParts {
  /** Its laptop. */
  readonly name: string;
  readonly world: VirtualWorld;
  readonly network: MemoryNetwork;
  readonly random: SeededRandom;
  readonly servers: readonly string[];
  /** What the license in force has, as far as products know. */
  readonly features: () => readonly Feature[];
  readonly borrowMarginMs: number;
  readonly note: (who: string, what: string) => void;
  readonly fail: Fail;
  /** Borrows that stand at the newest entry of the log. */
  readonly standing: () => readonly GrantView[];
  /** License time at the newest entry. */
  readonly licenseTimeMs: () => number;
  readonly believed: (client: string, seats: Believed) => void;
  readonly reached: (path: RarePath) => void;
}

/** What a borrow may come to besides a token. */
const expectedCodes = new Set([
  'NO_SEATS',
  'BORROW_NOT_LICENSED',
  'BORROW_LIMIT',
  'BORROW_TOO_LONG',
  'NO_QUORUM',
  'NO_SERVER',
  'BUSY',
  'TIMEOUT',
  'NOT_OPEN_YET',
  'UNKNOWN_FEATURE',
  'COUNT_TOO_HIGH',
  'VERSION_NOT_LICENSED',
  'RELEASE_NOT_COVERED',
  'NOT_STARTED',
  'EXPIRED',
  'RESERVED',
  'MAX_REACHED',
  'EXCLUDED',
  'NOT_INCLUDED',
]);

/** How often what befalls a traveller. */
const shares = { crash: 0.25, clockBack: 0.3, returned: 0.6, whileOpen: 0.5, giveUp: 0.1 } as const;
const durationMs = { min: 300, max: 4_000 } as const;
/** The laptop's clock goes wrong by so much, as a fraction; what a check lets pass besides, ms. */
const driftMax = 0.004;
const slackMs = 50;

/** The process has died. */
class Crash extends Error {}

/** Somebody with a laptop: borrows, works with no server, gives back or lets it run out, and loses a process now and then. */
export class Traveller {
  readonly name: string;
  /** The laptop's clocks: they go on while no process runs. */
  readonly #laptop: VirtualRuntime;
  readonly #parts: TravellerParts;
  readonly #disk: { text: string | undefined; changesLeft: number } = { text: undefined, changesLeft: Infinity };
  readonly #store: BorrowStore;
  #processes = 0;
  #isTravelling = true;
  #journey: Promise<void> = Promise.resolve();

  constructor(parts: TravellerParts) {
    this.#parts = parts;
    this.name = parts.name;
    this.#laptop = parts.world.runtime(parts.name, { drift: (parts.random.float() - 0.5) * 2 * driftMax });
    this.#store = this.#makeStore();
  }

  start(): void {
    this.#journey = this.#travel();
  }

  /** Ends the journey and gives back what is borrowed: nothing may be left then. */
  async stop(): Promise<void> {
    this.#isTravelling = false;
    await this.#journey;
    this.#disk.changesLeft = Infinity;
    while (this.#disk.text !== undefined) {
      await this.#giveBack();
      await sleep(this.#laptop, 100);
    }
  }

  async #travel(): Promise<void> {
    const { random } = this.#parts;
    while (this.#isTravelling) {
      await sleep(this.#laptop, random.float() * 1_000);
      if (!this.#isTravelling) return;
      this.#disk.changesLeft = random.chance(shares.crash) ? random.between(0, 3) : Infinity;
      if (await this.#borrow()) await this.#work();
      if (random.chance(shares.returned)) await this.#giveBack();
    }
  }

  async #borrow(): Promise<boolean> {
    const { random, features, note, fail, reached } = this.#parts;
    const lent = features().filter((one) => one.borrow !== undefined);
    const { name: feature, ...terms } = random.pick(lent.length === 0 || random.chance(0.1) ? features() : lent);
    const forMs = Math.round(durationMs.min + random.float() * (durationMs.max - durationMs.min));
    const count = random.between(1, Math.min(2, terms.borrow?.countMax ?? 2));
    const giveUp = random.chance(shares.giveUp) ? random.float() * 300 : undefined;
    const what = `to borrow ${feature} × ${count} for ${forMs} ms`;
    return this.#process(what, async (client, runtime) => {
      const controller = new AbortController();
      const timer = giveUp === undefined ? undefined : runtime.setTimer(giveUp, () => controller.abort());
      try {
        const options = { store: this.#store, count, releasedAt: earlyRelease, signal: controller.signal };
        await client.borrow(feature, { ...options, for: forMs });
      } catch (error) {
        const code = errorCode(error);
        if (error instanceof Crash || controller.signal.aborted || code === 'BORROW_EXISTS') throw error;
        if (code === 'BORROW_LIMIT') reached('borrowLimited');
        if (!expectedCodes.has(code)) fail('bug', `${this.name} got ${code}, asked ${what}: ${errorMessage(error)}`);
        if (isDenialError(error) && this.#disk.text !== undefined)
          fail('bug', `${this.name} was denied ${what}, and keeps ${this.#disk.text}`);
        throw error;
      } finally {
        timer?.cancel();
      }
      note(this.name, `borrowed ${feature} × ${count} for ${forMs} ms`);
      reached('borrowed');
    });
  }

  /** Uses what is borrowed, with no server; until it is over, or longer than that. */
  async #work(): Promise<void> {
    const { world, random, fail, believed, standing, reached, licenseTimeMs } = this.#parts;
    const sinceTrueMs = world.nowMs;
    const open = await openBorrow({
      store: this.#store,
      vendorKey: vendor.publicKey,
      host: this.name,
      runtime: this.#laptop,
    }).catch((error: unknown) => {
      if (!(error instanceof Crash) && errorCode(error) !== 'BORROW_OVER')
        fail('bug', `${this.name} can't open its borrow: ${errorMessage(error)}`);
    });
    if (open === undefined) return;
    const { feature, count, sinceMs, untilMs } = open.borrow;
    const lastsMs = untilMs - sinceMs;
    let isClosed = false;
    /** License time has gone on by more than the margin beyond true time: nothing is promised then. */
    const isAhead = (): boolean =>
      licenseTimeMs() - sinceMs - (world.nowMs - sinceTrueMs) > this.#parts.borrowMarginMs / 2;
    const holds = (): boolean => {
      if (isClosed || !open.holds) return false;
      const usedMs = world.nowMs - sinceTrueMs;
      if (usedMs > lastsMs * (1 + 2 * driftMax) + slackMs)
        fail('I3', `${this.name} holds its borrow of ${feature} after ${usedMs} ms, which was for ${lastsMs} ms`);
      return !isAhead();
    };
    const seat = standing().find((borrow) => borrow.host === this.name && borrow.untilMs === untilMs);
    if (seat === undefined) {
      if (holds()) fail('I4', `${this.name} holds a borrow of ${feature} that stands in no ledger`);
    } else
      believed(this.name, {
        id: seat.id,
        feature,
        count,
        get holds() {
          return holds();
        },
        get ended() {
          return isClosed ? 'closed' : undefined;
        },
      });
    if (random.chance(shares.clockBack)) {
      this.#laptop.stepWall(-random.float() * 3_600_000);
      reached('borrowClockBack');
    }
    await sleep(this.#laptop, random.float() * lastsMs * 1.3);
    if (!open.holds) reached('borrowRanOut');
    // Some give back what is in use: that ends it.
    if (open.holds && random.chance(shares.whileOpen)) await this.#giveBack();
    isClosed = true;
    await open.close().catch((error: unknown) => {
      if (!(error instanceof Crash)) throw error;
      reached('borrowerDied');
    });
  }

  async #giveBack(): Promise<boolean> {
    const { fail, note, reached } = this.#parts;
    return this.#process('to give back its borrow', async (client) => {
      const wasKept = this.#disk.text !== undefined;
      await client.returnBorrow(this.#store).catch((error: unknown) => {
        const isExpected = error instanceof Crash || expectedCodes.has(errorCode(error));
        if (!isExpected) fail('bug', `${this.name} can't give back its borrow: ${errorMessage(error)}`);
        throw error;
      });
      note(this.name, 'has given back what it had borrowed');
      if (wasKept) reached('borrowReturned');
    });
  }

  /** Runs a process on the laptop, to its end or its death; says whether it did what it was for. */
  async #process(what: string, run: (client: Client, runtime: VirtualRuntime) => Promise<void>): Promise<boolean> {
    const { world, network, servers, note, reached } = this.#parts;
    const process = `${this.name}.${++this.#processes}`;
    const runtime = world.runtime(process);
    const client = createClient({
      servers,
      transports: [network.transport(process)],
      vendorKey: vendor.publicKey,
      identity: { user: `user of ${this.name}`, host: this.name },
      // What is over by the laptop's clock is over for every process on it.
      runtime: { ...runtime, now: () => this.#laptop.now() },
    });
    try {
      await run(client, runtime);
      return true;
    } catch (error) {
      note(this.name, `${what}: ${errorCode(error)}`);
      if (!(error instanceof Crash)) return false;
      reached('borrowerDied');
      network.killHost(process, { seenAs: 'reset' });
      runtime.kill();
      return false;
    } finally {
      await Promise.race([client.close(), sleep(this.#laptop, 2_500)]);
    }
  }

  #makeStore(): BorrowStore {
    const disk = this.#disk;
    const change = (text: string | undefined): void => {
      if (disk.changesLeft-- <= 0) throw new Crash('the process died before its disk had it');
      disk.text = text;
    };
    return {
      load: async () => disk.text,
      save: async (text) => change(text),
      remove: async () => change(undefined),
    };
  }
}
