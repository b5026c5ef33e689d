import { chmod, mkdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { License } from '@lic/core';
import { LicError } from '@lic/interfaces';
import { stringify } from 'yaml';
import { parseServerConfig, readServerConfig, type ServerConfigFile } from '../config/server-config.ts';
import { replaceFile } from '../serve/license-file.ts';
import { askStatus } from '../servers/ask.ts';
import { type KnownServer, transportsWith } from '../servers/server-list.ts';
import { chooseLicense, exists, type FolderLicense, folderPaths, type LicenseChoice } from './folder-license.ts';

/** What `lic triad` prepares a folder from. */
export interface TriadFolderOptions extends Omit<LicenseChoice, 'addressOf'> {
  readonly basePort: number;
  /** Configuration keys that every server gets on top (tests: short leases, a quick pace). */
  readonly overrides: Partial<ServerConfigFile>;
}

/** A server of the triad on this machine. */
export interface TriadServer {
  readonly rank: number;
  readonly name: string;
  readonly addresses: readonly string[];
  readonly configPath: string;
  readonly logPath: string;
}

/** A folder that is ready to be served. */
export interface TriadFolder extends FolderLicense {
  readonly directory: string;
  /** In the order of their ranks. */
  readonly servers: readonly TriadServer[];
}

/** Ports of a rank: tcp, and ws one above (architecture.md, public surface). */
const portStep = 10;

/** The addresses of a rank on this machine. */
export function addressesOf(basePort: number, rank: number): readonly string[] {
  const port = basePort + portStep * (rank - 1);
  return [`tcp://127.0.0.1:${port}`, `ws://127.0.0.1:${port + 1}`];
}

/** Prepares `directory`: keys, identities, the signed license and a configuration for each server. */
export async function prepareTriadFolder(options: TriadFolderOptions): Promise<TriadFolder> {
  const directory = resolve(options.directory);
  await privateFolder(directory);
  const addressOf = (rank: number): string => addressesOf(options.basePort, rank)[0] ?? '';
  const chosen = await chooseLicense({ ...options, directory, addressOf });
  const { license, text } = chosen;
  const drafts = license.servers.map(({ name, rank }) => draftServer({ options, directory, license, name, rank }));
  await checkNotRunning(drafts, chosen.vendorKey);
  for (const draft of drafts) await writeServer(draft, folderPaths(directory).serverLicense(draft.server.name), text);
  const servers = drafts.map(({ server }) => server);
  return { ...chosen, directory, servers: servers.sort((a, b) => a.rank - b.rank) };
}

/** A folder that only its owner enters: keys and tokens lie in it. */
async function privateFolder(path: string): Promise<void> {
  const isNew = !(await exists(path));
  await mkdir(path, { recursive: true, mode: 0o700 });
  if (isNew) await chmod(path, 0o700);
}

/** A server's configuration as it is to be. */
interface ServerDraft {
  readonly server: TriadServer;
  readonly yaml: string;
}

/** Two of a kind would fight for ports and data folders, and who looks into the folder is to find those that run. */
async function checkNotRunning(drafts: readonly ServerDraft[], vendorKey: string): Promise<void> {
  const configured: KnownServer[] = [];
  for (const { configPath, name, rank } of drafts.map(({ server }) => server)) {
    if (!(await exists(configPath))) continue;
    const { listen } = await readServerConfig(configPath);
    configured.push({ address: listen[0] ?? '', name, rank, token: undefined });
  }
  const answers = await askStatus(configured, { vendorKey, transports: transportsWith() });
  const running = answers.flatMap((answer) => ('report' in answer ? [answer.server] : []));
  if (running.length === 0) return;
  const who = running.map(({ name, address }) => `${name} at ${address}`).join(', ');
  throw new LicError('ALREADY_RUNNING', `Servers of this folder run already: ${who}. Stop them first.`);
}

function draftServer(parts: {
  readonly options: TriadFolderOptions;
  readonly directory: string;
  readonly license: License;
  readonly name: string;
  readonly rank: number;
}): ServerDraft {
  const { options, directory, license, name, rank } = parts;
  const folder = folderPaths(directory).server(name);
  const addresses = addressesOf(options.basePort, rank);
  const config: ServerConfigFile = {
    license: 'license.json',
    vendorKey: '../vendor/vendor.pub',
    identity: 'identity.key',
    data: 'data',
    listen: [...addresses],
    servers: license.servers.map((server) => ({
      name: server.name,
      addresses: [...addressesOf(options.basePort, server.rank)],
    })),
    ...options.overrides,
  };
  const configPath = join(folder, 'config.yaml');
  const yaml = `# Written by \`lic triad\` at each start: what is changed here is lost.\n${stringify(config)}`;
  parseServerConfig(yaml, configPath);
  return { yaml, server: { rank, name, addresses, configPath, logPath: join(folder, 'server.log') } };
}

async function writeServer({ server, yaml }: ServerDraft, licensePath: string, text: string): Promise<void> {
  await privateFolder(dirname(server.configPath));
  // Later it is the server that keeps its file in step with the log.
  if (!(await exists(licensePath))) await replaceFile(licensePath, text);
  await replaceFile(server.configPath, yaml);
}
