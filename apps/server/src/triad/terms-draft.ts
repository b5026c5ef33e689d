import { licenseLimits, licenseServerSchema, parseJson, type Terms } from '@lic/core';
import { errorMessage, LicError } from '@lic/interfaces';
import { z } from 'zod';

/** Terms whose servers need no keys and addresses: `lic triad` fills them in. The rest is checked when they are signed. */
const draftSchema = z.looseObject({
  servers: z
    .array(z.looseObject(licenseServerSchema.pick({ rank: true, name: true }).shape))
    .min(1)
    .max(licenseLimits.serversMax),
});

/** What `termsDraft` gives. */
export type TermsDraft = Omit<Terms, 'servers'> & {
  readonly servers: readonly { readonly rank: number; readonly name: string }[];
};

/** JSON as strict as a license file's. */
export function parseJsonText(text: string): unknown {
  return parseJson(text, licenseLimits);
}

/** Checks what `lic triad` needs of terms before it fills in the servers' keys and addresses. Throws `LICENSE_INVALID`. */
export function termsDraft(source: unknown, path: string): TermsDraft {
  let value = source;
  try {
    if (typeof source === 'string') value = parseJsonText(source);
  } catch (error) {
    throw new LicError('LICENSE_INVALID', `The terms ${path} are not JSON: ${errorMessage(error)}`, { cause: error });
  }
  const result = draftSchema.safeParse(value);
  if (result.success) return result.data as unknown as TermsDraft;
  const lines = result.error.issues.map(
    ({ path: at, message }) => `\n  ${at.map(String).join('.') || 'the file'}: ${message}`,
  );
  throw new LicError('LICENSE_INVALID', `The terms ${path} can't be accepted:${lines.join('')}`);
}
