import type { Grant } from '@lic/client';
import { decodeCommand, joinLicenses, type Ledger, type LedgerResult } from '@lic/core';
import { errorMessage, type StateMachine } from '@lic/interfaces';
import { createMemoryNetwork, createVirtualWorld, type MemoryNetwork, type VirtualWorld } from '@lic/testkit';
import { Beliefs } from '../checks/beliefs.ts';
import { ConsensusChecks } from '../checks/consensus-checks.ts';
import { LogChecks } from '../checks/log-checks.ts';
import { PolicyChecks } from '../checks/policy-checks.ts';
import { type BrokenPromise, Violation } from '../checks/violation.ts';
import { type Feature, nameServers, signFor } from '../cluster/cluster-license.ts';
import type { ClusterServer } from '../cluster/cluster-server.ts';
import { Atlas } from '../faults/atlas.ts';
import { copiesOf } from '../faults/copies.ts';
import { Faults } from '../faults/faults.ts';
import { History } from '../history/history.ts';
import { checkHistory } from '../history/history-check.ts';
import { LogPaths } from '../rare-paths/log-paths.ts';
import { operatorPaths } from '../rare-paths/operator-paths.ts';
import { Coverage } from '../rare-paths/rare-paths.ts';
import { ServerPaths } from '../rare-paths/server-paths.ts';
import { TermPaths } from '../rare-paths/term-paths.ts';
import { describeCommand } from './command-text.ts';
import { Deeds } from './deeds.ts';
import { addressOf } from './identities.ts';
import { Liveness } from './liveness.ts';
import { Operator } from './operator.ts';
import { Product } from './product.ts';
import { recover } from './recovery.ts';
import type { RunReport, SimulationOptions } from './run-report.ts';
import type { Schedule } from './schedule.ts';
import { Successors } from './successors.ts';
import { addedUp, isPermanent } from './terms.ts';
import { Trace } from './trace.ts';
import { Traveller } from './traveller.ts';
import { watchedServer } from './watched-server.ts';

/** How often it is looked at how servers are, and whether what must come has come, ms. */
const lookMs = 25;
/** More events than this are a loop without an end. */
const eventsPerMsMax = 100;
/** A process that could not start is started again after so long, ms. */
const restartMs = 500;

/** One run of the whole system, by its schedule: the same schedule gives the same run, byte for byte. */
export class Simulation {
  readonly #schedule: Schedule;
  readonly #world: VirtualWorld;
  readonly #network: MemoryNetwork;
  readonly #trace: Trace;
  readonly #servers: ClusterServer[] = [];
  readonly #beliefs: Beliefs;
  readonly #log: LogChecks;
  readonly #consensus: ConsensusChecks;
  readonly #atlas: Atlas;
  readonly #faults: Faults;
  readonly #operator: Operator;
  readonly #liveness: Liveness;
  readonly #coverage = new Coverage();
  readonly #logPaths: LogPaths;
  readonly #serverPaths: ServerPaths;
  readonly #history: History;
  readonly #onHistory: SimulationOptions['onHistory'];
  readonly #successors: Successors;
  #products: Product[] = [];
  readonly #travellers: Traveller[] = [];
  #features: readonly Feature[];
  /** What can be had at any time. */
  #permanent: readonly Feature[] = [];
  /** By slot: how many clients it has had. */
  readonly #employed = new Map<number, number>();
  #callsMade = 0;
  #isRecovering = false;
  #violation: Violation | undefined;

  constructor(schedule: Schedule, { onHistory }: SimulationOptions = {}) {
    const { seed, plan } = schedule;
    this.#schedule = schedule;
    this.#onHistory = onHistory;
    this.#features = plan.features;
    const world = createVirtualWorld({ seed });
    this.#world = world;
    this.#trace = new Trace(() => world.nowMs);
    const nowMs = (): number => world.nowMs;
    const fail = (promise: BrokenPromise, message: string): void => this.#fail(promise, message);
    const note = (who: string, what: string): void => this.#trace.add(who, what);
    const servers = this.#servers;
    const products = (): readonly Product[] => this.#products;
    this.#logPaths = new LogPaths({
      coverage: this.#coverage,
      nowMs,
      roundMs: plan.timing.roundMs,
      isAlone: plan.servers === 1,
    });
    this.#network = createMemoryNetwork({
      world,
      latency: plan.latency,
      addressOf,
      onArrival: (from, to, isLate) => {
        if (isLate && this.#isServer(from) && this.#isServer(to)) this.#coverage.sometimes('oldFramesLate');
        this.#logPaths.heard(from, to);
      },
    });
    this.#beliefs = new Beliefs((feature) => this.#log.seatsOf(feature), fail);
    this.#history = new History({ nowMs, isHeld: (grant) => this.#beliefs.isHeld(grant) });
    const termPaths = new TermPaths(this.#coverage);
    const policy = new PolicyChecks({ fail, reached: (path) => this.#coverage.sometimes(path) });
    this.#log = new LogChecks({
      fail,
      quorum: plan.servers === 1 ? 1 : 2,
      isHeld: (grant) => this.#beliefs.isHeld(grant),
      released: (grant) => this.#beliefs.release(grant),
      copiesOf: (index, command) => copiesOf(servers, (server) => this.#faults.lostDisk(server), { index, command }),
      nowMs,
      control: () => this.#consensus.control,
      onEntry: ({ index, command, result, by, ledger }) => {
        note(by, `entry ${index}: ${describeCommand(command, result)}`);
        this.#history.applied(index, result, ledger);
        termPaths.applied(command, result);
        policy.applied({ index, command, result, by, ledger });
      },
    });
    this.#consensus = new ConsensusChecks({
      fail,
      note,
      nowMs,
      electionTimeoutMaxMs: plan.timing.electionTimeoutMaxMs,
      newestIndex: () => this.#log.newestIndex,
      onProposed: (bytes) => {
        const command = decodeCommand(bytes);
        this.#logPaths.proposed(command);
        if (command.kind === 'reclaim') this.#faults.reclaiming();
      },
      watchMachine: (server, machine) => this.#watchMachine(server, machine as StateMachine<LedgerResult>),
    });
    this.#atlas = new Atlas({ nowMs, servers, inquiryMs: plan.raft.witnessWaitMs ?? 0 });
    const { faults, deeds } = schedule;
    const tools = { world, network: this.#network, plan, servers, products, atlas: this.#atlas };
    this.#faults = new Faults({
      ...tools,
      seed,
      scheduled: faults,
      note,
      boot: (server) => this.#boot(server),
      buried: (product) => this.#bury(product),
    });
    const standing = (): readonly string[] => this.#log.standing().map(({ id }) => id);
    this.#operator = new Operator({
      world,
      network: this.#network,
      seed,
      scheduled: deeds,
      servers,
      note,
      fail,
      answered: (request, outcome) => operatorPaths(this.#coverage, request, outcome),
      deeds: new Deeds({
        servers,
        standing,
        abandoned: () => standing().filter((id) => !this.#beliefs.isHeld(id)),
        features: () => this.#features,
        says: plan.says,
        sign: (id, changes) =>
          signFor(
            servers.map(({ named }) => named),
            { id, features: this.#features, ...changes },
          ),
        successorOf: (server) => this.#successors.of(server),
      }),
    });
    this.#successors = new Successors({
      ...tools,
      random: world.random.fork('successors'),
      note,
      boot: (server) => this.#boot(server),
      loseDisk: (server) => this.#faults.loseDisk(server),
    });
    this.#liveness = new Liveness({ ...tools, nowMs, fail });
    this.#serverPaths = new ServerPaths({
      coverage: this.#coverage,
      atlas: this.#atlas,
      servers,
      nowMs,
      marginMs: plan.settings.marginMs,
      newestIndex: () => this.#log.newestIndex,
    });
    world.onEvent(() => this.#check());
  }

  /** Runs to the schedule's end, then heals everything and requires progress. */
  async run(): Promise<RunReport> {
    const forMs = this.#schedule.seconds * 1_000;
    try {
      await this.#setUp();
      await this.#world.run({ untilMs: forMs, eventsMax: forMs * eventsPerMsMax });
      await this.#recover();
      this.#checkHistory();
    } catch (error) {
      this.#violation ??=
        error instanceof Violation
          ? error
          : new Violation('bug', error instanceof Error ? `${error.stack}` : String(error));
    }
    this.#onHistory?.(this.#history.records);
    return {
      schedule: this.#schedule,
      violation: this.#violation,
      events: this.#world.events,
      virtualMs: this.#world.nowMs,
      faults: this.#faults.counts,
      deeds: this.#operator.counts,
      rarePaths: this.#coverage.counts,
      entries: this.#log.newestIndex,
      terms: this.#consensus.terms,
      grants: this.#log.grantsEver,
      judged: this.#liveness.judged,
      trace: this.#trace,
    };
  }

  async #setUp(): Promise<void> {
    const { plan, clients } = this.#schedule;
    const all = await nameServers(plan.servers);
    const license = await signFor(all, { features: plan.features });
    const parts = {
      world: this.#world,
      network: this.#network,
      plan,
      fail: (promise: BrokenPromise, message: string) => this.#fail(promise, message),
      note: (who: string, what: string) => this.#trace.add(who, what),
      serverPaths: this.#serverPaths,
      consensus: this.#consensus,
      atlas: this.#atlas,
      leapAccepted: () => this.#log.leapAccepted(),
    };
    for (const named of all) {
      const server = watchedServer(named, license, parts);
      this.#servers.push(server);
      this.#boot(server);
    }
    for (const slot of clients) this.#employ(slot);
    for (let at = 1; at <= plan.travellers; at++) this.#sendOff(`traveller-${at}`);
    this.#operator.start();
    this.#faults.start();
    this.#look();
  }

  #boot(server: ClusterServer): void {
    this.#trace.add(server.name, 'starts');
    const died = (error: unknown): void => {
      const what = `could not start: ${errorMessage(error)}`;
      // What watches over a process starts it again, until its disk lets it.
      if (this.#atlas.quietSinceMs([server.name]) === undefined) {
        this.#trace.add(server.name, what);
        server.kill();
        this.#world.schedule(restartMs, () => {
          if (!server.isUp) this.#boot(server);
        });
      } else this.#fail('bug', `${server.name} ${what}`);
    };
    server.start().catch(died);
  }

  /** Puts a client to work. */
  #employ(slot: number): void {
    const life = (this.#employed.get(slot) ?? 0) + 1;
    this.#employed.set(slot, life);
    const name = life === 1 ? `client-${slot}` : `client-${slot}.${life}`;
    const product = new Product({
      name,
      slot,
      world: this.#world,
      network: this.#network,
      plan: this.#schedule.plan,
      random: this.#world.random.fork(name),
      servers: this.#servers.map(({ address }) => address),
      features: () => this.#features,
      note: (who, what) => this.#trace.add(who, what),
      fail: (promise, message) => this.#fail(promise, message),
      onGranted: (client, grant) => this.#granted(client, grant),
      calls: this.#history,
      nextCall: () => ++this.#callsMade,
    });
    this.#products.push(product);
    product.start();
  }

  /** Puts somebody with a laptop on the road. */
  #sendOff(name: string): void {
    const traveller = new Traveller({
      name,
      world: this.#world,
      network: this.#network,
      random: this.#world.random.fork(name),
      servers: this.#servers.map(({ address }) => address),
      features: () => this.#features,
      borrowMarginMs: this.#schedule.plan.settings.borrowMarginMs,
      note: (who, what) => this.#trace.add(who, what),
      fail: (promise, message) => this.#fail(promise, message),
      standing: () => this.#log.borrowed(),
      licenseTimeMs: () => this.#log.licenseTimeMs,
      believed: (client, seats) => this.#beliefs.add(client, seats),
      reached: (path) => this.#coverage.sometimes(path),
    });
    this.#travellers.push(traveller);
    traveller.start();
  }

  #granted(client: string, grant: Grant): void {
    this.#log.answered(grant.id, client);
    this.#beliefs.add(client, grant);
    let wasLost = false;
    grant.on('lost', () => {
      wasLost = true;
    });
    grant.on('resumed', () => {
      if (wasLost) this.#coverage.sometimes('lostThenResumed');
      wasLost = false;
    });
    grant.on('ended', ({ code }) => {
      if (code === 'reclaimed') this.#coverage.sometimes('reclaimedWhileAway');
      if (code === 'idle') this.#coverage.sometimes('endedIdle');
    });
  }

  /** Another takes the place of a client that died. */
  #bury(product: Product): void {
    this.#beliefs.forget(product.name);
    this.#history.died(product.name);
    this.#products = this.#products.filter((each) => each !== product);
    this.#employ(product.slot);
  }

  #watchMachine(name: string, machine: StateMachine<LedgerResult>): StateMachine<LedgerResult> {
    const server = this.#server(name);
    const { ledger } = server.server.inspect();
    return {
      prepare: (command) => machine.prepare(command),
      apply: (index, bytes) => {
        const licenseTimeBeforeMs = ledger.summary().licenseTimeMs;
        const isFirst = index > this.#log.newestIndex;
        const result = this.#log.apply(name, ledger, index, bytes, () => machine.apply(index, bytes));
        this.#serverPaths.applied(server, index, result);
        if (!isFirst) return result;
        const command = decodeCommand(bytes);
        const term = this.#consensus.newestTerm;
        this.#logPaths.applied({ command, result, ledger, licenseTimeBeforeMs, by: name, term });
        if (result.events.some(({ kind }) => kind === 'licenseInstalled')) this.#licenseInstalled(ledger);
        return result;
      },
      snapshot: () => machine.snapshot(),
      restore: (chunks) => {
        this.#serverPaths.restored(server);
        return machine.restore(chunks);
      },
      hash: () => machine.hash(),
    };
  }

  #licenseInstalled(ledger: Ledger): void {
    const license = ledger.license();
    if (license === null) return;
    this.#features = addedUp(license.features);
    this.#permanent = addedUp(license.features.filter(isPermanent));
    this.#successors.follow(license, joinLicenses(ledger.licenseTexts()));
  }

  #check(): void {
    // Before a fault takes away what is there to be seen.
    this.#serverPaths.check();
    this.#faults.check();
    this.#beliefs.check();
    this.#history.look();
    this.#consensus.check();
    if (this.#servers.every(({ isUp }) => !isUp)) this.#logPaths.allDown();
    if (this.#violation !== undefined) throw this.#violation;
  }

  #look(): void {
    this.#atlas.look();
    if (!this.#isRecovering) this.#liveness.look();
    this.#world.schedule(lookMs, () => this.#look());
  }

  #checkHistory(): void {
    const { broken } = checkHistory(this.#history.records);
    if (broken !== undefined) this.#fail(broken.promise, broken.message);
  }

  #fail(promise: BrokenPromise, message: string): void {
    if (this.#violation !== undefined) return;
    this.#violation = new Violation(promise, message);
    this.#trace.add('VIOLATION', this.#violation.message);
  }

  /** Heals everything and requires what must come then. */
  async #recover(): Promise<void> {
    this.#trace.add('healed', 'nothing goes wrong any more');
    this.#operator.stop();
    this.#faults.end();
    this.#isRecovering = true;
    await recover({
      world: this.#world,
      network: this.#network,
      servers: this.#servers,
      products: this.#products,
      features: () => this.#permanent,
      granted: (client, grant) => this.#granted(client, grant),
      operator: this.#operator,
      travellers: this.#travellers,
      borrowed: () => this.#log.borrowed(),
      newestIndex: () => this.#log.newestIndex,
    });
  }

  #isServer(host: string): boolean {
    return this.#servers.some(({ name }) => name === host);
  }

  #server(name: string): ClusterServer {
    return this.#servers.find((server) => server.name === name) as ClusterServer;
  }
}
