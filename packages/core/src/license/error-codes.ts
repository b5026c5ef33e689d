/**
 * Codes of the errors about keys and license files. Trying again helps with none of them. Explained for people in
 * docs/license-file.md.
 */
export const licenseErrorCodes = [
  /** A license or terms have something wrong; `details.issues` says what, where. */
  'LICENSE_INVALID',
  /** Signed by another key, or changed afterwards; `details.keyId` names both keys. */
  'LICENSE_SIGNATURE',
  /** Several licenses that do not belong together, or whose seats can't add up. */
  'LICENSE_SET',
  /** No entry of the license has this server's identity key. */
  'NOT_IN_LICENSE',
  /** The license binds this server to another machine. */
  'HOST_ID_MISMATCH',
  /** Nothing tells this machine from others. */
  'HOST_ID_UNKNOWN',
  /** A key that is malformed, or of another kind. */
  'KEY_INVALID',
  /** This browser can't check signatures of this algorithm. */
  'CRYPTO_UNSUPPORTED',
  /** A version that is not numbers between dots. */
  'VERSION_INVALID',
  /** Text that is not JSON, or not within its limits; `details` has line and column. */
  'JSON_INVALID',
  /** A value that JSON can't express, so that it has no canonical form. */
  'NOT_JSON',
] as const;
