import { open, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { joinLicenses, parseLicense, splitLicenses } from '@lic/core';
import { errorCode, isLicError } from '@lic/interfaces';

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

/** Where a server's licenses are read at the start and for a reload, and written when the log has newer ones. */
export interface LicenseSource {
  readonly readLicense: () => Promise<string>;
  readonly writeLicense: (text: string) => Promise<void>;
}

/**
 * The license files of a server, as its configuration names them. Several are read as one, and one that is empty as none. What is
 * written goes license by license to the file that has it; a crash meanwhile leaves a note of it beside the first, which is
 * carried out before they are read again, so that nobody ever reads some of both.
 */
export function licenseFiles(paths: readonly string[]): LicenseSource {
  const [first = '', ...others] = paths;
  if (others.length === 0)
    return { readLicense: () => readFile(first, 'utf8'), writeLicense: (text) => replaceFile(first, text) };
  const note = join(dirname(first), `.${basename(first)}.next`);
  // One at a time: who reads while they are written would carry the note out, too.
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <Value>(work: () => Promise<Value>): Promise<Value> => {
    const turn = last.then(work, work);
    last = turn.catch(() => {});
    return turn;
  };
  const write = async (text: string): Promise<void> => {
    const before = await Promise.all(paths.map((path) => readFile(path, 'utf8').catch(asMissing)));
    for (const [at, next] of shareOut(text, before).entries())
      if (before[at] === undefined || asWritten(splitLicenses(before[at])) !== next)
        await replaceFile(paths[at]!, next);
    await rm(note, { force: true });
  };
  return {
    readLicense: () =>
      inTurn(async () => {
        const noted = await readFile(note, 'utf8').catch(asMissing);
        if (noted !== undefined) await write(noted);
        const texts = await Promise.all(paths.map((path) => readFile(path, 'utf8').catch(asMissing)));
        const missing = paths.filter((_, at) => texts[at] === undefined);
        // All of them are written anew where the log has licenses. Some of them are an error, which may be the administrator's.
        if (missing.length > 0 && missing.length < paths.length)
          throw new Error(`Of the license files that are configured there is no ${missing.join(', ')}.`);
        if (missing.length > 0) return readFile(first, 'utf8');
        return joinLicenses(texts.flatMap((text) => (text === undefined || text.trim() === '' ? [] : [text])));
      }),
    writeLicense: (text) =>
      inTurn(async () => {
        await replaceFile(note, text);
        await write(text);
      }),
  };
}

/** Which licenses each file is to have: those that it had, and what takes their place; others in one that has none, else in the last. */
function shareOut(text: string, before: readonly (string | undefined)[]): readonly string[] {
  const ids = before.map(idsIn);
  const files: string[][] = before.map(() => []);
  const others: string[] = [];
  for (const { license, id, supersedes } of licensesIn(text)) {
    const at = [[id], supersedes]
      .map((wanted) => ids.findIndex((had) => had.some((one) => wanted.includes(one))))
      .find((found) => found >= 0);
    if (at === undefined) others.push(license);
    else files[at]!.push(license);
  }
  for (const license of others) (files.find((file) => file.length === 0) ?? files.at(-1)!).push(license);
  return files.map(asWritten);
}

/** White space around licenses is nobody's concern: a file is left as it is for its sake. */
function asWritten(licenses: readonly string[]): string {
  return licenses.map((license) => `${license.trim()}\n`).join('');
}

function licensesIn(text: string) {
  return splitLicenses(text).map((license) => {
    const { id, supersedes = [] } = parseLicense(license);
    return { license, id, supersedes };
  });
}

/** What is no license is nobody's: its file is free. */
function idsIn(text: string | undefined): readonly string[] {
  try {
    return licensesIn(text ?? '').map(({ id }) => id);
  } catch (error) {
    if (isLicError(error)) return [];
    throw error;
  }
}

function asMissing(error: unknown): undefined {
  if (errorCode(error) === 'ENOENT') return undefined;
  throw error;
}
