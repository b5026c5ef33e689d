import type { License, LicenseFeature } from '../license/license.ts';

/** Fields of a feature that ledger version 1 knew. Servers of that time refuse a license with others when they read it. */
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
  if (license.supersedes !== undefined) return 2;
  return license.features.every((feature) => Object.keys(feature).every((field) => firstFields.has(field))) ? 1 : 2;
}
