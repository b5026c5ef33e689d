import { isLicError } from '@lic/interfaces';
import type * as z from 'zod';
import { licenseIssues, termsIssues } from './checks.ts';
import { issuesOf, type LicenseIssue, licenseInvalid, show } from './issues.ts';
import { type License, licenseLimits, licenseSchema, type Terms, termsSchema } from './license.ts';
import { type JsonProblem, parseJson } from './parse-json.ts';

const parseText = (what: 'license' | 'terms', text: string | Uint8Array): unknown => {
  try {
    return parseJson(text, licenseLimits);
  } catch (error) {
    if (!isLicError(error, 'JSON_INVALID')) throw error;
    const { line, column, path, expected, got } = error.details as unknown as JsonProblem;
    const problem = `not valid JSON at line ${line}, column ${column}`;
    throw licenseInvalid(what, [{ path, problem, expected, got }], error);
  }
};

const check = <Schema extends z.ZodType>(
  what: 'license' | 'terms',
  schema: Schema,
  value: unknown,
  issuesIn: (parsed: z.infer<Schema>) => readonly LicenseIssue[],
): z.infer<Schema> => {
  const result = schema.safeParse(value);
  if (!result.success) throw licenseInvalid(what, issuesOf(result.error, schema, value));
  const issues = issuesIn(result.data);
  if (issues.length > 0) throw licenseInvalid(what, issues);
  return result.data;
};

/** Checks a value that has been parsed, as {@link parseLicense} does. */
export const checkLicense = (value: unknown): License => {
  // A later format will have other keys: to name each of them would hide what is the matter.
  const format = typeof value === 'object' && value !== null && 'lic' in value ? value.lic : 1;
  if (typeof format === 'number' && format !== 1) {
    const problem = 'a file format that this version of lic does not know';
    throw licenseInvalid('license', [{ path: 'lic', problem, expected: '1', got: show(format) }]);
  }
  return check('license', licenseSchema, value, licenseIssues);
};

/**
 * Reads a license file, and checks everything about it but its signature: that is {@link verifyLicense}'s.
 *
 * @param text The file as text, or its bytes (UTF-8).
 * @throws `LICENSE_INVALID`; `details.issues` lists what is wrong: `{ path, problem, expected, got }`.
 */
export const parseLicense = (text: string | Uint8Array): License => checkLicense(parseText('license', text));

/**
 * Reads terms: a license without `lic`, `id`, `issuedAt` and `signature`.
 *
 * @param source Their JSON text or its bytes, or a value that was read in another way (YAML, code). In a value, properties
 * that are undefined count as absent.
 * @throws `LICENSE_INVALID`, as {@link parseLicense} does.
 */
export const parseTerms = (source: unknown): Terms => {
  const isText = typeof source === 'string' || source instanceof Uint8Array;
  const terms = check('terms', termsSchema, isText ? parseText('terms', source) : source, termsIssues);
  // Once more through JSON, which drops undefined properties: they have no canonical form.
  return isText ? terms : (JSON.parse(JSON.stringify(terms)) as Terms);
};
