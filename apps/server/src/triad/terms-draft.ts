import { licenseLimits, parseJson, type Terms } from '@lic/core';
import { isLicError } from '@lic/interfaces';
import { z } from 'zod';
import { usageError } from '../usage-error.ts';

/** Terms whose servers need no keys and addresses: `lic triad` fills them in. The rest is checked when they are signed. */
const draftSchema = z.looseObject({
  servers: z
    .array(z.looseObject({ rank: z.int().min(1).max(licenseLimits.serversMax), name: z.string().min(1) }))
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

/** Checks what `lic triad` needs of terms before it fills in the servers' keys and addresses. */
export function termsDraft(source: unknown, path: string): TermsDraft {
  try {
    const result = draftSchema.safeParse(typeof source === 'string' ? parseJsonText(source) : source);
    if (result.success) return result.data as unknown as TermsDraft;
    const issue = result.error.issues[0];
    throw usageError(`${path}: ${issue?.path.map(String).join('.') ?? ''}: ${issue?.message ?? 'not as expected'}`);
  } catch (error) {
    if (isLicError(error, 'JSON_INVALID')) throw usageError(`${path}: ${error.message}`);
    throw error;
  }
}
