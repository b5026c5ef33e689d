import type { PolicyDocument, PolicyRule } from '../../policy/document.ts';
import { licenseText, startMs } from './ledger-rig.ts';

// The licenses and policies that a random life of the ledger goes through.

const dayMs = 86_400_000;
const instant = (ms: number) => new Date(startMs + ms).toISOString();

/** The license that a life begins with. */
export const features = [
  { name: 'a', version: '1.0', count: 2 },
  { name: 'a', version: '2.0', count: 1, overdraft: 1, leaseSeconds: 30 },
  {
    name: 'b',
    version: '1.0',
    count: 2,
    borrow: { longestSeconds: 3600, countMax: 3 },
    overdraft: 2,
    reclaim: 'disconnect',
    leaseSeconds: 20,
  },
  {
    name: 'c',
    version: '1.0',
    count: 2,
    expiresAt: instant(90_000),
    startsAt: instant(10_000),
    borrow: { longestSeconds: 3600, countMax: 1 },
  },
  {
    name: 'u',
    version: '1.0',
    count: 'uncounted',
    borrow: { longestSeconds: 3600, countMax: 2 },
    vendorData: 'modules=3d,print',
  },
  // In its days of grace from the 30th second on, over at the 120th.
  { name: 'g', version: '1.0', count: 2, expiresAt: instant(30_000 - dayMs), graceDays: 1 },
  { name: 's', version: '1.0', count: 1, supportedUntil: '2026-03-31' },
  // A higher version whose maintenance ended earlier: what suffices is not a pool and all above it.
  { name: 's', version: '2.0', count: 1, supportedUntil: '2025-12-31' },
  {
    name: 'h',
    version: '1.0',
    count: 2,
    overdraft: 1,
    sharedBy: ['host', 'display'],
    sharersMax: 2,
    lingerSeconds: 20,
  },
  {
    name: 'h',
    version: '2.0',
    count: 1,
    sharedBy: ['user', 'key'],
    minimumSeconds: 30,
    borrow: { longestSeconds: 60, countMax: 1 },
  },
  {
    name: 'l',
    version: '1.0',
    count: 2,
    borrow: { longestSeconds: 20, countMax: 2 },
    lingerSeconds: 4,
    minimumSeconds: 10,
    leaseSeconds: 20,
  },
] as const;
/** Other licenses that are loaded. */
export const licenses = [
  features,
  // Smaller, without `u`, and with another version of `a`.
  [
    { ...features[0], count: 1 },
    { ...features[1], version: '3.0' },
    features[2],
    features[3],
    { ...features[5], graceDays: 2 },
    { ...features[6], count: 2, supportedUntil: '2025-12-31' },
    features[7],
    { ...features[8], sharersMax: 3 },
    { ...features[9], expiresAt: instant(60_000) },
  ],
  // Larger, without `b`.
  [
    { ...features[0], count: 2, overdraft: 1 },
    features[1],
    { ...features[3], expiresAt: instant(150_000) },
    features[4],
    { ...features[6], supportedUntil: '2026-12-31' },
  ],
] as const;
/** More files, of which the last takes the place of the first. */
export const more = [
  licenseText([{ ...features[0], count: 1, startsAt: instant(30_000), expiresAt: instant(70_000) }], { id: 'second' }),
  licenseText([{ ...features[3], overdraft: 1, startsAt: instant(120_000), expiresAt: instant(200_000) }], {
    id: 'third',
  }),
  licenseText([{ name: 'x', count: 1, lingerSeconds: 3 }], { id: 'fourth', supersedes: ['second'] }),
];
const rule = (line: number, feature: string, kind: PolicyRule['kind'], more: Partial<PolicyRule>): PolicyRule => ({
  line,
  feature,
  kind,
  ...more,
});
const groups = { d: ['user-0', 'user-1'], e: ['user-2'] };
const hostGroups = { farm: ['h'] };
/** What the administrator says, one after the other. */
export const policies: readonly PolicyDocument[] = [
  { groups: {}, hostGroups: {}, rules: [] },
  {
    groups,
    hostGroups,
    rules: [
      rule(5, 'a', 'reserve', { by: 'group', name: 'e', count: 1 }),
      rule(6, 'a', 'max', { by: 'user', name: '*', count: 1 }),
      rule(7, 'a', 'max', { by: 'user', name: 'user-0', count: 2 }),
      rule(8, 'b', 'reserve', { by: 'user', name: 'user-1', count: 2 }),
      rule(9, 'b', 'reserve', { by: 'address', name: '10.1.0.0/16', count: 1 }),
      rule(10, 'b', 'overdraft', { count: 1 }),
      rule(11, 'c', 'exclude', { by: 'user', name: 'user-0' }),
      rule(12, 'h', 'max', { by: 'group', name: 'd', count: 1 }),
      rule(13, 'h', 'linger', { ms: 25_000 }),
      rule(14, 'l', 'priority', { by: 'project', name: 'bridge', count: 5 }),
      rule(15, 'l', 'max', { by: 'display', name: '*', count: 1 }),
      rule(16, '*', 'max', { by: 'hostGroup', name: 'farm', count: 3 }),
    ],
  },
  {
    groups,
    hostGroups,
    rules: [
      rule(5, 'a', 'include', { by: 'group', name: 'd' }),
      rule(6, 'a', 'include', { by: 'address', name: '192.168.0.0/24' }),
      rule(7, 'a', 'priority', { by: 'user', name: 'user-1', count: 1 }),
      rule(8, 'h', 'reserve', { by: 'product', name: 'cad', count: 1 }),
      rule(9, 'h', 'overdraft', { count: 0 }),
      rule(10, 's', 'linger', { ms: 6000 }),
      rule(11, '*', 'include', { by: 'user', name: '*' }),
      rule(12, '*', 'exclude', { by: 'address', name: '10.1.9.0/24' }),
      rule(13, '*', 'max', { by: 'address', name: '*', count: 2 }),
      rule(14, '*', 'priority', { by: 'user', name: 'user-2', count: 3 }),
    ],
  },
];
