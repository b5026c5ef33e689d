import { open, readFile, rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** Replaces a file as a whole, durably: a crash leaves the old one or the new one. */
export async function replaceFile(path: string, text: string, mode = 0o644): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.new`);
  const file = await open(temporary, 'w', mode);
  try {
    // One that a crash left behind may have had another mode.
    await file.chmod(mode);
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  const folder = await open(dirname(path), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** The license file of a server: read at the start and for a reload, written when the log has a newer one. */
export function licenseFile(path: string) {
  return {
    readLicense: () => readFile(path, 'utf8'),
    writeLicense: (text: string) => replaceFile(path, text),
  };
}
