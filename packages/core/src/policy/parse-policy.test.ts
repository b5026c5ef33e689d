import { describe, expect, it } from 'vitest';
import { readAddress, readRange } from './addresses.ts';
import { policyLimits } from './document.ts';
import { isPolicyInvalid, parsePolicy } from './parse-policy.ts';

function wrongLines(text: string): readonly string[] {
  try {
    return parsePolicy(text).rules.map(({ line }) => `${line} is fine`);
  } catch (error) {
    if (!isPolicyInvalid(error)) throw error;
    return (error.details.issues as { line: number; message: string }[]).map(
      ({ line, message }) => `${line} ${message}`,
    );
  }
}
const rules = (...lines: readonly string[]) =>
  ['policy: 1', 'features:', '  compare:', ...lines.map((line) => `    ${line}`)].join('\n');

describe('a policy file', () => {
  it.each([
    ['no format', 'features: {}', '1 the format is not named'],
    ['no YAML', 'policy: 1\nfeatures: [', '2 no YAML'],
    ['a key twice', 'policy: 1\npolicy: 1', '2 no YAML'],
    ['an unknown key', 'policy: 1\nfeature: {}', '2 "feature" is unknown here'],
    ['an unknown kind', rules('maximum: []'), '4 "maximum" is no kind of rule'],
    ['an unknown selector', rules('max: [{ usr: ann, count: 1 }]'), '4 "usr" is unknown in "max"'],
    ['nobody', rules('exclude:', '  - {}'), '5 a rule is for one of'],
    ['two at once', rules('exclude: [{ user: ann, host: h }]'), '4 a rule is for one of'],
    ['no count', rules('max: [{ user: ann }]'), '4 "max" needs a "count"'],
    ['a count of 0', rules('max: [{ user: ann, count: 0 }]'), '4 expected a whole number from 1'],
    ['half a range', rules('exclude: [{ address: 10.1.2.0/16 }]'), '4 "10.1.2.0/16" is no address or range'],
    ['each one with a reservation', rules("reserve: [{ user: '*', count: 1 }]"), '4 "*" names each one by itself'],
    ['no unit', rules('idle: 30'), '4 "30" is no duration'],
    ['a group of nobody', 'policy: 1\ngroups:\n  d: []', '3 the group "d" has no members'],
    [
      'a group with somebody twice',
      'policy: 1\ngroups:\n  d: [ann,\n    ann]',
      '4 "ann" stands in the group "d" already',
    ],
    ['a group of no name', "policy: 1\ngroups:\n  '': [ann]", '3 expected a name of 1 to 128 characters for a group'],
    ['half a character', rules('exclude: [{ user: "\\uD800" }]'), '4 expected a name'],
    ['a feature without a rule', 'policy: 1\nfeatures:\n  compair: {}', '3 expected rules of the feature "compair"'],
  ])('with %s is refused, naming the line', (_, text, expected) => {
    const found = wrongLines(text);
    expect(found).toEqual(expect.arrayContaining([expect.stringContaining(expected)]));
    expect(found).toHaveLength(1);
  });

  it('is not longer than a file may be', () => {
    expect(wrongLines(`policy: 1\n#${'x'.repeat(policyLimits.charsMax)}`)).toHaveLength(1);
  });

  it('takes a name of digits as it is written, and nothing else for a name', () => {
    expect(parsePolicy(rules('exclude: [{ user: 007 }]')).rules[0]).toMatchObject({ name: '007' });
    expect(wrongLines(rules('exclude: [{ user: true }]'))).toEqual([expect.stringContaining('4 expected a name')]);
  });

  it('gives each rule with its line', () => {
    expect(parsePolicy(rules('max:', "  - { user: '*', count: 2 }", 'idle: 30m')).rules).toEqual([
      { line: 5, feature: 'compare', kind: 'max', by: 'user', name: '*', count: 2 },
      { line: 6, feature: 'compare', kind: 'idle', ms: 1_800_000 },
    ]);
  });
});

describe('addresses', () => {
  it('are one, whatever way they are written', () => {
    expect(readAddress('::ffff:10.1.2.3')).toBe(readAddress('10.1.2.3'));
    expect(readAddress('2001:db8:0:0:0:0:0:1')).toBe(readAddress('2001:DB8::1'));
    expect(readAddress('fe80::1%eth0')).toBe(readAddress('fe80::1'));
    expect(readRange('10.1.2.3')).toEqual(readRange('10.1.2.3/32'));
  });

  it.each([
    '',
    '10.1.2',
    '10.1.2.256',
    '10.01.2.3',
    '1::2::3',
    '1:2:3:4:5:6:7:8:9',
    'host',
    '10.0.0.0/33',
    '10.0.0.0/8/8',
  ])('%s is none', (text) => {
    expect(readRange(text)).toBeUndefined();
  });
});
