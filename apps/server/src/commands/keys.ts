import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { type License, licenseHash, parseLicense, parseTerms, signLicense, verifyLicense } from '@lic/core';
import { errorCode, errorMessage, isLicError, LicError } from '@lic/interfaces';
import { runtime } from '@lic/runtime';
import { parse } from 'yaml';
import { loadOrMakeIdentity, makeVendorKey, readPrivateKey, readVendorKey } from '../keys/key-files.ts';
import { plain, print, printTable, style } from '../output/print.ts';
import { replaceFile } from '../serve/license-file.ts';
import { usageError } from '../usage-error.ts';

/** `lic keygen -o DIR`: a vendor's key pair. */
export async function keygen(options: {
  readonly out: string;
  readonly alg: 'Ed25519' | 'RSA-PSS';
  readonly json?: boolean;
}): Promise<number> {
  const { path, publicKeyPath, publicKey } = await makeVendorKey(options.out, options.alg);
  if (options.json === true) {
    print(JSON.stringify({ key: publicKey, privateKeyFile: path, publicKeyFile: publicKeyPath }));
    return 0;
  }
  print(`Private key  ${path}  (keep it secret: whoever has it can sign licenses)`);
  print(`Public key   ${publicKeyPath}  (compile it into your product)`);
  print(publicKey);
  return 0;
}

/** `lic identity [-o DIR]`: makes or shows this server's identity. */
export async function identity(options: { readonly out: string; readonly json?: boolean }): Promise<number> {
  const { path, publicKey, hostId, isNew } = await loadOrMakeIdentity(options.out);
  if (options.json === true) {
    print(JSON.stringify({ key: publicKey, hostId: hostId ?? null }));
    return 0;
  }
  print(`${isNew ? 'Made' : 'Found'} ${path}. Send the vendor these two:`);
  print(`  key     ${publicKey}`);
  print(`  hostId  ${hostId ?? "(this machine can't be told from others: the license can't bind it)"}`);
  return 0;
}

/** Reads terms: YAML as a value, by the file's ending; anything else is JSON and comes as text, to be read strictly. */
export async function readTermsFile(path: string): Promise<unknown> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw usageError(`The terms ${path} can't be read: ${errorMessage(error)}`);
  });
  if (!['.yaml', '.yml'].includes(extname(path))) return text;
  try {
    return parse(text) as unknown;
  } catch (error) {
    throw new LicError('LICENSE_INVALID', `The terms ${path} are not YAML: ${errorMessage(error)}`, { cause: error });
  }
}

/** What a license is called where nobody says. */
export function drawLicenseId(): string {
  return `lic-${Buffer.from(runtime.random(6)).toString('hex')}`;
}

/** The moment of signing, to the second. */
export function issuedNow(): string {
  return `${new Date(runtime.now()).toISOString().slice(0, 19)}Z`;
}

/** `lic sign TERMS -k KEY -o FILE`. */
export async function sign(
  terms: string,
  options: { readonly key: string; readonly out: string; readonly id?: string; readonly json?: boolean },
): Promise<number> {
  const text = await signLicense({
    terms: parseTerms(await readTermsFile(terms)),
    privateKeyPem: (await readPrivateKey(options.key)).privateKeyPem,
    id: options.id ?? drawLicenseId(),
    issuedAt: issuedNow(),
  });
  await replaceFile(options.out, text).catch((error: unknown) => {
    throw new LicError(errorCode(error), `The license file ${options.out} can't be written: ${errorMessage(error)}`);
  });
  const license = parseLicense(text);
  if (options.json === true) print(JSON.stringify({ id: license.id, hash: licenseHash(license), file: options.out }));
  else print(`Signed ${options.out}: license ${license.id}`);
  return 0;
}

/** `lic inspect FILE [--key PUB]`: shows and verifies; exit code 1 where anything is wrong. */
export async function inspect(
  file: string,
  options: { readonly key?: string; readonly json?: boolean },
): Promise<number> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw usageError(`The license ${file} can't be read: ${errorMessage(error)}`);
  });
  const vendorKey = options.key === undefined ? undefined : await readVendorKey(options.key);
  try {
    const license = parseLicense(text);
    if (vendorKey !== undefined) await verifyLicense(text, vendorKey);
    if (options.json === true) {
      print(JSON.stringify({ valid: true, verified: vendorKey !== undefined, hash: licenseHash(license), license }));
    } else showLicense(license, vendorKey !== undefined);
    return 0;
  } catch (error) {
    if (!isLicError(error)) throw error;
    if (options.json === true)
      print(JSON.stringify({ valid: false, code: error.code, message: error.message, details: error.details }));
    else print(`${style('red', 'Not valid')}: ${error.message} (${error.code})`);
    return 1;
  }
}

function showLicense(license: License, isVerified: boolean): void {
  print(plain(`License   ${license.id}, issued ${license.issuedAt} by ${license.vendor} to ${license.licensee}`));
  print(`Hash      ${licenseHash(license)}`);
  print(
    isVerified
      ? `Signature ${style('green', 'good')} (${license.signature.alg}, key ${license.signature.keyId})`
      : `Signature ${style('yellow', 'not checked')}: say --key PUB (${license.signature.alg}, key ${license.signature.keyId})`,
  );
  print('');
  printTable(
    ['RANK', 'SERVER', 'ADDRESS', 'HOST ID'],
    license.servers.map(({ rank, name, address, hostId }) => [String(rank), name, address, hostId ?? 'any']),
  );
  print('');
  printTable(
    ['FEATURE', 'VERSION', 'SEATS', 'FROM', 'UNTIL'],
    license.features.map(({ name, version, count, startsAt, expiresAt }) => [
      name,
      version,
      String(count),
      startsAt ?? '-',
      expiresAt ?? 'permanent',
    ]),
  );
}
