import { type RaftOptions, raft } from '@lic/consensus';
import { ed25519Scheme, type LedgerSettings, type LedgerVersionRange } from '@lic/core';
import { type ConsensusFactory, type ConsensusTiming, LicError, type LogStore } from '@lic/interfaces';
import { createServer, type Server, type ServerOptions } from '@lic/server-app';
import type { CrashLoss, MemoryNetwork, SeenAs, VirtualClockOptions, VirtualRuntime, VirtualWorld } from '@lic/testkit';
import { SimulatedDisk } from '../disk/simulated-disk.ts';
import { simulatedLogStore } from '../disk/simulated-log-store.ts';
import { type KeyPair, type NamedServer, vendor } from './cluster-license.ts';
import { type KeepingLogger, keepingLogger, type LogLine } from './keeping-logger.ts';

/** What all servers of a cluster have in common. */
export interface ClusterServerParts {
  readonly world: VirtualWorld;
  readonly network: MemoryNetwork;
  readonly timing: ConsensusTiming;
  readonly settings: LedgerSettings;
  readonly isNew: boolean;
  readonly raft: RaftOptions;
  /** What a sync of a disk takes, ms, or a function that draws it. */
  readonly syncMs: number | (() => number);
  /** Puts something between a server and its consensus: a checker that looks on. Default: nothing. */
  readonly wrapConsensus?: (factory: ConsensusFactory, server: ClusterServer) => ConsensusFactory;
  /** Puts something between a server and its store. Default: nothing. */
  readonly wrapStore?: (store: LogStore, server: ClusterServer) => LogStore;
  readonly more: Pick<ServerOptions, 'failback' | 'failbackAfterMs'>;
}

/** Of the log: small ones, so that a run goes through many. */
const segmentBytes = [8_192, 16_384, 65_536];

/** One server of a cluster: its host, disk, license file and clock outlive its processes. */
export class ClusterServer {
  readonly name: string;
  readonly rank: number;
  readonly address: string;
  readonly adminToken: string;
  readonly logger: KeepingLogger;
  readonly disk: SimulatedDisk;
  /** The license file's text; null: there is none. */
  licenseFile: string | null;
  /** Called with each line that its processes log. */
  onLogLine: ((line: LogLine) => void) | undefined;
  /** How the clocks of the next process differ from true time. */
  clock: VirtualClockOptions = {};
  /** The ledger rules that the next process knows; undefined: those of the code. */
  ledgerVersions: LedgerVersionRange | undefined;
  readonly #parts: ClusterServerParts;
  #named: NamedServer;
  readonly #segmentBytes: number;
  #runtime: VirtualRuntime | undefined;
  #server: Server | undefined;
  #boots = 0;

  constructor(named: NamedServer, license: string, parts: ClusterServerParts) {
    this.name = named.name;
    this.rank = named.rank;
    this.address = named.address;
    this.adminToken = `token-of-${named.name}`;
    this.licenseFile = license;
    this.logger = keepingLogger(
      () => parts.world.nowMs,
      (line) => this.onLogLine?.(line),
    );
    const random = parts.world.random.fork(`disk of ${named.name}`);
    this.disk = new SimulatedDisk(random);
    this.#segmentBytes = random.pick(segmentBytes);
    this.#named = named;
    this.#parts = parts;
  }

  /** Its identity key: the same in all its lives, unless its machine is exchanged. */
  get key(): string {
    return this.#named.identity.publicKey;
  }

  /** Another machine takes its place, with an identity of its own and an empty disk, on the same address. Only while no process runs. */
  exchange(identity: KeyPair): void {
    if (this.#server !== undefined) throw new Error(`${this.name} is running`);
    this.#named = { ...this.#named, identity };
    this.disk.wipe();
  }

  /** As licenses name it. */
  get named(): NamedServer {
    return this.#named;
  }

  /** Whether its process runs. */
  get isUp(): boolean {
    return this.#server !== undefined;
  }

  /** The running process. */
  get server(): Server {
    if (this.#server === undefined) throw new Error(`${this.name} is not running`);
    return this.#server;
  }

  /** How many processes it has had. */
  get boots(): number {
    return this.#boots;
  }

  get runtime(): VirtualRuntime {
    if (this.#runtime === undefined) throw new Error(`${this.name} was never started`);
    return this.#runtime;
  }

  get state(): string {
    return this.#server?.inspect().state ?? 'down';
  }

  /** Starts a process on what the disk holds. Settles as `Server.start` does: virtual time has to go by meanwhile. */
  start(options: { readonly isNew?: boolean } = {}): Promise<void> {
    if (this.#server !== undefined) throw new Error(`${this.name} is running`);
    const { world, network, timing, settings, raft: raftOptions, syncMs, more } = this.#parts;
    const { wrapConsensus = (factory) => factory, wrapStore = (store) => store } = this.#parts;
    this.#boots++;
    const runtime = world.runtime(`${this.name}#${this.#boots}`, this.clock);
    this.#runtime = runtime;
    this.#server = createServer({
      runtime,
      logger: this.logger,
      transports: [network.transport(this.name)],
      consensus: wrapConsensus(raft(raftOptions), this),
      store: wrapStore(simulatedLogStore(this.disk, { runtime, syncMs, segmentBytes: this.#segmentBytes }), this),
      scheme: ed25519Scheme,
      identity: this.#named.identity,
      vendorKey: vendor.publicKey,
      readLicense: async () => {
        if (this.licenseFile === null) throw new LicError('ENOENT', 'There is no license file.');
        return this.licenseFile;
      },
      writeLicense: async (text) => {
        this.licenseFile = text;
      },
      listen: [this.address],
      isNew: options.isNew ?? this.#parts.isNew,
      adminToken: this.adminToken,
      timing,
      settings,
      ...(this.ledgerVersions && { ledgerVersions: this.ledgerVersions }),
      ...more,
    });
    return this.#server.start();
  }

  /** Ends the process in order (SIGTERM). */
  async stop(options?: { readonly handover?: boolean }): Promise<void> {
    const { server } = this;
    await server.stop(options);
    if (this.#server !== server) return;
    this.#server = undefined;
    // The process is gone, with whatever it could not write any more; what it wrote is with the operating system.
    this.disk.crash({ lose: 'nothing' });
  }

  /** Ends the process without a word; what was not synced is lost, or so much of it as `lose` says. */
  kill(options: { readonly seenAs?: SeenAs; readonly lose?: CrashLoss } = {}): void {
    const { seenAs, lose } = options;
    this.#parts.network.killHost(this.name, seenAs === undefined ? {} : { seenAs });
    this.runtime.kill();
    this.disk.crash(lose === undefined ? {} : { lose });
    this.#server = undefined;
  }
}
