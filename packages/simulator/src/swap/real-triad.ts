import { mkdtemp, rm } from 'node:fs/promises';
import { createServer as createSocketServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, createClient } from '@lic/client';
import { fileLogStore } from '@lic/consensus';
import { ed25519Scheme } from '@lic/core';
import { type ConsensusFactory, silentLogger, type TransportFactory } from '@lic/interfaces';
import { runtime } from '@lic/runtime';
import { createServer, type Server } from '@lic/server-app';
import { type NamedServer, nameServers, signFor, vendor } from '../cluster/cluster-license.ts';

/** What is swapped. */
export interface PlugIns {
  readonly consensus: ConsensusFactory;
  readonly transport: TransportFactory;
  /** The transport's URL scheme. */
  readonly scheme: string;
}

const timing = { roundMs: 100, electionTimeoutMinMs: 500, electionTimeoutMaxMs: 1_000 };
/** What is awaited comes within this, also on a busy machine. */
const awaitMsMax = 20_000;
const lookMs = 10;

/** Three servers of one process, on real time, disks and loopback sockets. */
export class RealTriad implements AsyncDisposable {
  readonly servers: readonly Server[];
  readonly addresses: readonly string[];
  readonly #plugIns: PlugIns;
  readonly #folder: string;

  private constructor(parts: {
    readonly servers: readonly Server[];
    readonly addresses: readonly string[];
    readonly plugIns: PlugIns;
    readonly folder: string;
  }) {
    this.servers = parts.servers;
    this.addresses = parts.addresses;
    this.#plugIns = parts.plugIns;
    this.#folder = parts.folder;
  }

  /** Forms a triad; resolves once one of them serves. */
  static async start(plugIns: PlugIns): Promise<RealTriad> {
    const folder = await mkdtemp(join(tmpdir(), 'lic-swap-'));
    const ports = await freePorts(3);
    const named = (await nameServers(3)).map((server, at) => ({
      ...server,
      address: `${plugIns.scheme}://127.0.0.1:${ports[at]}`,
    }));
    const license = await signFor(named);
    const servers = named.map((server) => makeServer(server, license, plugIns, join(folder, server.name)));
    const addresses = named.map(({ address }) => address);
    const triad = new RealTriad({ servers, addresses, plugIns, folder });
    await Promise.all(servers.map((server) => server.start()));
    await triad.control();
    return triad;
  }

  /** Waits until exactly one server is in control. */
  async control(): Promise<Server> {
    const inControl = (): readonly Server[] => this.servers.filter((server) => server.inspect().state === 'in-control');
    await until('one server in control', () => inControl().length === 1);
    return inControl()[0] as Server;
  }

  client(): Client {
    return createClient({
      servers: this.addresses,
      transports: [this.#plugIns.transport],
      vendorKey: vendor.publicKey,
      identity: { user: 'ann', host: 'desk-1' },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.servers.map((server) => server.stop({ handover: false })));
    await rm(this.#folder, { recursive: true });
  }
}

function makeServer(named: NamedServer, license: string, { consensus, transport }: PlugIns, folder: string): Server {
  return createServer({
    runtime,
    logger: silentLogger,
    transports: [transport],
    consensus,
    store: fileLogStore({ directory: folder, runtime }),
    scheme: ed25519Scheme,
    identity: named.identity,
    vendorKey: vendor.publicKey,
    readLicense: async () => license,
    listen: [named.address],
    isNew: true,
    adminToken: 'token',
    timing,
    settings: { leaseMs: 60_000, drift: 0.01, marginMs: 1_000, allowShortLeases: false },
  });
}

/** Looks again and again until `holds` is true; never waits without a bound. */
export async function until(what: string, holds: () => boolean): Promise<void> {
  const endMs = runtime.monotonic() + awaitMsMax;
  while (!holds()) {
    if (runtime.monotonic() > endMs) throw new Error(`waited ${awaitMsMax} ms in vain for ${what}`);
    await new Promise<void>((resolve) => runtime.setTimer(lookMs, resolve));
  }
}

/** Ports of the loopback that nobody has, found by binding them all at once. */
async function freePorts(count: number): Promise<readonly number[]> {
  const sockets = await Promise.all(
    Array.from({ length: count }, async () => {
      const socket = createSocketServer();
      await new Promise<void>((resolve) => socket.listen(0, '127.0.0.1', resolve));
      return socket;
    }),
  );
  const ports = sockets.map((socket) => (socket.address() as { readonly port: number }).port);
  await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.close(resolve))));
  return ports;
}
