import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readAddress, readRange } from './addresses.ts';
import { type Asker, askerRuleKinds, type PolicyDocument, type PolicyRule, selectorKinds } from './document.ts';
import { PolicyIndex } from './policy-index.ts';

const groups = { staff: ['ann', 'bob'], guests: ['bob', 'eve'] };
const hostGroups = { farm: ['h1', 'h2'] };
const ranges = [
  '10.1.2.3',
  '10.1.0.0/16',
  '10.0.0.0/8',
  '0.0.0.0/0',
  '::/0',
  '::ffff:10.1.0.0/112',
  '2001:db8::/32',
  '*',
];

const rule = fc
  .record({
    feature: fc.constantFrom('compare', '*'),
    kind: fc.constantFrom(...askerRuleKinds),
    by: fc.constantFrom(...selectorKinds),
    count: fc.nat(3),
  })
  .chain(({ kind, by, ...rest }) => {
    const names = {
      group: ['staff', 'guests'],
      hostGroup: ['farm'],
      address: ranges,
      user: ['ann', 'bob', '*'],
      host: ['h1', 'h3', '*'],
    };
    const isStarred = kind !== 'reserve';
    const known: readonly string[] = by in names ? names[by as keyof typeof names] : ['x', 'y', '*'];
    const name = fc.constantFrom(...known.filter((one) => isStarred || one !== '*'));
    return name.map((one) => ({ ...rest, kind, by, name: one }));
  });
const asker: fc.Arbitrary<Asker> = fc.record({
  user: fc.constantFrom('ann', 'bob', 'eve', 'zoe'),
  host: fc.constantFrom('h1', 'h2', 'h3'),
  project: fc.constantFrom('', 'x'),
  product: fc.constantFrom('', 'y'),
  display: fc.constantFrom('', 'x', 'z'),
  address: fc.constantFrom('', '10.1.2.3', '10.2.0.1', '::ffff:10.1.9.9', '2001:db8::1', '2001:db9::1', 'fe80::1%eth0'),
});

/** The rules of one part of the policy that are for the asker, by looking at each of them. */
function scan(rules: readonly PolicyRule[], feature: string, who: Asker): readonly PolicyRule[] {
  const own = rules.filter((one) => one.feature === feature);
  const isNamed = ({ by, name = '' }: PolicyRule) => {
    switch (by) {
      case 'group':
        return (groups[name as keyof typeof groups] ?? []).includes(who.user);
      case 'hostGroup':
        return hostGroups[name as keyof typeof hostGroups].includes(who.host);
      case 'address': {
        const [range, address] = [readRange(name), readAddress(who.address)];
        return range !== undefined && address !== undefined && address >> BigInt(128 - range.length) === range.prefix;
      }
      default:
        return name === who[by!];
    }
  };
  const isOther = ({ by, kind, name }: PolicyRule) =>
    name === '*' &&
    (by === 'address' ? readAddress(who.address) !== undefined : who[by as keyof Asker] !== '') &&
    !own.some((one) => one.by === by && one.kind === kind && isNamed(one));
  return own.filter((one) => isNamed(one) || isOther(one));
}

it('comes to what looking at every rule comes to', () => {
  fc.assert(
    fc.property(fc.array(rule, { maxLength: 30 }), asker, (drawn, who) => {
      const rules = drawn.map((one, at) => ({ ...one, line: at + 1 }));
      const own = scan(rules, 'compare', who);
      const star = scan(rules, '*', who);
      const lines = (kind: string) =>
        [...own, ...star]
          .filter((one) => one.kind === kind)
          .map(({ line }) => line)
          .sort((a, b) => a - b);
      const list = rules.some((one) => one.feature === 'compare' && one.kind === 'include') ? 'compare' : '*';
      const first = rules.find((one) => one.feature === list && one.kind === 'include');
      const isListed = (list === '*' ? star : own).some(({ kind }) => kind === 'include');
      const levels = [own, star].map((part) =>
        part.filter(({ kind }) => kind === 'priority').map(({ count }) => count!),
      );
      const verdict = new PolicyIndex({ groups, hostGroups, rules }).judge('compare', who);
      expect({
        excludedBy: verdict.excludedBy?.line,
        shutOutBy: verdict.shutOutBy?.line,
        max: verdict.max.map(({ counted }) => counted.rule.line),
        reserve: verdict.reserve.map(({ counted }) => counted.rule.line),
        priority: verdict.priority,
      }).toEqual({
        excludedBy: lines('exclude')[0],
        shutOutBy: isListed ? undefined : first?.line,
        max: lines('max'),
        reserve: lines('reserve'),
        priority: Math.max(0, ...((levels[0]!.length > 0 ? levels[0] : levels[1]) ?? [])),
      });
    }),
    { numRuns: 2_000 },
  );
});

/** Rules that tell when they are looked at. */
function watched(count: number, look: () => void): PolicyDocument {
  const rules = Array.from({ length: count }, (_, at) => ({
    line: at + 1,
    feature: 'compare',
    get kind() {
      look();
      return 'reserve' as const;
    },
    by: at % 2 === 0 ? ('user' as const) : ('address' as const),
    name: at % 2 === 0 ? `u${at}` : `10.${at >> 8}.${at & 255}.0/24`,
    count: 1,
  }));
  return { groups: {}, hostGroups: {}, rules };
}

it('looks at as many rules whatever their number', () => {
  const looksOf = (count: number) => {
    let looks = 0;
    const index = new PolicyIndex(watched(count, () => looks++));
    const who = { user: 'u2', host: 'h', project: '', product: '', display: '', address: '10.0.3.1' };
    index.of('compare');
    looks = 0;
    const { reserve } = index.judge('compare', who);
    expect(reserve).toHaveLength(2);
    expect(index.of('compare').reservations.firstBut(reserve)?.rule.line).toBe(1);
    return looks;
  };
  expect(looksOf(10_000)).toBe(looksOf(10));
});
