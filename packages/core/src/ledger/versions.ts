import { versionPattern } from '../license/license.ts';
import { parseVersion } from '../license/versions.ts';

/** A version that was read once, so that comparing it costs no parsing. */
export interface Version {
  /** As written. */
  readonly text: string;
  /** The same for all spellings of one version: `12`, `12.0` and `012` are one. */
  readonly key: string;
  readonly parts: readonly number[];
}

/** Reads numbers between dots; undefined where it is not that. */
export function readVersion(text: string): Version | undefined {
  if (!versionPattern.test(text)) return undefined;
  const parts = parseVersion(text);
  return { text, key: parts.join('.'), parts };
}

/** Number by number between dots; a missing part is 0 (architecture.md, License file). Negative where `a` is lower. */
export function compareRead(a: Version, b: Version): number {
  const length = Math.max(a.parts.length, b.parts.length);
  for (let i = 0; i < length; i++) {
    const difference = (a.parts[i] ?? 0) - (b.parts[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
