import { LicError } from '@lic/interfaces';
import * as z from 'zod';
import { formatPath, type JsonPath } from './json-path.ts';

/** One thing that is wrong with a license. */
export interface LicenseIssue {
  /** `features[0].count`; empty for the license as a whole. */
  readonly path: string;
  readonly problem: string;
  readonly expected: string;
  readonly got: string;
}

/** Issues that the message of an error lists, and those that its details have. */
const issuesShownMax = 10;
const issuesKeptMax = 100;
const excerptCharsMax = 60;

/** A value as a refusal shows it. */
export const show = (value: unknown): string => {
  if (value === undefined) return 'nothing';
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value !== 'string') return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
  const text = JSON.stringify(value);
  return text.length > excerptCharsMax ? `${text.slice(0, excerptCharsMax)}… (${value.length} characters)` : text;
};

/** The error for a license or terms that can't be accepted. */
export const licenseInvalid = (
  what: 'license' | 'terms',
  issues: readonly LicenseIssue[],
  cause?: unknown,
): LicError => {
  const lines = issues.slice(0, issuesShownMax).map(({ path, problem, expected, got }) => {
    const where = path === '' ? `the ${what}` : path;
    return `\n  ${where}: ${problem}: expected ${expected}, got ${got}`;
  });
  if (issues.length > issuesShownMax) lines.push(`\n  and ${issues.length - issuesShownMax} more`);
  return new LicError('LICENSE_INVALID', `The ${what} can't be accepted:${lines.join('')}`, {
    cause,
    details: { issues: issues.slice(0, issuesKeptMax) },
  });
};

const valueAt = (value: unknown, path: JsonPath): unknown =>
  path.reduce<unknown>(
    (inner, step) =>
      typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>)[step] : undefined,
    value,
  );

const unwrap = (schema: unknown): unknown => (schema instanceof z.ZodOptional ? unwrap(schema.unwrap()) : schema);

/** The part of a schema that a path leads to. */
const schemaAt = (schema: unknown, path: JsonPath): unknown =>
  path.reduce<unknown>((outer, step) => {
    if (outer instanceof z.ZodObject) return unwrap((outer.shape as Record<string, unknown>)[step]);
    return outer instanceof z.ZodArray ? unwrap(outer.element) : undefined;
  }, schema);

const expectedBy = (schema: unknown): string => {
  if (schema instanceof z.ZodType && schema.description !== undefined) return schema.description;
  return schema instanceof z.ZodArray ? 'a list' : 'an object';
};

const problemOf = (code: z.core.$ZodIssue['code'], value: unknown): string => {
  if (value === undefined) return 'missing';
  if (code === 'invalid_type') return 'wrong type';
  if (code === 'too_big') return typeof value === 'number' ? 'too large' : 'too long';
  if (code === 'too_small') return typeof value === 'number' ? 'too small' : 'too short';
  return 'not acceptable';
};

/** What zod found, in our words. */
export const issuesOf = (error: z.ZodError, schema: z.ZodType, value: unknown): readonly LicenseIssue[] => {
  const issues = error.issues.flatMap((issue): LicenseIssue[] => {
    const path = issue.path as JsonPath;
    const part = schemaAt(schema, path);
    const inner = valueAt(value, path);
    if (issue.code === 'unrecognized_keys') {
      const known = part instanceof z.ZodObject ? Object.keys(part.shape).join(', ') : '';
      return issue.keys.map((key) => ({
        path: formatPath([...path, key]),
        problem: 'unknown key',
        expected: `one of ${known}`,
        got: show(key),
      }));
    }
    const problem = problemOf(issue.code, inner);
    return [{ path: formatPath(path), problem, expected: expectedBy(part), got: show(inner) }];
  });
  // A text that is too long is often in the wrong form, too: one issue per field will do.
  const paths = new Set<string>();
  return issues.filter(({ path }) => !paths.has(path) && paths.add(path));
};
