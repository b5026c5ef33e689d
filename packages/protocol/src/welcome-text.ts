import { canonicalize } from '@lic/core';

/** Stands before everything that an identity key signs here, so that no other signature can be taken for this one. */
export const welcomeContext = 'lic-welcome-1';

/**
 * The text whose UTF-8 bytes the server's identity key signs: {@link welcomeContext}, a line feed, and the canonical form
 * (RFC 8785) of the whole welcome but `signature` and `license`. The license is signed by its vendor and named by
 * `licenseHash`; without it the text stays small when a thousand clients come at once. The client's nonce is among the fields.
 *
 * Clients pass the message as `JSON.parse` gave it, not as the schema gave it: a newer server's fields are signed too.
 */
export function welcomeText(welcome: object): string {
  const fields: Record<string, unknown> = { ...welcome };
  delete fields.signature;
  delete fields.license;
  return `${welcomeContext}\n${canonicalize(fields)}`;
}
