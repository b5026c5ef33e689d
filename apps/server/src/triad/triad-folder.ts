import { access, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { canonicalize, type License, parseTerms, signLicense, type Terms, verifyLicense } from '@lic/core';
import { errorCode } from '@lic/interfaces';
import { stringify } from 'yaml';
import { drawLicenseId, issuedNow, readTermsFile } from '../commands/keys.ts';
import { parseServerConfig, type ServerConfigFile } from '../config/server-config.ts';
import { loadOrMakeIdentity, makeVendorKey, readIdentity, readPrivateKey, readVendorKey } from '../keys/key-files.ts';
import { replaceFile } from '../serve/license-file.ts';
import { usageError } from '../usage-error.ts';
import { parseJsonText, termsDraft } from './terms-draft.ts';

/** What `lic triad` prepares a folder from. */
export interface TriadFolderOptions {
  readonly directory: string;
  readonly basePort: number;
  readonly terms?: string;
  readonly license?: string;
  /** Configuration keys that every server gets on top (tests: short leases, a quick pace). */
  readonly overrides: Partial<ServerConfigFile>;
}

/** A server of the triad on this machine. */
export interface TriadServer {
  readonly rank: number;
  readonly name: string;
  readonly addresses: readonly string[];
  readonly configPath: string;
  readonly dataPath: string;
  readonly logPath: string;
}

/** A folder that is ready to be served. */
export interface TriadFolder {
  readonly servers: readonly TriadServer[];
  readonly vendorKey: string;
  readonly license: License;
  readonly licensePath: string;
  /** The license was signed just now: nothing older can hold seats. */
  readonly isNew: boolean;
  /** What the person should know. */
  readonly remarks: readonly string[];
}

/** Ports of a rank: tcp, and ws one above (architecture.md, public surface). */
const portStep = 10;

/** The addresses of a rank on this machine. */
export function addressesOf(basePort: number, rank: number): readonly string[] {
  const port = basePort + portStep * (rank - 1);
  return [`tcp://127.0.0.1:${port}`, `ws://127.0.0.1:${port + 1}`];
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** Prepares `directory`: keys, identities, the signed license and a configuration for each server. */
export async function prepareTriadFolder(options: TriadFolderOptions): Promise<TriadFolder> {
  const directory = resolve(options.directory);
  await mkdir(directory, { recursive: true });
  const licensePath = join(directory, 'license.json');
  const remarks: string[] = [];
  let isNew = false;
  if (options.license !== undefined) await adoptLicense(options.license, directory, licensePath, remarks);
  else if (await exists(licensePath)) await compareTerms(options, directory, licensePath, remarks);
  else {
    await signTerms(options, directory, licensePath);
    isNew = true;
  }
  const vendorKey = await readVendorKey(join(directory, 'vendor', 'vendor.pub'));
  const license = await verifyLicense(await readFile(licensePath, 'utf8'), vendorKey);
  const servers = await Promise.all(
    license.servers.map((server) =>
      writeConfig({ options, directory, licensePath, license, name: server.name, rank: server.rank }),
    ),
  );
  for (const { name, key } of license.servers) await checkIdentity(directory, name, key);
  return { servers: [...servers].sort((a, b) => a.rank - b.rank), vendorKey, license, licensePath, isNew, remarks };
}

const identityPath = (directory: string, name: string): string => join(directory, name, 'identity.key');

async function checkIdentity(directory: string, name: string, key: string): Promise<void> {
  const path = identityPath(directory, name);
  const identity = await readIdentity(path).catch((error: unknown) => {
    if (errorCode(error) !== 'KEY_FILE_MISSING') throw error;
    throw usageError(
      `The license names the key ${key} for ${name}, but ${path} is missing: put that identity there.`,
      'IDENTITY_MISSING',
    );
  });
  if (identity.publicKey === key) return;
  throw usageError(
    `The license names the key ${key} for ${name}, but ${path} is ${identity.publicKey}: put the right identity there.`,
    'IDENTITY_MISSING',
  );
}

/** `--license`: a license that was signed elsewhere; `vendor/vendor.pub` must be there, or be given as LIC_VENDOR_KEY. */
async function adoptLicense(path: string, directory: string, licensePath: string, remarks: string[]): Promise<void> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw usageError(`The license ${path} can't be read (${errorCode(error)}).`);
  });
  const pub = join(directory, 'vendor', 'vendor.pub');
  if (!(await exists(pub))) {
    const given = process.env['LIC_VENDOR_KEY'];
    if (given === undefined)
      throw usageError(`Say who signed ${path}: set LIC_VENDOR_KEY to the vendor's public key, or put it at ${pub}.`);
    await mkdir(join(directory, 'vendor'), { recursive: true });
    await writeFile(pub, `${await readVendorKey(given)}\n`);
  }
  await verifyLicense(text, await readVendorKey(pub));
  if (await exists(licensePath)) {
    const current = await readFile(licensePath, 'utf8');
    if (canonicalize(parseJsonText(current)) === canonicalize(parseJsonText(text))) return;
    remarks.push(
      `${licensePath} is another license and stays in force. To load yours: npx --no lic reload ${path} --dir ${shown(directory)}`,
    );
    return;
  }
  await replaceFile(licensePath, text);
}

/** The folder has a license: it is used, and terms that differ are reported. */
async function compareTerms(
  options: TriadFolderOptions,
  directory: string,
  licensePath: string,
  remarks: string[],
): Promise<void> {
  if (options.terms === undefined) return;
  const license = parseJsonText(await readFile(licensePath, 'utf8')) as License;
  const draft = termsDraft(await readTermsFile(options.terms), options.terms);
  // Keys and addresses were filled in when it was signed; what a person writes in terms is the rest.
  const bare = (terms: Pick<Terms, 'vendor' | 'licensee' | 'features'>): string =>
    canonicalize({ vendor: terms.vendor, licensee: terms.licensee, features: terms.features });
  if (bare(draft as Terms) === bare(license)) return;
  const next = join(directory, 'next.license.json');
  const terms = { ...draft, servers: license.servers } as Terms;
  const { privateKeyPem } = await readPrivateKey(join(directory, 'vendor', 'vendor.key'));
  await replaceFile(
    next,
    await signLicense({ terms: parseTerms(terms), privateKeyPem, id: drawLicenseId(), issuedAt: issuedNow() }),
  );
  remarks.push(
    `${options.terms} differs from the license in ${shown(directory)}, which stays in force. A license with the new terms is at ${shown(next)}; to load it: npx --no lic reload ${shown(next)} --dir ${shown(directory)}`,
  );
}

async function signTerms(options: TriadFolderOptions, directory: string, licensePath: string): Promise<void> {
  if (options.terms === undefined) {
    throw usageError(
      `${shown(directory)} holds no license yet: say --terms FILE (to sign one here) or --license FILE.`,
    );
  }
  const draft = termsDraft(await readTermsFile(options.terms), options.terms);
  const vendorKeyPath = join(directory, 'vendor', 'vendor.key');
  const { privateKeyPem } = (await exists(vendorKeyPath))
    ? await readPrivateKey(vendorKeyPath)
    : await makeVendorKey(join(directory, 'vendor'), 'Ed25519');
  const servers = await Promise.all(
    draft.servers.map(async ({ rank, name }) => ({
      rank,
      name,
      address: addressesOf(options.basePort, rank)[0] ?? '',
      key: (await loadOrMakeIdentity(join(directory, name))).publicKey,
    })),
  );
  const terms = parseTerms({ ...draft, servers });
  await replaceFile(
    licensePath,
    await signLicense({ terms, privateKeyPem, id: drawLicenseId(), issuedAt: issuedNow() }),
  );
}

async function writeConfig(parts: {
  readonly options: TriadFolderOptions;
  readonly directory: string;
  readonly licensePath: string;
  readonly license: License;
  readonly name: string;
  readonly rank: number;
}): Promise<TriadServer> {
  const { options, directory, licensePath, license, name, rank } = parts;
  const folder = join(directory, name);
  await mkdir(folder, { recursive: true });
  const addresses = addressesOf(options.basePort, rank);
  const own = join(folder, 'license.json');
  if (!(await exists(own))) await replaceFile(own, await readFile(licensePath, 'utf8'));
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
  const text = `# Written by \`lic triad\` at each start: what is changed here is lost.\n${stringify(config)}`;
  parseServerConfig(text, configPath);
  await replaceFile(configPath, text);
  return { rank, name, addresses, configPath, dataPath: join(folder, 'data'), logPath: join(folder, 'server.log') };
}

/** A path as a person would type it here. */
export function shown(path: string): string {
  const near = relative(process.cwd(), path);
  return near.startsWith('..') || near === '' ? path : near;
}
