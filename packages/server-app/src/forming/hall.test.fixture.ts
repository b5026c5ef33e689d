import { ed25519Scheme } from '@lic/core';
import { silentLogger } from '@lic/interfaces';
import {
  createMemoryLogStore,
  createMemoryNetwork,
  createVirtualWorld,
  MemoryDisk,
  type VirtualRuntime,
} from '@lic/testkit';
import { hosts, type TestMembers } from '../peers/peer-triad.test.fixture.ts';
import { decodeFolder, type FolderRecord } from './folder-record.ts';
import { type FormingOptions, type FormingServer, startForming } from './forming.test.fixture.ts';

/** Three hosts with disks that outlive their processes. */
export class Hall {
  readonly world;
  readonly network;
  readonly disks = [0, 1, 2].map(() => new MemoryDisk());
  readonly servers = new Map<number, FormingServer>();
  readonly #runtimes = new Map<number, VirtualRuntime>();
  #starts = 0;

  readonly #members: TestMembers;

  constructor(members: TestMembers, seed: number | string = 1) {
    this.#members = members;
    this.world = createVirtualWorld({ seed });
    this.network = createMemoryNetwork({ world: this.world, latency: { minMs: 0.1, maxMs: 2 } });
  }

  async start(at: number, options: Partial<FormingOptions> = {}): Promise<FormingServer> {
    const runtime = this.world.runtime(`process${this.#starts++}`);
    const random = this.world.random.fork(`disk${this.#starts}`);
    const store = createMemoryLogStore(this.disk(at), { runtime, syncMs: () => random.between(1, 10) });
    const transport = this.network.transport(hosts[at] ?? '');
    const server = await startForming({
      runtime,
      logger: silentLogger,
      scheme: ed25519Scheme,
      members: this.#members,
      at,
      store,
      transport,
      ...options,
    });
    this.servers.set(at, server);
    this.#runtimes.set(at, runtime);
    return server;
  }

  crash(at: number, lose: 'all-unsynced' | 'nothing' = 'all-unsynced'): void {
    this.#runtimes.get(at)?.kill();
    this.network.killHost(hosts[at] ?? '');
    this.disk(at).crash({ lose });
    this.servers.delete(at);
  }

  disk(at: number): MemoryDisk {
    return this.disks[at] as MemoryDisk;
  }

  /** What is durable on a disk. */
  record(at: number): FolderRecord | undefined {
    const { owner } = this.disk(at).image;
    return owner === undefined ? undefined : decodeFolder(owner);
  }

  allJoined(): boolean {
    return this.servers.size === 3 && [...this.servers.values()].every(({ joined }) => joined !== undefined);
  }

  allUpJoined(): boolean {
    return [...this.servers.values()].every(({ joined }) => joined !== undefined);
  }

  server(at: number): FormingServer {
    return this.servers.get(at) as FormingServer;
  }

  async until(done: () => boolean, limitMs = 20_000): Promise<void> {
    if (await this.world.run({ forMs: limitMs, until: done })) return;
    throw new Error(
      `not within ${limitMs} ms: ${JSON.stringify([...this.servers.values()].map(({ reasons }) => reasons.at(-1)))}`,
    );
  }
}
