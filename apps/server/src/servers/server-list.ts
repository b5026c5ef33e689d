import { readFile } from 'node:fs/promises';
import { hostname, userInfo } from 'node:os';
import { join } from 'node:path';
import type { ClientOptions, TrustOptions } from '@lic/client';
import { errorCode, type TransportFactory } from '@lic/interfaces';
import { tcp } from '@lic/transport-tcp';
import { ws } from '@lic/transport-ws';
import { addressExpected, isDialable } from '../config/address.ts';
import { readServerConfig, type ServerConfig } from '../config/server-config.ts';
import { readVendorKey } from '../keys/key-files.ts';
import { printError } from '../output/print.ts';
import { adminTokenPath } from '../serve/admin-token.ts';
import { usageError } from '../usage-error.ts';

/** Options that every verb which talks to servers takes. */
export interface ServerListOptions {
  /** Comma-separated addresses. */
  readonly servers?: string;
  readonly vendorKey?: string;
  /** The folder of a `lic triad` on this machine: addresses, vendor key and admin tokens are found in it. */
  readonly dir?: string;
  /** The certificates of those who may sign servers' certificates, in PEM, for `tls` and `wss`. */
  readonly ca?: string;
  readonly tokenFile?: string;
}

/** A server that can be asked, with the admin token for it where one is known. */
export interface KnownServer {
  readonly address: string;
  /** Empty where only its address is known. */
  readonly name: string;
  readonly rank: number | undefined;
  readonly token: string | undefined;
}

/** How servers are reached, and whom to trust. */
export type Access = TrustOptions & { readonly transports: readonly TransportFactory[] };

/** The three servers of a `lic triad` on this machine, where nothing else is said. */
const defaultServers = ['tcp://127.0.0.1:7411', 'tcp://127.0.0.1:7421', 'tcp://127.0.0.1:7431'];

/** Whom to ask: `--servers`, else the triad in `--dir`, else LIC_SERVERS, else the default ports on loopback. */
export async function resolveServers(options: ServerListOptions): Promise<readonly KnownServer[]> {
  const { dir, servers, tokenFile } = options;
  const inFolder = dir === undefined ? [] : await triadServers(dir);
  const given = servers ?? (dir === undefined ? process.env['LIC_SERVERS'] : undefined);
  const said = tokenFile === undefined ? undefined : await readToken(tokenFile);
  const otherwise = process.env['LIC_ADMIN_TOKEN'];
  if (given === undefined && dir !== undefined)
    return inFolder.map((server) => ({ ...server, token: said ?? server.token ?? otherwise }));
  const addresses = given === undefined ? defaultServers : given.split(',').map((address) => address.trim());
  return addresses.map((address) => {
    if (!isDialable(address))
      throw usageError(`${JSON.stringify(address)} is no server address: ${addressExpected}; several with commas.`);
    const known = inFolder.find((server) => server.address === address);
    return { address, name: '', rank: undefined, token: said ?? known?.token ?? otherwise };
  });
}

async function readToken(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw usageError(`The token file ${path} can't be read (${errorCode(error)}).`);
  });
  if (text.trim() === '') throw usageError(`The token file ${path} is empty: expected what a server wrote there.`);
  return text.trim();
}

async function triadServers(directory: string): Promise<readonly KnownServer[]> {
  const known = await Promise.all(
    (await triadConfigs(directory)).map(async ({ name, rank, config }) => {
      const token = await readFile(adminTokenPath(config.data), 'utf8').catch(() => undefined);
      return { address: config.listen[0] ?? '', name, rank, token: token?.trim() };
    }),
  );
  return known.sort((a, b) => a.rank - b.rank);
}

async function triadConfigs(directory: string) {
  const text = await readFile(join(directory, 'license.json'), 'utf8').catch((error: unknown) => {
    throw usageError(
      `${directory} is no folder of a triad: its license.json can't be read (${errorCode(error)}). It is made by lic triad --dir.`,
    );
  });
  const { servers } = JSON.parse(text) as {
    readonly servers: readonly { readonly name: string; readonly rank: number }[];
  };
  return Promise.all(
    servers.map(async ({ name, rank }): Promise<{ name: string; rank: number; config: ServerConfig }> => {
      return { name, rank, config: await readServerConfig(join(directory, name, 'config.yaml')) };
    }),
  );
}

/** How to reach servers and whom to trust: options first, then the triad's folder, then the environment. */
export async function resolveAccess(options: ServerListOptions): Promise<Access> {
  const path = options.ca ?? process.env['LIC_CA'];
  const ca =
    path === undefined
      ? undefined
      : await readFile(path).catch((error: unknown) => {
          throw usageError(`The certificates ${path} can't be read (${errorCode(error)}).`);
        });
  return { ...(await resolveTrust(options)), transports: transportsWith(ca) };
}

/** What the CLI carries frames with; without `ca` it trusts the system's authorities. */
export function transportsWith(ca?: Uint8Array): readonly TransportFactory[] {
  if (ca === undefined) return [tcp(), ws()];
  const tls = { dial: { ca: Buffer.from(ca) } };
  return [tcp({ tls }), ws({ tls })];
}

async function resolveTrust({ vendorKey, dir }: ServerListOptions): Promise<TrustOptions> {
  const path = vendorKey ?? (dir === undefined ? process.env['LIC_VENDOR_KEY'] : join(dir, 'vendor', 'vendor.pub'));
  if (path !== undefined) return { vendorKey: await readVendorKey(path) };
  printError('servers not verified: no --vendor-key and no LIC_VENDOR_KEY');
  return { insecure: true };
}

/** The options of a client that the CLI makes. */
export async function clientOptions(options: ServerListOptions): Promise<ClientOptions> {
  const servers = (await resolveServers(options)).map(({ address }) => address);
  const identity = { user: userName(), host: hostname() };
  return { ...(await resolveAccess(options)), servers, identity, agent: 'lic' };
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return process.env['USER'] ?? 'unknown';
  }
}
