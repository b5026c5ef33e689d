import { access, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  canonicalize,
  joinLicenses,
  type License,
  parseTerms,
  signLicense,
  splitLicenses,
  type Terms,
  verifyLicenses,
} from '@lic/core';
import { errorCode } from '@lic/interfaces';
import { drawLicenseId, issuedNow, readTermsFile } from '../commands/keys.ts';
import { loadOrMakeIdentity, makeVendorKey, readIdentity, readPrivateKey, readVendorKey } from '../keys/key-files.ts';
import { replaceFile } from '../serve/license-file.ts';
import { usageError } from '../usage-error.ts';
import { parseJsonText, type TermsDraft, termsDraft } from './terms-draft.ts';
import { typed } from './typed-path.ts';

/** Where a triad's folder has what. */
export const folderPaths = (directory: string) => ({
  license: join(directory, 'license.json'),
  nextLicense: join(directory, 'next.license.json'),
  vendor: join(directory, 'vendor'),
  vendorPub: join(directory, 'vendor', 'vendor.pub'),
  vendorKey: join(directory, 'vendor', 'vendor.key'),
  server: (name: string) => join(directory, name),
  identity: (name: string) => join(directory, name, 'identity.key'),
  serverLicense: (name: string) => join(directory, name, 'license.json'),
});

/** What says which license a folder serves. */
export interface LicenseChoice {
  readonly directory: string;
  readonly terms?: string;
  readonly license?: readonly string[];
  /** Who signed `license`: a key or its file. */
  readonly vendorKey?: string;
  /** The default address of a rank, for a license that is signed here. */
  readonly addressOf: (rank: number) => string;
}

/** The license that a folder serves. */
export interface FolderLicense {
  readonly license: License;
  readonly text: string;
  readonly vendorKey: string;
  /** It was signed just now: nothing older can hold seats. */
  readonly isNew: boolean;
  /** What the person should know. */
  readonly remarks: readonly string[];
}

/** Whether there is a file or folder at `path`. */
export const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/**
 * Decides which license a folder serves. One that is there stays in force, and what was asked for instead is reported with
 * the command that loads it. Otherwise terms are signed with keys that are made here, or a license from elsewhere is taken.
 */
export async function chooseLicense(choice: LicenseChoice): Promise<FolderLicense> {
  const paths = folderPaths(choice.directory);
  if (!(await exists(paths.license))) {
    if (choice.license !== undefined) await adoptLicense(choice.license, choice);
    else await signTerms(choice);
    return { ...(await readFolder(choice.directory)), isNew: choice.license === undefined, remarks: [] };
  }
  await followServers(choice.directory);
  const current = await readFolder(choice.directory);
  await checkIdentities(choice.directory, current.license);
  const remark = await compare(choice, current);
  return { ...current, isNew: false, remarks: remark === undefined ? [] : [remark] };
}

async function readFolder(directory: string): Promise<Pick<FolderLicense, 'license' | 'text' | 'vendorKey'>> {
  const paths = folderPaths(directory);
  const vendorKey = await readVendorKey(paths.vendorPub);
  const text = await readFile(paths.license, 'utf8');
  return { license: (await verifyLicenses(text, vendorKey)).license, text, vendorKey };
}

/**
 * A reload went into the log, and from there into the files of the servers, not into the folder's: it follows what most
 * of them have.
 */
async function followServers(directory: string): Promise<void> {
  const paths = folderPaths(directory);
  const text = await readFile(paths.license, 'utf8');
  const { servers } = parseJsonText(splitLicenses(text)[0]) as License;
  const own = await Promise.all(
    servers.map(({ name }) => readFile(paths.serverLicense(name), 'utf8').catch(() => undefined)),
  );
  const inForce = own.find((one) => 2 * own.filter((other) => other === one).length > own.length);
  if (inForce === undefined || inForce === text) return;
  const isSigned = await verifyLicenses(inForce, await readVendorKey(paths.vendorPub)).then(
    () => true,
    () => false,
  );
  if (isSigned) await replaceFile(paths.license, inForce);
}

/** Throws `IDENTITY_MISSING` for the first key that the license names and the folder does not have. */
async function checkIdentities(directory: string, license: License): Promise<void> {
  for (const { name, key } of license.servers) {
    const path = folderPaths(directory).identity(name);
    const found = await readIdentity(path).catch((error: unknown) => {
      if (errorCode(error) !== 'KEY_FILE_MISSING') throw error;
      return undefined;
    });
    if (found?.publicKey === key) continue;
    throw usageError(
      `The license names the key ${key} for ${name}, but ${typed(path)} is ${found?.publicKey ?? 'missing'}: put the identity with that key there.`,
      'IDENTITY_MISSING',
    );
  }
}

/** `--license`: what was signed elsewhere, with its identities in place. Nothing is written before all is checked. */
async function adoptLicense(files: readonly string[], { directory, vendorKey }: LicenseChoice): Promise<void> {
  const paths = folderPaths(directory);
  const text = await readLicenses(files);
  const given = vendorKey ?? ((await exists(paths.vendorPub)) ? paths.vendorPub : process.env['LIC_VENDOR_KEY']);
  if (given === undefined) {
    throw usageError(
      `Say who signed ${files.join(', ')}: --vendor-key KEY, LIC_VENDOR_KEY, or the vendor's public key at ${typed(paths.vendorPub)}.`,
    );
  }
  const key = await readVendorKey(given);
  await checkIdentities(directory, (await verifyLicenses(text, key)).license);
  await mkdir(paths.vendor, { recursive: true, mode: 0o700 });
  await replaceFile(paths.vendorPub, `${key}\n`);
  await replaceFile(paths.license, text);
}

/** The licenses of these files, one behind the other. Throws a usage error for the first that can't be read. */
export async function readLicenses(files: readonly string[]): Promise<string> {
  const texts = files.map((path) =>
    readFile(path, 'utf8').catch((error: unknown) => {
      throw usageError(`The license ${path} can't be read (${errorCode(error)}).`);
    }),
  );
  return joinLicenses(await Promise.all(texts));
}

/** The same licenses, in whatever order and with whatever white space. */
function areSame(one: string, other: string): boolean {
  const [a, b] = [one, other].map((text) =>
    splitLicenses(text)
      .map((each) => canonicalize(parseJsonText(each)))
      .sort(),
  );
  return a?.join() === b?.join();
}

/** How what was asked for differs from the license in force, with the command that loads it; undefined where it does not. */
async function compare(
  choice: LicenseChoice,
  { license: current, text }: Pick<FolderLicense, 'license' | 'text'>,
): Promise<string | undefined> {
  const { directory, terms, license } = choice;
  const load = (...paths: readonly string[]): string =>
    `npx --no lic reload ${paths.map(typed).join(' ')} --dir ${typed(directory)}`;
  if (license !== undefined) {
    if (areSame(await readLicenses(license), text)) return undefined;
    return `${license.join(', ')} is not the license in ${typed(directory)}, which stays in force. To load it:  ${load(...license)}`;
  }
  if (terms === undefined) return undefined;
  const draft = termsDraft(await readTermsFile(terms), terms);
  const wanted = parseTerms(withServersOf(current, draft, choice));
  if (canonicalize(termsOf(current)) === canonicalize(wanted)) return undefined;
  const next = folderPaths(directory).nextLicense;
  if (!(await exists(folderPaths(directory).vendorKey))) {
    return `${terms} differs from the license in ${typed(directory)}, which stays in force; the vendor has to sign the new terms.`;
  }
  await replaceFile(next, await signedHere(directory, wanted));
  return `${terms} differs from the license in ${typed(directory)}, which stays in force. A license with the new terms is at ${typed(next)}. To load it:  ${load(next)}`;
}

/** A license without what signing fills in. */
function termsOf(license: License): Terms {
  const { lic: _lic, id: _id, issuedAt: _issuedAt, signature: _signature, ...terms } = license;
  return terms;
}

/** Terms with the keys and addresses that were filled in when the license was signed; who serves is what that one says. */
function withServersOf(current: License, draft: TermsDraft, { addressOf }: LicenseChoice): Terms {
  const servers = current.servers.map((server) => {
    const written = draft.servers.find(({ name }) => name === server.name);
    const { key, address } = server;
    return written === undefined ? server : { ...written, key, address: address ?? addressOf(server.rank) };
  });
  return { ...draft, servers };
}

async function signTerms({ directory, terms, addressOf }: LicenseChoice): Promise<void> {
  const paths = folderPaths(directory);
  if (terms === undefined) {
    throw usageError(
      `${typed(directory)} holds no license yet: say --terms FILE (to sign one here) or --license FILE (signed elsewhere).`,
    );
  }
  const draft = termsDraft(await readTermsFile(terms), terms);
  if (!(await exists(paths.vendorKey))) await makeVendorKey(paths.vendor, 'Ed25519');
  const { publicKey } = await readPrivateKey(paths.vendorKey);
  await replaceFile(paths.vendorPub, `${publicKey}\n`);
  const servers = await Promise.all(
    draft.servers.map(async (server) => ({
      ...server,
      address: addressOf(server.rank),
      key: (await loadOrMakeIdentity(paths.server(server.name))).publicKey,
    })),
  );
  await replaceFile(paths.license, await signedHere(directory, parseTerms({ ...draft, servers })));
}

async function signedHere(directory: string, terms: Terms): Promise<string> {
  const { privateKeyPem } = await readPrivateKey(folderPaths(directory).vendorKey);
  return signLicense({ terms, privateKeyPem, id: drawLicenseId(), issuedAt: issuedNow() });
}
