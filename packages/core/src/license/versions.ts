import { LicError } from '@lic/interfaces';
import { versionPattern, versionSchema } from './license.ts';

/**
 * The numbers of a version, without zeros at its end: `12` and `12.0` give the same.
 *
 * @throws `VERSION_INVALID` for what is not 1 to 8 numbers between dots.
 */
export const parseVersion = (version: string): readonly number[] => {
  if (!versionPattern.test(version)) {
    throw new LicError(
      'VERSION_INVALID',
      `Not a version: expected ${versionSchema.description}, got ${JSON.stringify(version)}.`,
      { details: { version } },
    );
  }
  const parts = version.split('.').map(Number);
  while (parts.length > 1 && parts.at(-1) === 0) parts.pop();
  return parts;
};

/**
 * Compares number by number between dots; a missing part is 0 (architecture.md, License file).
 *
 * @returns Negative where `a` is lower, positive where it is higher, 0 where they are the same.
 * @throws `VERSION_INVALID`.
 */
export const compareVersions = (a: string, b: string): number => {
  const [partsOfA, partsOfB] = [parseVersion(a), parseVersion(b)];
  for (let i = 0; i < Math.max(partsOfA.length, partsOfB.length); i += 1) {
    const difference = (partsOfA[i] ?? 0) - (partsOfB[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
};
