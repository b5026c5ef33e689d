import { isLicError } from '@lic/interfaces';
import { decodeBase64url } from '../crypto/base64.ts';
import { publicKeyToDer, rsaBits } from '../crypto/public-key.ts';
import { type LicenseIssue, show } from './issues.ts';
import type { License, LicenseFeature, LicenseServer, Terms } from './license.ts';
import { featureEndMs, featureStartMs } from './validity.ts';
import { parseVersion } from './versions.ts';

/** An issue for each item whose key an item before it has, too. */
const duplicates = <Item>(
  items: readonly Item[],
  keyOf: (item: Item) => string,
  issue: (index: number, before: number) => LicenseIssue,
): LicenseIssue[] => {
  const first = new Map<string, number>();
  return items.flatMap((item, i) => {
    const before = first.get(keyOf(item));
    if (before !== undefined) return [issue(i, before)];
    first.set(keyOf(item), i);
    return [];
  });
};

const duplicateServers = (servers: readonly LicenseServer[], field: 'rank' | 'name' | 'key'): LicenseIssue[] =>
  duplicates(
    servers,
    (server) => String(server[field]),
    (i, before) => ({
      path: `servers[${i}].${field}`,
      problem: `the same as servers[${before}].${field}`,
      expected: `each server with a ${field} of its own`,
      got: show(servers[i]?.[field]),
    }),
  );

const keyIssue = ({ key }: LicenseServer, i: number): LicenseIssue[] => {
  try {
    publicKeyToDer(key);
    return [];
  } catch (error) {
    if (!isLicError(error, 'KEY_INVALID')) throw error;
    return [
      {
        path: `servers[${i}].key`,
        problem: 'not an Ed25519 public key',
        expected: 'what "lic identity" prints on that server',
        got: show(key),
      },
    ];
  }
};

/** With as many servers as the highest rank may be, and no rank twice, none is left out. */
const rankIssues = (servers: readonly LicenseServer[]): LicenseIssue[] =>
  servers.flatMap(({ rank }, i) => {
    const expected = `ranks from 1 to ${servers.length}, the number of servers`;
    return rank <= servers.length
      ? []
      : [{ path: `servers[${i}].rank`, problem: 'a rank is left out', expected, got: show(rank) }];
  });

/** Where there are two, their ranks do not matter any more. */
const quorumIssue: LicenseIssue = {
  path: 'servers',
  problem: 'two servers serve less than one: their quorum is both of them, so either one down would stop all',
  expected: '1 or 3 servers',
  got: 'a list of 2',
};

const serverIssues = (servers: readonly LicenseServer[]): LicenseIssue[] => [
  ...(servers.length === 2 ? [quorumIssue] : rankIssues(servers)),
  ...duplicateServers(servers, 'rank'),
  ...duplicateServers(servers, 'name'),
  ...duplicateServers(servers, 'key'),
  ...servers.flatMap(keyIssue),
];

/** Fields that mean nothing without another: a vendor who writes one has forgotten the other. */
const dependencyIssues = (feature: LicenseFeature, i: number): LicenseIssue[] => {
  const { count, overdraft, expiresAt, graceDays, sharedBy, sharersMax } = feature;
  const issues: LicenseIssue[] = [];
  const add = (field: keyof LicenseFeature, problem: string, expected: string): void => {
    issues.push({ path: `features[${i}].${field}`, problem, expected, got: show(feature[field]) });
  };
  if (graceDays !== undefined && expiresAt === undefined)
    add('graceDays', 'days of grace for what never ends', 'expiresAt beside it');
  if (overdraft !== undefined && count === 'uncounted')
    add('overdraft', 'seats above a count that there is not', 'a count that is a number');
  if (sharersMax !== undefined && sharedBy === undefined)
    add('sharersMax', 'how many share what is not shared', 'sharedBy beside it');
  if (new Set(sharedBy).size < (sharedBy?.length ?? 0)) add('sharedBy', 'the same twice', 'each of them once');
  return issues;
};

const featureIssues = (features: readonly LicenseFeature[]): LicenseIssue[] => [
  ...duplicates(
    features,
    ({ name, version }) => `${name} ${parseVersion(version).join('.')}`,
    (i, before) => ({
      path: `features[${i}].version`,
      problem: `the same feature and version as features[${before}] (12 and 12.0 are the same)`,
      expected: 'each version of a feature once',
      got: `${show(features[i]?.name)} ${show(features[i]?.version)}`,
    }),
  ),
  ...features.flatMap((feature, i) =>
    featureStartMs(feature) < featureEndMs(feature)
      ? []
      : [
          {
            path: `features[${i}].expiresAt`,
            problem: 'over before it begins',
            expected: `later than startsAt, ${show(feature.startsAt)}`,
            got: show(feature.expiresAt),
          },
        ],
  ),
  ...features.flatMap(dependencyIssues),
];

/** What the schema can't say about terms: what belongs together. */
export const termsIssues = ({ servers, features }: Terms): readonly LicenseIssue[] => [
  ...serverIssues(servers),
  ...featureIssues(features),
];

const supersedesIssues = ({ id, supersedes = [] }: License): LicenseIssue[] =>
  supersedes.includes(id)
    ? [{ path: 'supersedes', problem: 'the license itself', expected: 'ids of other licenses', got: show(id) }]
    : [];

/** What the schema can't say about a license. The signature itself is `verifyLicense`'s matter. */
export const licenseIssues = (license: License): readonly LicenseIssue[] => {
  const { alg, value } = license.signature;
  const bytes = decodeBase64url(value)?.length ?? 0;
  const [least, most] = alg === 'Ed25519' ? [64, 64] : [rsaBits.min / 8, rsaBits.max / 8];
  const issues = [...termsIssues(license), ...supersedesIssues(license)];
  if (bytes >= least && bytes <= most) return issues;
  return [
    ...issues,
    {
      path: 'signature.value',
      problem: 'not a signature of this algorithm',
      expected: `the base64url of ${least === most ? least : `${least} to ${most}`} bytes`,
      got: show(value),
    },
  ];
};
