import { type Client, createClient, type Grant } from '@lic/client';
import { decodeCommand, type LedgerCommand, type LedgerResult } from '@lic/core';
import { errorCode, errorMessage, type StateMachine } from '@lic/interfaces';
import {
  createMemoryNetwork,
  createVirtualWorld,
  type MemoryDisk,
  type MemoryNetwork,
  type VirtualWorld,
} from '@lic/testkit';
import { Beliefs } from '../checks/beliefs.ts';
import { ConsensusChecks } from '../checks/consensus-checks.ts';
import { LogChecks } from '../checks/log-checks.ts';
import { type BrokenPromise, Violation } from '../checks/violation.ts';
import { nameServers, signFor, vendor } from '../cluster/cluster-license.ts';
import { ClusterServer } from '../cluster/cluster-server.ts';
import type { CallObserver } from './client-calls.ts';
import { Faults } from './faults.ts';
import { Operator } from './operator.ts';
import { draw, drawPlan, type FaultKind, type Plan } from './plan.ts';
import { Product } from './product.ts';
import { Trace } from './trace.ts';

/** What a run came to. */
export interface RunReport {
  readonly seed: number;
  /** Undefined: every promise was kept. */
  readonly violation: Violation | undefined;
  /** Events of the virtual world. */
  readonly events: number;
  readonly virtualMs: number;
  readonly faults: ReadonlyMap<FaultKind, number>;
  /** Entries of the log, terms with somebody in control, and grants. */
  readonly entries: number;
  readonly terms: number;
  readonly grants: number;
  readonly plan: Plan;
  readonly trace: Trace;
}

/** After everything is healed: a server in control, everything given back, and all servers at one state, within so long each. */
const recoveryMsMax = 60_000;

/** More events than this are a loop without an end. */
const eventsPerMsMax = 20;

const nobody: CallObserver = { onCall: () => {}, onReturn: () => {}, onEnded: () => {} };

/** One run of the whole system, from one seed: the same seed gives the same run, byte for byte. */
export class Simulation {
  readonly #seed: number;
  readonly #world: VirtualWorld;
  readonly #network: MemoryNetwork;
  readonly #plan: Plan;
  readonly #trace: Trace;
  readonly #servers: ClusterServer[] = [];
  readonly #beliefs: Beliefs;
  readonly #log: LogChecks;
  readonly #consensus: ConsensusChecks;
  readonly #faults: Faults;
  readonly #calls: CallObserver;
  #operator: Operator | undefined;
  #products: Product[] = [];
  #productsMade = 0;
  #callsMade = 0;
  #violation: Violation | undefined;

  /** `calls`: looks on at what clients ask and are told. */
  constructor(seed: number, { calls = nobody }: { readonly calls?: CallObserver } = {}) {
    this.#seed = seed;
    this.#calls = calls;
    this.#world = createVirtualWorld({ seed });
    this.#plan = drawPlan(this.#world.random.fork('plan'));
    this.#network = createMemoryNetwork({ world: this.#world, latency: this.#plan.latency });
    this.#trace = new Trace(() => this.#world.nowMs);
    const fail = (promise: BrokenPromise, message: string): void => this.#fail(promise, message);
    const note = (who: string, what: string): void => this.#trace.add(who, what);
    this.#beliefs = new Beliefs(this.#plan.features, fail);
    this.#log = new LogChecks({
      fail,
      isHeld: (grant) => this.#beliefs.isHeld(grant),
      copiesOf: (index, command) => this.#copiesOf(index, command),
      onEntry: (index, command, result, by) => note(by, `entry ${index}: ${describe(command, result)}`),
    });
    this.#consensus = new ConsensusChecks({
      fail,
      note,
      newestIndex: () => this.#log.newestIndex,
      onProposed: (command) => {
        if (decodeCommand(command).kind === 'reclaim') this.#faults.reclaiming();
      },
      watchMachine: (server, machine) => this.#watchMachine(server, machine as StateMachine<LedgerResult>),
    });
    this.#faults = new Faults({
      world: this.#world,
      network: this.#network,
      plan: this.#plan,
      random: this.#world.random.fork('faults'),
      servers: this.#servers,
      products: () => this.#products,
      note,
      boot: (server) => this.#boot(server),
      buried: (product) => this.#bury(product),
    });
    this.#world.onEvent(() => this.#check());
  }

  /** Runs for so much virtual time, then heals everything and requires progress. */
  async run(forMs: number): Promise<RunReport> {
    try {
      await this.#setUp();
      await this.#world.run({ untilMs: forMs, eventsMax: forMs * eventsPerMsMax });
      await this.#recover();
    } catch (error) {
      this.#violation ??=
        error instanceof Violation
          ? error
          : new Violation('bug', error instanceof Error ? `${error.stack}` : String(error));
    }
    return {
      seed: this.#seed,
      violation: this.#violation,
      events: this.#world.events,
      virtualMs: this.#world.nowMs,
      faults: this.#faults.counts,
      entries: this.#log.newestIndex,
      terms: this.#consensus.terms,
      grants: this.#log.grantsEver,
      plan: this.#plan,
      trace: this.#trace,
    };
  }

  async #setUp(): Promise<void> {
    const { features, timing, settings, raft, failback, failbackAfterMs, sync } = this.#plan;
    const named = await nameServers(3);
    const license = await signFor(named, { features });
    const random = this.#world.random.fork('disks');
    for (const each of named) {
      const server = new ClusterServer(each, license, {
        world: this.#world,
        network: this.#network,
        timing,
        settings,
        isNew: true,
        raft,
        syncMs: () => draw(random, sync),
        more: { failback, failbackAfterMs },
        wrapConsensus: (factory, booted) => {
          const { runtime } = booted;
          return this.#consensus.wrap(factory, {
            server: booted.name,
            key: booted.key,
            isAlive: () => runtime.isAlive && booted.isUp,
            mayBeLearner: () => this.#faults.withoutMemory.has(booted),
          });
        },
      });
      server.onLogLine = ({ level, message, fields }) => {
        if (level === 'debug') return;
        this.#trace.add(server.name, `${level}: ${message}`);
        const error = fields?.err;
        if (level === 'error' && error instanceof Error && errorCode(error) === 'INTERNAL')
          this.#fail('bug', `${server.name} logged: ${message}: ${error.stack}`);
      };
      this.#servers.push(server);
      this.#boot(server);
    }
    for (let at = 0; at < this.#plan.clients; at++) this.#employ();
    this.#operator = new Operator({
      world: this.#world,
      network: this.#network,
      plan: this.#plan,
      random: this.#world.random.fork('operator'),
      servers: this.#servers,
      note: (who, what) => this.#trace.add(who, what),
      fail: (promise, message) => this.#fail(promise, message),
      held: () => this.#beliefs.held(),
    });
    void this.#operator.work();
    this.#faults.start();
  }

  #boot(server: ClusterServer): void {
    this.#trace.add(server.name, 'starts');
    const died = (error: unknown): void => {
      this.#fail('bug', `${server.name} could not start: ${errorMessage(error)}`);
    };
    server.start().catch(died);
  }

  /** Puts a client to work. */
  #employ(): void {
    this.#productsMade++;
    const name = `client-${this.#productsMade}`;
    const product = new Product({
      name,
      world: this.#world,
      network: this.#network,
      plan: this.#plan,
      random: this.#world.random.fork(name),
      servers: this.#servers.map(({ address }) => address),
      note: (who, what) => this.#trace.add(who, what),
      fail: (promise, message) => this.#fail(promise, message),
      onGranted: (client, grant) => this.#granted(client, grant),
      calls: this.#calls,
      nextCall: () => ++this.#callsMade,
    });
    this.#products.push(product);
    product.start();
  }

  #granted(client: string, grant: Grant): void {
    this.#log.answered(grant.id, client);
    this.#beliefs.add(client, grant);
  }

  /** Another takes the place of a client that died. */
  #bury(product: Product): void {
    this.#beliefs.forget(product.name);
    this.#products = this.#products.filter((each) => each !== product);
    this.#employ();
  }

  #watchMachine(server: string, machine: StateMachine<LedgerResult>): StateMachine<LedgerResult> {
    const { ledger } = this.#server(server).server.inspect();
    return {
      prepare: (command) => machine.prepare(command),
      apply: (index, command) => this.#log.apply(server, ledger, index, command, () => machine.apply(index, command)),
      snapshot: () => machine.snapshot(),
      restore: (chunks) => machine.restore(chunks),
      hash: () => machine.hash(),
    };
  }

  #copiesOf(index: number, command: Uint8Array): number {
    return this.#servers.filter((server) => {
      const lost = this.#faults.lostDisks.get(server);
      return hasOnDisk(server.disk, index, command) || (lost !== undefined && hasOnDisk(lost, index, command));
    }).length;
  }

  #check(): void {
    this.#faults.check();
    this.#beliefs.check();
    this.#consensus.check();
    if (this.#violation !== undefined) throw this.#violation;
  }

  #fail(promise: BrokenPromise, message: string): void {
    if (this.#violation !== undefined) return;
    this.#violation = new Violation(promise, message);
    this.#trace.add('VIOLATION', this.#violation.message);
  }

  /** Heals everything and requires what must come then. */
  async #recover(): Promise<void> {
    this.#trace.add('healed', 'nothing goes wrong any more');
    this.#operator?.stop();
    this.#faults.end();
    await this.#require('a server in control', () => this.#servers.some(({ state }) => state === 'in-control'));
    let closed = 0;
    for (const product of this.#products) void product.stop().then(() => closed++);
    await this.#require('all clients closed', () => closed === this.#products.length);
    await this.#takeEverything();
    await this.#require('all servers at one state', () => this.#isOneState());
  }

  /** Every seat of every feature can be had by one who waits for it: nothing was lost, and nothing is stuck. */
  async #takeEverything(): Promise<void> {
    const client: Client = createClient({
      servers: this.#servers.map(({ address }) => address),
      transports: [this.#network.transport('auditor')],
      vendorKey: vendor.publicKey,
      identity: { user: 'auditor', host: 'auditor' },
      runtime: this.#world.runtime('auditor'),
    });
    let granted = 0;
    let trouble: string | undefined;
    for (const { name, count } of this.#plan.features) {
      client.checkout(name, { count: Number(count), wait: recoveryMsMax }).then(
        (grant) => {
          this.#granted('auditor', grant);
          granted++;
        },
        (error: unknown) => {
          trouble = `${name}: ${errorMessage(error)}`;
        },
      );
    }
    const all = this.#plan.features.length;
    await this.#require('every seat granted to one client', () => granted === all || trouble !== undefined);
    if (trouble !== undefined) this.#fail('progress', `the auditor could not have all seats of ${trouble}`);
    let isClosed = false;
    void client.close().then(() => {
      isClosed = true;
    });
    await this.#require('the auditor closed', () => isClosed);
  }

  #isOneState(): boolean {
    // Consensus has entries of its own: the newest that was applied may be one of them.
    const places = new Set<string>();
    for (const server of this.#servers) {
      if (!server.isUp) return false;
      const { ledger, consensus, state } = server.server.inspect();
      // Whose disk was lost has no vote until it is admitted anew, but learns all the same.
      const isInPlace = state === 'standby' || state === 'in-control' || this.#faults.withoutMemory.has(server);
      if (!isInPlace || consensus === null || consensus.appliedIndex < this.#log.newestIndex) return false;
      places.add(`${consensus.appliedIndex} ${ledger.hash()}`);
    }
    return places.size === 1;
  }

  async #require(what: string, holds: () => boolean): Promise<void> {
    if (await this.#world.run({ forMs: recoveryMsMax, until: holds })) return;
    const states = this.#servers.map((server) => {
      const { state, appliedIndex, trouble } = server.isUp
        ? { state: server.state, ...server.server.inspect().consensus }
        : { state: 'down' };
      return `${server.name} is ${state} at ${appliedIndex ?? '-'}${trouble ? ` (${trouble})` : ''}`;
    });
    throw new Violation('progress', `waited ${recoveryMsMax} ms in vain for ${what}: ${states.join(', ')}`);
  }

  #server(name: string): ClusterServer {
    return this.#servers.find((server) => server.name === name) as ClusterServer;
  }
}

function hasOnDisk(disk: MemoryDisk, index: number, command: Uint8Array): boolean {
  const entry = disk.entryAt(index);
  return entry === undefined ? disk.snapshotIndex >= index : Buffer.compare(entry.data, command) === 0;
}

/** An entry of the log in a few words. */
function describe(command: LedgerCommand, { reply, events }: LedgerResult): string {
  const session = 'session' in command ? ` ${command.session.slice(0, 6)}` : '';
  const code = 'code' in reply ? ` ${reply.code}` : '';
  const grants = events.flatMap((event) => ('grant' in event ? `${event.kind} ${event.grant.id}` : []));
  return `${command.kind}${session} → ${reply.kind}${code}${grants.length > 0 ? ` [${grants.join(', ')}]` : ''}`;
}
