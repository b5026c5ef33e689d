import * as z from 'zod';

/** Bounds of a license file; one more is refused with the field's path. */
export const licenseLimits = {
  /** Of the file, in UTF-8. */
  textBytesMax: 256 * 1024,
  /** Objects and arrays inside one another. */
  depthMax: 16,
  serversMax: 3,
  featuresMax: 1000,
  supersedesMax: 100,
  nameCharsMax: 64,
  textCharsMax: 256,
  addressCharsMax: 256,
  versionPartsMax: 8,
  countMax: 1_000_000,
  /** The ledger raises shorter leases to this unless every server runs with `allowShortLeases` (triad.md, Time). */
  leaseSecondsMin: 10,
  leaseSecondsMax: 86_400,
  graceDaysMax: 366,
  vendorDataCharsMax: 4096,
  /** For which a seat may be borrowed. */
  borrowSecondsMax: 31_622_400,
  /** For which a seat stays taken after its checkin. */
  keepSecondsMax: 604_800,
  /** Of a signature in base64url: RSA with 8192 bits. */
  signatureCharsMax: 1366,
} as const;

// What `describe` says is what a refusal calls "expected", and what docs/license-file.md says in its tables.

/**
 * Text for people. White space is single spaces between words: mail clients join and trim anything else, and the
 * signature would not hold any more.
 */
const text = z
  .string()
  .max(licenseLimits.textCharsMax)
  .regex(/^[^\s\p{Cc}\p{Cs}]+(?: [^\s\p{Cc}\p{Cs}]+)*$/u)
  .describe(`text of 1 to ${licenseLimits.textCharsMax} characters, words parted by single spaces`);

/** As `text`, longer. */
const vendorData = z
  .string()
  .max(licenseLimits.vendorDataCharsMax)
  .regex(/^[^\s\p{Cc}\p{Cs}]+(?: [^\s\p{Cc}\p{Cs}]+)*$/u)
  .describe(`text of 1 to ${licenseLimits.vendorDataCharsMax} characters, words parted by single spaces`);

const name = z
  .string()
  .max(licenseLimits.nameCharsMax)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/)
  .describe(
    `1 to ${licenseLimits.nameCharsMax} letters, digits, dots, hyphens or underscores, beginning with a letter or digit`,
  );

/** Up to 8 numbers of up to 9 digits: each, and each difference of two, is exact. */
export const versionPattern = /^\d{1,9}(?:\.\d{1,9}){0,7}$/;

/** Numbers between dots: `12`, `12.0`, `2026.1.3`. Compared by `compareVersions`. */
export const versionSchema = z
  .string()
  .regex(versionPattern)
  .describe(`1 to ${licenseLimits.versionPartsMax} numbers between dots, for example "12.0"`);

const address = z
  .string()
  .max(licenseLimits.addressCharsMax)
  .refine(isAddress)
  .describe('scheme://host:port, for example "tcp://lic1.example.com:7411"');

// The last character carries 2 bits that no byte needs: other values there would be a second spelling of the same key.
const identityKey = z
  .string()
  .regex(/^ed25519:[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/)
  .describe('ed25519:<base64url of 32 bytes>, as "lic identity" prints it');

/** RFC 3339 in UTC, to the second or up to the millisecond. */
const instant = z.iso.datetime().max('2026-11-24T00:00:00.000Z'.length);

const dateOrInstant = (meaning: string) =>
  z
    .union([z.iso.date(), instant])
    .describe(`a date or an instant in UTC, "2026-12-31" or "2026-12-31T12:00:00Z": ${meaning}`);

/** When a product was released, as a checkout names it. */
export const releaseSchema = dateOrInstant('from its beginning');

export const licenseServerSchema = z.strictObject({
  rank: z.int().min(1).max(licenseLimits.serversMax).describe('1 (the primary), 2 or 3'),
  name,
  address,
  key: identityKey,
  hostId: text.optional(),
});

/** A time for which a seat stays taken although nobody uses it. */
const seconds = z
  .int()
  .min(1)
  .max(licenseLimits.keepSecondsMax)
  .describe(`a whole number of seconds, from 1 to ${licenseLimits.keepSecondsMax}`);

export const licenseFeatureSchema = z.strictObject({
  name,
  version: versionSchema,
  count: z
    .union([z.int().min(1).max(licenseLimits.countMax), z.literal('uncounted')])
    .describe(`a whole number from 1 to ${licenseLimits.countMax}, or "uncounted"`),
  /** A date (`2026-12-01`: from its beginning, UTC) or an instant. */
  startsAt: dateOrInstant('from its beginning').optional(),
  /** A date (to the end of that day, UTC) or an instant. None: permanent. */
  expiresAt: dateOrInstant('to the end of that day').optional(),
  /** Days after the end in which checkouts go on, flagged. */
  graceDays: z
    .int()
    .min(1)
    .max(licenseLimits.graceDaysMax)
    .describe(`a whole number of days, from 1 to ${licenseLimits.graceDaysMax}`)
    .optional(),
  /** Seats above the count; whoever takes one is told, and so is every report. */
  overdraft: z
    .int()
    .min(1)
    .max(licenseLimits.countMax)
    .describe(`a whole number of seats, from 1 to ${licenseLimits.countMax}`)
    .optional(),
  /** Checkouts that agree in all of these use one seat together; none: each has its own. */
  sharedBy: z
    .array(z.enum(['user', 'host', 'display', 'key']).describe('"user", "host", "display" or "key"'))
    .min(1)
    .max(4)
    .describe('a list of "user", "host", "display", "key"')
    .optional(),
  /** How many checkouts use one seat together; the next begins another one. None: any number. */
  sharersMax: z
    .int()
    .min(2)
    .max(licenseLimits.countMax)
    .describe(`a whole number, from 2 to ${licenseLimits.countMax}`)
    .optional(),
  /** How long a seat stays taken after it was given back. */
  lingerSeconds: seconds.optional(),
  /** How long a seat stays taken at least, from its checkout on. */
  minimumSeconds: seconds.optional(),
  /** What may be borrowed, and used without any server until its end. None: nothing. */
  borrow: z
    .strictObject({
      longestSeconds: z
        .int()
        .min(1)
        .max(licenseLimits.borrowSecondsMax)
        .describe(`a whole number of seconds, from 1 to ${licenseLimits.borrowSecondsMax}`),
      countMax: z
        .int()
        .min(1)
        .max(licenseLimits.countMax)
        .describe(`a whole number of seats, from 1 to ${licenseLimits.countMax}`),
    })
    .describe('an object with longestSeconds and countMax')
    .optional(),
  /** Maintenance: which releases of the product the seats are for. A date (to the end of that day, UTC) or an instant. */
  supportedUntil: dateOrInstant('releases to the end of that day').optional(),
  /** Lease in seconds; none: the server's default. */
  leaseSeconds: z
    .number()
    .positive()
    .max(licenseLimits.leaseSecondsMax)
    .describe(`seconds, from ${licenseLimits.leaseSecondsMin} to ${licenseLimits.leaseSecondsMax}`)
    .optional(),
  reclaim: z.enum(['lease', 'disconnect']).describe('"lease" or "disconnect"').optional(),
  /** What the product is told with each grant; nobody else looks at it. */
  vendorData: vendorData.optional(),
});

export const signatureSchema = z.strictObject({
  alg: z.enum(['Ed25519', 'RSA-PSS']).describe('"Ed25519" or "RSA-PSS"'),
  /** First 16 hex digits of SHA-256 over the public key's text. */
  keyId: z
    .string()
    .regex(/^[0-9a-f]{16}$/)
    .describe('16 lower-case hexadecimal digits'),
  /** base64url. */
  value: z
    .string()
    .max(licenseLimits.signatureCharsMax)
    .regex(/^[A-Za-z0-9_-]+$/)
    .describe('the signature in base64url, without padding'),
});

const termsShape = {
  vendor: name,
  licensee: text,
  /** Ids of licenses that count no more where this one is loaded with them. */
  supersedes: z
    .array(text)
    .min(1)
    .max(licenseLimits.supersedesMax)
    .describe(`a list of 1 to ${licenseLimits.supersedesMax} ids of licenses`)
    .optional(),
  servers: z.array(licenseServerSchema).min(1).max(licenseLimits.serversMax).describe('1 or 3 servers'),
  features: z
    .array(licenseFeatureSchema)
    .min(1)
    .max(licenseLimits.featuresMax)
    .describe(`1 to ${licenseLimits.featuresMax} features`),
};

/** What a vendor writes; `signLicense` adds `lic`, `id`, `issuedAt` and `signature`. */
export const termsSchema = z.strictObject(termsShape);

/** The order of keys here is their order in a file that `signLicense` writes. */
export const licenseSchema = z.strictObject({
  lic: z.literal(1).describe('1, the version of the file format'),
  id: text,
  issuedAt: instant.describe('an instant in UTC, "2026-11-24T00:00:00Z"'),
  ...termsShape,
  signature: signatureSchema,
});

/** A signed license, as in its file. */
export type License = z.infer<typeof licenseSchema>;
/** A license not yet signed. */
export type Terms = z.infer<typeof termsSchema>;
export type LicenseServer = z.infer<typeof licenseServerSchema>;
export type LicenseFeature = z.infer<typeof licenseFeatureSchema>;

function isAddress(value: string): boolean {
  const port = /^[a-z][a-z0-9+.-]*:\/\/(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):([1-9]\d{0,4})$/.exec(value)?.[1];
  return port !== undefined && Number(port) <= 65_535;
}
