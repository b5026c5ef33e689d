import type { InstallCommand } from '@lic/core';
import type { VerifiedLicense } from './license-desk.ts';

/** The licenses as the log has them. Several need a later ledger version than one does: `others` is left out where there are none. */
export function licensesOf({
  texts: [license, ...others],
  hash,
}: VerifiedLicense): Pick<InstallCommand, 'license' | 'others' | 'licenseHash'> {
  return { license, ...(others.length === 0 ? {} : { others }), licenseHash: hash };
}
