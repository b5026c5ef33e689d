export { ed25519Scheme, rsaPssScheme, sha256Hex } from '#crypto';
export { publicKeyFromPem, publicKeyToPem, rsaBits, type SignatureAlg } from './crypto/public-key.ts';
export { keyIdOf, schemeFor, verifySignature } from './crypto/signature.ts';
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
