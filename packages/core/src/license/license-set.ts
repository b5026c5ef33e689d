import { LicError } from '@lic/interfaces';
import { sha256Hex } from '#crypto';
import { show } from './issues.ts';
import type { License, LicenseFeature } from './license.ts';
import { parseVersion } from './versions.ts';

/** Fields in which files may differ that name the same feature and version: their seats add up, each part for its own time. */
const partFields: ReadonlySet<string> = new Set([
  'name',
  'version',
  'count',
  'overdraft',
  'startsAt',
  'expiresAt',
  'graceDays',
] satisfies (keyof LicenseFeature)[]);

/**
 * Which licenses a triad has: the hash of the one, else SHA-256 over the sorted hashes, each with a line feed behind it.
 *
 * @param hashes Of each file, as `licenseHash` gives them.
 */
export const licenseSetHash = (hashes: readonly string[]): string =>
  hashes.length === 1
    ? (hashes[0] ?? '')
    : sha256Hex(
        [...hashes]
          .sort()
          .map((hash) => `${hash}\n`)
          .join(''),
      );

/**
 * Several license files as one: servers and the rest from the first, the features of all that no other supersedes. A feature
 * and version may then stand there more than once: its seats add up.
 *
 * @throws `LICENSE_SET` where they do not belong together; the message names the licenses and the field.
 */
export const combineLicenses = (licenses: readonly License[]): License => {
  const [first, ...others] = licenses;
  if (first === undefined) throw refusal('there is none', 'at least one license', 'nothing');
  if (others.length === 0) return first;
  for (const other of others) {
    if (licenses.find(({ id }) => id === other.id) !== other)
      throw refusal('two of them have one id', 'each id once', show(other.id));
    if (other.vendor !== first.vendor)
      throw refusal(`${first.id} and ${other.id} differ in vendor`, show(first.vendor), show(other.vendor));
    if (keysOf(other) !== keysOf(first))
      throw refusal(`${first.id} and ${other.id} differ in servers[].key`, keysOf(first), keysOf(other));
  }
  const superseded = new Set(licenses.flatMap(({ supersedes = [] }) => supersedes));
  const inForce = licenses.filter(({ id }) => !superseded.has(id));
  if (inForce.length === 0) throw refusal('each is superseded by another', 'one that no other supersedes', 'none');
  const before = new Map<string, { readonly id: string; readonly feature: LicenseFeature }>();
  for (const { id, features } of inForce)
    for (const feature of features) {
      const key = `${feature.name} ${parseVersion(feature.version).join('.')}`;
      const known = before.get(key);
      if (known === undefined) before.set(key, { id, feature });
      else checkAddsUp(known, { id, feature });
    }
  return { ...first, features: inForce.flatMap(({ features }) => features) };
};

function checkAddsUp(a: { id: string; feature: LicenseFeature }, b: { id: string; feature: LicenseFeature }): void {
  const fields = new Set([...Object.keys(a.feature), ...Object.keys(b.feature)]) as Set<keyof LicenseFeature>;
  for (const field of fields) {
    const [one, other] = [a.feature[field], b.feature[field]];
    if (partFields.has(field) || JSON.stringify(one) === JSON.stringify(other)) continue;
    const what = `${a.id} and ${b.id} differ in ${field} of "${a.feature.name}" ${a.feature.version}, so that its seats can't add up`;
    throw refusal(what, show(one), show(other));
  }
}

function keysOf({ servers }: License): string {
  return servers
    .map(({ key }) => key)
    .sort()
    .join(' ');
}

function refusal(problem: string, expected: string, got: string): LicError {
  return new LicError(
    'LICENSE_SET',
    `These licenses do not go together: ${problem}: expected ${expected}, got ${got}.`,
  );
}
