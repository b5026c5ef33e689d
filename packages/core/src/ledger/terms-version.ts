import type { License, LicenseFeature } from '../license/license.ts';
import { ledgerVersions, termsVersion } from './limits.ts';

/** Fields of a feature that the first ledger versions knew. Servers of that time refuse a license with others when they read it. */
const firstFields: ReadonlySet<string> = new Set([
  'name',
  'version',
  'count',
  'startsAt',
  'expiresAt',
  'leaseSeconds',
  'reclaim',
] satisfies (keyof LicenseFeature)[]);

/** The lowest ledger version whose rules are enough for what the license says. */
export function versionOfTerms(license: License): number {
  if (license.supersedes !== undefined) return termsVersion;
  const isOfOld = license.features.every((feature) => Object.keys(feature).every((field) => firstFields.has(field)));
  return isOfOld ? ledgerVersions.min : termsVersion;
}
