import { readFile } from 'node:fs/promises';
import { hostname, userInfo } from 'node:os';
import { join } from 'node:path';
import type { ClientOptions, TrustOptions } from '@lic/client';
import { errorCode, type TransportFactory } from '@lic/interfaces';
import { tcp } from '@lic/transport-tcp';
import { ws } from '@lic/transport-ws';
import { readServerConfig } from '../config/server-config.ts';
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

/** The three servers of a `lic triad` on this machine, where nothing else is said. */
const defaultServers = ['tcp://127.0.0.1:7411', 'tcp://127.0.0.1:7421', 'tcp://127.0.0.1:7431'];

/** What the CLI carries frames with. */
export const cliTransports: readonly TransportFactory[] = [tcp(), ws()];

/** Whom to ask: `--servers` or LIC_SERVERS, else the triad in `--dir`, else the default ports on loopback. */
export async function resolveServers(options: ServerListOptions): Promise<readonly KnownServer[]> {
  const given = options.servers ?? process.env['LIC_SERVERS'];
  const token = await givenToken(options);
  const inFolder = options.dir === undefined ? [] : await triadServers(options.dir);
  if (given === undefined && inFolder.length > 0) {
    return inFolder.map((server) => ({ ...server, token: token ?? server.token }));
  }
  const addresses = given === undefined ? defaultServers : given.split(',').map((address) => address.trim());
  for (const address of addresses) {
    if (!/^(tcp|tls|ws|wss):\/\/\S+:\d+$/.test(address)) {
      throw usageError(
        `${JSON.stringify(address)} is no server address: expected tcp://host:port, tls://, ws:// or wss://, comma-separated.`,
      );
    }
  }
  return addresses.map((address) => ({
    address,
    name: '',
    rank: undefined,
    token: token ?? inFolder.find((server) => server.address === address)?.token,
  }));
}

async function givenToken({ tokenFile }: ServerListOptions): Promise<string | undefined> {
  if (tokenFile === undefined) return process.env['LIC_ADMIN_TOKEN'];
  const text = await readFile(tokenFile, 'utf8').catch((error: unknown) => {
    throw usageError(`The token file ${tokenFile} can't be read (${errorCode(error)}).`);
  });
  return text.trim();
}

async function triadServers(directory: string): Promise<readonly KnownServer[]> {
  let text: string;
  try {
    text = await readFile(join(directory, 'license.json'), 'utf8');
  } catch (error) {
    throw usageError(`${directory} is no folder of a triad: it has no license.json (${errorCode(error)}).`);
  }
  const { servers } = JSON.parse(text) as {
    readonly servers: readonly { readonly name: string; readonly rank: number }[];
  };
  const known = await Promise.all(
    servers.map(async ({ name, rank }) => {
      const config = await readServerConfig(join(directory, name, 'config.yaml'));
      const token = await readFile(adminTokenPath(config.data), 'utf8').catch(() => undefined);
      return { address: config.listen[0] ?? '', name, rank, token: token?.trim() };
    }),
  );
  return known.sort((a, b) => a.rank - b.rank);
}

/** Whom to trust: `--vendor-key` or LIC_VENDOR_KEY, else the triad folder's; without any, that is said. */
export async function resolveTrust(options: ServerListOptions): Promise<TrustOptions> {
  const given = options.vendorKey ?? process.env['LIC_VENDOR_KEY'];
  const path = given ?? (options.dir === undefined ? undefined : join(options.dir, 'vendor', 'vendor.pub'));
  if (path !== undefined) return { vendorKey: await readVendorKey(path) };
  printError('servers not verified: no --vendor-key and no LIC_VENDOR_KEY');
  return { insecure: true };
}

/** The options of a client that the CLI makes. */
export async function clientOptions(options: ServerListOptions): Promise<ClientOptions> {
  const trust = await resolveTrust(options);
  const servers = (await resolveServers(options)).map(({ address }) => address);
  return {
    ...trust,
    servers,
    transports: cliTransports,
    identity: { user: userName(), host: hostname() },
    agent: 'lic',
  };
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return process.env['USER'] ?? 'unknown';
  }
}
