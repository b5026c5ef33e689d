import { describe, expect, it } from 'vitest';
import type { LicenseFeature } from '../license/license.ts';
import { checkPolicy } from './check-policy.ts';
import { parsePolicy } from './parse-policy.ts';

/** `compare` has 8 seats in all, 2 of them overdraft; `render` may be borrowed; `view` is uncounted. */
const features = [
  { name: 'compare', version: '1.0', count: 4, overdraft: 2, lingerSeconds: 60 },
  { name: 'compare', version: '2.0', count: 2 },
  { name: 'render', version: '1.0', count: 5, borrow: { longestSeconds: 604_800, countMax: 3 } },
  { name: 'view', version: '1.0', count: 'uncounted', lingerSeconds: 30 },
] as LicenseFeature[];

const head = `policy: 1
groups: { d: [ann, bob], all: [ann, bob, cyd], e: [eve] }
hostGroups: { farm: [n1, n2] }
features:
`;
/** Rules of features, the first of which stands in line 5. */
const policy = (...lines: readonly string[]) => parsePolicy(head + lines.map((line) => `  ${line}`).join('\n'));
const wrong = (...lines: readonly string[]) =>
  checkPolicy(policy(...lines), features).map(({ line, message }) => `${line} ${message}`);

describe('a policy that contradicts itself or can never match', () => {
  it.each<[what: string, lines: string[], expected: string]>([
    ['an unknown feature', ['compair: { idle: 10m }'], '5 compair: idle 600s: the license has no feature "compair"'],
    ['an unknown group', ['compare: { max: [{ group: f, count: 1 }] }'], 'no group "f" under "groups"'],
    ['an unknown host group', ['compare: { exclude: [{ hostGroup: f }] }'], 'no group "f" under "hostGroups"'],

    [
      'the same twice',
      ['compare: { exclude: [{ user: ann }, { user: ann }] }'],
      '5 compare: exclude user ann: line 5 has',
    ],
    [
      'the same address twice, written otherwise',
      ['compare:', '  include:', '    - { address: 10.1.2.3 }', '    - { address: 10.1.2.3/32 }'],
      '8 compare: include address 10.1.2.3/32: line 7 has a rule of this kind',
    ],
    [
      'the same address twice, in two families',
      ['compare:', '  include:', "    - { address: '2001:DB8::1' }", "    - { address: '2001:db8:0::1' }"],
      '8 compare: include',
    ],

    [
      'who is excluded of every feature',
      ["'*': { exclude: [{ user: ann }] }", 'compare: { priority: [{ user: ann, level: 1 }] }'],
      '6 compare: priority user ann 1: line 5 excludes the same',
    ],
    [
      'who is excluded as one of a group',
      ['compare: { exclude: [{ group: d }],', '  max: [{ user: ann, count: 1 }] }'],
      '6 compare: max user ann 1: line 5 excludes all of them',
    ],
    [
      'a group whose members are all excluded',
      ['compare: { exclude: [{ user: ann }, { user: bob }],', '  reserve: [{ group: d, count: 1 }] }'],
      '6 compare: reserve group d 1: line 5 excludes all of them',
    ],
    [
      'a host that is excluded as one of a group',
      ['compare: { exclude: [{ hostGroup: farm }],', '  include: [{ host: n1 }] }'],
      '6 compare: include host n1: line 5',
    ],
    [
      'an address in a range that is excluded',
      ['compare: { exclude: [{ address: 10.0.0.0/8 }],', '  include: [{ address: 10.1.0.0/16 }] }'],
      '6 compare: include address 10.1.0.0/16: line 5',
    ],
    [
      'anybody, where each user is excluded',
      ["compare: { exclude: [{ user: '*' }],", '  include: [{ address: 10.1.0.0/16 }] }'],
      '6 compare: include address 10.1.0.0/16: line 5',
    ],

    [
      'a reservation for one who is shut out',
      ['compare: { include: [{ user: ann }],', '  reserve: [{ user: bob, count: 1 }] }'],
      '6 compare: reserve user bob 1: the list of who is let in, from line 5 on, has none of them',
    ],
    [
      'a limit on a group that is shut out',
      ['compare: { include: [{ user: ann }, { group: d }],', '  max: [{ group: e, count: 1 }] }'],
      '6 compare: max group e 1: the list of who is let in',
    ],
    [
      'a range outside of those that are let in',
      ['compare: { include: [{ address: 10.1.0.0/16 }],', '  max: [{ address: 10.2.0.0/16, count: 1 }] }'],
      '6 compare: max address 10.2.0.0/16 1: the list of who is let in',
    ],
    [
      'one who is shut out of every feature',
      ["'*': { include: [{ project: bridge }],", '  priority: [{ project: tower, level: 2 }] }'],
      '6 *: priority project tower 2: the list of who is let in',
    ],
    [
      'a list that those of the features replace',
      [
        "'*': { include: [{ user: ann }] }",
        'compare: { include: [{ user: bob }] }',
        'render: { include: [{ user: bob }] }',
        'view: { include: [{ user: bob }] }',
      ],
      '5 *: include user ann: each feature has a list of its own',
    ],
    [
      'a setting that those of the features replace',
      ["'*': { idle: 1h }", 'compare: { idle: 2h }', 'render: { idle: 2h }', 'view: { idle: 2h }'],
      '5 *: idle 3600s: each feature has a rule of its own',
    ],

    ['a limit as high as the seats', ['compare: { max: [{ user: ann, count: 8 }] }'], 'there are 8 seats'],
    [
      'a limit as high as the seats that the overdraft leaves',
      ['compare: { overdraft: 1,', '  max: [{ user: ann, count: 7 }] }'],
      '6 compare: max user ann 7: there are 7 seats',
    ],
    [
      'a limit of a feature above that of every feature',
      ["'*': { max: [{ user: '*', count: 2 }] }", 'compare: { max: [{ user: ann, count: 3 }] }'],
      '6 compare: max user ann 3: line 5 lets them have 2 already',
    ],
    [
      'a limit above that of a group',
      ['compare: { max: [{ group: d, count: 2 },', '  { user: ann, count: 2 }] }'],
      '6 compare: max user ann 2: line 5 lets them have 2 already',
    ],
    [
      'a limit above that of a wider range',
      ['compare: { max: [{ address: 10.0.0.0/8, count: 2 },', '  { address: 10.1.0.0/16, count: 3 }] }'],
      '6 compare: max address 10.1.0.0/16 3: line 5 lets them have 2',
    ],
    [
      'a limit of every feature above that of each',
      [
        "'*': { max: [{ user: ann, count: 3 }] }",
        ...['compare', 'render', 'view'].map((name) => `${name}: { max: [{ user: ann, count: 2 }] }`),
      ],
      '5 *: max user ann 3: line 6 and its like',
    ],

    [
      'more reserved than a limit lets be taken',
      ['compare: { max: [{ user: ann, count: 1 }],', '  reserve: [{ user: ann, count: 2 }] }'],
      '6 compare: reserve user ann 2: line 5 lets them have 1',
    ],
    [
      'more reserved than the limits of the members come to',
      ["compare: { max: [{ user: '*', count: 1 }],", '  reserve: [{ group: d, count: 3 }] }'],
      '6 compare: reserve group d 3: its members may have 2 together',
    ],
    [
      'more reserved than there is',
      ['compare: { reserve: [{ user: ann, count: 4 },', '  { user: bob, count: 3 }] }'],
      '6 compare: reserve user bob 3: only 2 seats of "compare" are not reserved yet',
    ],
    [
      'more reserved with what is reserved of every feature',
      ["'*': { reserve: [{ user: ann, count: 4 }] }", 'render: { reserve: [{ user: bob, count: 2 }] }'],
      '6 render: reserve user bob 2: only 1 seats of "render"',
    ],
    ['uncounted seats reserved', ['view: { reserve: [{ user: ann, count: 1 }] }'], 'uncounted: nobody goes without'],
    ['a place in no queue', ['view: { priority: [{ user: ann, level: 1 }] }'], 'and nobody waits'],

    ['as much overdraft', ['compare: { overdraft: 2 }'], 'lets 2 seats be overdrawn'],
    ['overdraft where there is none', ['render: { overdraft: 0 }'], 'lets 0 seats be overdrawn'],
    ['a linger that is shorter for one version', ['compare: { linger: 30s }'], 'makes seats linger 60 s'],
    ['a linger as long', ['view: { linger: 30s }'], 'makes seats linger 30 s'],

    ['a borrow that the license does not let be', ['compare: { borrow: { keep: 1 } }'], 'does not let it be borrowed'],
    [
      'a borrow as long',
      ['render: { borrow: { longest: 7d } }'],
      'for 604800 s. A policy lets it be for a shorter time',
    ],
    ['as many borrows', ['render: { borrow: { countMax: 3 } }'], 'lets 3 seats be borrowed. A policy lets fewer'],
    ['all seats kept', ['render: { borrow: { keep: 5 } }'], 'there are 5 seats, so none could be borrowed'],
    ['too many kept', ['render: { borrow: { keep: 4, countMax: 2 } }'], 'with 4 of 5 seats left, 2 are never borrowed'],
    ['a borrow without limits', ['render: { borrow: { keep: 0 } }'], 'it limits nothing'],
  ])('is refused for %s', (_, lines, expected) => {
    const found = wrong(...lines);
    expect(found).toEqual([expect.stringContaining(expected)]);
  });

  it('is told of all that is wrong with a borrow', () => {
    expect(wrong('render: { borrow: { longest: 8d, countMax: 4 } }')).toHaveLength(2);
  });
});

describe('a policy that makes sense', () => {
  it.each<[what: string, ...lines: string[]]>([
    ['nothing', 'compare: { idle: 1h }'],
    ['rules of one name for different things', 'compare: { exclude: [{ host: ann }], max: [{ user: ann, count: 1 }] }'],
    ['one of a group excluded', 'compare: { exclude: [{ user: ann }], reserve: [{ group: d, count: 1 }] }'],
    ['an exclusion of one feature', 'compare: { exclude: [{ user: ann }] }', "'*': { max: [{ user: ann, count: 1 }] }"],
    [
      'a range around an excluded one',
      'compare: { exclude: [{ address: 10.1.0.0/16 }], include: [{ address: 10.0.0.0/8 }] }',
    ],
    [
      'one who may be let in by the address',
      'compare: { include: [{ user: ann }, { address: 10.0.0.0/8 }], reserve: [{ user: bob, count: 1 }] }',
    ],
    [
      'a part of a range that is let in',
      'compare: { include: [{ address: 10.0.0.0/8 }], max: [{ address: 10.1.0.0/16, count: 1 }] }',
    ],
    [
      'a range around what is let in',
      'compare: { include: [{ address: 10.1.0.0/16 }], max: [{ address: 10.0.0.0/8, count: 1 }] }',
    ],
    ['a group of which one is let in', 'compare: { include: [{ user: ann }], max: [{ group: all, count: 1 }] }'],
    [
      'one limit for some and a lower one for the others',
      "compare: { max: [{ user: '*', count: 1 }, { user: ann, count: 3 }, { group: d, count: 4 }] }",
    ],
    [
      'a limit for each that some have a higher one than of every feature',
      "'*': { max: [{ user: '*', count: 1 }, { user: ann, count: 5 }] }",
      "compare: { max: [{ user: '*', count: 3 }] }",
    ],
    ['a rule that leaves a feature as it is licensed', "'*': { linger: 5m }", 'view: { linger: 30s }'],
    ['a linger that is longer for one feature', "'*': { linger: 50s }"],
    ['a linger that is longer for one version', 'compare: { linger: 60s }'],
    ['what may be borrowed less of', 'render: { borrow: { longest: 6d, countMax: 2, keep: 3 } }'],
    ['no borrows at all', 'render: { borrow: { countMax: 0 } }'],
    [
      'a reservation of a group within its limits',
      "compare: { max: [{ user: '*', count: 1 }], reserve: [{ group: d, count: 2 }] }",
    ],
  ])('is taken with %s', (_, ...lines) => {
    expect(wrong(...lines)).toEqual([]);
  });

  it('is checked without a look at each rule for each other', () => {
    const lines = Array.from({ length: 9000 }, (_, i) => `   - { user: u${i}, count: ${(i % 5) + 1} }`);
    const groups = Array.from(
      { length: 1000 },
      (_, i) => `   - { address: 10.${i % 250}.${Math.floor(i / 250)}.0/24, count: 1 }`,
    );
    expect(wrong('compare:', '  max:', ...lines, "'*':", '  max:', ...groups)).toHaveLength(0);
  }, 5000);
});
