import { chmod, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from '@lic/interfaces';
import { runtime } from '@lic/runtime';
import { replaceFile } from './license-file.ts';

const tokenBytes = 32;

/** Where a data folder keeps the token that administrative verbs need. */
export const adminTokenPath = (dataFolder: string): string => join(dataFolder, 'admin.token');

/** Reads the admin token of a data folder; the first start draws it (0600, in a folder of 0700). */
export async function loadOrMakeAdminToken(dataFolder: string): Promise<string> {
  const path = adminTokenPath(dataFolder);
  try {
    const token = (await readFile(path, 'utf8')).trim();
    if (token !== '') {
      await chmod(path, 0o600);
      return token;
    }
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
  }
  await mkdir(dataFolder, { recursive: true, mode: 0o700 });
  await chmod(dataFolder, 0o700);
  const token = Buffer.from(runtime.random(tokenBytes)).toString('base64url');
  await replaceFile(path, `${token}\n`, 0o600);
  return token;
}
