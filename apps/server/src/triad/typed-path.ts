import { relative } from 'node:path';

/** A path as a person would type it in a shell here: relative where it is near, quoted where it must be. */
export function typed(path: string): string {
  const near = relative(process.cwd(), path);
  const short = near.startsWith('..') || near === '' ? path : near;
  return /^[\w./:@%+,-]+$/.test(short) ? short : `'${short.replaceAll("'", "'\\''")}'`;
}
