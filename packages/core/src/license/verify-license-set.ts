import { LicError, type SignatureScheme } from '@lic/interfaces';
import type { License } from './license.ts';
import { combineLicenses, licenseSetHash } from './license-set.ts';
import { licenseHash, verifyLicense } from './sign-license.ts';

/** License files of one triad. */
export const licenseFilesMax = 32;

/** The licenses of a triad, each signed by the vendor. */
export interface VerifiedLicenses {
  /** One by one, the first first. */
  readonly texts: readonly [string, ...string[]];
  readonly licenses: readonly License[];
  /** All as one. */
  readonly license: License;
  /** `licenseHash` of a single one, else `licenseSetHash`. */
  readonly hash: string;
}

/**
 * The texts of the licenses in a file that has them one behind the other, as `cat a.lic b.lic` makes it. A single one is given
 * back as it is; what is no license is left for `parseLicense` to refuse.
 */
export function splitLicenses(text: string): readonly [string, ...string[]] {
  const texts: string[] = [];
  let from = 0;
  let depth = 0;
  let isInString = false;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (isInString) {
      if (char === '\\') at++;
      else if (char === '"') isInString = false;
    } else if (char === '"') isInString = true;
    else if (char === '{') depth++;
    else if (char === '}' && --depth === 0) {
      texts.push(text.slice(from, at + 1).trim());
      from = at + 1;
    }
  }
  const rest = text.slice(from).trim();
  if (rest !== '') texts.push(rest);
  const [first, ...others] = texts;
  return first === undefined || others.length === 0 ? [text] : [first, ...others];
}

/** The reverse of {@link splitLicenses}. */
export function joinLicenses(texts: readonly string[]): string {
  return texts.length === 1 ? (texts[0] ?? '') : texts.map((text) => `${text.trim()}\n`).join('');
}

/**
 * Checks a file of one license or several, each with its signature, and that they go together.
 *
 * @throws As `verifyLicense` for the first that is not valid; `LICENSE_SET` where they do not belong together or are too many.
 */
export async function verifyLicenses(
  text: string,
  vendorPublicKey: string,
  scheme?: SignatureScheme,
): Promise<VerifiedLicenses> {
  const texts = splitLicenses(text);
  if (texts.length > licenseFilesMax)
    throw new LicError('LICENSE_SET', `A triad has at most ${licenseFilesMax} license files, not ${texts.length}.`);
  const licenses = await Promise.all(texts.map((one) => verifyLicense(one, vendorPublicKey, scheme)));
  return { texts, licenses, license: combineLicenses(licenses), hash: licenseSetHash(licenses.map(licenseHash)) };
}
