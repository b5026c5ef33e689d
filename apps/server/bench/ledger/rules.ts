import { addressOf, featureNames, fullFeature, hostOf, userOf, usersMax } from './names.ts';

const groupCount = 200;
const groupSize = 20;
const hostGroupCount = 50;

/**
 * A policy of 10 000 rules of every kind that is for somebody, a thousand for each feature, and as many for the one that is full: as an
 * administrator writes it. It bars nobody of the crowd, so that the same commands come to the same with it and without.
 */
export function policyOfManyRules(): string {
  return [
    'policy: 1',
    'groups:',
    ...Array.from({ length: groupCount }, (_, group) => `  g${group}: [${membersOf(group).map(userOf).join(', ')}]`),
    'hostGroups:',
    ...Array.from(
      { length: hostGroupCount },
      (_, group) => `  farm${group}: [${membersOf(group).map(hostOf).join(', ')}]`,
    ),
    'features:',
    ...[...featureNames, fullFeature].flatMap((name, at) => [`  ${name}:`, ...rulesOf(at)]),
  ].join('\n');
}

/** Each user is in two groups. */
function membersOf(group: number): readonly number[] {
  return Array.from({ length: groupSize }, (_, at) => (group * (groupSize / 2) + at * 7) % usersMax);
}

function rulesOf(feature: number): readonly string[] {
  const each = (length: number, rule: (at: number) => string) =>
    Array.from({ length }, (_, at) => `    - {${rule(at)}}`);
  // Far more than anybody has; many together may have more than one, else one of the two limits would never be reached.
  const most = 700_000;
  const mostOfMany = 900_000;
  return [
    '    max:',
    ...each(1, () => `user: '*', count: ${most}`),
    ...each(330, (at) => `user: ${userOf(at * 5)}, count: ${most + at}`),
    ...each(80, (at) => `group: g${at}, count: ${mostOfMany}`),
    ...each(60, (at) => `host: ${hostOf(at * 30)}, count: ${most}`),
    ...each(25, (at) => `hostGroup: farm${at * 2}, count: ${mostOfMany}`),
    ...each(45, (at) => `address: ${addressOf(at * 40).replace(/\d+$/, '0')}/24, count: ${most}`),
    ...each(5, (at) => `address: 10.${at}.0.0/16, count: ${mostOfMany}`),
    ...each(4, (at) => `product: suite${at}, count: ${most}`),
    '    exclude:',
    ...each(130, (at) => `user: guest${at}`),
    ...each(20, (at) => `host: kiosk${at}`),
    ...each(20, (at) => `address: 192.168.${at}.0/24`),
    ...each(20, (at) => `address: 2001:db8:${at}::/48`),
    '    reserve:',
    ...each(50, (at) => `group: g${80 + at}, count: 3`),
    '    priority:',
    ...each(60, (at) => `project: p${at}, level: ${at + 1}`),
    ...each(57, (at) => `group: g${130 + at}, level: ${at + 1}`),
    // A list of who is let in: all of the crowd by their addresses.
    ...(feature % 5 === 0 ? ['    include:', ...each(1, () => 'address: 10.0.0.0/8')] : []),
    '    idle: 8h',
    '    borrow: {longest: 7d, countMax: 100, keep: 10}',
  ];
}
