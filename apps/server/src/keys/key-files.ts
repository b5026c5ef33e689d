import { chmod, mkdir, open, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ed25519Scheme, publicKeyFromPem, rsaPssScheme, schemeForPrivateKey } from '@lic/core';
import { errorCode, errorMessage, LicError } from '@lic/interfaces';
import { hostIdHere } from '../host/host-facts.ts';
import { usageError } from '../usage-error.ts';

/** A key pair in a file, with its public part as text. */
export interface KeyFile {
  readonly path: string;
  readonly privateKeyPem: string;
  readonly publicKey: string;
}

/** This server's identity: its key, and the machine that it runs on where that can be told. */
export interface IdentityFile extends KeyFile {
  readonly hostId?: string;
}

/** Writes a file that did not exist, and syncs it. Throws where it does (never overwrites a key). */
async function writeNew(path: string, text: string, mode: number): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const file = await open(path, 'wx', mode).catch((error: unknown) => {
    if (errorCode(error) === 'EEXIST')
      throw usageError(`${path} exists already, and a key is never overwritten. Choose another folder.`);
    throw error;
  });
  try {
    await chmod(path, mode);
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes a vendor's key pair: `vendor.key` (0600) and `vendor.pub` in `directory`. */
export async function makeVendorKey(
  directory: string,
  alg: 'Ed25519' | 'RSA-PSS',
): Promise<KeyFile & { readonly publicKeyPath: string }> {
  const { privateKeyPem, publicKey } = await (alg === 'Ed25519' ? ed25519Scheme : rsaPssScheme).generate();
  const path = join(directory, 'vendor.key');
  await writeNew(path, privateKeyPem, 0o600);
  const publicKeyPath = join(directory, 'vendor.pub');
  await writeNew(publicKeyPath, `${publicKey}\n`, 0o644);
  return { path, publicKeyPath, privateKeyPem, publicKey };
}

/** Reads a private key in PKCS#8 PEM. Throws `KEY_FILE_MISSING`, or `KEY_INVALID` for what is none. */
export async function readPrivateKey(path: string): Promise<KeyFile> {
  const privateKeyPem = await readFile(path, 'utf8').catch((error: unknown) => {
    throw usageError(`The key file ${path} can't be read (${errorCode(error)}).`, 'KEY_FILE_MISSING');
  });
  const scheme = await schemeForPrivateKey(privateKeyPem).catch((cause: unknown) => {
    throw new LicError('KEY_INVALID', `The key file ${path} can't be used: ${errorMessage(cause)}`, { cause });
  });
  return { path, privateKeyPem, publicKey: await scheme.publicKeyOf(privateKeyPem) };
}

const identityName = 'identity.key';

/** Reads the identity key at `path`. */
export async function readIdentity(path: string): Promise<IdentityFile> {
  return { ...(await readPrivateKey(path)), ...(await hostIdHere()) };
}

/** Reads the identity in `directory`, or makes it. */
export async function loadOrMakeIdentity(directory: string): Promise<IdentityFile & { readonly isNew: boolean }> {
  const path = join(directory, identityName);
  try {
    return { ...(await readIdentity(path)), isNew: false };
  } catch (error) {
    if (errorCode(error) !== 'KEY_FILE_MISSING') throw error;
  }
  const { privateKeyPem } = await ed25519Scheme.generate();
  await writeNew(path, privateKeyPem, 0o600);
  return { ...(await readIdentity(path)), isNew: true };
}

/** The vendor's public key: given as its text, as a PEM, or as the path of a file with either. */
export async function readVendorKey(keyOrPath: string): Promise<string> {
  const direct = publicKeyIn(keyOrPath);
  if (direct !== undefined) return direct;
  const text = await readFile(keyOrPath, 'utf8').catch((error: unknown) => {
    throw usageError(
      `The vendor key ${JSON.stringify(keyOrPath)} is neither a key (ed25519:… or rsa:…) nor a file that can be read (${errorCode(error)}).`,
      'KEY_FILE_MISSING',
    );
  });
  const found = publicKeyIn(text);
  if (found === undefined)
    throw usageError(`${keyOrPath} holds no public key: expected ed25519:…, rsa:… or a PEM.`, 'KEY_FILE_MISSING');
  return found;
}

function publicKeyIn(text: string): string | undefined {
  const trimmed = text.trim();
  if (/^(ed25519|rsa):\S+$/.test(trimmed)) return trimmed;
  return trimmed.startsWith('-----BEGIN PUBLIC KEY-----') ? publicKeyFromPem(`${trimmed}\n`) : undefined;
}
