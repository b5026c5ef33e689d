export { ed25519Scheme, rsaPssScheme, sha256Hex } from '#crypto';
export {
  type BorrowClock,
  type BorrowToken,
  type BorrowTokenFields,
  borrowTimeMs,
  signBorrowToken,
  verifyBorrowToken,
} from './borrow/borrow-token.ts';
export { publicKeyFromPem, publicKeyToPem, rsaBits, type SignatureAlg } from './crypto/public-key.ts';
export { keyIdOf, schemeFor, schemeForPrivateKey, verifySignature } from './crypto/signature.ts';
export { decodeCommand, encodeCommand } from './ledger/command-codec.ts';
export type * from './ledger/commands.ts';
export { createLedger, type LedgerOptions } from './ledger/create-ledger.ts';
export { type DenialCodeEntry, denialCodes } from './ledger/denials.ts';
export type { Forecast, ForeseenSeats, SupposedCheckout } from './ledger/forecast.ts';
export type { Ledger } from './ledger/ledger-contract.ts';
export {
  exchangeVersion,
  type LedgerVersionRange,
  ledgerLimits,
  ledgerVersions,
  recoverVersion,
  termsVersion,
} from './ledger/limits.ts';
export type { PolicyDenial, PolicyExplanation, PolicyPreview } from './ledger/policy-report.ts';
export type * from './ledger/results.ts';
export { canonicalize } from './license/canonicalize.ts';
export { licenseErrorCodes } from './license/error-codes.ts';
export { type HostFacts, hostIdOf } from './license/host-id.ts';
export type { LicenseIssue } from './license/issues.ts';
export {
  type License,
  type LicenseFeature,
  type LicenseServer,
  licenseFeatureSchema,
  licenseLimits,
  licenseSchema,
  licenseServerSchema,
  releaseSchema,
  signatureSchema,
  type Terms,
  termsSchema,
  versionSchema,
} from './license/license.ts';
export { combineLicenses, licenseSetHash } from './license/license-set.ts';
export { type JsonLimits, type JsonProblem, parseJson } from './license/parse-json.ts';
export { parseLicense, parseTerms } from './license/parse-license.ts';
export { isOneServerAtMost, type ServerChanges, serverChanges } from './license/server-changes.ts';
export { checkServerIdentity, type ServerIdentity } from './license/server-identity.ts';
export { licenseHash, type SignLicenseOptions, signLicense, verifyLicense } from './license/sign-license.ts';
export { featureEndMs, featureGraceEndMs, featureStartMs, featureSupportEndMs, releaseMs } from './license/validity.ts';
export {
  joinLicenses,
  licenseFilesMax,
  splitLicenses,
  type VerifiedLicenses,
  verifyLicenses,
} from './license/verify-license-set.ts';
export { compareVersions, parseVersion } from './license/versions.ts';
export {
  type Asker,
  type BorrowRule,
  type PolicyDocument,
  type PolicyRule,
  policyLimits,
  type RuleView,
  ruleText,
} from './policy/document.ts';
