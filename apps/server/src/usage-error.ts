import { LicError } from '@lic/interfaces';

/** What the person typed or configured can't be used: exit code 2. Anything else that fails is 1. */
export const usageErrorCodes: ReadonlySet<string> = new Set([
  'USAGE',
  'CONFIG_INVALID',
  'KEY_FILE_MISSING',
  'KEY_INVALID',
  'IDENTITY_MISSING',
  'INVALID_ARGUMENT',
  'ADDRESS_INVALID',
]);

/** An error of usage, with what was expected. */
export function usageError(message: string, code = 'USAGE'): LicError {
  return new LicError(code, message);
}
