import type { LicenseFile } from '../license/license-desk.ts';
import type { Refusal } from '../peers/refusals.ts';

/** What there may be to tell of one server. */
export interface NoticeFacts {
  readonly licenseFile: LicenseFile;
  /** Of the license in force; null before there is one. */
  readonly licenseHash: string | null;
  /** How far the clocks are ahead of license time, where that waits; else null. */
  readonly pendingLeapMs: number | null;
  /** Links with peers that were refused lately. */
  readonly refusals: readonly Refusal[];
}

/** Sentences for the administrator, about one server. */
export function noticesOf({ licenseFile, licenseHash, pendingLeapMs, refusals }: NoticeFacts): readonly string[] {
  const notices: string[] = [];
  if (licenseHash !== null && licenseHash !== licenseFile.hash && !licenseFile.isMissing) {
    notices.push(
      licenseFile.trouble === null
        ? 'The license file on disk is not the license in force: load it with `lic reload`, or remove it.'
        : `The license file on disk can't be used: ${licenseFile.trouble} The license in force is the log's.`,
    );
  }
  if (pendingLeapMs !== null) {
    notices.push(`The clocks are ${Math.round(pendingLeapMs / 60_000)} min ahead of license time: see \`lic time\`.`);
  }
  for (const { address, code, message } of refusals) {
    notices.push(`A link with ${address} was refused: ${message} (${code})`);
  }
  return notices;
}
