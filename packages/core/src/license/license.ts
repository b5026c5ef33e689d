import { z } from 'zod';

/** Bounds of a license file; one more is refused with the field's path. */
export const licenseLimits = {
  textBytesMax: 256 * 1024,
  depthMax: 16,
  serversMax: 3,
  featuresMax: 1000,
  nameCharsMax: 64,
  textCharsMax: 256,
  countMax: 1_000_000,
  leaseSecondsMin: 10,
  leaseSecondsMax: 86_400,
} as const;

const text = z.string().min(1).max(licenseLimits.textCharsMax);
const name = z
  .string()
  .max(licenseLimits.nameCharsMax)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'expected letters, digits, dot, hyphen or underscore, beginning with a letter or digit');
/** Numbers between dots: `12`, `12.0`, `2026.1.3`. */
export const versionSchema = z
  .string()
  .max(licenseLimits.nameCharsMax)
  .regex(/^\d{1,9}(\.\d{1,9}){0,7}$/, 'expected numbers between dots, for example 12.0');
const identityKey = z.string().regex(/^ed25519:[A-Za-z0-9_-]{43}$/, 'expected ed25519:<base64url of 32 bytes>');

export const licenseServerSchema = z.strictObject({
  rank: z.int().min(1).max(licenseLimits.serversMax),
  name,
  address: text,
  key: identityKey,
  hostId: text.optional(),
});

export const licenseFeatureSchema = z.strictObject({
  name,
  version: versionSchema,
  count: z.union([z.int().min(1).max(licenseLimits.countMax), z.literal('uncounted')]),
  /** A date (`2026-12-01`: from its beginning, UTC) or an instant. */
  startsAt: z.union([z.iso.date(), z.iso.datetime()]).optional(),
  /** A date (to the end of that day, UTC) or an instant. None: permanent. */
  expiresAt: z.union([z.iso.date(), z.iso.datetime()]).optional(),
  /** Lease in seconds; none: the server's default. */
  leaseSeconds: z.number().positive().max(licenseLimits.leaseSecondsMax).optional(),
  reclaim: z.enum(['lease', 'disconnect']).optional(),
});

export const signatureSchema = z.strictObject({
  alg: z.enum(['Ed25519', 'RSA-PSS']),
  /** First 16 hex digits of SHA-256 over the public key's text. */
  keyId: z.string().regex(/^[0-9a-f]{16}$/),
  /** base64url. */
  value: z.string().regex(/^[A-Za-z0-9_-]{1,1024}$/),
});

/** What a vendor writes; `sign` adds `lic`, `id`, `issuedAt` and `signature`. */
export const termsSchema = z.strictObject({
  vendor: name,
  licensee: text,
  servers: z.array(licenseServerSchema).min(1).max(licenseLimits.serversMax),
  features: z.array(licenseFeatureSchema).min(1).max(licenseLimits.featuresMax),
});

export const licenseSchema = termsSchema.extend({
  lic: z.literal(1),
  id: text,
  issuedAt: z.iso.datetime(),
  signature: signatureSchema,
});

/** A signed license, as in its file. */
export type License = z.infer<typeof licenseSchema>;
export type Terms = z.infer<typeof termsSchema>;
export type LicenseServer = z.infer<typeof licenseServerSchema>;
export type LicenseFeature = z.infer<typeof licenseFeatureSchema>;
