import { type Client, createClient } from '@lic/client';
import type { RaftOptions } from '@lic/consensus';
import type { LedgerSettings } from '@lic/core';
import type { ConsensusTiming } from '@lic/interfaces';
import type { StatusReport } from '@lic/protocol';
import type { ServerOptions } from '@lic/server-app';
import {
  createMemoryNetwork,
  createVirtualWorld,
  type Latency,
  type MemoryNetwork,
  type VirtualWorld,
} from '@lic/testkit';
import {
  type Feature,
  type LicenseChanges,
  type NamedServer,
  nameServers,
  signFor,
  vendor,
} from './cluster-license.ts';
import { ClusterServer, type ClusterServerParts } from './cluster-server.ts';
import { ScriptedLink } from './scripted-link.ts';
import { ScriptedSession } from './scripted-session.ts';

/** What a {@link Cluster} is made with. */
export interface ClusterOptions extends Pick<ServerOptions, 'failback' | 'failbackAfterMs'> {
  readonly seed?: number | string;
  /** Default 3. */
  readonly servers?: 1 | 3;
  readonly features?: readonly Feature[];
  /** Default: those of triad.md, with short leases allowed. */
  readonly settings?: Partial<LedgerSettings>;
  /** Default: profile `lan`. */
  readonly timing?: ConsensusTiming;
  /** Whether the servers are started `--new`. Default true. */
  readonly isNew?: boolean;
  /** Between hosts. Default 1 – 2 ms. */
  readonly latency?: Latency;
  readonly raft?: RaftOptions;
  /** Puts something between a server and its consensus. */
  readonly wrapConsensus?: ClusterServerParts['wrapConsensus'];
}

const lan: ConsensusTiming = { roundMs: 100, electionTimeoutMinMs: 500, electionTimeoutMaxMs: 1_000 };
const settingsDefault: LedgerSettings = { leaseMs: 60_000, drift: 0.01, marginMs: 1_000, allowShortLeases: true };
const syncMs = 1;
/** What is awaited comes within this, or never. */
const awaitMsMax = 60_000;

/** Real servers and clients on one virtual world: nothing in it is faked but time, network and disks. */
export class Cluster {
  readonly world: VirtualWorld;
  readonly network: MemoryNetwork;
  readonly servers: readonly ClusterServer[];
  readonly named: readonly NamedServer[];
  readonly #added: ClusterServer[];
  readonly #parts: ClusterServerParts;
  #parties = 0;

  private constructor(parts: ClusterServerParts, named: readonly NamedServer[], servers: ClusterServer[]) {
    this.world = parts.world;
    this.network = parts.network;
    this.servers = servers;
    this.named = named;
    this.#added = servers;
    this.#parts = parts;
  }

  /** Makes the servers; none is started. */
  static async make(options: ClusterOptions = {}): Promise<Cluster> {
    const { failback, failbackAfterMs } = options;
    const world = createVirtualWorld({ seed: options.seed ?? 1 });
    const network = createMemoryNetwork({ world, latency: options.latency ?? { minMs: 1, maxMs: 2 } });
    const named = await nameServers(options.servers ?? 3);
    const license = await signFor(named, options.features === undefined ? {} : { features: options.features });
    const parts = {
      world,
      network,
      timing: options.timing ?? lan,
      settings: { ...settingsDefault, ...options.settings },
      isNew: options.isNew ?? true,
      raft: options.raft ?? {},
      syncMs,
      ...(options.wrapConsensus === undefined ? {} : { wrapConsensus: options.wrapConsensus }),
      more: {
        ...(failback === undefined ? {} : { failback }),
        ...(failbackAfterMs === undefined ? {} : { failbackAfterMs }),
      },
    };
    const servers = named.map((server) => new ClusterServer(server, license, parts));
    return new Cluster(parts, named, servers);
  }

  /** Makes the servers, starts them all and waits until the primary serves. */
  static async start(options: ClusterOptions = {}): Promise<Cluster> {
    const cluster = await Cluster.make(options);
    await cluster.startAll();
    return cluster;
  }

  /** Starts every server that is down, and waits until one serves. */
  async startAll(): Promise<ClusterServer> {
    await this.during(Promise.all(this.servers.filter(({ isUp }) => !isUp).map((server) => server.start())));
    return this.control();
  }

  /** One more server, with an empty disk and a license file; not started. */
  add(named: NamedServer, license: string): ClusterServer {
    const server = new ClusterServer(named, license, this.#parts);
    this.#added.push(server);
    return server;
  }

  server(rank: number): ClusterServer {
    const server = this.servers.find((each) => each.rank === rank);
    if (server === undefined) throw new Error(`there is no server of rank ${rank}`);
    return server;
  }

  /** The servers that say that they are in control; more than one only while a deposed one has not noticed. */
  inControl(): readonly ClusterServer[] {
    return this.servers.filter(({ state }) => state === 'in-control');
  }

  /** Waits until exactly one server is in control and its ledger is open for business. */
  async control(): Promise<ClusterServer> {
    const isServing = (): ClusterServer | undefined => {
      const [first, ...more] = this.inControl();
      const isOpened = first !== undefined && first.server.inspect().ledger.licenseText() !== null;
      return more.length === 0 && isOpened ? first : undefined;
    };
    await this.until('a server in control', () => isServing() !== undefined);
    return isServing() as ClusterServer;
  }

  /** Lets time go by, ms. */
  async run(forMs: number): Promise<void> {
    await this.world.run({ forMs });
  }

  /** Lets time go by until `holds` does. Throws after `withinMs`. Answers how long it took, ms. */
  async until(what: string, holds: () => boolean, withinMs = awaitMsMax): Promise<number> {
    const fromMs = this.world.nowMs;
    if (await this.world.run({ forMs: withinMs, until: holds })) return this.world.nowMs - fromMs;
    const states = this.servers.map(({ name, state }) => `${name} is ${state}`).join(', ');
    throw new Error(`waited ${withinMs} ms in vain for ${what}; ${states}`);
  }

  /** Lets time go by until the promise is settled. */
  async during<Value>(promise: Promise<Value>, withinMs = awaitMsMax): Promise<Value> {
    let isSettled = false;
    const settle = (): void => {
      isSettled = true;
    };
    promise.then(settle, settle);
    await this.until('a promise', () => isSettled, withinMs);
    return promise;
  }

  /** A client of raw messages, connected to one server, on a host of its own. It has said hello. */
  async link(
    to: ClusterServer,
    options: { readonly host?: string; readonly hello?: boolean } = {},
  ): Promise<ScriptedLink> {
    const host = options.host ?? this.#newParty('link');
    const runtime = this.world.runtime(`${host}/${this.#newParty('dial')}`);
    const until: Cluster['until'] = (what, holds, withinMs) => this.until(what, holds, withinMs);
    const link = await this.during(ScriptedLink.open(to.address, { network: this.network, host, runtime, until }));
    if (options.hello !== false) await link.hello();
    return link;
  }

  /** A session on a link of its own to one server; nothing of it is sent yet. */
  async session(to: ClusterServer): Promise<ScriptedSession> {
    return new ScriptedSession(await this.link(to));
  }

  /** A real client on a host of its own. */
  client(options: { readonly user?: string; readonly host?: string } = {}): Client {
    const host = options.host ?? this.#newParty('client');
    return createClient({
      servers: this.servers.map(({ address }) => address),
      transports: [this.network.transport(host)],
      vendorKey: vendor.publicKey,
      identity: { user: options.user ?? host, host },
      runtime: this.world.runtime(host),
    });
  }

  /** Another license for these servers, by the same vendor. */
  signLicense(changes: LicenseChanges): Promise<string> {
    return signFor(this.named, changes);
  }

  /** What `lic status` shows, asked of one server. */
  status(of: ClusterServer): Promise<StatusReport> {
    return this.during(of.server.status());
  }

  #newParty(kind: string): string {
    this.#parties++;
    return `${kind}-${this.#parties}`;
  }
}
