import type { SeededRandom } from '@lic/testkit';
import { countedSeats, type Feature } from '../cluster/cluster-license.ts';
import { addressOf, displays, productNames, projects } from './identities.ts';

/** Clients of a run that rules may name, in their first life and their second. */
const named = [1, 2, 3, 4, 5, 6].flatMap((slot) => [`client-${slot}`, `client-${slot}.2`]);
const ranges = ['10.1.0.0/16', '10.1.1.0/24', '2001:db8::/32'];

/** How often a feature has rules of which kind, and everything together. */
const shares = {
  feature: 0.7,
  every: 0.3,
  max: 0.5,
  reserve: 0.35,
  priority: 0.4,
  exclude: 0.2,
  include: 0.15,
  linger: 0.2,
  overdraft: 0.7,
  idle: 0.35,
  unknown: 0.08,
} as const;

/** No rules any more. */
export const noPolicy = 'policy: 1';

/**
 * A policy of an administrator who changes his mind, for these features. Some are refused: what it says twice of the same, or of
 * somebody whom it excludes.
 */
export function drawPolicy(random: SeededRandom, features: readonly Feature[]): string {
  const some = named.filter(() => random.chance(0.4));
  const lines = [
    noPolicy,
    `groups: { some: [${[named[0]!, ...some.slice(1)].map(userOf).join(', ')}], kept: [${userOf(random.pick(named))}] }`,
    `hostGroups: { farm: [${named.slice(0, random.between(1, 6)).join(', ')}] }`,
  ];
  const drawn = [...new Set(features.map(({ name }) => name))]
    .filter(() => random.chance(shares.feature))
    .flatMap((name) => drawRules(random, name, of(features, name)));
  if (random.chance(shares.every)) drawn.push(...drawRules(random, "'*'", features));
  if (random.chance(shares.unknown)) drawn.push('  compair:', '    idle: 1s');
  return [...lines, ...(drawn.length > 0 ? ['features:', ...drawn] : [])].join('\n');
}

/** Rules of one feature, or of every one. */
function drawRules(random: SeededRandom, name: string, features: readonly Feature[]): readonly string[] {
  const lingerSeconds = Math.max(...features.map((feature) => feature.lingerSeconds ?? 0));
  const overdraft = Math.max(...features.map((feature) => feature.overdraft ?? 0));
  const seats = Math.max(...features.map(countedSeats));
  const whom = (count: number): readonly string[] => Array.from({ length: count }, () => drawWhom(random));
  const rules = [
    // With one seat a limit of one is none.
    ...(seats > 1 && random.chance(shares.max)
      ? list('max', whom(2), () => `, count: ${random.between(1, Math.min(2, seats - 1))}`)
      : []),
    ...(random.chance(shares.reserve)
      ? list(
          'reserve',
          [random.pick(['group: kept', `project: ${projects[0]}`, `address: ${ranges[1]}`])],
          () => ', count: 1',
        )
      : []),
    ...(random.chance(shares.priority) ? list('priority', whom(2), () => `, level: ${random.between(1, 3)}`) : []),
    ...(random.chance(shares.exclude) ? list('exclude', whom(1)) : []),
    ...(random.chance(shares.include) ? list('include', whom(3)) : []),
    ...(random.chance(shares.linger) ? [`    linger: ${lingerSeconds + random.between(1, 2)}s`] : []),
    ...(overdraft > 0 && random.chance(shares.overdraft) ? [`    overdraft: ${overdraft - 1}`] : []),
    ...(random.chance(shares.idle) ? [`    idle: ${random.between(1, 3)}s`] : []),
  ];
  return rules.length > 0 ? [`  ${name}:`, ...rules] : [];
}

/** A list of rules, each in a line of its own. */
function list(kind: string, whom: readonly string[], more: () => string = () => ''): readonly string[] {
  return [`    ${kind}:`, ...[...new Set(whom)].map((one) => `      - { ${one}${more()} }`)];
}

function drawWhom(random: SeededRandom): string {
  const name = random.pick(named);
  return random.pick([
    `user: ${userOf(name)}`,
    "user: '*'",
    'group: some',
    `host: ${name}`,
    "host: '*'",
    'hostGroup: farm',
    `display: '${random.pick(displays)}'`,
    "display: '*'",
    `address: '${addressOf(name)}'`,
    `address: ${random.pick(ranges)}`,
    "address: '*'",
    `project: ${random.pick(projects)}`,
    "project: '*'",
    `product: ${random.pick(productNames)}`,
    "product: '*'",
  ]);
}

function of(features: readonly Feature[], wanted: string): readonly Feature[] {
  return features.filter(({ name }) => name === wanted);
}

function userOf(name: string): string {
  return `'user of ${name}'`;
}
