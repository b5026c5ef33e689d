import { type Client, createClient, type FeatureWish, type Grant, isDenialError } from '@lic/client';
import { errorCode, errorMessage, isLicError } from '@lic/interfaces';
import type { MemoryNetwork, SeededRandom, SeenAs, VirtualRuntime, VirtualWorld } from '@lic/testkit';
import type { Fail } from '../checks/violation.ts';
import { countedSeats, type Feature, vendor } from '../cluster/cluster-license.ts';
import type { CallObserver, ClientCall, ClientOutcome } from './client-calls.ts';
import { drawUse, identityOf } from './identities.ts';
import { draw, type Plan } from './plan.ts';
import { sleep } from './sleep.ts';

/** What a {@link Product} is made with. */
export interface ProductParts {
  /** Its host. */
  readonly name: string;
  /** Its number in the schedule: whoever takes its place when it dies has it too. */
  readonly slot: number;
  readonly world: VirtualWorld;
  readonly network: MemoryNetwork;
  readonly plan: Plan;
  readonly random: SeededRandom;
  readonly servers: readonly string[];
  /** What the license in force has, as far as products know. */
  readonly features: () => readonly Feature[];
  readonly note: (who: string, what: string) => void;
  readonly fail: Fail;
  readonly onGranted: (client: string, grant: Grant) => void;
  readonly calls: CallObserver;
  /** The number of the run's next call. */
  readonly nextCall: () => number;
}

/** What a checkout may come to besides a grant. Anything else is a bug. */
const expectedCodes = new Set([
  'NO_SEATS',
  'WAIT_OVER',
  'NO_QUORUM',
  'NO_SERVER',
  'CLOSED',
  'BUSY',
  'ABORTED',
  'NOT_OPEN_YET',
  // A reload takes features and seats away.
  'UNKNOWN_FEATURE',
  'COUNT_TOO_HIGH',
  'VERSION_NOT_LICENSED',
  // Not every release is covered, and not everything is for ever.
  'RELEASE_NOT_COVERED',
  'NOT_STARTED',
  'EXPIRED',
  // A policy keeps some out.
  'RESERVED',
  'MAX_REACHED',
  'EXCLUDED',
  'NOT_INCLUDED',
]);

type Wish = FeatureWish & { readonly count: number };

/** Of all checkouts, so many are of two features at once, and so many of the others would do with fewer seats than they ask for. */
const severalShare = 0.15;
const partialShare = 0.2;
/** Of all checkouts, so many name the version that they want at least. */
const versionShare = 0.3;
/** Of all grants, so many have a product that reports activity. */
const reportingShare = 0.4;

/** A program that takes seats, works a while and gives them back, as its seed has it: a real client and its user. */
export class Product {
  readonly name: string;
  readonly runtime: VirtualRuntime;
  readonly client: Client;
  /** Checkouts that are not answered yet: since when, and how long they may wait in a queue. */
  readonly pending = new Map<number, { readonly sinceMs: number; readonly waitMs: number }>();
  readonly #parts: ProductParts;
  /** What seats are used for is drawn apart, so that the rest of a seed's run stays what it was. */
  readonly #use: SeededRandom;
  #isWorking = true;
  #closed: Promise<void> | undefined;

  constructor(parts: ProductParts) {
    const { name, world, network, servers, random } = parts;
    this.#parts = parts;
    this.#use = random.fork('use');
    this.name = name;
    this.runtime = world.runtime(name, { drift: (random.float() - 0.5) * 0.008 });
    this.client = createClient({
      servers,
      transports: [network.transport(name)],
      vendorKey: vendor.publicKey,
      identity: identityOf(name, parts.plan.says),
      runtime: this.runtime,
    });
  }

  get slot(): number {
    return this.#parts.slot;
  }

  /** Begins to work. */
  start(): void {
    for (let at = 0; at < this.#parts.plan.grantsPerClient; at++) void this.#work();
  }

  /** Takes no more seats, gives back those that it has, and closes its client. */
  async stop(): Promise<void> {
    this.#isWorking = false;
    this.#closed ??= this.client.close();
    await this.#closed;
  }

  /** It dies without a word. */
  kill(seenAs: SeenAs): void {
    this.#isWorking = false;
    this.#parts.network.killHost(this.name, { seenAs });
    this.runtime.kill();
  }

  async #work(): Promise<void> {
    const { random, plan } = this.#parts;
    while (this.#isWorking) {
      await sleep(this.runtime, draw(random, plan.think));
      if (this.#isWorking) await this.#operation();
    }
  }

  /** One operation under one or more seats, of one feature or of several at once. */
  async #operation(): Promise<void> {
    const { note, fail, onGranted } = this.#parts;
    const { wishes, wait } = this.#wishes();
    const what = `${wishes.map(wishText).join(' and ')}${wait > 0 ? `, waiting ${wait} ms` : ''}`;
    const patience = this.#patience();
    const together = wishes.length > 1 ? this.#parts.nextCall() : undefined;
    const answers = wishes.map(({ feature, count, countMin = count }) =>
      this.#call({ kind: 'checkout', feature, count, countMin, waitMs: wait, grant: undefined, together }),
    );
    const signal = patience === undefined ? {} : { signal: patience.signal };
    let grants: readonly Grant[];
    try {
      const [wish] = wishes;
      grants =
        wishes.length > 1
          ? await this.client.checkoutAll(wishes, signal)
          : [await this.client.checkout(wish!.feature, { ...wish, wait, ...signal })];
      for (const [at, { id, version, count }] of grants.entries())
        answers[at]!({ kind: 'granted', grant: id, version, count });
    } catch (error) {
      const code = isAbort(error) ? 'ABORTED' : errorCode(error);
      // The one that is denied says so; of the others nothing was tried.
      for (const [at, answered] of answers.entries())
        answered(
          isDenialError(error)
            ? { kind: 'denied', code: error.denial.feature === wishes[at]!.feature ? code : 'NOT_ALL' }
            : { kind: 'unknown', code },
        );
      note(this.name, `${what}: ${code}`);
      this.#unexpected(error, what);
      if (isDenialError(error) && error.code === 'NO_SEATS' && error.denial.inUse === 0 && error.denial.queued === 0)
        fail('bug', `${this.name} was denied ${what} although all seats are free`);
      return;
    } finally {
      patience?.end();
    }
    note(this.name, `granted ${what}: ${grants.map(({ id, count }) => `${id} × ${count}`).join(', ')}`);
    for (const grant of grants) onGranted(this.name, grant);
    await Promise.all(grants.map((grant) => this.#hold(grant)));
  }

  #wishes(): { readonly wishes: readonly Wish[]; readonly wait: number } {
    const { random, plan, features } = this.#parts;
    const feature = random.pick(features());
    const count = random.between(1, Math.min(2, countedSeats(feature)));
    const wait = random.chance(0.6) ? Math.floor(random.float() * plan.waitMsMax) : 0;
    const others = features().filter(({ name }) => name !== feature.name);
    if (others.length > 0 && random.chance(severalShare))
      return { wishes: [this.#wish(feature, count), this.#wish(random.pick(others), 1)], wait: 0 };
    if (!random.chance(partialShare)) return { wishes: [this.#wish(feature, count)], wait };
    // More than there may be at all: what will do is licensed.
    return { wishes: [{ ...this.#wish(feature, count + 2), countMin: count }], wait };
  }

  /** For what, and of what version at least. */
  #wish({ name: feature, version }: Feature, count: number): Wish {
    const use = this.#use;
    return {
      feature,
      count,
      ...drawUse(use, this.#parts.plan.says),
      ...(use.chance(versionShare) ? { version } : {}),
    };
  }

  /** Answers what is to be called with the outcome. */
  #call(call: Omit<ClientCall, 'id' | 'client'>): (outcome: ClientOutcome) => void {
    const { calls, nextCall, world } = this.#parts;
    const made: ClientCall = { ...call, id: nextCall(), client: this.name };
    calls.onCall(made);
    if (call.kind === 'checkout') this.pending.set(made.id, { sinceMs: world.nowMs, waitMs: call.waitMs });
    return (outcome) => {
      this.pending.delete(made.id);
      calls.onReturn(made, outcome);
    };
  }

  async #hold(grant: Grant): Promise<void> {
    const { random, plan, note, calls } = this.#parts;
    for (const event of ['reconnecting', 'resumed', 'lost'] as const)
      grant.on(event, () => note(this.name, `${grant.id} ${event}`));
    const ended = new Promise<void>((resolve) => {
      grant.on('ended', ({ code }) => {
        note(this.name, `${grant.id} ended: ${code}`);
        calls.onEnded(this.name, grant.id, code);
        resolve();
      });
    });
    // Some report what their user does: at the beginning, and perhaps once more.
    const isReporting = random.chance(reportingShare);
    if (isReporting) grant.active();
    const holdMs = draw(random, plan.hold) / 2;
    await Promise.race([sleep(this.runtime, holdMs), ended]);
    if (isReporting && random.chance(0.5)) grant.active();
    await Promise.race([sleep(this.runtime, holdMs), ended]);
    // What has ended is given back without asking anybody.
    if (grant.ended !== undefined) return grant.checkin();
    const { id, feature, count } = grant;
    const answered = this.#call({ kind: 'checkin', feature, count, countMin: count, waitMs: 0, grant: id });
    const givenBack = grant.checkin().then(
      // A closed client waits no longer than 2 s, whatever came of it.
      () => {
        // Nor does it wait where its own closing ends the grant: the servers may not know of that yet.
        const isCommitted = this.#closed === undefined && grant.ended?.code !== 'disconnected';
        answered(isCommitted ? { kind: 'done' } : { kind: 'unknown', code: 'CLOSED' });
      },
      (error: unknown) => {
        answered({ kind: 'unknown', code: errorCode(error) });
        // A late copy of its own resume may have raised the epoch: then it holds nothing, and can't know.
        if (!isSuperseded(error)) this.#unexpected(error, `the checkin of ${id}`);
      },
    );
    // Some don't wait for as long as it takes.
    await (random.chance(0.3) ? grant[Symbol.asyncDispose]() : givenBack);
    note(this.name, `${grant.id} given back`);
  }

  #unexpected(error: unknown, what: string): void {
    const code = isAbort(error) ? 'ABORTED' : errorCode(error);
    if (!expectedCodes.has(code))
      this.#parts.fail('bug', `${this.name} got ${code} for ${what}: ${errorMessage(error)}`);
  }

  /** Some checkouts are given up by the user before they are answered. */
  #patience(): { readonly signal: AbortSignal; readonly end: () => void } | undefined {
    const { random } = this.#parts;
    if (!random.chance(0.15)) return undefined;
    const controller = new AbortController();
    const timer = this.runtime.setTimer(random.float() * 1_500, () => controller.abort());
    return { signal: controller.signal, end: () => timer.cancel() };
  }
}

function wishText({ feature, count, countMin }: Wish): string {
  return `${feature} × ${countMin === undefined ? '' : `${countMin} to `}${count}`;
}

function isSuperseded(error: unknown): boolean {
  return isLicError(error, 'REFUSED') && error.details.code === 'SUPERSEDED';
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}
