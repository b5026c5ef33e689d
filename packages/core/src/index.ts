export type * from './ledger/commands.ts';
export type { Ledger } from './ledger/ledger-contract.ts';
export type * from './ledger/results.ts';
export {
  type License,
  type LicenseFeature,
  type LicenseServer,
  licenseFeatureSchema,
  licenseLimits,
  licenseSchema,
  licenseServerSchema,
  signatureSchema,
  type Terms,
  termsSchema,
  versionSchema,
} from './license/license.ts';
