import { LicError } from '@lic/interfaces';
import serialize from 'canonicalize';
import { formatPath } from './json-path.ts';

/** Objects and arrays inside one another that `canonicalize` follows; what contains itself goes deeper than any limit. */
const depthMax = 512;

interface Problem {
  readonly problem: string;
  /** From the inside out. */
  readonly steps: (string | number)[];
}

/** What in `value` is not JSON, or null. The package would leave some of it out, and write other things as null. */
const problemIn = (value: unknown, depth: number): Problem | null => {
  switch (typeof value) {
    case 'boolean':
      return null;
    case 'string':
      return /\p{Surrogate}/u.test(value) ? { problem: 'text with half of a surrogate pair', steps: [] } : null;
    case 'number':
      return Number.isFinite(value) ? null : { problem: String(value), steps: [] };
    case 'object':
      break;
    default:
      return { problem: typeof value === 'undefined' ? 'undefined' : `a ${typeof value}`, steps: [] };
  }
  if (value === null) return null;
  if (depth === 0) return { problem: `nested deeper than ${depthMax} levels, or within itself`, steps: [] };
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i += 1) {
      const found = problemIn(value[i], depth - 1);
      if (found) return within(found, i);
    }
    return null;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  // Not `=== Object.prototype`: plain objects of another realm are plain, too.
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    return { problem: `an instance of ${value.constructor.name}`, steps: [] };
  }
  for (const key of Object.keys(value)) {
    const found = problemIn(key, 1) ?? problemIn((value as Record<string, unknown>)[key], depth - 1);
    if (found) return within(found, key);
  }
  return null;
};

const within = (found: Problem, step: string | number): Problem => {
  found.steps.push(step);
  return found;
};

/**
 * The canonical form of a JSON value (RFC 8785): the bytes that signatures and hashes are over, as a string.
 *
 * @throws `NOT_JSON`, naming where, for what JSON can't express: undefined (also as a property), functions, symbols, BigInt,
 * NaN, Infinity, half surrogate pairs, instances of classes, what contains itself or is nested deeper than 512 levels.
 */
export const canonicalize = (value: unknown): string => {
  const found = problemIn(value, depthMax);
  const text = found ? undefined : serialize(value);
  if (text !== undefined) return text;
  const problem = found?.problem ?? 'no JSON value';
  const path = formatPath(found?.steps.reverse() ?? []);
  throw new LicError('NOT_JSON', `Only JSON has a canonical form: ${path === '' ? 'the value' : path} is ${problem}.`, {
    details: { path, problem },
  });
};
