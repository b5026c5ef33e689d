import type { SeededRandom } from '@lic/testkit';

/** Clients of a run that rules may name, in their first life and their second. */
const slots = [0, 1, 2, 3, 4, 5];
const named = slots.flatMap((slot) => [`client-${slot}`, `client-${slot}.2`]);

/**
 * A policy of an administrator who changes his mind. Rules never keep the auditor out, who takes everything at the end. Some are refused:
 * for a license with one seat a limit of one is none.
 */
export function drawPolicy(random: SeededRandom, features: readonly string[]): string {
  const some = () => named.filter(() => random.chance(0.4));
  const users = [...some(), named[0]!].map((name) => `'user of ${name}'`);
  const lines = [
    'policy: 1',
    `groups: { some: [${[...new Set(users)].join(', ')}], kept: [auditor, 'user of ${random.pick(named)}'] }`,
    `hostGroups: { farm: [${named.slice(0, random.between(1, 4)).join(', ')}] }`,
    'features:',
  ];
  for (const feature of features.filter(() => random.chance(0.7))) {
    const kinds = [
      `    max: [{ group: some, count: ${random.between(1, 2)} }, { host: ${random.pick(named)}, count: 1 }]`,
      '    reserve: [{ group: kept, count: 1 }]',
      `    exclude: [{ host: ${random.pick(named)} }]`,
      `    priority: [{ hostGroup: farm, level: ${random.between(1, 3)} }, { user: 'user of ${random.pick(named)}', level: 2 }]`,
      `    linger: ${random.between(1, 3)}s`,
    ].filter(() => random.chance(0.4));
    if (kinds.length > 0) lines.push(`  ${feature}:`, ...kinds);
  }
  if (lines.at(-1) === 'features:') lines.pop();
  return lines.join('\n');
}
